"""Links that prove that somebody reads mail at an address."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction
from django.urls import reverse

from twofactor import enrolment, sealing
from twofactor.outgoing import mail

if TYPE_CHECKING:
    from accounts.models import User

LINK_MAX_AGE = timedelta(days=3)
PURPOSE = "address"


class DeadLink(Exception):
    """Too old, used, overtaken by a newer address, or never ours."""


@dataclass(frozen=True)
class Confirmation:
    """A person has shown that they read mail at this address."""

    user: "User"
    address: str

    @property
    def is_change(self) -> bool:
        return self.address != self.user.email

    @property
    def is_first(self) -> bool:
        """Of somebody who signed up by themselves."""
        return self.user.unconfirmed_since is not None

    def apply(self, now: datetime) -> None:
        """One UPDATE, bound to the address the link was made for, so that a link works once."""
        fields: dict[str, object] = {
            "email": self.address,
            "email_verified_at": now,
            "unconfirmed_since": None,
        }
        unused = get_user_model().objects.filter(
            pk=self.user.pk, email=self.user.email, email_verified_at=self.user.email_verified_at
        )
        try:
            with transaction.atomic():
                applied = unused.update(**fields)
                if applied and self.is_first:
                    enrolment.forget_unconfirmed(self.user)
        except IntegrityError:  # somebody else confirmed the same address first
            applied = 0
        if not applied:
            raise DeadLink


def send_link(user: "User", address: str, now: datetime) -> bool:
    # Encrypted, because addresses of people do not belong in the access logs that a URL ends in.
    token = sealing.seal(PURPOSE, "", [user.pk, user.email, address, stamp(user)], now)
    link = settings.BASE_URL + reverse("email_verify", args=[token])
    template = (
        "accounts/mail/confirm_address" if address == user.email else "accounts/mail/confirm_new_address"
    )
    return mail.send(template, address, user.language, link=link, user=user)


def stamp(user: "User") -> str | None:
    """Changes with each confirmation, so that every link made before one is dead after it."""
    return user.email_verified_at.isoformat() if user.email_verified_at else None


def open_link(token: str, now: datetime) -> Confirmation:
    try:
        pk, current, address, verified = sealing.unseal(PURPOSE, "", token, now, LINK_MAX_AGE)
    except sealing.Unopenable:
        raise DeadLink from None
    user = get_user_model().objects.filter(pk=pk, email=current, is_active=True).first()
    if user is None or stamp(user) != verified:
        raise DeadLink
    return Confirmation(user, address)


def ask_to_change(user: "User", address: str, now: datetime) -> bool:
    """Whether mail went out. A taken address is told that it is taken; nobody else is."""
    if get_user_model().objects.filter(email=address).exclude(pk=user.pk).exists():
        return mail.send("accounts/mail/already_registered", address, user.language)
    return send_link(user, address, now)
