"""Signing in, in two phases. After the password a person is still nobody, with a sealed note in a cookie:

the pending sign-in. It is bound to everything that could change meanwhile, and dies when it is used.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import (
    get_user_model,
    load_backend,
)
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from twofactor import conf, enrolment, events, sealing
from twofactor.factors import methods, sent_codes
from twofactor.factors.accept import Overtaken, accept_code
from twofactor.factors.refusal import Refused
from twofactor.factors.sent_codes import Channel
from twofactor.limits import guesses
from twofactor.sessions import epoch
from twofactor.signin import trusted_browsers
from twofactor.signin.session import NONE, TRUSTED, open_session, take_held_user
from twofactor.users import only_active
from twofactor.web import cookies
from twofactor.web.client_address import client_address
from twofactor.web.redirects import own_page, safe_next, see_other, with_next

COOKIE = "pending"
PURPOSE = "pending sign-in"
MAX_AGE = timedelta(minutes=10)
PREFILL_FOR = timedelta(minutes=5)  # after a sign-in has run out of time
SENDS_AN_HOUR = 6


class Gone(Exception):
    """There is no sign-in to go on with; where to go instead."""

    def __init__(self, to: str, sentence: str = "") -> None:
        self.to = to
        self.sentence = sentence


@dataclass(frozen=True)
class PendingSignIn:
    user: Any
    backend: str
    last_login: str | None
    next: str
    nonce: str
    began_at: datetime
    ends_at: datetime

    def note(self) -> str:
        """As it travels: in a cookie for pages, in the client's hands for the API."""
        value = {
            "user": str(self.user.pk),
            "backend": self.backend,
            "hash": epoch.auth_hash(self.user),
            "last_login": self.last_login,
            "next": self.next,
            "nonce": self.nonce,
            "began": self.began_at.isoformat(),
            "ends": self.ends_at.isoformat(),
        }
        # Nobody has said yet who they are, so it has no owner: the person stands inside.
        return sealing.seal(PURPOSE, "", value, timezone.now())

    @property
    def purpose(self) -> str:
        """What codes are sent for: this sign-in and no other."""
        return f"signin:{self.nonce}"

    def channels(self, now: datetime) -> list[Channel]:
        return sent_codes.channels(self.user, now)

    def claim(self, now: datetime) -> bool:
        """One UPDATE, so that of two right codes at once one signs in."""
        people = get_user_model()._default_manager
        unused = people.filter(pk=self.user.pk, last_login=self.user.last_login)
        return only_active(unused).update(last_login=now) == 1


def after_password(request: HttpRequest, user: Any, to: str) -> HttpResponse:
    """The door for a login view: the password was right. Signed in, or asked for the second factor.

    Then on to a path of this site, or to LOGIN_REDIRECT_URL: what a request says is looked at here.
    """
    to = own_page(request, to)
    if not enrolment.is_on(user):
        return open_session(request, user, NONE, to)
    if trusted_browsers.is_trusted(request, user, timezone.now()):
        return open_session(request, user, TRUSTED, to)
    return ask_for_second_factor(request, user, to)


def ask_for_second_factor(request: HttpRequest, user: Any, to: str) -> HttpResponse:
    # The address names it too, for a browser that loses the cookie.
    response = see_other(and_then("twofactor:verify", to))
    cookies.write(response, COOKIE, begun(user, to, timezone.now()).note())
    return response


def begun(user: Any, to: str, now: datetime, age: timedelta = MAX_AGE) -> PendingSignIn:
    nonce = secrets.token_urlsafe(16)
    return PendingSignIn(user, user.backend, written(user.last_login), to, nonce, now, now + age)


def written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def find_pending(request: HttpRequest) -> PendingSignIn:
    """The live one, or Gone."""
    to = safe_next(request, request.GET.get("next"))
    if request.user.is_authenticated:
        raise Gone(to)
    return live(cookies.read(request, COOKIE), to)


def find_pending_of_page(request: HttpRequest) -> PendingSignIn:
    """The live one. A form that was shown to someone else, before the cookie changed, costs no guess."""
    found = find_pending(request)
    if request.POST.get("signing_in_as", found.user.get_username()) != found.user.get_username():
        sentence = _("Someone else started to sign in in another tab. This page is for them now.")
        raise Gone(and_then("twofactor:verify", found.next), sentence)
    return found


def live(note: str, to: str = "") -> PendingSignIn:
    """What stands in the note, or Gone; without a note nobody but the address knows where to go on to."""
    value = unspoiled(note, to)
    with_factors = get_user_model()._default_manager.select_related("authenticator", "guess_budget")
    user = with_factors.filter(pk=value["user"]).first()
    changed = _("Your account was changed meanwhile. Give your password again.")
    if user is None or not user.is_active or not known_backend(value["backend"]):
        raise to_password(value["next"], changed)
    if not constant_time_compare(epoch.auth_hash(user), value["hash"]):
        raise to_password(value["next"], changed)
    if written(user.last_login) != value["last_login"]:
        raise Gone(value["next"])  # this very sign-in has been completed: a double click, or another tab
    moments = [datetime.fromisoformat(value[name]) for name in ("began", "ends")]
    return PendingSignIn(user, value["backend"], value["last_login"], value["next"], value["nonce"], *moments)


