from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from twofactor import totp, vault


def owner(user_id: Any) -> str:
    """What stands inside everything sealed for a person."""
    return str(user_id)


class Authenticator(models.Model):
    """Two-factor sign-in is on exactly while this row exists, whether or not its key can be opened."""

    PURPOSE: ClassVar[str] = "authenticator"

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="authenticator"
    )
    sealed_key = models.TextField(editable=False)
    # Kept with each authenticator, so that a new default never breaks one that is in use.
    digits = models.PositiveSmallIntegerField(default=totp.DIGITS, editable=False)
    period = models.PositiveSmallIntegerField(default=totp.PERIOD, editable=False)
    last_step = models.BigIntegerField(editable=False)
    enabled_at = models.DateTimeField(_("on since"), editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)

    class Meta:
        verbose_name = _("authenticator")
        verbose_name_plural = _("authenticators")

    def __str__(self) -> str:
        return f"authenticator of {self.user_id}"

    def seal_key(self, key: str, now: datetime) -> None:
        self.sealed_key = vault.seal(self.PURPOSE, owner(self.user_id), key, now)

    def step_of(self, code: str, now: datetime, within: int | None = None) -> int | None:
        """The step of time whose code this is. A key that does not open has no codes."""
        try:
            key = vault.unseal(self.PURPOSE, owner(self.user_id), self.sealed_key, now)
        except vault.Unopenable:
            return None
        return totp.matching_step(key, code, now, digits=self.digits, period=self.period, within=within)

    def spend(self, step: int, now: datetime) -> bool:
        """One UPDATE decides, so a replay that races us loses."""
        unspent = Authenticator.objects.filter(pk=self.pk, last_step__lt=step)
        return unspent.update(last_step=step, last_used_at=now) == 1


class BackupCode(models.Model):
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="backup_codes")
    digest = models.CharField(max_length=160, editable=False)
    used_at = models.DateTimeField(null=True, editable=False)

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
    sealed = models.TextField(editable=False)
    started_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0)
    confirmed_step = models.BigIntegerField(null=True, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "kind"], name="twofactor_draft_one")]

    def __str__(self) -> str:
        return f"{self.kind} draft of {self.user_id}"


class GuessBudget(models.Model):
    """How often somebody who knows the password may still guess (budget.py)."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="guess_budget"
    )
    failures = models.PositiveSmallIntegerField(default=0)
    blocked_until = models.DateTimeField(null=True)
    day_failures = models.PositiveSmallIntegerField(default=0)
    day_began_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"guess budget of {self.user_id}"


class Event(models.Model):
    """The audit log. Written by events.record alone, and never changed."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    kind = models.CharField(max_length=40)
    at = models.DateTimeField()
    ip_address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=200, blank=True)
    detail = models.JSONField(default=dict)

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["user", "-at"], name="twofactor_event_person"),
            models.Index(fields=["at"], name="twofactor_event_time"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} at {self.at:%Y-%m-%d %H:%M:%S}"


class Allowance(models.Model):
    """How often something may happen for one key in a window of time (budget.py)."""

    key = models.CharField(max_length=100, primary_key=True)
    count = models.PositiveSmallIntegerField()
    began_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return self.key
