"""Signing in, in two phases. After the password a person is still nobody, with a sealed note in a cookie:

the pending sign-in. It is bound to everything that could change meanwhile, and dies when it is used.
"""

import logging
from datetime import timedelta
from typing import Any

from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user,
    login,
    update_session_auth_hash,
)
from django.contrib.auth.models import update_last_login
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from twofactor import enrolment, events
from twofactor.factors import methods
from twofactor.sessions import epoch
from twofactor.web.redirects import see_other

log = logging.getLogger("countersign.security")
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
WITH_PASSWORD = frozenset({NONE, TRUSTED, methods.TOTP, methods.BACKUP, methods.SMS})
WITHOUT_A_CODE = {NONE: "signed_in_without_second_factor", TRUSTED: "signed_in_trusted"}


def is_factor(method: str) -> bool:
    """Not a trusted browser, nor a code that was sent: they let a person in and prove nothing more."""
    return method in methods.FACTORS


def open_session(request: HttpRequest, user: Any, method: str, to: str) -> HttpResponse:
    vars(request)["twofactor_method"] = method
    login(request, user, backend=user.backend)
    del vars(request)["twofactor_method"]  # true of this sign-in, and of no other in the same request
    return see_other(to)


def method_of_login(request: HttpRequest | None, user: Any) -> str:
    """How the person whom some code logs in met the second factor, or that they did not."""
    return getattr(request, "twofactor_method", None) or (HELD if enrolment.is_on(user) else NONE)


@receiver(user_logged_in, dispatch_uid="twofactor.signin.session.mark_session")
def mark_session(sender: Any, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    """Whatever code called login(), the session says how the second factor was met, or that it was not.

    Token views send this signal, too, some of them without a request: then there is no session to mark.
    """
    session = session_of(request, user)
    ours = hasattr(request, "twofactor_method")
    if session is not None and not ours and session.get(AMR) in methods.FACTORS:
        return  # this session has given the factor already; for anybody else, login() would have emptied it
    method = method_of_login(request, user)
    if method == HELD:
        hold_login(request, session, user)
    if request is not None and session is not None:
        session[AMR] = method
        session[AUTH_AT] = int(timezone.now().timestamp())
        if method in WITH_PASSWORD:  # whoever came back by mail gives it once more
            session[PASSWORD_AT] = session[AUTH_AT]
        epoch.mark_session(request, user)
    if method in WITHOUT_A_CODE:
        events.record(WITHOUT_A_CODE[method], user, request)


def session_of(request: HttpRequest | None, user: Any) -> Any:
    """The session that login() has opened for this person, or None."""
    session = getattr(request, "session", None)
    is_open = session is not None and session.get(SESSION_KEY) == user._meta.pk.value_to_string(user)
    return session if is_open else None


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


def record_last_login(sender: Any, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    """The moment of a sign-in. With a code, claim() does it; what is held is none yet."""
    if method_of_login(request, user) in WITHOUT_A_CODE:
        update_last_login(sender, user)


def keep_session(request: HttpRequest, user: Any, method: str) -> None:
    """After a change that ended every session: this one goes on, under a new key."""
    update_session_auth_hash(request, user)
    epoch.mark_session(request, user)
    request.session[AMR] = method
    request.session.pop(SUDO_AT, None)  # what was proven before is not proof for what is there now


IDLE = timedelta(minutes=60)
ABSOLUTE = timedelta(hours=24)
SEEN_AT = "seen_at"
SEEN_EVERY = 60  # seconds: a session is written at most this often just to say that it is alive


def method_of_session(request: HttpRequest) -> str:
    """How the second factor was met. A session from before this app was installed is asked about once."""
    if AMR not in request.session:
        if not request.user.is_authenticated:
            return NONE
        request.session[AMR] = method_of_login(request, request.user)
        request.session[AUTH_AT] = int(timezone.now().timestamp())
    met: str = request.session[AMR]
    return met


def too_old(request: HttpRequest) -> bool:
    """One hour without a page, or a day in all. Writes at most once a minute that somebody was here."""
    now = int(timezone.now().timestamp())
    began = request.session.get(AUTH_AT, now)
    seen = request.session.get(SEEN_AT, began)
    if now - began >= ABSOLUTE.total_seconds() or now - seen >= IDLE.total_seconds():
        return True
    if now - seen >= SEEN_EVERY:
        request.session[SEEN_AT] = now
    return False
