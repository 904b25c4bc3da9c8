"""Links that confirm an email address: a person who opens one reads the mail sent there."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import IntegrityError, router, transaction
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from twofactor import drafts, sealing
from twofactor.outgoing import mail

if TYPE_CHECKING:
    from accounts.models import User

LINK_MAX_AGE = timedelta(days=3)
PURPOSE = "address"


def days_valid() -> int:
    """As pages and mails say it."""
    return LINK_MAX_AGE.days


class DeadLink(Exception):
    """The link is too old, was used, is for an address that has changed since, or was not made by us."""


@dataclass(frozen=True)
class Confirmation:
    """What a live link confirms: that the user reads mail at the address."""

    user: "User"
    address: str

    @property
    def is_change(self) -> bool:
        return self.address != self.user.email

    @property
    def is_first(self) -> bool:
        """The user signed up with this address and has not confirmed it before."""
        return self.user.unconfirmed_since is not None

    def apply(self, now: datetime) -> None:
        """Save the address, or raise DeadLink. One UPDATE that names the old values, so a link works once."""
        unused = get_user_model().objects.filter(
            pk=self.user.pk, email=self.user.email, email_verified_at=self.user.email_verified_at
        )
        if self.is_change:
            unused = unused.filter(password=self.user.password, security_epoch=self.user.security_epoch)
        fields: dict[str, object] = {
            "email": self.address,
            "email_verified_at": now,
            "unconfirmed_since": None,
        }
        try:
            with transaction.atomic(using=router.db_for_write(get_user_model())):
                applied = unused.update(**fields)
                if applied and self.is_first:
                    drafts.end_unconfirmed_sessions(self.user)
        except IntegrityError:  # another account has confirmed the same address first
            applied = 0
        if not applied:
            raise DeadLink


def send_link(user: "User", address: str, now: datetime) -> bool:
    """Whether the mail server took the mail."""
    # Encrypted, because URLs end up in access logs, and people's addresses must not.
    session_hash = user.get_session_auth_hash() if address != user.email else ""
    value = [user.pk, user.email, address, last_confirmation(user), session_hash]
    token = sealing.seal(PURPOSE, "", value, now)
    link = settings.TWOFACTOR_BASE_URL + reverse("email_verify", args=[token])
    name = "confirm_address" if address == user.email else "confirm_new_address"
    return mail.send(f"accounts/mail/{name}", address, user.language, link=link, days=days_valid(), user=user)


def send_change_link(user: "User", address: str, now: datetime) -> bool:
    """Whether the mail server took the mail. If the address belongs to another account, the mail says so."""
    if get_user_model().objects.filter(email=address).exclude(pk=user.pk).exists():
        return mail.send("accounts/mail/already_registered", address, user.language)
    return send_link(user, address, now)


def read_link(token: str, now: datetime) -> Confirmation:
    """Raises DeadLink if it has expired or no longer fits the account."""
    try:
        value = sealing.unseal(PURPOSE, "", token, now, LINK_MAX_AGE)
    except sealing.UnsealError:
        raise DeadLink from None
    pk, current, address, confirmed, session_hash = value
    user = get_user_model().objects.filter(pk=pk, email=current, is_active=True).first()
    if user is None or last_confirmation(user) != confirmed:
        raise DeadLink
    confirmation = Confirmation(user, address)
    if confirmation.is_change and not is_session_hash(user, session_hash):
        raise DeadLink
    return confirmation


def is_session_hash(user: "User", session_hash: str) -> bool:
    """A change of address ends with what ends the person's sessions, such as a new password."""
    working = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(session_hash, each) for each in working)


def last_confirmation(user: "User") -> str | None:
    """Part of each link: a confirmation changes it, and so ends every link that was made before."""
    return user.email_verified_at.isoformat() if user.email_verified_at else None
