"""Signing up over JSON."""

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import mail_limits, registration
from accounts.forms import ADDRESS_LENGTH, SignUpForm, shortest_password
from twofactor import conf
from twofactor.api.base import PublicApiView, django_request, serialized, validated
from twofactor.api.schema import Example, describe_operation, refusal
from twofactor.api.serializers import Text
from twofactor.factors.sent_codes import NotSent
from twofactor.forms import PASSWORD_LENGTH

LINK_SENT = gettext_noop(
    "We've sent a message to the email address you entered. Open the link in it to confirm the address."
)
TOO_SHORT = f"This password is too short. It must contain at least {shortest_password()} characters."


class NewAccount(serializers.Serializer):
    email = Text(ADDRESS_LENGTH)
    password = Text(PASSWORD_LENGTH)


class LinkSent(serializers.Serializer):
    detail = serializers.CharField()


class RegisterView(PublicApiView):
    throttle_scope = "register"

    @describe_operation(
        "Sign up",
        "Sends a link that confirms the email address. The response is the same if an account exists.",
        NewAccount,
        {202: LinkSent},
        Example(
            "a new address",
            {"email": "eve@example.com", "password": "a quiet green harbour"},
            202,
            {"detail": LINK_SENT},
        ),
        refusal(
            "a short password",
            {"email": "eve@example.com", "password": "harbour"},
            400,
            "invalid",
            TOO_SHORT,
            fields={"password": [TOO_SHORT]},
        ),
        also=(429,),
    )
    def post(self, request: Request) -> Response:
        form = SignUpForm(validated(NewAccount, request))
        if not form.is_valid():
            raise ValidationError(
                {name: [str(error) for error in errors] for name, errors in form.errors.items()}
            )
        now, language = timezone.now(), translation.get_language()
        sentence = _(LINK_SENT) if conf.site_has_mail() else _("You can now sign in")
        answer = serialized(LinkSent, {"detail": sentence}, 202)
        if not mail_limits.may_send("signup", form.cleaned_data["email"], django_request(request), now):
            return answer
        if not registration.sign_up(**form.cleaned_data, language=language, now=now):
            raise NotSent
        return answer
