"""The tables of two-factor authentication, and SecurityMixin for the user model of a site."""

from __future__ import annotations

from datetime import date
from typing import Any, ClassVar
from uuid import uuid4

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.sessions.backends.base import SessionBase
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import F
from django.utils.crypto import salted_hmac
from django.utils.formats import date_format
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from twofactor.event_kinds import (
    ABOUT_APPS,
    ABOUT_PASSKEYS,
    ABOUT_RECOVERY,
    OF_SECURITY_KEY,
    PASSKEY_REQUIRED,
    SECURITY_KEY,
    WAYS,
    EventKind,
)

__all__ = [
    "Allowance",
    "Authenticator",
    "BackupCode",
    "Draft",
    "Event",
    "GuessBudget",
    "Letter",
    "Passkey",
    "PasskeyOwner",
    "Phone",
    "Recovery",
    "Reminder",
    "Rule",
    "SecurityMixin",
    "SecurityRecord",
    "SentCode",
    "Session",
    "SpentChallenge",
    "TokenFamily",
    "TrustedBrowser",
    "TwoFactor",
    "WarningsAddress",
]

FACTOR_NAME_LENGTH = 60

# Secrets and hashes have serialize=False, so that dumpdata leaves them out. Back up the database itself.


def actor(user_id: Any) -> str:
    """Who acted, as the audit log has it in `by`."""
    return f"user {user_id}"


def rule_as_actor(pk: Any) -> str:
    """The same of a rule, which nobody in particular carries out."""
    return f"rule {pk}"


class TwoFactor(models.Model):
    """Two-factor authentication is on while this row exists, whether or not any factor can be used.

    Every change of a person's factors begins with an UPDATE of it (enrolled.lock): of two at once, the
    second waits, and sees what the first has done.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="two_factor"
    )
    enabled_at = models.DateTimeField(pgettext_lazy("two-factor", "on since"), editable=False)
    changed_at = models.DateTimeField(editable=False)
    # After "this wasn't me": until then no codes by email, which a thief may read.
    recovery_shut_until = models.DateTimeField(null=True, editable=False)

    def __str__(self) -> str:
        return f"two-factor authentication of {self.user_id}"


class Authenticator(models.Model):
    """An authenticator app. It counts as a factor even if its key cannot be unsealed."""

    PURPOSE: ClassVar[str] = "authenticator"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="authenticators")
    name = models.CharField(pgettext_lazy("two-factor", "name"), max_length=FACTOR_NAME_LENGTH)
    sealed_key = models.TextField(editable=False, serialize=False)
    # In each row, so that a new default never breaks an authenticator that is in use.
    digits = models.PositiveSmallIntegerField(default=6, editable=False)
    period = models.PositiveSmallIntegerField(default=30, editable=False)
    t0 = models.BigIntegerField(default=0, editable=False)  # from when another app counted its steps
    drift = models.SmallIntegerField(default=0, editable=False)  # of the phone's clock, in steps
    last_step = models.BigIntegerField(editable=False)
    added_at = models.DateTimeField(pgettext_lazy("two-factor", "added"), editable=False)
    # From when it proves everything (factors/enrolled.py). Empty: never by the mere passing of time.
    full_from = models.DateTimeField(null=True, editable=False)
    last_used_at = models.DateTimeField(pgettext_lazy("two-factor", "last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("authenticator app")
        verbose_name_plural = _("authenticator apps")

    def __str__(self) -> str:
        return f"authenticator {self.pk} of {self.user_id}"


class PasskeyOwner(models.Model):
    """The random name by which a person's devices keep their passkeys. It stays when the last one goes."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+")
    handle = models.BinaryField(max_length=64, unique=True, serialize=False)

    def __str__(self) -> str:
        return f"owner of passkeys {self.user_id}"


