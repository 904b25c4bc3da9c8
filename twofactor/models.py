"""The tables of two-factor authentication, and SecurityMixin for the user model of a site."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import F
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from twofactor.event_kinds import EventKind

__all__ = [
    "Allowance",
    "Authenticator",
    "BackupCode",
    "Draft",
    "Event",
    "GuessBudget",
    "Letter",
    "Phone",
    "Reminder",
    "SecurityMixin",
    "SecurityRecord",
    "SentCode",
    "TokenFamily",
    "TrustedBrowser",
]

# Secrets and hashes have serialize=False, so that dumpdata leaves them out. Back up the database itself.


def actor(user_id: Any) -> str:
    """Who acted, as the audit log has it in `by`."""
    return f"user {user_id}"


class Authenticator(models.Model):
    """Two-factor authentication is on while this row exists, even if its key cannot be unsealed."""

    PURPOSE: ClassVar[str] = "authenticator"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="authenticator"
    )
    sealed_key = models.TextField(editable=False, serialize=False)
    # In each row, so that a new default never breaks an authenticator that is in use.
    digits = models.PositiveSmallIntegerField(default=6, editable=False)
    period = models.PositiveSmallIntegerField(default=30, editable=False)
    t0 = models.BigIntegerField(default=0, editable=False)  # from when another app counted its steps
    drift = models.SmallIntegerField(default=0, editable=False)  # of the phone's clock, in steps
    last_step = models.BigIntegerField(editable=False)
    enabled_at = models.DateTimeField(pgettext_lazy("two-factor", "on since"), editable=False)
    last_used_at = models.DateTimeField(pgettext_lazy("two-factor", "last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("authenticator app")
        verbose_name_plural = _("authenticator apps")

    def __str__(self) -> str:
        return f"authenticator of {self.user_id}"


class BackupCode(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="backup_codes")
    digest = models.CharField(max_length=160, editable=False, serialize=False)
    used_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)  # of an emergency code from support
    imported = models.BooleanField(default=False, editable=False)  # made by another app

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "digest"], name="twofactor_backupcode_once"),
        ]

    def __str__(self) -> str:
        return f"backup code of {self.user_id}"


class Draft(models.Model):
    """What a person has been shown but not acknowledged yet: a new key and codes, or new codes alone."""

    PURPOSE: ClassVar[str] = "draft"
    MAX_AGE: ClassVar[timedelta] = timedelta(minutes=30)

    class Kind(models.TextChoices):
        SETUP = "setup"
        CODES = "codes"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    kind = models.CharField(max_length=5, choices=Kind.choices)
    sealed = models.TextField(editable=False, serialize=False)
    started_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0)
    confirmed_step = models.BigIntegerField(null=True, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "kind"], name="twofactor_draft_one")]

    def __str__(self) -> str:
        return f"{self.kind} draft of {self.user_id}"

    @property
    def purpose(self) -> str:
        """What it is sealed for. Different for each kind, so that one cannot be opened as the other."""
        return f"{self.PURPOSE}-{self.kind}"


class GuessBudget(models.Model):
    """Counts the wrong codes of someone who knows the password (limits/guesses.py)."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="guess_budget"
    )
    failures = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    day_failures = models.PositiveSmallIntegerField(default=0)
    day_began_at = models.DateTimeField(null=True)
    # Keyed digests (sessions/credential_digests.py). This one is of the password at the last guess.
    password_digest = models.CharField(max_length=80, default="", editable=False, serialize=False)
    # When a new password last ended the lock after the last guess.
    lifted_at = models.DateTimeField(null=True, editable=False)
    # These are of the password and the email address when a factor was last given.
    proven_password_digest = models.CharField(max_length=80, default="", editable=False, serialize=False)
    proven_address_digest = models.CharField(max_length=80, default="", editable=False, serialize=False)

    def __str__(self) -> str:
        return f"guess budget of {self.user_id}"


