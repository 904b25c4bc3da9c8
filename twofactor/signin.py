"""Signing in, in two phases. After the password a person is still nobody, with a sealed note in a cookie:

the pending sign-in. It is bound to everything that could change meanwhile, and dies when it is used.
"""

import logging
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user,
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

from twofactor import budget, conf, cookies, delivery, enrolment, events, factors, standing, trust, vault
from twofactor.delivery import Channel
from twofactor.http import client_address, own_page, safe_next, see_other, with_next
from twofactor.refusal import Refused
from twofactor.user import only_active

log = logging.getLogger("countersign.security")

COOKIE = "pending"
PURPOSE = "pending sign-in"
MAX_AGE = timedelta(minutes=10)
PREFILL_FOR = timedelta(minutes=5)  # after a sign-in has run out of time
SENDS_AN_HOUR = 6

# How the second factor was met, as the session remembers it.
AMR = "amr"
AUTH_AT = "auth_at"
PASSWORD_AT = "password_at"  # noqa: S105 - the name of a moment
SUDO_AT = "sudo_at"  # the step-up
NONE = "none"  # this person has no second factor
TRUSTED = "trusted"  # the browser stood in for it
HELD = "held"  # has one, and has not given it: the gate lets nothing through
HELD_LOGIN = "twofactor_held_login"  # what login() wrote into the session, kept where it authenticates nobody
LOGIN_KEYS = (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY)
WITH_PASSWORD = frozenset({NONE, TRUSTED, factors.TOTP, factors.BACKUP, factors.SMS})
WITHOUT_A_CODE = {NONE: "signed_in_without_second_factor", TRUSTED: "signed_in_trusted"}


def is_factor(method: str) -> bool:
    """Not a trusted browser, nor a code that was sent: they let a person in and prove nothing more."""
    return method in factors.FACTORS


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
    if trust.is_trusted(request, user, timezone.now()):
        return open_session(request, user, TRUSTED, to)
    return begin(request, user, to)


def open_session(request: HttpRequest, user: Any, method: str, to: str) -> HttpResponse:
    vars(request)["twofactor_method"] = method
    login(request, user, backend=user.backend)
    del vars(request)["twofactor_method"]  # true of this sign-in, and of no other in the same request
    return see_other(to)


def begin(request: HttpRequest, user: Any, to: str) -> HttpResponse:
    # The address names it too, for a browser that loses the cookie.
    response = see_other(and_then("twofactor:verify", to))
    cookies.write(response, COOKIE, begun(user, to, timezone.now()).note())
    return response


def begun(user: Any, to: str, now: datetime, age: timedelta = MAX_AGE) -> PendingSignIn:
    nonce = secrets.token_urlsafe(16)
    return PendingSignIn(user, user.backend, written(user.last_login), to, nonce, now, now + age)