class Passkey(models.Model):
    """A passkey or a security key."""

    class Kind(models.TextChoices):
        PASSKEY = "passkey"  # it has verified the person, and replaces the password too
        KEY = "key"  # it was touched: a factor beside the password

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="passkeys")
    name = models.CharField(pgettext_lazy("two-factor", "name"), max_length=FACTOR_NAME_LENGTH)
    kind = models.CharField(max_length=7, choices=Kind.choices, editable=False)
    rp_id = models.CharField(max_length=253, editable=False)  # the domain that it was made for
    handle = models.BinaryField(max_length=64, serialize=False)  # an imported one keeps the handle from there
    credential_digest = models.CharField(max_length=64, unique=True, editable=False, serialize=False)
    credential_id = models.BinaryField(max_length=1023, serialize=False)
    public_key = models.BinaryField(serialize=False)  # COSE, as it came
    sign_count = models.BigIntegerField(default=0, editable=False)
    transports = models.JSONField(default=list, editable=False)
    aaguid = models.UUIDField(null=True, editable=False)  # the model of the device, as the browser claims
    # None: nobody has said so far, as for one that was imported
    discoverable = models.BooleanField(null=True, editable=False)
    verified = models.BooleanField(null=True, editable=False)  # has ever verified the person
    backup_eligible = models.BooleanField(null=True, editable=False)  # may be copied to other devices
    backed_up = models.BooleanField(null=True, editable=False)
    made_quietly = models.BooleanField(default=False, editable=False)  # by the browser, without being asked
    added_at = models.DateTimeField(pgettext_lazy("two-factor", "added"), editable=False)
    full_from = models.DateTimeField(null=True, editable=False)  # as for an Authenticator
    last_used_at = models.DateTimeField(pgettext_lazy("two-factor", "last used"), null=True, editable=False)
    suspected_at = models.DateTimeField(null=True, editable=False)  # its count went back: it may be a copy

    class Meta:
        verbose_name = _("passkey")
        verbose_name_plural = _("passkeys")

    def __str__(self) -> str:
        return f"{self.kind} {self.pk} of {self.user_id}"

    @property
    def is_key(self) -> bool:
        return self.kind == self.Kind.KEY

    @property
    def in_detail(self) -> dict[str, str]:
        """How Event.detail names it."""
        return {SECURITY_KEY if self.is_key else "passkey": self.name}