class Event(models.Model):
    """The audit log (its kinds: event_kinds.py). Only events.record writes it, and nothing changes it."""

    Kind = EventKind

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("person")
    )
    kind = models.CharField(pgettext_lazy("two-factor", "what"), max_length=40, choices=EventKind.choices)
    at = models.DateTimeField(pgettext_lazy("two-factor", "when"))
    ip_address = models.GenericIPAddressField(pgettext_lazy("two-factor", "IP address"), null=True)
    browser = models.CharField(pgettext_lazy("two-factor", "browser"), max_length=200, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        verbose_name = _("security event")
        verbose_name_plural = _("audit log")
        indexes: ClassVar = [
            models.Index(fields=["user", "-at"], name="twofactor_event_person"),
            models.Index(fields=["at"], name="twofactor_event_time"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.at:%Y-%m-%d %H:%M:%S}"

    def get_kind_display(self) -> str:  # type: ignore[no-redef]
        """Of the one kind; Django's own would translate all thirty first."""
        return str(Event.Kind(self.kind).label)

    @property
    def title(self) -> str:
        """To the person. Support reads get_kind_display()."""
        return str(Event.Kind(self.kind).to_person or self.get_kind_display())

    @property
    def is_by_someone_else(self) -> bool:
        """Then address and browser are those of support, and the person must not see them."""
        return "by" in self.detail and bool(self.detail["by"] != actor(self.user_id))

    @property
    def details(self) -> str:
        names = {
            "reason": pgettext_lazy("two-factor", "reason"),
            "by": pgettext_lazy("two-factor", "by"),
            "method": pgettext_lazy("two-factor", "method"),
            "channel": pgettext_lazy("two-factor", "channel"),
        }
        return ", ".join(f"{names.get(name, name)}: {value}" for name, value in self.detail.items())


class Letter(models.Model):
    """A mail that waits to be sent, or was sent (outgoing/outbox.py), which removes the sealed contents.

    User and event have no constraint in the database: they may be deleted before the mail is sent, and the
    mail may be the one that says so.
    """

    PURPOSE: ClassVar[str] = "outbox"

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    event = models.ForeignKey(
        Event, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    template = models.CharField(max_length=100, editable=False)
    sealed = models.TextField(blank=True, editable=False, serialize=False)
    written_at = models.DateTimeField()
    due_at = models.DateTimeField()  # when it may be tried; moved ahead while a process is sending it
    tries = models.PositiveSmallIntegerField(default=0)
    was_refused = models.BooleanField(default=False)  # no other mail has to wait for it
    ended_at = models.DateTimeField(null=True, db_index=True)  # sent, dropped or given up

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(ended_at=None), name="twofactor_letter_due"),
            models.Index(fields=["user"], condition=models.Q(ended_at=None), name="twofactor_letter_order"),
        ]

    def __str__(self) -> str:
        return f"letter to {self.user_id}"


class Allowance(models.Model):
    """Counts how often something happens in a window of time (limits/allowances.py)."""

    key = models.CharField(max_length=100, primary_key=True)
    count = models.PositiveSmallIntegerField()
    began_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key


class Phone(models.Model):
    """The number for text messages. It is used once a code that was sent to it has been entered."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="phone"
    )
    number = models.CharField(max_length=20, blank=True)
    verified_at = models.DateTimeField(null=True)
    new_number = models.CharField(max_length=20, blank=True)  # replaces number once it is verified

    def __str__(self) -> str:
        return f"phone of {self.user_id}"


class SentCode(models.Model):
    """A code that was sent by email or text message. Only the newest for its purpose works."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=40, editable=False)  # the sign-in or phone number it is for
    channel = models.CharField(max_length=5)
    target = models.CharField(max_length=254)
    digest = models.CharField(max_length=80, editable=False, serialize=False)
    sent_at = models.DateTimeField(db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user", "purpose", "-id"], name="twofactor_sentcode_newest")
        ]

    def __str__(self) -> str:
        return f"code sent to {self.user_id} by {self.channel}"


class TrustedBrowser(models.Model):
    """May skip the second factor at sign-in, until it expires or something ends the person's sessions."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="trusted_browsers", verbose_name=_("person")
    )
    digest = models.CharField(max_length=64, unique=True, editable=False, serialize=False)
    session_hash = models.CharField(max_length=64, editable=False, serialize=False)
    label = models.CharField(pgettext_lazy("two-factor", "browser"), max_length=80)
    trusted_at = models.DateTimeField(_("trusted since"))
    last_used_at = models.DateTimeField(pgettext_lazy("two-factor", "last used"))
    expires_at = models.DateTimeField(pgettext_lazy("two-factor", "trusted until"), db_index=True)

    class Meta:
        verbose_name = _("trusted browser")
        verbose_name_plural = _("trusted browsers")

    def __str__(self) -> str:
        return f"{self.label}, trusted by {self.user_id}"


class TokenFamily(models.Model):
    """A sign-in over the API. Its newest refresh token works; the use of an older one ends the sign-in."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, editable=False, serialize=False)  # of the newest token's id
    session_hash = models.CharField(max_length=64, editable=False, serialize=False)
    method = models.CharField(max_length=10)
    began_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"API sign-in of {self.user_id}"


class Reminder(models.Model):
    """When someone dismissed the reminder of two-factor authentication."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    dismissed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"reminder dismissed by {self.user_id}"


class SecurityRecord(models.Model):
    """The security columns of a user whose model does not inherit SecurityMixin (sessions/epoch.py)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    security_epoch = models.PositiveIntegerField(default=0, editable=False)
    email_verified_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"security record of {self.user_id}"

    def end_sessions(self) -> None:
        SecurityRecord.objects.filter(pk=self.pk).update(security_epoch=models.F("security_epoch") + 1)
        self.refresh_from_db(fields=["security_epoch"])


class SecurityMixin(AbstractBaseUser):
    _password: str | None  # Django's own: a new password that has not been saved yet
    backend: str  # Django's own: authenticate() sets it

    # serialize: not in dumpdata
    password = models.CharField(pgettext_lazy("two-factor", "password"), max_length=128, serialize=False)
    security_epoch = models.PositiveIntegerField(default=0, editable=False)
    email_verified_at = models.DateTimeField(
        _("email address confirmed"), null=True, blank=True, editable=False
    )
    # When someone signed up by themselves. Empty once an address is confirmed for the first time, and for
    # everyone whom an administrator, a command or an importer made.
    unconfirmed_since = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # The private method, because the public one does not see SECRET_KEY_FALLBACKS.
        salt = "twofactor.models.SecurityMixin.session"
        value = f"{self.password}|{self.security_epoch}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()

    def save(self, *args: Any, **kwargs: Any) -> None:
        created = self._state.adding
        new_password = self._password is not None and not created
        if not created and kwargs.get("update_fields") is None:
            # Only end_sessions() changes the epoch: an older value would make ended sessions work again.
            names = [field.name for field in self._meta.concrete_fields if not field.primary_key]
            kwargs["update_fields"] = [name for name in names if name != "security_epoch"]
        super().save(*args, **kwargs)
        if new_password:
            self.end_sessions()
            Draft.objects.filter(user_id=self.pk).delete()  # the old password may have shown its key
        elif not self.is_active and not created:
            self.end_sessions()  # so that none works again when the person is made active again

    def is_verified(self) -> bool:
        """Whether this session has given a second factor. The middleware replaces it for each request."""
        return False

    def end_sessions(self) -> None:
        """Every session, trusted browser and pending sign-in holds the epoch, and ends with it."""
        type(self)._default_manager.filter(pk=self.pk).update(security_epoch=F("security_epoch") + 1)
        self.refresh_from_db(fields=["security_epoch"])
