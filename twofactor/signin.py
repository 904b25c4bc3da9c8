"""Signing in, in two phases. After the password a person is still nobody, with a sealed note in a cookie:

the pending sign-in. It is bound to everything that could change meanwhile, and dies when it is used.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    REDIRECT_FIELD_NAME,
    get_user_model,
    load_backend,
    login,
    update_session_auth_hash,
)
from django.contrib.auth.models import update_last_login
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from twofactor import budget, cookies, delivery, enrolment, events, factors, standing, trust, vault
from twofactor.delivery import Channel
from twofactor.http import client_address, own_page, see_other
from twofactor.refusal import Refused

COOKIE = "pending"
PURPOSE = "pending sign-in"
MAX_AGE = timedelta(minutes=10)
SENDS_AN_HOUR = 6

# How the second factor was met, as the session remembers it.
AMR = "amr"
AUTH_AT = "auth_at"
PASSWORD_AT = "password_at"  # noqa: S105 - the name of a moment
SUDO_AT = "sudo_at"  # the step-up
NONE = "none"  # this person has no second factor
TRUSTED = "trusted"  # the browser stood in for it
HELD = "held"  # has one, and has not given it: the gate lets nothing through
WITHOUT_A_CODE = {NONE: "signed_in_without_second_factor", TRUSTED: "signed_in_trusted"}


def is_factor(method: str) -> bool:
    """An e-mailed code is a way back in; what it opened is not verified before a new authenticator is."""
    return method not in {NONE, HELD, factors.RECOVERY}


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
            "hash": standing.auth_hash(self.user),
            "last_login": self.last_login,
            "next": self.next,
            "nonce": self.nonce,
            "began": self.began_at.isoformat(),
            "ends": self.ends_at.isoformat(),
        }
        # Nobody has said yet who they are, so it has no owner: the person stands inside.
        return vault.seal(PURPOSE, "", value, timezone.now())

    @property
    def purpose(self) -> str:
        """What codes are sent for: this sign-in and no other."""
        return f"signin:{self.nonce}"

    def channels(self, now: datetime) -> list[Channel]:
        return delivery.channels(self.user, now)

    def claim(self, now: datetime) -> bool:
        """One UPDATE, so that of two right codes at once one signs in."""
        unused = get_user_model().objects.filter(
            pk=self.user.pk, is_active=True, last_login=self.user.last_login
        )
        return unused.update(last_login=now) == 1


def after_password(request: HttpRequest, user: Any, to: str) -> HttpResponse:
    """The door for a login view: the password was right. Signed in, or asked for the second factor."""
    if not enrolment.is_on(user):
        return open_session(request, user, NONE, to)
    if trust.is_trusted(request, user, timezone.now()):
        return open_session(request, user, TRUSTED, to)
    return begin(request, user, to)


def open_session(request: HttpRequest, user: Any, method: str, to: str) -> HttpResponse:
    vars(request)["twofactor_method"] = method
    login(request, user, backend=user.backend)
    return see_other(to)


def begin(request: HttpRequest, user: Any, to: str) -> HttpResponse:
    response = see_other("twofactor:verify")
    cookies.write(response, COOKIE, begun(user, to, timezone.now()).note())
    return response


def begun(user: Any, to: str, now: datetime, age: timedelta = MAX_AGE) -> PendingSignIn:
    nonce = secrets.token_urlsafe(16)
    return PendingSignIn(user, user.backend, written(user.last_login), to, nonce, now, now + age)


def written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def pending(request: HttpRequest) -> PendingSignIn:
    """The live one, or Gone."""
    if request.user.is_authenticated:
        raise Gone(resolve_url(settings.LOGIN_REDIRECT_URL))
    return live(cookies.read(request, COOKIE))


def live(note: str) -> PendingSignIn:
    value = unspoiled(note)
    with_factors = get_user_model().objects.select_related("authenticator", "guess_budget")
    user = with_factors.filter(pk=value["user"], is_active=True).first()
    if user is None or not known_backend(value["backend"]):
        raise Gone(resolve_url(settings.LOGIN_URL))
    if not constant_time_compare(standing.auth_hash(user), value["hash"]):
        raise Gone(
            resolve_url(settings.LOGIN_URL),
            _("Your account was changed meanwhile. Give your password again."),
        )
    if written(user.last_login) != value["last_login"]:
        raise Gone(value["next"])  # this very sign-in has been completed: a double click, or another tab
    moments = [datetime.fromisoformat(value[name]) for name in ("began", "ends")]
    return PendingSignIn(user, value["backend"], value["last_login"], value["next"], value["nonce"], *moments)


def unspoiled(note: str) -> dict[str, Any]:
    """What stands in a note that is young enough."""
    now = timezone.now()
    try:
        value = vault.unseal(PURPOSE, "", note, now, MAX_AGE)
    except vault.Unopenable:
        value = None
    if value is None or now > datetime.fromisoformat(value["ends"]):
        raise too_late(opened(note))
    return dict(value)


def too_late(value: dict[str, Any] | None) -> Gone:
    """Whoever gives the password again still gets where they wanted to go."""
    login = resolve_url(settings.LOGIN_URL)
    if value is None:
        return Gone(login)
    sentence = _("Signing in took more than ten minutes. Give your password again.")
    return Gone(f"{login}?{urlencode({REDIRECT_FIELD_NAME: value['next']})}", sentence)


def opened(note: str) -> dict[str, Any] | None:
    """What stands in the note, however old it is."""
    try:
        return dict(vault.unseal(PURPOSE, "", note, timezone.now()))
    except vault.Unopenable:
        return None


def known_backend(path: str) -> bool:
    try:
        load_backend(path)
    except ImportError:
        return False
    return True


def name_to_prefill(request: HttpRequest) -> str:
    """Whoever ran out of time does not type their name again."""
    value = opened(cookies.read(request, COOKIE))
    user = get_user_model().objects.filter(pk=value["user"]).first() if value else None
    return user.get_username() if user else ""


def forget(response: HttpResponse) -> None:
    """After signing out: no sign-in goes on, and Back shows nothing."""
    cookies.drop(response, COOKIE)
    response.headers["Clear-Site-Data"] = '"cache", "storage"'


def accept(
    request: HttpRequest, pending: PendingSignIn, text: str, kinds: frozenset[str] = factors.FACTORS
) -> str:
    now = timezone.now()
    try:
        return factors.accept(
            pending.user,
            text,
            request,
            now,
            kinds=kinds,
            purpose=pending.purpose,
            claim=lambda: pending.claim(now),
        )
    except factors.Overtaken:
        raise Gone(pending.next) from None
    except (Refused, budget.Locked):
        if was_used(pending):
            raise Gone(pending.next) from None  # the second click of a double click
        raise


def send_code(request: HttpRequest, pending: PendingSignIn, channel: Channel, now: datetime) -> None:
    """Counted twice: with everything that is sent to this person, and with what sign-in alone may send."""
    mine = [(f"signin-sends:{pending.user.pk}", SENDS_AN_HOUR, delivery.HOUR)]
    delivery.send(pending.user, channel, pending.purpose, client_address(request), now, limits=mine)
    events.record("code_sent", pending.user, request, channel=channel.kind)


def was_used(pending: PendingSignIn) -> bool:
    now = get_user_model().objects.filter(pk=pending.user.pk).values_list("last_login", flat=True).first()
    return written(now) != pending.last_login


def complete(request: HttpRequest, pending: PendingSignIn, method: str) -> HttpResponse:
    pending.user.backend = pending.backend
    response = open_session(request, pending.user, method, pending.next)
    if method == factors.TOTP and "trust_browser" in request.POST and trust.may_trust(pending.user):
        trust.trust(request, response, pending.user, timezone.now())
        events.record("browser_trusted", pending.user, request)
    forget(response)
    return response


def method_of(request: HttpRequest, user: Any) -> str:
    """How the person whom some code logs in met the second factor, or that they did not."""
    return getattr(request, "twofactor_method", None) or (HELD if enrolment.is_on(user) else NONE)


@receiver(user_logged_in, dispatch_uid="twofactor.signin.mark")
def mark(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """Whatever code called login(), the session says how the second factor was met, or that it was not."""
    method = request.session[AMR] = method_of(request, user)
    request.session[AUTH_AT] = int(timezone.now().timestamp())
    if method != factors.RECOVERY:  # whoever came back by mail gives it once more
        request.session[PASSWORD_AT] = request.session[AUTH_AT]
    standing.mark(request, user)
    if method in WITHOUT_A_CODE:
        events.record(WITHOUT_A_CODE[method], user, request)


def write_down(sender: Any, request: HttpRequest, user: Any, **kwargs: Any) -> None:
    """The moment of a sign-in; with a code, claim() has done it."""
    if request.session[AMR] in {NONE, TRUSTED, HELD}:
        update_last_login(sender, user)


def keep_session(request: HttpRequest, user: Any, method: str) -> None:
    """After a change that ended every session: this one goes on, under a new key."""
    update_session_auth_hash(request, user)
    standing.mark(request, user)
    request.session[AMR] = method
    request.session.pop(SUDO_AT, None)  # what was proven before is not proof for what is there now


def hold(request: HttpRequest, to: str) -> HttpResponse:
    """A session that another door opened becomes a pending sign-in, and is gone."""
    user: Any = request.user
    if not user.is_authenticated:  # the password is a new one, say, since that session began
        request.session.flush()
        return see_other(resolve_url(settings.LOGIN_URL))
    user.backend = request.session[BACKEND_SESSION_KEY]
    request.session.flush()
    messages.info(request, _("One more step: enter your code."))
    return begin(request, user, own_page(request, to))
