"""To take back what a test has written, where atomic() would be in the way of durable blocks."""

from django.db import transaction

# Django 6.1 has another name for it.
savepoint = getattr(transaction, "savepoint_create", None) or transaction.savepoint
