"""Signing up, answered the same for known and unknown addresses."""

from datetime import datetime

from django.db import IntegrityError, transaction

from accounts import addresses
from accounts.models import User
from twofactor.outgoing import mail


def sign_up(email: str, password: str, language: str, now: datetime) -> bool:
    """Whether mail went out. Hash, insert and one mail in either case, so that time tells nothing either."""
    user = User(email=email, language=language, unconfirmed_since=now if mail.site_has_mail() else None)
    user.set_password(password)
    try:
        with transaction.atomic():
            user.save()
    except IntegrityError:
        return mail.send("accounts/mail/already_registered", user.email, language)
    sent = addresses.send_link(user, user.email, now)
    if not sent:
        user.delete()  # or the next try would be told that there is an account already
    return sent
