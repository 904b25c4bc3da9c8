"""Signing up. Known and unknown addresses get the same answer, after the same work."""

from datetime import datetime

from django.db import IntegrityError, router, transaction

from accounts import address_links
from accounts.models import User
from twofactor import conf
from twofactor.outgoing import mail


def sign_up(email: str, password: str, language: str, now: datetime) -> bool:
    """Whether the mail server took the mail.

    Always one hash, one INSERT and one mail, so that timing does not tell whether the address is known.
    """
    user = User(email=email, language=language, unconfirmed_since=now if conf.site_has_mail() else None)
    user.set_password(password)
    try:
        with transaction.atomic(using=router.db_for_write(User)):
            user.save()
    except IntegrityError:
        return mail.send("accounts/mail/already_registered", user.email, language)
    sent = address_links.send_link(user, user.email, now)
    if not sent:
        user.delete()  # otherwise a second try would be told that the account exists
    return sent