def written(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def pending(request: HttpRequest) -> PendingSignIn:
    """The live one, or Gone."""
    to = safe_next(request, request.GET.get("next"))
    if request.user.is_authenticated:
        raise Gone(to)
    return live(cookies.read(request, COOKIE), to)


def pending_of_page(request: HttpRequest) -> PendingSignIn:
    """The live one. A form that was shown to someone else, before the cookie changed, costs no guess."""
    found = pending(request)
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
    if not constant_time_compare(standing.auth_hash(user), value["hash"]):
        raise to_password(value["next"], changed)
    if written(user.last_login) != value["last_login"]:
        raise Gone(value["next"])  # this very sign-in has been completed: a double click, or another tab
    moments = [datetime.fromisoformat(value[name]) for name in ("began", "ends")]
    return PendingSignIn(user, value["backend"], value["last_login"], value["next"], value["nonce"], *moments)


def unspoiled(note: str, to: str) -> dict[str, Any]:
    """What stands in a note that is young enough."""
    now = timezone.now()
    try:
        value = vault.unseal(PURPOSE, "", note, now, MAX_AGE)
    except vault.Unopenable:
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
    """Whoever ran out of time does not type it again; whoever uses this browser later does not read it."""
    value = opened(cookies.read(request, COOKIE))
    since = timezone.now() - datetime.fromisoformat(value["ends"]) if value else None
    if value is None or since is None or not timedelta(0) <= since <= PREFILL_FOR:
        return ""
    user = get_user_model()._default_manager.filter(pk=value["user"]).first()
    return user.get_username() if user else ""


def forget(response: HttpResponse) -> None:
    """After signing out: no sign-in goes on. What else the browser keeps belongs to the whole site."""
    cookies.drop(response, COOKIE)
    if conf.clears_site_data():
        response.headers["Clear-Site-Data"] = '"cache", "storage"'


def accept(
    request: HttpRequest, pending: PendingSignIn, text: str, kinds: frozenset[str] = factors.CODES
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
    now = (
        get_user_model()
        ._default_manager.filter(pk=pending.user.pk)
        .values_list("last_login", flat=True)
        .first()
    )
    return written(now) != pending.last_login


def complete(request: HttpRequest, pending: PendingSignIn, method: str) -> HttpResponse:
    pending.user.backend = pending.backend
    response = open_session(request, pending.user, method, pending.next)
    if method == factors.TOTP and "trust_browser" in request.POST and trust.may_trust(pending.user):
        with events.with_change():
            trust.trust(request, response, pending.user, timezone.now())
            events.record("browser_trusted", pending.user, request)
    cookies.drop(response, COOKIE)
    return response


def method_of(request: HttpRequest | None, user: Any) -> str:
    """How the person whom some code logs in met the second factor, or that they did not."""
    return getattr(request, "twofactor_method", None) or (HELD if enrolment.is_on(user) else NONE)


@receiver(user_logged_in, dispatch_uid="twofactor.signin.mark")
def mark(sender: Any, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    """Whatever code called login(), the session says how the second factor was met, or that it was not.

    Token views send this signal, too, some of them without a request: then there is no session to mark.
    """
    session = session_of(request, user)
    ours = hasattr(request, "twofactor_method")
    if session is not None and not ours and session.get(AMR) in factors.FACTORS:
        return  # this session has given the factor already; for anybody else, login() would have emptied it
    method = method_of(request, user)
    if method == HELD:
        hold_login(request, session, user)
    if request is not None and session is not None:
        session[AMR] = method
        session[AUTH_AT] = int(timezone.now().timestamp())
        if method in WITH_PASSWORD:  # whoever came back by mail gives it once more
            session[PASSWORD_AT] = session[AUTH_AT]
        standing.mark(request, user)
    if method in WITHOUT_A_CODE:
        events.record(WITHOUT_A_CODE[method], user, request)


def session_of(request: HttpRequest | None, user: Any) -> Any:
    """The session that login() has opened for this person, or None."""
    session = getattr(request, "session", None)
    opened = session is not None and session.get(SESSION_KEY) == user._meta.pk.value_to_string(user)
    return session if opened else None


def hold_login(request: HttpRequest | None, session: Any, user: Any) -> None:
    """Take from the session what authenticates it, so that it is nobody's, whoever loads it by whatever key.

    Without a session the answer must not go out, for it may carry a token: the gate looks at the request.
    """
    store = {} if session is None else session
    store[HELD_LOGIN] = {name: store.pop(name) for name in LOGIN_KEYS if name in store}
    if request is None:
        log.warning("user=%s was signed in without a request, so nobody can ask for their code", user.pk)
    else:
        vars(getattr(request, "_request", request))[HELD_LOGIN] = store  # _request: Django's own inside DRF's


def is_held(request: HttpRequest) -> bool:
    return HELD_LOGIN in request.session


def is_held_elsewhere(request: HttpRequest) -> bool:
    """In a session that is not the one of the cookie, or in a token."""
    store = vars(request).get(HELD_LOGIN)
    return store is not None and store is not request.session and HELD_LOGIN in store


def take_held_user(request: HttpRequest) -> Any:
    """Whom the session was opened for, or None if that does not hold any more. The session is gone."""
    vars(request).pop(HELD_LOGIN, None)
    request.session.update(request.session.pop(HELD_LOGIN))
    user: Any = get_user(request)
    if user.is_authenticated:
        user.backend = request.session[BACKEND_SESSION_KEY]
    request.session.flush()
    return user if user.is_authenticated else None


def write_down(sender: Any, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    """The moment of a sign-in. With a code, claim() does it; what is held is none yet."""
    if method_of(request, user) in WITHOUT_A_CODE:
        update_last_login(sender, user)


def keep_session(request: HttpRequest, user: Any, method: str) -> None:
    """After a change that ended every session: this one goes on, under a new key."""
    update_session_auth_hash(request, user)
    standing.mark(request, user)
    request.session[AMR] = method
    request.session.pop(SUDO_AT, None)  # what was proven before is not proof for what is there now


def hold(request: HttpRequest, to: str) -> HttpResponse:
    """A session that another door opened becomes a pending sign-in, and is gone."""
    user = take_held_user(request)
    if user is None:  # the password is a new one since that session began
        return see_other(resolve_url(settings.LOGIN_URL))
    messages.info(request, _("One more step: enter your code."))
    return begin(request, user, own_page(request, to))


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
    return begin(request, user, own_page(request, None)) if user else None