def unspoiled(note: str, to: str) -> dict[str, Any]:
    """What stands in a note that is young enough."""
    now = timezone.now()
    try:
        value = sealing.unseal(PURPOSE, "", note, now, MAX_AGE)
    except sealing.Unopenable:
        value = None
    if value is None or now > datetime.fromisoformat(value["ends"]):
        raise too_late(opened(note), to)
    return dict(value)


def too_late(value: dict[str, Any] | None, to: str) -> Gone:
    if value is None:
        sentence = _("No sign-in is waiting for a code in this browser. Enter your password again.")
        return to_password(to, sentence)
    return to_password(value["next"], _("Signing in took more than ten minutes. Give your password again."))


def to_password(to: str, sentence: str) -> Gone:
    """Whoever gives the password again still gets where they wanted to go."""
    return Gone(and_then(settings.LOGIN_URL, to), sentence)


def and_then(page: str, to: str) -> str:
    """The address of the page, with where to go on to, unless people are led there anyway."""
    return page if to in {"", resolve_url(settings.LOGIN_REDIRECT_URL)} else with_next(page, to)


def opened(note: str) -> dict[str, Any] | None:
    """What stands in the note, however old it is."""
    try:
        return dict(sealing.unseal(PURPOSE, "", note, timezone.now()))
    except sealing.Unopenable:
        return None


def known_backend(path: str) -> bool:
    try:
        load_backend(path)
    except ImportError:
        return False
    return True


def name_to_prefill(request: HttpRequest) -> str:
    """Whoever ran out of time does not type it again; whoever uses this browser later does not read it."""
    value = opened(cookies.read(request, COOKIE))
    since = timezone.now() - datetime.fromisoformat(value["ends"]) if value else None
    if value is None or since is None or not timedelta(0) <= since <= PREFILL_FOR:
        return ""
    user = get_user_model()._default_manager.filter(pk=value["user"]).first()
    return user.get_username() if user else ""


def forget_after_sign_out(response: HttpResponse) -> None:
    """After signing out: no sign-in goes on. What else the browser keeps belongs to the whole site."""
    cookies.drop(response, COOKIE)
    if conf.clears_site_data():
        response.headers["Clear-Site-Data"] = '"cache", "storage"'


def accept_for_sign_in(
    request: HttpRequest, pending: PendingSignIn, text: str, kinds: frozenset[str] = methods.CODES
) -> str:
    now = timezone.now()
    try:
        return accept_code(
            pending.user,
            text,
            request,
            now,
            kinds=kinds,
            purpose=pending.purpose,
            claim=lambda: pending.claim(now),
        )
    except Overtaken:
        raise Gone(pending.next) from None
    except (Refused, guesses.Locked):
        if was_used(pending):
            raise Gone(pending.next) from None  # the second click of a double click
        raise


def send_code(request: HttpRequest, pending: PendingSignIn, channel: Channel, now: datetime) -> None:
    """Counted twice: with everything that is sent to this person, and with what sign-in alone may send."""
    mine = [(f"signin-sends:{pending.user.pk}", SENDS_AN_HOUR, sent_codes.HOUR)]
    sent_codes.send(pending.user, channel, pending.purpose, client_address(request), now, limits=mine)
    events.record("code_sent", pending.user, request, channel=channel.kind)


def was_used(pending: PendingSignIn) -> bool:
    now = (
        get_user_model()
        ._default_manager.filter(pk=pending.user.pk)
        .values_list("last_login", flat=True)
        .first()
    )
    return written(now) != pending.last_login


def complete_sign_in(request: HttpRequest, pending: PendingSignIn, method: str) -> HttpResponse:
    pending.user.backend = pending.backend
    response = open_session(request, pending.user, method, pending.next)
    if (
        method == methods.TOTP
        and "trust_browser" in request.POST
        and trusted_browsers.may_trust(pending.user)
    ):
        with events.with_change():
            trusted_browsers.trust(request, response, pending.user, timezone.now())
            events.record("browser_trusted", pending.user, request)
    cookies.drop(response, COOKIE)
    return response


def ask_held_session(request: HttpRequest, to: str) -> HttpResponse:
    """A session that another door opened becomes a pending sign-in, and is gone."""
    user = take_held_user(request)
    if user is None:  # the password is a new one since that session began
        return see_other(resolve_url(settings.LOGIN_URL))
    messages.info(request, _("One more step: enter your code."))
    return ask_for_second_factor(request, user, own_page(request, to))


def go_on_with_code(request: HttpRequest) -> HttpResponse | None:
    """On the pages that take the code, where some middleware signs people in anew at each request.

    None: the view may go on, with the pending sign-in that this person has begun already.
    """
    user = take_held_user(request)
    try:
        if user is not None and live(cookies.read(request, COOKIE)).user == user:
            return None
    except Gone:
        pass
    return ask_for_second_factor(request, user, own_page(request, None)) if user else None
