"""/api/jwt/: signing in, in two phases, and the tokens that come of it."""

from dataclasses import replace
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate, get_user_model
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from twofactor import conf, enrolment, events, signals
from twofactor.api import bodies, clients, document, proof, tokens
from twofactor.api.answers import Problem
from twofactor.api.door import OpenDoor, plain, said, shown
from twofactor.factors import sent_codes
from twofactor.factors.sent_codes import Channel
from twofactor.signin.pending import MAX_AGE, PendingSignIn
from twofactor.signin.session import NONE


class Create(OpenDoor):
    @document.sign_in
    def post(self, request: Request) -> Response:
        user = authenticate(plain(request), **said(bodies.Credentials, request))
        if user is None:
            sentence = _("The e-mail address or the password is not correct")
            raise Problem(sentence, "credentials_refused", 401)
        if enrolment.is_on(user):
            return shown(bodies.SignIn, {"is_totp_enabled": True, **challenge(user)})
        get_user_model()._default_manager.filter(pk=user.pk).update(last_login=timezone.now())
        events.record("signed_in_without_second_factor", user, plain(request))
        return shown(bodies.SignIn, {"is_totp_enabled": False, **welcome(request, user, NONE)})


def challenge(user: Any) -> dict[str, Any]:
    now = timezone.now()
    pending = PendingSignIn.start(user, resolve_url(settings.LOGIN_REDIRECT_URL), now, conf.challenge_age())
    return {"totp_challenge_token": pending.to_token(), "channels": pending.channels(now)}


def welcome(request: Request, user: Any, method: str) -> dict[str, str]:
    now = timezone.now()
    pair = tokens.issue(user, method, now)
    signals.signed_in_over_api.send(Create, user=user, request=plain(request))
    return {**pair, "client_token": clients.make_token(user, now)}


class Verify(OpenDoor):
    @document.verify
    def post(self, request: Request) -> Response:
        body = said(bodies.SecondFactor, request)
        pending = PendingSignIn.from_token(body["totp_challenge_token"])
        code, kinds = proof.code(body)
        method = pending.accept(plain(request), code, kinds)
        return shown(bodies.SignedIn, welcome(request, pending.user, method))


class Send(OpenDoor):
    counts_as = "send"

    @document.send
    def post(self, request: Request) -> Response:
        """The challenge lives on with the code: two minutes are short for a letter."""
        body, now = said(bodies.Send, request), timezone.now()
        pending = PendingSignIn.from_token(body["totp_challenge_token"])
        channel = named(body["channel"], pending.channels(now))
        pending.send_code(plain(request), channel, now)
        longer = replace(pending, ends_at=pending.began_at + MAX_AGE)
        ends = min(longer.ends_at, now + sent_codes.MAX_AGE)
        sent = {"kind": channel.kind, "masked": channel.masked, "expires_at": ends}
        return shown(bodies.Sent, {**sent, "totp_challenge_token": longer.to_token()})


def named(kind: str, channels: list[Channel]) -> Channel:
    for channel in channels:
        if channel.kind == kind:
            return channel
    raise Problem(_("Choose how you want to get in"), "no_such_channel")


class Refresh(OpenDoor):
    throttle_classes = []

    @document.refresh
    def post(self, request: Request) -> Response:
        text = said(bodies.RefreshToken, request)["refresh"]
        return shown(bodies.Tokens, tokens.renew(text, plain(request), timezone.now()))


class Check(OpenDoor):
    throttle_classes = []

    @document.check
    def post(self, request: Request) -> Response:
        tokens.check(said(bodies.AnyToken, request)["token"], timezone.now())
        return Response({})


class Logout(OpenDoor):
    throttle_classes = []

    @document.logout
    def post(self, request: Request) -> Response:
        tokens.close(said(bodies.RefreshToken, request)["refresh"], timezone.now())
        return Response(status=204)
