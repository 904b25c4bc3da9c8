from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import F
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

# Secrets and hashes are serialize=False: dumpdata shows neither. Backups are the database's own business.


def actor(user_id: Any) -> str:
    """Who acted, as the audit log says it in `by`."""
    return f"user {user_id}"


class Authenticator(models.Model):
    """Two-factor sign-in is on exactly while this row exists, whether or not its key can be opened."""

    PURPOSE: ClassVar[str] = "authenticator"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="authenticator"
    )
    sealed_key = models.TextField(editable=False, serialize=False)
    # Kept with each authenticator, so that a new default never breaks one that is in use.
    digits = models.PositiveSmallIntegerField(default=6, editable=False)
    period = models.PositiveSmallIntegerField(default=30, editable=False)
    t0 = models.BigIntegerField(default=0, editable=False)  # the moment another app counted its steps from
    drift = models.SmallIntegerField(default=0, editable=False)  # steps it knew the phone's clock was off
    last_step = models.BigIntegerField(editable=False)
    enabled_at = models.DateTimeField(_("on since"), editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("authenticator")
        verbose_name_plural = _("authenticators")

    def __str__(self) -> str:
        return f"authenticator of {self.user_id}"


class BackupCode(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="backup_codes")
    digest = models.CharField(max_length=160, editable=False, serialize=False)
    used_at = models.DateTimeField(null=True, editable=False)
    expires_at = models.DateTimeField(null=True, editable=False)  # of a code that support has given out
    imported = models.BooleanField(default=False, editable=False)  # it looks as another app made it

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "digest"], name="twofactor_backupcode_once"),
        ]

    def __str__(self) -> str:
        return f"backup code of {self.user_id}"


class Draft(models.Model):
    """What a person was shown and has not acknowledged yet: a key with its codes, or new codes alone."""

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
    """How often somebody who knows the password may still guess (budget.py)."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="guess_budget"
    )
    failures = models.PositiveSmallIntegerField(default=0)
    blocked_until = models.DateTimeField(null=True)
    day_failures = models.PositiveSmallIntegerField(default=0)
    day_began_at = models.DateTimeField(null=True)
    # Keyed digests (standing.py): of the password that was guessed with last, ...
    password_digest = models.CharField(max_length=80, default="", editable=False, serialize=False)
    lifted_at = models.DateTimeField(null=True, editable=False)  # when a new password last lifted the stop
    # ... and of the password and the address at the last proof with a factor.
    proven_password_digest = models.CharField(max_length=80, default="", editable=False, serialize=False)
    proven_address_digest = models.CharField(max_length=80, default="", editable=False, serialize=False)

    def __str__(self) -> str:
        return f"guess budget of {self.user_id}"


class Event(models.Model):
    """The audit log. Written by events.record alone, and never changed."""

    class Kind(models.TextChoices):
        TWO_FACTOR_ENABLED = "two_factor_enabled", _("Two-factor authentication was turned on")
        AUTHENTICATOR_REPLACED = "authenticator_replaced", _("The authenticator app was replaced")
        TWO_FACTOR_IMPORTED = "two_factor_imported", _("Two-factor authentication was moved here")
        TWO_FACTOR_DISABLED = "two_factor_disabled", _("Two-factor authentication was turned off")
        BACKUP_CODES_REGENERATED = "backup_codes_regenerated", _("New backup codes were made")
        BACKUP_CODE_USED = "backup_code_used", _("A backup code was used")
        SECOND_FACTOR_ACCEPTED = "second_factor_accepted", _("A code was accepted")
        SECOND_FACTOR_REFUSED = "second_factor_refused", _("A wrong code was entered")
        SECOND_FACTOR_LOCKED = "second_factor_locked", _("Too many wrong codes were entered")
        WRONG_CODES = "wrong_codes", _("Somebody with your password entered wrong codes")
        RIGHT_AFTER_WRONG = "right_after_wrong", _("A code was accepted after several wrong ones")
        CODE_REPLAYED = "code_replayed", _("A code was entered a second time")
        REPLAYED_ELSEWHERE = "replayed_elsewhere", _("A used code was entered again from elsewhere")
        CODE_SENT = "code_sent", _("A code was sent")
        RECOVERED_BY_EMAIL = "recovered_by_email", _("Signed in with a code sent by e-mail")
        SIGNED_IN_WITHOUT_SECOND_FACTOR = "signed_in_without_second_factor", _("Signed in with the password")
        SIGNED_IN_TRUSTED = "signed_in_trusted", _("Signed in from a trusted browser")
        NEW_BROWSER = "new_browser", _("Signed in from a new browser")
        BROWSER_TRUSTED = "browser_trusted", _("A browser was trusted")
        BROWSERS_FORGOTTEN = "browsers_forgotten", _("Trusted browsers were forgotten")
        SESSIONS_ENDED = "sessions_ended", _("Signed out everywhere else")
        SESSIONS_ENDED_BY_SUPPORT = "sessions_ended_by_support", _("Support signed you out everywhere")
        PHONE_CHANGED = "phone_changed", _("The phone number for text messages was changed")
        PASSWORD_CHANGED = "password_changed", _("The password was changed")
        ADDRESS_CHANGED = "address_changed", _("The e-mail address was changed")
        RESET_BY_SUPPORT = "reset_by_support", _("Two-factor authentication was reset by support")
        EMERGENCY_CODE_MADE = "emergency_code_made", _("Support made an emergency code")
        TOKEN_REUSED = "token_reused", _("An app was signed out because an old token was used again")

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+", verbose_name=_("person")
    )
    kind = models.CharField(_("what"), max_length=40, choices=Kind.choices)
    at = models.DateTimeField(_("when"))
    ip_address = models.GenericIPAddressField(_("address"), null=True)
    browser = models.CharField(_("browser"), max_length=200, blank=True)
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
    def is_by_somebody_else(self) -> bool:
        """Then address, browser and language are not the person's, who must not learn where support sits."""
        return "by" in self.detail and bool(self.detail["by"] != actor(self.user_id))

    @property
    def details(self) -> str:
        names = {"reason": _("reason"), "by": _("by"), "method": _("method"), "channel": _("channel")}
        return ", ".join(f"{names.get(name, name)}: {value}" for name, value in self.detail.items())


