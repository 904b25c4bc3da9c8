"""For sites with django-allauth: TWOFACTOR_EMAIL_OF = "twofactor.contrib.allauth.confirmed_email"."""

from typing import Any

__all__ = ["confirmed_email"]


def confirmed_email(user: Any) -> str | None:
    """The person's primary address, if it is confirmed, else another confirmed one. One query."""
    from allauth.account.models import EmailAddress  # here, because its tables may not be installed

    confirmed = EmailAddress.objects.filter(user_id=user.pk, verified=True).order_by("-primary", "pk")
    address: str | None = confirmed.values_list("email", flat=True).first()
    return address
