"""A savepoint to roll back to, where atomic() would not allow durable blocks inside."""

from django.db import transaction

# Django 6.1 has renamed it.
savepoint = getattr(transaction, "savepoint_create", None) or transaction.savepoint
