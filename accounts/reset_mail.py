"""The mail with a link for choosing a new password."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.urls import reverse
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

from accounts.models import User
from twofactor.outgoing import outbox

TEMPLATE = "accounts/mail/password_reset"


def hours_valid() -> int:
    """As pages and mails say it."""
    return settings.PASSWORD_RESET_TIMEOUT // 3600


def queue_mail(user: User | None, address: str) -> None:
    """Without a user the row is written too, so that timing does not tell; it is never sent."""
    language = user.language if user else ""
    outbox.write(TEMPLATE, user, address, language, state=state_of(user or User(email=address)))


def state_of(user: User) -> str:
    """Changes with the password, the address and each sign-in."""
    text = f"{user.password}|{user.email}|{user.last_login}"
    return salted_hmac("accounts.reset_mail", text, algorithm="sha256").hexdigest()


@outbox.makes_context(TEMPLATE)
def make_link(user: User, contents: dict[str, Any]) -> dict[str, Any] | None:
    """Called when the mail is sent, so no token is stored. None if a link from then would be dead by now."""
    written_at: datetime = contents["written_at"]
    is_late = timezone.now() > written_at + timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT)
    if is_late or not user.is_active or not constant_time_compare(state_of(user), contents["state"]):
        return None
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    path = reverse("password_reset_confirm", args=[uid, default_token_generator.make_token(user)])
    return {"link": settings.TWOFACTOR_BASE_URL + path, "hours": hours_valid()}
