"""Sent after the change is committed, with user, request and detail (a dict)."""

from django.dispatch import Signal

__all__ = [
    "backup_codes_regenerated",
    "passkey_added",
    "passkey_removed",
    "said_not_me",
    "second_factor_accepted",
    "second_factor_refused",
    "signed_in_over_api",
    "signed_in_without_second_factor",
    "two_factor_disabled",
    "two_factor_enabled",
]

two_factor_enabled = Signal()
two_factor_disabled = Signal()
backup_codes_regenerated = Signal()
passkey_added = Signal()
passkey_removed = Signal()
said_not_me = Signal()
second_factor_accepted = Signal()
second_factor_refused = Signal()
signed_in_without_second_factor = Signal()
signed_in_over_api = Signal()  # a whole sign-in without a session; user, request and method
