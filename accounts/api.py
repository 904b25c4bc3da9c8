"""Signing up over JSON."""

from django.utils import timezone, translation
from django.utils.translation import gettext as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import mail_limits, registration
from accounts.forms import ADDRESS_LENGTH, SignUpForm
from twofactor.api.base import PublicApiView, django_request, serialized, validated
from twofactor.api.schema import Example, describe_operation, refusal
from twofactor.api.serializers import Text
from twofactor.factors.sent_codes import NotSent
from twofactor.forms import PASSWORD_LENGTH
from twofactor.outgoing import mail

LINK = "We have sent a message to the address you gave. Open the link in it to confirm the address."
WEAK = "This password is too short. It must contain at least 8 characters."


class NewAccount(serializers.Serializer):
    email = Text(ADDRESS_LENGTH)
    password = Text(PASSWORD_LENGTH)


class LinkSent(serializers.Serializer):
    detail = serializers.CharField()


class RegisterView(PublicApiView):
    throttle_scope = "register"

    @describe_operation(
        "Sign up",
        "Sends a link that confirms the address. Whoever has an account already gets the same answer.",
        NewAccount,
        {202: LinkSent},
        Example(
            "a new address",
            {"email": "eve@example.com", "password": "a quiet green harbour"},
            202,
            {"detail": LINK},
        ),
        refusal(
            "a short password",
            {"email": "eve@example.com", "password": "harbour"},
            400,
            "invalid",
            WEAK,
            fields={"password": [WEAK]},
        ),
        also=(429,),
    )
    def post(self, request: Request) -> Response:
        form = SignUpForm(validated(NewAccount, request))
        if not form.is_valid():
            raise ValidationError(
                {name: [str(text) for text in found] for name, found in form.errors.items()}
            )
        now, language = timezone.now(), translation.get_language()
        may_send = mail_limits.may_send("signup", form.cleaned_data["email"], django_request(request), now)
        if may_send and not registration.sign_up(**form.cleaned_data, language=language, now=now):
            raise NotSent
        sentence = _("You can sign in now")
        if mail.site_has_mail():
            sentence = _(
                "We have sent a message to the address you gave. Open the link in it to confirm the address."
            )
        return serialized(LinkSent, {"detail": sentence}, 202)
