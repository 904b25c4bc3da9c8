"""For sites with django-allauth, which knows the addresses of people, and which of them are confirmed.

TWOFACTOR_EMAIL_OF = "twofactor.contrib.allauth.confirmed_email" asks it where to send codes.
"""

from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils import timezone

from twofactor import conf
from twofactor.addresses import confirm_address, forget_confirmation
from twofactor.decorators import refuse_who_acts
from twofactor.signin.session import is_impersonated
from twofactor.users import email_of, has_column

__all__ = ["confirmed_email"]


def confirmed_email(user: Any) -> str | None:
    """The person's primary address, if it is confirmed, else another confirmed one. One query."""
    from allauth.account.models import EmailAddress  # here, because its tables may not be installed

    confirmed = EmailAddress.objects.filter(user_id=user.pk, verified=True).order_by("-primary", "pk")
    address: str | None = confirmed.values_list("email", flat=True).first()
    return address


def connect() -> None:
    """Where allauth is installed, so that nobody sets up a second factor under another person's address.

    Nor does anyone who acts for a person give them another account to sign in with.
    """
    from allauth.account import signals

    signals.user_signed_up.connect(mark_unconfirmed, dispatch_uid="twofactor.mark_unconfirmed")
    signals.email_confirmed.connect(accept_confirmation, dispatch_uid="twofactor.accept_confirmation")
    signals.email_changed.connect(follow_address, dispatch_uid="twofactor.follow_address")
    if apps.is_installed("allauth.socialaccount"):
        from allauth.socialaccount.signals import pre_social_login

        pre_social_login.connect(refuse_connecting, dispatch_uid="twofactor.refuse_connecting")


def mark_unconfirmed(sender: Any, user: Any, **kwargs: Any) -> None:
    """Not without a mail to confirm the address by: the person could never set up a second factor."""
    if sends_confirmations() and has_column("unconfirmed_since") and not is_confirmed(user):
        user.unconfirmed_since = timezone.now()
        people = get_user_model()._default_manager
        people.filter(pk=user.pk).update(unconfirmed_since=user.unconfirmed_since)


def sends_confirmations() -> bool:
    from allauth.account import app_settings

    return conf.site_has_mail() and app_settings.EMAIL_VERIFICATION != "none"


def is_confirmed(user: Any) -> bool:
    """Also by a provider of social accounts. Someone without an address has taken nobody else's."""
    from allauth.account.models import EmailAddress

    own = email_of(user)
    addresses = EmailAddress.objects.filter(user_id=user.pk, email__iexact=own)
    return not own or addresses.filter(verified=True).exists()


def accept_confirmation(sender: Any, email_address: Any, **kwargs: Any) -> None:
    """Not of a further address: it says nothing of who reads mail at the one of the sign-up."""
    if email_address.email.casefold() == email_of(email_address.user).casefold():
        confirm_address(email_address.user)


def follow_address(sender: Any, user: Any, to_email_address: Any, **kwargs: Any) -> None:
    """Another address of theirs has become the one of the user."""
    (confirm_address if to_email_address.verified else forget_confirmation)(user)


def refuse_connecting(sender: Any, request: HttpRequest, **kwargs: Any) -> None:
    """allauth shows the answer of the exception in place of its own."""
    from allauth.core.exceptions import ImmediateHttpResponse

    if is_impersonated(request):
        raise ImmediateHttpResponse(refuse_who_acts(request))