class SpentChallenge(models.Model):
    """A passkey ceremony that is over. Its row is the proof that no second answer counts."""

    digest = models.CharField(max_length=64, primary_key=True, editable=False)
    spent_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.digest


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
    """What a person has been shown but not acknowledged yet: a new key and codes, or one of the two."""

    PURPOSE: ClassVar[str] = "draft"

    class Kind(models.TextChoices):
        SETUP = "setup"
        CODES = "codes"
        APP = "app"

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
    # Then there are fewer guesses a day, because one is compared with the codes of all.
    has_many_apps = models.BooleanField(default=False)
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
    # Of the row in the list of devices on which it happened, so that "this wasn't me" can end that one.
    device_id = models.UUIDField(null=True, editable=False)
    # That this session was opened with or has made: its trust may outlive the session.
    trusted_browser_id = models.BigIntegerField(null=True, editable=False)
    detail = models.JSONField(default=dict)

    actor_name = ""  # of who or what stands in `by`, for support (activity.name_actors)

    class Meta:
        verbose_name = _("security event")
        verbose_name_plural = _("audit log")
        indexes: ClassVar = [
            models.Index(fields=["user", "-at"], name="twofactor_event_person"),
            models.Index(fields=["at"], name="twofactor_event_time"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, {self.at:%Y-%m-%d %H:%M:%S}"

    @property
    def sentences(self) -> tuple[Any, Any]:
        """What the person and what support reads."""
        kind = Event.Kind(self.kind)
        if SECURITY_KEY in self.detail and kind in OF_SECURITY_KEY:
            return OF_SECURITY_KEY[kind]
        if self.asks_passkey:
            return PASSKEY_REQUIRED
        return kind.to_person or kind.label, kind.label

    def get_kind_display(self) -> str:  # type: ignore[no-redef]
        """To support. Of the one kind; Django's own would translate all thirty first."""
        return str(self.sentences[1])

    @property
    def title(self) -> str:
        """To the person."""
        return str(self.sentences[0])

    @property
    def is_by_someone_else(self) -> bool:
        """Then address and browser are those of support, and the person must not see them."""
        return "by" in self.detail and bool(self.detail["by"] != actor(self.user_id))

    @property
    def is_of_recovery(self) -> bool:
        return self.kind in ABOUT_RECOVERY

    @property
    def named_app(self) -> str:
        """For the person: which app it is about. A code that was accepted names one, and is about none."""
        return str(self.detail.get("app", "")) if self.kind in ABOUT_APPS else ""

    @property
    def named_passkey(self) -> str:
        return str(self.detail.get("passkey", "")) if self.kind in ABOUT_PASSKEYS else ""

    @property
    def named_security_key(self) -> str:
        return str(self.detail.get(SECURITY_KEY, "")) if self.kind in ABOUT_PASSKEYS else ""

    @property
    def named_factor(self) -> str:
        return self.named_app or self.named_passkey or self.named_security_key

    @property
    def named_device(self) -> str:
        """For the person: which devices it is about, as devices.describe() names them."""
        return str(self.detail.get("device", ""))

    @property
    def day(self) -> date:
        """Of two_factor_required: from when."""
        return date.fromisoformat(self.detail["day"])

    @property
    def asks_passkey(self) -> bool:
        """Of two_factor_required: is no other factor enough?"""
        return self.kind == EventKind.TWO_FACTOR_REQUIRED and self.detail.get("factor") == "passkey"

    @property
    def details(self) -> str:
        names = {
            "reason": pgettext_lazy("two-factor", "reason"),
            "by": pgettext_lazy("two-factor", "by"),
            "method": pgettext_lazy("two-factor", "method"),
            "channel": pgettext_lazy("two-factor", "channel"),
            "device": pgettext_lazy("two-factor", "device"),
            "passkey": pgettext_lazy("two-factor", "passkey"),
            SECURITY_KEY: pgettext_lazy("two-factor", "security key"),
            "factor": pgettext_lazy("two-factor", "factor"),
            "app": pgettext_lazy("two-factor", "app"),
            "rule": _("rule"),
            "day": pgettext_lazy("two-factor", "from"),
        }
        values = {**self.detail, "by": self.actor_name} if self.actor_name else {**self.detail}
        for name in values.keys() & {"method", "channel"}:
            values[name] = WAYS.get(values[name], values[name])
        return ", ".join(f"{names.get(name, name)}: {value}" for name, value in values.items())


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
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        primary_key=True,
        related_name="twofactor_phone",  # many a user model has a phone of its own
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


class Rule(models.Model):
    """Who must have a second factor, and from when (policy.py). The setting is the least there is."""

    class Scope(models.TextChoices):
        EVERYONE = "everyone", _("Everyone")
        STAFF = "staff", _("Staff")
        GROUP = "group", _("A group")
        PERSON = "person", _("One person")

    class Factor(models.TextChoices):
        ANY = "any", _("An authenticator app, passkey or security key")
        PASSKEY = "passkey", _("A passkey or security key")

    scope = models.CharField(
        pgettext_lazy("two-factor", "for"), max_length=8, choices=Scope.choices, db_index=True
    )
    group = models.ForeignKey(
        "auth.Group",
        models.PROTECT,  # a rule must not go with its group, unseen
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("group"),
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("person"),
    )
    factor = models.CharField(
        pgettext_lazy("two-factor", "factor"), max_length=7, choices=Factor.choices, default=Factor.ANY
    )
    starts_on = models.DateField(pgettext_lazy("two-factor", "first day"))
    grace_days = models.PositiveSmallIntegerField(_("days of grace"), default=0)
    # Mails about it go out in steps, in the order of people's keys: the last one told, and when all were.
    last_told = models.CharField(max_length=64, blank=True, editable=False)
    all_told_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        verbose_name = _("rule")
        verbose_name_plural = _("rules")
        constraints: ClassVar = [
            models.CheckConstraint(
                name="twofactor_rule_scope",
                condition=(
                    models.Q(scope="group", group__isnull=False, user=None)
                    | models.Q(scope="person", user__isnull=False, group=None)
                    | models.Q(scope__in=["everyone", "staff"], group=None, user=None)
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.whom}, {date_format(self.starts_on)}"

    @property
    def whom(self) -> str:
        return str(self.group or self.user or self.get_scope_display())

    @property
    def summary(self) -> str:
        """For the audit log, which names no person but those it is about."""
        whom = f"group {self.group}" if self.group else self.scope
        kind = ", a passkey" if self.factor == self.Factor.PASSKEY else ""
        return f"{whom}{kind}, from {self.starts_on}, {self.grace_days} days of grace"


class Recovery(models.Model):
    """The last request of someone who says that every factor is lost (recovery/).

    It can be stopped until the new factor is bound. Each step is one UPDATE that names those before it.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="twofactor_recovery"
    )
    request_id = models.UUIDField(default=uuid4, editable=False)  # in links, so that an older one is dead
    browser_digest = models.CharField(max_length=64, editable=False, serialize=False)  # of a cookie's secret
    asked_at = models.DateTimeField()
    # The wait begins anew when one of these changes (sessions/credential_digests.py).
    password_digest = models.CharField(max_length=80, editable=False, serialize=False)
    address_digest = models.CharField(max_length=80, editable=False, serialize=False)
    counted_from = models.DateTimeField()
    ready_at = models.DateTimeField(db_index=True)  # when the wait is over
    told_at = models.DateTimeField(null=True)  # since when the link that finishes it works
    opened_at = models.DateTimeField(null=True)  # when that link was used last
    stopped_at = models.DateTimeField(null=True)  # by the person, or by support
    finished_at = models.DateTimeField(null=True)  # a new factor has replaced all

    def __str__(self) -> str:
        return f"recovery of {self.user_id}"


class WarningsAddress(models.Model):
    """A second email address, for warnings only: no code goes there, and no page of a sign-in shows it."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="twofactor_warnings"
    )
    address = models.EmailField(blank=True)
    confirmed_at = models.DateTimeField(null=True)
    new_address = models.EmailField(blank=True)  # replaces address once a code that was sent there is entered

    def __str__(self) -> str:
        return f"warnings address of {self.user_id}"


class Device(models.Model):
    """A row of the list of devices: where a person is signed in, or need not give the second factor."""

    device_id = models.UUIDField(default=uuid4, unique=True, editable=False)  # random: it stands in addresses
    name = models.CharField(pgettext_lazy("two-factor", "name"), max_length=60, blank=True)  # given by them
    browser = models.CharField(pgettext_lazy("two-factor", "browser"), max_length=80, blank=True)
    ip_address = models.GenericIPAddressField(pgettext_lazy("two-factor", "IP address"), null=True)
    began_at = models.DateTimeField(_("since"))
    last_used_at = models.DateTimeField(pgettext_lazy("two-factor", "last used"))

    class Meta:
        abstract = True


class Session(AbstractBaseSession, Device):
    """A session of the site (sessions/store.py). Without a user nobody is signed in."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, db_constraint=False, related_name="+"
    )
    session_data = models.TextField(serialize=False)  # sealed; Django's own column
    method = models.CharField(max_length=10, blank=True)  # how the second factor was met
    # From epoch.hash_of_session(): it tells whether something has ended the session.
    session_hash = models.CharField(max_length=64, blank=True, editable=False, serialize=False)
    # Which it was opened with, or made. That row may be gone.
    trusted_browser = models.ForeignKey(
        "TrustedBrowser",
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    began_at = models.DateTimeField(null=True)  # type: ignore[assignment]  # empty where nobody is signed in
    last_used_at = models.DateTimeField(null=True)  # type: ignore[assignment]

    class Meta(AbstractBaseSession.Meta):
        abstract = False

    def __str__(self) -> str:
        return f"session of {self.user_id}"

    @classmethod
    def get_session_store_class(cls) -> type[SessionBase]:
        store: type[SessionBase] = import_string("twofactor.sessions.SessionStore")
        return store


class TrustedBrowser(Device):
    """May skip the code at sign-in, until it expires or something ends the person's sessions."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="trusted_browsers", verbose_name=_("person")
    )
    digest = models.CharField(max_length=64, unique=True, editable=False, serialize=False)
    session_hash = models.CharField(max_length=64, editable=False, serialize=False)
    expires_at = models.DateTimeField(pgettext_lazy("two-factor", "trusted until"), db_index=True)
    # The person had no second factor, and confirmed the sign-in with a code: it skips that and no factor.
    without_factor = models.BooleanField(default=False, db_default=False, editable=False)

    class Meta:
        verbose_name = _("trusted browser")
        verbose_name_plural = _("trusted browsers")

    def __str__(self) -> str:
        return f"{self.browser}, trusted by {self.user_id}"


class TokenFamily(Device):
    """A sign-in over the API. Its newest refresh token works; the use of an older one ends the sign-in."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, editable=False, serialize=False)  # of the newest token's id
    session_hash = models.CharField(max_length=64, editable=False, serialize=False)
    method = models.CharField(max_length=10)
    # The mark of a step-up, which a session keeps under STEP_UP_AT and STEP_UP_WITH (signin/step_up.py).
    stepped_up_at = models.DateTimeField(null=True)
    stepped_up_with = models.CharField(max_length=20, blank=True)
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
        raise_epoch(self)


def raise_epoch(row: SecurityRecord | SecurityMixin) -> None:
    """One statement, unless another request has raised it since it was read."""
    rows = type(row)._default_manager.filter(pk=row.pk)
    one_more = {"security_epoch": F("security_epoch") + 1}
    if rows.filter(security_epoch=row.security_epoch).update(**one_more):
        row.security_epoch += 1
    else:
        rows.update(**one_more)
        row.refresh_from_db(fields=["security_epoch"])


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
        drafts = Draft.objects.filter(user_id=self.pk)  # the old password may have shown their keys
        if new_password:
            drafts.delete()  # before the user, as whoever finishes one does
        super().save(*args, **kwargs)
        if new_password:
            self.end_sessions()
            drafts.delete()  # of this moment
        elif not self.is_active and not created:
            self.end_sessions()  # so that none works again when the person is made active again

    def is_verified(self) -> bool:
        """Whether this session has given a second factor. The middleware replaces it for each request."""
        return False

    def end_sessions(self) -> None:
        """Every session, trusted browser and pending sign-in holds the epoch, and ends with it."""
        raise_epoch(self)
