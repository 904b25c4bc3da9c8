"""/api/jwt/: signing in with password and code, and the tokens of a sign-in."""

from dataclasses import replace
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework.request import Request
from rest_framework.response import Response

from twofactor import conf, events, signals
from twofactor.api import client_tokens, descriptions, serializers, tokens
from twofactor.api.base import PublicApiView, django_request, serialized, validated
from twofactor.api.exceptions import ApiError
from twofactor.api.preconditions import code_in
from twofactor.factors import enrolled, sent_codes
from twofactor.factors.accept import Proof
from twofactor.factors.sent_codes import Channel
from twofactor.sessions.device_ids import set_id
from twofactor.signin import step_up
from twofactor.signin.confirmation import must_confirm
from twofactor.signin.pending import PendingSignIn
from twofactor.signin.session import NONE
from twofactor.users import TwoFactorUser

# As the answers name them: "sms" is the name of this app, and "phone" that of others.
PHONE_OR_EMAIL = {sent_codes.SMS: serializers.PHONE, sent_codes.EMAIL: sent_codes.EMAIL}
NOWHERE_TO_SEND = gettext_lazy(
    "To sign in, you have to enter a code that we send you."
    " We have no email address or phone number of yours to send it to."
)


class SignInView(PublicApiView):
    @descriptions.sign_in
    def post(self, request: Request) -> Response:
        user = authenticate(django_request(request), **validated(serializers.Credentials, request))
        if user is None:
            sentence = _("The email address or password is not correct.")
            raise ApiError(sentence, "credentials_refused", 401)
        if enrolled.is_on(user):
            return serialized(serializers.SignIn, {"is_totp_enabled": True, **start_challenge(user)})
        if must_confirm(django_request(request), user, timezone.now()):
            sent = start_confirmation(request, user)
            return serialized(serializers.SignIn, {"is_totp_enabled": False, **sent})
        get_user_model()._default_manager.filter(pk=user.pk).update(last_login=timezone.now())
        set_id(django_request(request), uuid4())
        events.record("signed_in_without_second_factor", user, django_request(request))
        return serialized(serializers.SignIn, {"is_totp_enabled": False, **issue_tokens(request, user, NONE)})


def start_challenge(user: TwoFactorUser) -> dict[str, Any]:
    now = timezone.now()
    to, age = resolve_url(settings.LOGIN_REDIRECT_URL), conf.challenge_age()
    pending = PendingSignIn.start(user, to, now, age, with_password=True)
    channels = pending.find_channels()
    return {
        "totp_challenge_token": pending.to_token(),
        "channels": channels,
        "channel": serializers.TOTP,
        "has_phone": has_phone(channels),
    }


def start_confirmation(request: Request, user: TwoFactorUser) -> dict[str, Any]:
    """The code is sent at once, and the challenge works for as long as it."""
    now, to = timezone.now(), resolve_url(settings.LOGIN_REDIRECT_URL)
    pending = PendingSignIn.start(user, to, now, conf.sent_code_age(), confirms=True)
    channels = pending.find_channels()
    if not channels:
        raise ApiError(NOWHERE_TO_SEND, "no_such_channel", 403)
    pending.send_code(django_request(request), channels[0], now)
    return {
        "totp_challenge_token": pending.to_token(),
        "channels": channels,
        "channel": PHONE_OR_EMAIL[channels[0].kind],
        "target": channels[0].masked,
        "has_phone": has_phone(channels),
    }


def has_phone(channels: list[Channel]) -> bool:
    return any(channel.kind == sent_codes.SMS for channel in channels)


def issue_tokens(request: Request, user: TwoFactorUser, method: str, **step_up: Any) -> dict[str, str]:
    now = timezone.now()
    pair = tokens.issue(user, method, django_request(request), now, **step_up)
    signals.signed_in_over_api.send(SignInView, user=user, request=django_request(request), method=method)
    return {**pair, "client_token": client_tokens.make_token(user, now)}


class VerifyView(PublicApiView):
    @descriptions.verify
    def post(self, request: Request) -> Response:
        data = validated(serializers.SecondFactor, request)
        pending = PendingSignIn.from_token(data["totp_challenge_token"])
        code, kinds = code_in(data)
        set_id(django_request(request), uuid4())
        proof = pending.accept(django_request(request), code, kinds)
        mark = mark_of(pending, proof) if pending.proves_both(proof) else {}
        return serialized(serializers.SignedIn, issue_tokens(request, pending.user, proof.method, **mark))


def mark_of(pending: PendingSignIn, proof: Proof) -> dict[str, Any]:
    """The same that complete_sign_in() writes into a session."""
    return {"stepped_up_at": pending.began_at, "stepped_up_with": step_up.name_of_factor(proof)}


class SendCodeView(PublicApiView):
    throttle_scope = "send"

    @descriptions.send
    def post(self, request: Request) -> Response:
        """Returns a challenge that works as long as the code, because an email may take some minutes."""
        data, now = validated(serializers.Send, request), timezone.now()
        pending = PendingSignIn.from_token(data["totp_challenge_token"])
        channels = pending.find_channels()
        name = data.get("channel") or last_channel(pending)
        channel = find_channel(name, channels)
        pending.send_code(django_request(request), channel, now)
        extended = replace(pending, ends_at=pending.began_at + conf.sign_in_age())
        expires_at = min(extended.ends_at, now + conf.sent_code_age())
        sent = {
            "channel": name,
            "masked": channel.masked,
            "has_phone": has_phone(channels),
            "expires_at": expires_at,
            "totp_challenge_token": extended.to_token(),
        }
        return serialized(serializers.Sent, sent)


def last_channel(pending: PendingSignIn) -> str:
    """Where the code went that was sent without being asked for. A person with a factor chooses."""
    newest = pending.find_newest_code() if pending.confirms else None
    if newest is None:
        raise ApiError(serializers.CHOOSE_A_CHANNEL, "no_such_channel")
    return PHONE_OR_EMAIL[newest.channel]


def find_channel(name: str, channels: list[Channel]) -> Channel:
    for channel in channels:
        if name in {channel.kind, PHONE_OR_EMAIL[channel.kind]}:
            return channel
    raise ApiError(serializers.CHOOSE_A_CHANNEL, "no_such_channel")


class RefreshView(PublicApiView):
    throttle_classes = []

    @descriptions.refresh
    def post(self, request: Request) -> Response:
        token = validated(serializers.RefreshToken, request)["refresh"]
        pair = tokens.renew(token, django_request(request), timezone.now())
        return serialized(serializers.Tokens, pair)


class CheckTokenView(PublicApiView):
    throttle_classes = []

    @descriptions.check
    def post(self, request: Request) -> Response:
        tokens.check(validated(serializers.AnyToken, request)["token"], timezone.now())
        return Response({})


class LogoutView(PublicApiView):
    throttle_classes = []

    @descriptions.logout
    def post(self, request: Request) -> Response:
        tokens.log_out(validated(serializers.RefreshToken, request)["refresh"], timezone.now())
        return Response(status=204)
