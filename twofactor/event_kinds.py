"""The kinds of events in the audit log, and the sentences that people and support read about each.

For a new kind: a line here, and in one of the GROUPS below; a migration, because Django keeps choices in
migrations; if the person gets a mail of it or the site a signal, a line in events.AUDIENCES; and
events.record() where it happens.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class EventKind(models.TextChoices):
    """The value in the database, then the sentence for the person, then the one for support.

    A single sentence is for both. Everywhere else this class is Event.Kind.
    """

    to_person: Any

    def __new__(cls, value: str, to_person: Any = None) -> EventKind:
        kind = str.__new__(cls, value)
        kind._value_, kind.to_person = value, to_person
        return kind

    TWO_FACTOR_ENABLED = "two_factor_enabled", _("Two-factor authentication was turned on")
    AUTHENTICATOR_REPLACED = (
        "authenticator_replaced",
        _("Your authenticator app was replaced"),
        _("The authenticator app was replaced"),
    )
    APP_ADDED = "app_added", _("You added an authenticator app"), _("An authenticator app was added")
    APP_REMOVED = "app_removed", _("You removed an authenticator app"), _("An authenticator app was removed")
    PASSKEY_ADDED = "passkey_added", _("You added a passkey"), _("A passkey was added")
    PASSKEY_REMOVED = "passkey_removed", _("You removed a passkey"), _("A passkey was removed")
    PASSKEY_COPIED = (
        "passkey_copied",
        _("One of your passkeys may have been copied, so it no longer works"),
        _("A passkey may have been copied, so it no longer works"),
    )
    PASSKEY_CLEARED = (
        "passkey_cleared",
        _("You let a passkey that may have been copied work again"),
        _("A passkey that may have been copied works again"),
    )
    TWO_FACTOR_IMPORTED = "two_factor_imported", _("Two-factor authentication was moved here")
    TWO_FACTOR_DISABLED = "two_factor_disabled", _("Two-factor authentication was turned off")
    BACKUP_CODES_REGENERATED = "backup_codes_regenerated", _("New backup codes were made")
    BACKUP_CODE_USED = (
        "backup_code_used",
        _("One of your backup codes was used"),
        _("A backup code was used"),
    )
    SIGNED_IN_WITH_CODE = (
        "signed_in_with_code",
        _("You signed in with a code"),
        _("Signed in with a code"),
    )
    SECOND_FACTOR_ACCEPTED = (
        "second_factor_accepted",
        _("You confirmed it was you with a code"),
        _("A code was accepted"),
    )
    SECOND_FACTOR_REFUSED = "second_factor_refused", _("A wrong code was entered")
    SECOND_FACTOR_LOCKED = "second_factor_locked", _("Too many wrong codes were entered")
    WRONG_CODES = (
        "wrong_codes",
        _("Someone who knows your password entered wrong codes"),
        _("Someone who knows the password entered wrong codes"),
    )
    RIGHT_AFTER_WRONG = "right_after_wrong", _("A code was accepted after several wrong ones")
    CODE_REPLAYED = "code_replayed", _("A used code was entered again")
    REPLAYED_ELSEWHERE = (
        "replayed_elsewhere",
        _("A used code was entered again from a different IP address"),
    )
    CODE_SENT = "code_sent", _("We sent you a code"), _("A code was sent")
    RECOVERED_BY_EMAIL = (
        "recovered_by_email",
        _("You signed in with a code from your email"),
        _("Signed in with a code sent by email"),
    )
    SIGNED_IN_WITH_PASSKEY = (
        "signed_in_with_passkey",
        _("You signed in with a passkey"),
        _("Signed in with a passkey"),
    )
    CONFIRMED_WITH_PASSKEY = (
        "confirmed_with_passkey",
        _("You confirmed it was you with a passkey"),
        _("A passkey was accepted"),
    )
    SIGNED_IN_WITHOUT_SECOND_FACTOR = (
        "signed_in_without_second_factor",
        _("You signed in with your password"),
        _("Signed in with the password"),
    )
    SIGN_IN_CONFIRMED = (
        "sign_in_confirmed",
        _("You signed in with your password and a code we sent you"),
        _("Signed in with the password and a code that was sent"),
    )
    SIGNED_IN_TRUSTED = (
        "signed_in_trusted",
        _("You signed in from a trusted browser"),
        _("Signed in from a trusted browser"),
    )
    NEW_BROWSER = "new_browser", _("You signed in from a new browser"), _("Signed in from a new browser")
    BROWSER_TRUSTED = "browser_trusted", _("You trusted a browser"), _("A browser was trusted")
    BROWSER_FORGOTTEN = (
        "browser_forgotten",
        _("You stopped trusting a browser"),
        _("A browser is no longer trusted"),
    )
    BROWSER_TRUSTED_AGAIN = (
        "browser_trusted_again",
        _("You trusted a browser again"),
        _("A browser is trusted again"),
    )
    BROWSERS_FORGOTTEN = (
        "browsers_forgotten",
        _("You stopped trusting all browsers"),
        _("No browser is trusted any longer"),
    )
    SESSIONS_ENDED = (
        "sessions_ended",
        _("You signed out everywhere else"),
        _("Signed out everywhere else"),
    )
    SESSIONS_ENDED_BY_SUPPORT = (
        "sessions_ended_by_support",
        _("Support signed you out everywhere"),
        _("Support signed this person out everywhere"),
    )
    DEVICE_ENDED = "device_ended", _("You signed a device out"), _("A device was signed out")
    DEVICE_ENDED_BY_SUPPORT = (
        "device_ended_by_support",
        _("Support signed one of your devices out"),
        _("Support signed a device out"),
    )
    NOT_ME = (
        "not_me",
        _("You told us that something wasn't you"),
        _("The person said that something wasn't them"),
    )
    PHONE_CHANGED = (
        "phone_changed",
        _("Your phone number for text messages was changed"),
        _("The phone number for text messages was changed"),
    )
    PASSWORD_CHANGED = "password_changed", _("Your password was changed"), _("The password was changed")
    ADDRESS_CHANGED = (
        "address_changed",
        _("Your email address was changed"),
        _("The email address was changed"),
    )
    WARNINGS_ADDRESS_CHANGED = (
        "warnings_address_changed",
        _("Your address for warnings was changed"),
        _("The address for warnings was changed"),
    )
    RECOVERY_ASKED = (
        "recovery_asked",
        _("Someone who knows your password says you've lost every way to confirm it's you"),
        _("A recovery was asked for"),
    )
    RECOVERY_SHORTENED = (
        "recovery_shortened",
        _("Support shortened the wait for the recovery of your account"),
        _("Support shortened the wait for the recovery"),
    )
    RECOVERY_READY = (
        "recovery_ready",
        _("The wait for the recovery of your account is over"),
        _("The wait for the recovery is over"),
    )
    RECOVERY_OPENED = (
        "recovery_opened",
        _("The recovery of your account was opened, to set up a new way to confirm it's you"),
        _("The recovery was opened, to set up a new factor"),
    )
    RECOVERY_STOPPED = (
        "recovery_stopped",
        _("The recovery of your account was stopped"),
        _("The recovery was stopped"),
    )
    RECOVERY_REFUSED = (
        "recovery_refused",
        _("Support refused the recovery of your account"),
        _("Support refused the recovery"),
    )
    RECOVERY_FINISHED = (
        "recovery_finished",
        _("A recovery replaced every way to confirm it's you by a new app"),
        _("A recovery replaced every factor by a new app"),
    )
    DATA_DOWNLOADED = (
        "data_downloaded",
        _("You downloaded your data"),
        _("The person downloaded their data"),
    )
    DELETION_REQUESTED = (
        "deletion_requested",
        _("You asked us to delete your account"),
        _("The person asked for their account to be deleted"),
    )
    DELETION_STOPPED = (
        "deletion_stopped",
        _("The deletion of your account was stopped"),
        _("The deletion of the account was stopped"),
    )
    ACCOUNT_DELETED = "account_deleted", _("The account was deleted")
    RESET_BY_SUPPORT = "reset_by_support", _("Support reset two-factor authentication")
    EMERGENCY_CODE_MADE = "emergency_code_made", _("Support made an emergency code")
    RULE_MADE = (
        "rule_made",
        _("An administrator made a rule about your account"),
        _("A two-factor rule was made"),
    )
    RULE_CHANGED = (
        "rule_changed",
        _("An administrator changed a rule about your account"),
        _("A two-factor rule was changed"),
    )
    RULE_REMOVED = (
        "rule_removed",
        _("An administrator removed a rule about your account"),
        _("A two-factor rule was removed"),
    )
    TWO_FACTOR_REQUIRED = (
        "two_factor_required",
        _("We told you that you need two-factor authentication"),
        _("Told that two-factor authentication is required"),
    )
    TWO_FACTOR_REMINDED = (
        "two_factor_reminded",
        _("We reminded you to set up two-factor authentication"),
        _("Reminded to set up two-factor authentication"),
    )
    IMPERSONATED = "impersonated", _("Support acted in your name"), _("Support acted in this person's name")
    TOKEN_REUSED = "token_reused", _("A program was signed out because an old token was used again")


# The mails about these have the link that stops it, while it can be stopped.
ABOUT_RECOVERY = (
    EventKind.RECOVERY_ASKED,
    EventKind.RECOVERY_SHORTENED,
    EventKind.RECOVERY_READY,
    EventKind.RECOVERY_OPENED,
)
ABOUT_APPS = (EventKind.AUTHENTICATOR_REPLACED, EventKind.APP_ADDED, EventKind.APP_REMOVED)
ABOUT_PASSKEYS = (
    EventKind.PASSKEY_ADDED,
    EventKind.PASSKEY_REMOVED,
    EventKind.PASSKEY_COPIED,
    EventKind.PASSKEY_CLEARED,
)
SECURITY_KEY = "security_key"  # in Event.detail: the name of one, where "passkey" has that of a passkey
# What is said of the same kinds where it was a security key, to the person and to support.
OF_SECURITY_KEY: dict[EventKind, tuple[Any, Any]] = {
    EventKind.PASSKEY_ADDED: (_("You added a security key"), _("A security key was added")),
    EventKind.PASSKEY_REMOVED: (_("You removed a security key"), _("A security key was removed")),
    EventKind.PASSKEY_COPIED: (
        _("One of your security keys may have been copied, so it no longer works"),
        _("A security key may have been copied, so it no longer works"),
    ),
    EventKind.PASSKEY_CLEARED: (
        _("You let a security key that may have been copied work again"),
        _("A security key that may have been copied works again"),
    ),
    EventKind.SIGNED_IN_WITH_PASSKEY: (
        _("You signed in with a security key"),
        _("Signed in with a security key"),
    ),
    EventKind.CONFIRMED_WITH_PASSKEY: (
        _("You confirmed it was you with a security key"),
        _("A security key was accepted"),
    ),
}
PASSKEY_REQUIRED = (  # the same of TWO_FACTOR_REQUIRED, where no other factor is enough
    _("We told you that you need a passkey or security key"),
    _("Told that a passkey or security key is required"),
)
# What Event.detail has under "method" and "channel", for support. Other values are shown as they are.
WAYS: dict[str, Any] = {
    "totp": _("Authenticator app"),
    "backup": _("Backup code"),
    "sms": pgettext_lazy("two-factor", "Text message"),
    "email": pgettext_lazy("two-factor", "Email"),
    "recovery": pgettext_lazy("two-factor", "Email"),
    "passkey": pgettext_lazy("two-factor", "Passkey"),
    "key": _("Security key"),
}
CODE_ACCEPTED = (EventKind.SIGNED_IN_WITH_CODE, EventKind.SECOND_FACTOR_ACCEPTED)
FACTOR_ACCEPTED = (*CODE_ACCEPTED, EventKind.SIGNED_IN_WITH_PASSKEY, EventKind.CONFIRMED_WITH_PASSKEY)


class EventGroup(models.TextChoices):
    """What people and support can narrow a list of events down to. The value stands in addresses."""

    SIGN_INS = "sign-ins", pgettext_lazy("two-factor", "Sign-ins")
    FACTORS = "two-factor", _("Two-factor authentication")
    DEVICES = "devices", _("Devices")
    ACCOUNT = "account", pgettext_lazy("two-factor", "Account")
    WARNINGS = "warnings", pgettext_lazy("two-factor", "Warnings")


# All events of one sign-in (activity.py) are in one group, or a list of that group would show parts of it.
GROUPS: dict[str, frozenset[EventKind]] = {
    EventGroup.SIGN_INS: frozenset(
        {
            EventKind.SIGNED_IN_WITH_CODE,
            EventKind.SIGNED_IN_WITH_PASSKEY,
            EventKind.CONFIRMED_WITH_PASSKEY,
            EventKind.SIGNED_IN_WITHOUT_SECOND_FACTOR,
            EventKind.SIGN_IN_CONFIRMED,
            EventKind.SIGNED_IN_TRUSTED,
            EventKind.SECOND_FACTOR_ACCEPTED,
            EventKind.BACKUP_CODE_USED,
            EventKind.RECOVERED_BY_EMAIL,
            EventKind.CODE_SENT,
            EventKind.NEW_BROWSER,
            EventKind.BROWSER_TRUSTED,
            EventKind.IMPERSONATED,
        }
    ),
    EventGroup.FACTORS: frozenset(
        {
            EventKind.TWO_FACTOR_ENABLED,
            EventKind.TWO_FACTOR_IMPORTED,
            EventKind.TWO_FACTOR_DISABLED,
            EventKind.AUTHENTICATOR_REPLACED,
            EventKind.APP_ADDED,
            EventKind.APP_REMOVED,
            EventKind.PASSKEY_ADDED,
            EventKind.PASSKEY_REMOVED,
            EventKind.PASSKEY_CLEARED,
            EventKind.BACKUP_CODES_REGENERATED,
            EventKind.PHONE_CHANGED,
            EventKind.WARNINGS_ADDRESS_CHANGED,
            EventKind.RECOVERY_FINISHED,
            EventKind.RESET_BY_SUPPORT,
            EventKind.EMERGENCY_CODE_MADE,
            EventKind.RULE_MADE,
            EventKind.RULE_CHANGED,
            EventKind.RULE_REMOVED,
            EventKind.TWO_FACTOR_REQUIRED,
            EventKind.TWO_FACTOR_REMINDED,
        }
    ),
    EventGroup.DEVICES: frozenset(
        {
            EventKind.BROWSER_FORGOTTEN,
            EventKind.BROWSER_TRUSTED_AGAIN,
            EventKind.BROWSERS_FORGOTTEN,
            EventKind.SESSIONS_ENDED,
            EventKind.SESSIONS_ENDED_BY_SUPPORT,
            EventKind.DEVICE_ENDED,
            EventKind.DEVICE_ENDED_BY_SUPPORT,
        }
    ),
    EventGroup.ACCOUNT: frozenset(
        {
            EventKind.PASSWORD_CHANGED,
            EventKind.ADDRESS_CHANGED,
            EventKind.DATA_DOWNLOADED,
            EventKind.DELETION_REQUESTED,
            EventKind.DELETION_STOPPED,
            EventKind.ACCOUNT_DELETED,
        }
    ),
    EventGroup.WARNINGS: frozenset(
        {
            EventKind.SECOND_FACTOR_REFUSED,
            EventKind.SECOND_FACTOR_LOCKED,
            EventKind.WRONG_CODES,
            EventKind.RIGHT_AFTER_WRONG,
            EventKind.CODE_REPLAYED,
            EventKind.REPLAYED_ELSEWHERE,
            EventKind.TOKEN_REUSED,
            EventKind.PASSKEY_COPIED,
            EventKind.NOT_ME,
            EventKind.RECOVERY_ASKED,
            EventKind.RECOVERY_SHORTENED,
            EventKind.RECOVERY_READY,
            EventKind.RECOVERY_OPENED,
            EventKind.RECOVERY_STOPPED,
            EventKind.RECOVERY_REFUSED,
        }
    ),
}
GROUP_OF: dict[str, str] = {kind: group for group, kinds in GROUPS.items() for kind in kinds}
