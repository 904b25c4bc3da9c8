"""Sent after the change is committed, with user, request and detail (a dict)."""

from django.dispatch import Signal

two_factor_enabled = Signal()
two_factor_disabled = Signal()
backup_codes_regenerated = Signal()
second_factor_accepted = Signal()
second_factor_refused = Signal()
signed_in_without_second_factor = Signal()
signed_in_over_api = Signal()  # a whole sign-in without a session; user and request