class Letter(models.Model):
    """Mail that waits to be sent, or has been (outbox.py). Address and contents are sealed, and removed then.

    The rows it refers to may be gone by then: it may be the letter that says so.
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
    due_at = models.DateTimeField()  # when it may be tried; while it is being sent, when another may try
    tries = models.PositiveSmallIntegerField(default=0)
    was_refused = models.BooleanField(default=False)  # for its own sake, so that no other waits for it
    ended_at = models.DateTimeField(null=True, db_index=True)  # sent, dropped or given up

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["due_at"], condition=models.Q(ended_at=None), name="twofactor_letter_due"),
            models.Index(fields=["user"], condition=models.Q(ended_at=None), name="twofactor_letter_order"),
        ]

    def __str__(self) -> str:
        return f"letter to {self.user_id}"


class Allowance(models.Model):
    """How often something may happen for one key in a window of time (budget.py)."""

    key = models.CharField(max_length=100, primary_key=True)
    count = models.PositiveSmallIntegerField()
    began_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key


class Phone(models.Model):
    """Where text messages go, once a code that was sent there has come back."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="phone"
    )
    number = models.CharField(max_length=20, blank=True)
    verified_at = models.DateTimeField(null=True)
    new_number = models.CharField(max_length=20, blank=True)  # until it is verified, the old one stays

    def __str__(self) -> str:
        return f"phone of {self.user_id}"


class SentCode(models.Model):
    """A code that went out by e-mail or text message. The newest of its purpose is the one that works."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    purpose = models.CharField(max_length=40, editable=False)  # the sign-in, or the phone, it was sent for
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
    """May skip the second factor, never the step-up, until it expires or anything ends the sessions."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="trusted_browsers", verbose_name=_("person")
    )
    digest = models.CharField(max_length=64, unique=True, editable=False, serialize=False)
    session_hash = models.CharField(max_length=64, editable=False, serialize=False)
    label = models.CharField(_("browser"), max_length=80)
    trusted_at = models.DateTimeField(_("trusted since"))
    last_used_at = models.DateTimeField(_("last used"))
    expires_at = models.DateTimeField(_("until"), db_index=True)

    class Meta:
        verbose_name = _("trusted browser")
        verbose_name_plural = _("trusted browsers")

    def __str__(self) -> str:
        return f"{self.label}, trusted by {self.user_id}"


class TokenFamily(models.Model):
    """A sign-in over the API. Of the refresh tokens it has had, the newest works; an earlier one ends it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, editable=False, serialize=False)  # of the newest one's id
    session_hash = models.CharField(max_length=64, editable=False, serialize=False)
    method = models.CharField(max_length=10)
    began_at = models.DateTimeField()
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"API sign-in of {self.user_id}"


class Nudge(models.Model):
    """Somebody who does not want to be reminded of two-factor sign-in for a while."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    dismissed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"reminder dismissed by {self.user_id}"


class Standing(models.Model):
    """For a user model without user.SecurityMixin (standing.py)."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    security_epoch = models.PositiveIntegerField(default=0, editable=False)
    email_verified_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"standing of {self.user_id}"

    def end_sessions(self) -> None:
        Standing.objects.filter(pk=self.pk).update(security_epoch=models.F("security_epoch") + 1)
        self.refresh_from_db(fields=["security_epoch"])


class SecurityMixin(AbstractBaseUser):
    _password: str | None  # Django's own: a new password that has not been saved yet

    password = models.CharField(_("password"), max_length=128, serialize=False)  # not for dumpdata either
    security_epoch = models.PositiveIntegerField(default=0, editable=False)
    email_verified_at = models.DateTimeField(_("address confirmed"), null=True, blank=True, editable=False)
    # When somebody signed up here by themselves, until this or another address is confirmed for the first
    # time. Empty for everybody whom an administrator, a command or an importer made.
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
            # Only end_sessions() moves the epoch: what was read a while ago must not bring sessions back.
            names = [field.name for field in self._meta.concrete_fields if not field.primary_key]
            kwargs["update_fields"] = [name for name in names if name != "security_epoch"]
        super().save(*args, **kwargs)
        if new_password:
            self.end_sessions()
            Draft.objects.filter(user_id=self.pk).delete()  # whoever knew the old one may have seen its key
        elif not self.is_active and not created:
            self.end_sessions()  # for good: none comes back when the person is let in again

    def is_verified(self) -> bool:
        """Has this session given a second factor? The gate answers; without a session, no."""
        return False

    def end_sessions(self) -> None:
        """Every session, trusted browser and pending sign-in carries the epoch, and dies with it."""
        type(self)._default_manager.filter(pk=self.pk).update(security_epoch=F("security_epoch") + 1)
        self.refresh_from_db(fields=["security_epoch"])
