"""What a session remembers: how the second factor was met, when, and for how long that counts."""

import logging
from functools import cache
from typing import Any

from django.contrib.auth import (
    BACKEND_SESSION_KEY,
    HASH_SESSION_KEY,
    SESSION_KEY,
    get_user,
    load_backend,
    login,
    update_session_auth_hash,
)
from django.contrib.auth.models import update_last_login
from django.contrib.auth.signals import user_logged_in
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from twofactor import conf, events
from twofactor.factors import enrolled, methods
from twofactor.models import TrustedBrowser
from twofactor.sessions import epoch
from twofactor.sessions.contents import ADDRESS, BROWSER, SEEN_AT, TRUSTED_BROWSER, longest_age, longest_idle
from twofactor.sessions.contents import AMR as AMR
from twofactor.sessions.contents import AUTH_AT as AUTH_AT
from twofactor.sessions.device_ids import give_to_session
from twofactor.signin import confirmation, trusted_browsers
from twofactor.users import TwoFactorUser, names_of
from twofactor.web.redirects import see_other
from twofactor.web.visitor import browser_and_address

log = logging.getLogger("countersign.security")

# Keys in the session, beside those of sessions/contents.py
PASSWORD_AT = "twofactor_password_at"  # noqa: S105 - when the password was given last
STEP_UP_AT = "twofactor_step_up_at"  # when password and factor were given last, together (step_up.py)
STEP_UP_WITH = "twofactor_step_up_with"  # with which factor
WHILE_OFF = "twofactor_while_off"  # a passkey was given, and two-factor authentication is not on
RECOVERY = "twofactor_recovery"  # which request let the person in, to set up a new app (recovery/)
HELD_LOGIN = "twofactor_held_login"  # what login() wrote, moved to where it authenticates nobody
ACTOR = "twofactor_actor"  # who acts for the person, and what ends that with their own sessions
LOGINS = "twofactor_logins"  # an attribute of the request: session and person of each login() in it

NONE = "none"  # the person has no second factor
TRUSTED = "trusted"  # it was left out, because the browser is trusted
HELD = "held"  # a code has to be given that was not yet: the middleware lets nothing through
IMPERSONATED = "impersonated"  # an administrator acts for the person, whose code they cannot give

LOGIN_KEYS = (SESSION_KEY, BACKEND_SESSION_KEY, HASH_SESSION_KEY)  # what login() writes
WITH_PASSWORD = frozenset(
    {
        *(NONE, TRUSTED, methods.CONFIRMED, methods.TOTP, methods.BACKUP, methods.SMS, methods.KEY),
        methods.WAITED,
    }
)
WITHOUT_FACTOR = frozenset({NONE, methods.CONFIRMED})  # of people who have none
WITHOUT_A_CODE = {NONE: "signed_in_without_second_factor", TRUSTED: "signed_in_trusted"}  # with their events

IMPERSONATING_VIEWS = {"hijack.views.AcquireUserView"}  # django-hijack, which may not be installed

SEEN_EVERY = 60  # seconds


# Signing in


def is_factor(method: str) -> bool:
    """False for a trusted browser and for a sent code: they let a person in, and prove no second factor."""
    return method in methods.FACTORS


# A user is Any where Django takes it: its functions are typed for the user model of one site.


def open_session(
    request: HttpRequest, user: Any, method: str, to: str, trusted: TrustedBrowser | None = None
) -> HttpResponse:
    vars(request).update(twofactor_method=method, twofactor_trusted=trusted)
    login(request, user, backend=user.backend)
    give_to_session(request)
    # They hold for this login() and for no other in the same request.
    del vars(request)["twofactor_method"], vars(request)["twofactor_trusted"]
    return see_other(to)


def method_of_login(request: HttpRequest | None, user: TwoFactorUser) -> str:
    """What open_session() said; when other code calls login(), whether the person has a code to give."""
    if method := getattr(request, "twofactor_method", None):
        return str(method)
    if request is not None and begins_impersonation(request):
        return IMPERSONATED
    must_give_code = enrolled.is_on(user) or confirmation.must_confirm(request, user, timezone.now())
    return HELD if must_give_code else NONE


def begins_impersonation(request: HttpRequest) -> bool:
    match = getattr(request, "resolver_match", None)
    return match is not None and acts_for_others(getattr(match.func, "view_class", None))


@cache
def acts_for_others(view_class: type | None) -> bool:
    """Kept for each class: the middleware asks at each request."""
    return not IMPERSONATING_VIEWS.isdisjoint(names_of(view_class))


def is_impersonated(request: HttpRequest) -> bool:
    """Does someone else act for the person of this request?

    Packages either open a session for that person, or set another request.user in the session of the one who
    acts.
    """
    if not request.user.is_authenticated or SESSION_KEY not in request.session:
        return False
    return request.session.get(AMR) == IMPERSONATED or session_of(request, request.user) is None


def remember_actor(request: HttpRequest, user: Any) -> None:
    request.session[ACTOR] = [user._meta.pk.value_to_string(user), epoch.auth_hash(user)]


def actor_has_ended(request: HttpRequest) -> bool:
    """Were the sessions of whoever acts for the person ended, or their account?"""
    if request.session.get(AMR) != IMPERSONATED:
        return False
    pk, auth_hash = request.session.get(ACTOR, (None, ""))
    actor: Any = load_backend(request.session[BACKEND_SESSION_KEY]).get_user(pk)
    return actor is None or not constant_time_compare(epoch.auth_hash(actor), auth_hash)


@receiver(user_logged_in, dispatch_uid="twofactor.remember_method")
def remember_method(sender: Any, request: HttpRequest | None, user: TwoFactorUser, **kwargs: Any) -> None:
    """Runs at every login(), whatever code calls it.

    Views that issue tokens send this signal, too, some of them without a request. Then there is no session.
    """
    session = session_of(request, user)
    is_ours = hasattr(request, "twofactor_method")
    if session is not None and not is_ours and gave_code(session, user):
        return  # the same person again: login() empties the session of anyone else
    method = method_of_login(request, user)
    if method == HELD:
        hold_login(request, session, user)
    elif method == NONE and not is_ours:
        note_login(request, {} if session is None else session, user)
    if request is not None and session is not None:
        session[AMR] = method
        session[AUTH_AT] = int(timezone.now().timestamp())
        session.pop(STEP_UP_AT, None)  # of an earlier sign-in
        session.pop(WHILE_OFF, None)
        if method in WITH_PASSWORD:
            session[PASSWORD_AT] = session[AUTH_AT]
        trusted = getattr(request, "twofactor_trusted", None)
        if method == NONE:
            trusted = trusted_browsers.use(request, user, timezone.now(), without_factor=True)
        if trusted:
            session[TRUSTED_BROWSER] = trusted.pk
        store_device(session, request)
        epoch.mark_session(request, user)
    if method in WITHOUT_A_CODE:
        events.record(WITHOUT_A_CODE[method], user, request)


def gave_code(session: Any, user: TwoFactorUser) -> bool:
    method = session.get(AMR)
    return is_factor(method) or (method == methods.CONFIRMED and not enrolled.is_on(user))


def store_device(session: Any, request: HttpRequest) -> None:
    """What the list of devices shows of the browser and where it is."""
    seen = browser_and_address(request)
    session[BROWSER], session[ADDRESS] = seen["browser"], seen["ip_address"]


def session_of(request: HttpRequest | None, user: Any) -> Any:
    """The session that login() has opened for this person, or None."""
    session = getattr(request, "session", None)
    is_open = session is not None and session.get(SESSION_KEY) == user._meta.pk.value_to_string(user)
    return session if is_open else None


def record_last_login(sender: Any, request: HttpRequest | None, user: Any, **kwargs: Any) -> None:
    """In place of Django's receiver: with a code, PendingSignIn.claim() writes the column."""
    if method_of_login(request, user) in WITHOUT_A_CODE:
        update_last_login(sender, user)


def replace_last_login() -> None:
    """In the place of Django's own receiver, whether that is there already or would come later."""
    user_logged_in.disconnect(dispatch_uid="update_last_login")
    user_logged_in.connect(record_last_login, dispatch_uid="update_last_login")


def keep_session(request: HttpRequest, user: Any, method: str) -> None:
    """After a change that ended every session: this one goes on, under a new key, and with its step-up."""
    update_session_auth_hash(request, user)
    epoch.mark_session(request, user)
    request.session[AMR] = method


# A login() of other code, for someone who has a code to give


def hold_login(request: HttpRequest | None, session: Any, user: TwoFactorUser) -> None:
    """Move what login() wrote to another key, so that the session authenticates nobody until the code came.

    Without a session the answer may carry a token: the middleware looks at what is noted on the request.
    """
    store = {} if session is None else session
    store[HELD_LOGIN] = {name: store.pop(name) for name in LOGIN_KEYS if name in store}
    note_login(request, store, user)
    if request is None:
        log.warning("user=%s was signed in without a request, so nobody can ask for their code", user.pk)


def note_login(request: HttpRequest | None, session: Any, user: TwoFactorUser) -> None:
    if request is not None:
        django_request = getattr(request, "_request", request)  # inside the request of DRF
        vars(django_request).setdefault(LOGINS, []).append((session, user))


def has_session(request: HttpRequest) -> bool:
    """To be asked before it is read: reading it makes the page of a stranger vary with every cookie."""
    return not request.session.is_empty()


def is_held(request: HttpRequest) -> bool:
    return has_session(request) and HELD_LOGIN in request.session


def take_held_user(request: HttpRequest) -> Any:
    """End the held session and return its person; None if Django no longer accepts it for them."""
    vars(request).pop(LOGINS, None)
    request.session.update(request.session.pop(HELD_LOGIN))
    user: Any = get_user(request)
    if user.is_authenticated:
        user.backend = request.session[BACKEND_SESSION_KEY]
    request.session.flush()
    return user if user.is_authenticated else None


# At each request


def method_of_session(request: HttpRequest) -> str:
    """For a session from before this app was installed, the database is asked once."""
    if AMR not in request.session:
        if not request.user.is_authenticated:
            return NONE
        request.session[AMR] = method_of_login(request, request.user)
        request.session[AUTH_AT] = int(timezone.now().timestamp())
    method: str = request.session[AMR]
    return method


def method_for_policy(request: HttpRequest) -> str:
    """Of whoever must set up two-factor authentication. A passkey does not stand in for that."""
    return NONE if WHILE_OFF in request.session else request.session.get(AMR, "")


def has_expired(request: HttpRequest) -> bool:
    """After too long without a request, or in all. Stores its use, every SEEN_EVERY."""
    now = int(timezone.now().timestamp())
    began = request.session.get(AUTH_AT, now)
    seen = request.session.get(SEEN_AT, began)
    if request.session.get(AMR) == methods.WAITED and now - began >= conf.setup_age().total_seconds():
        return True  # the link in the mail opens another one
    if now - began >= longest_age().total_seconds() or now - seen >= longest_idle().total_seconds():
        return True
    if now - seen >= SEEN_EVERY:
        request.session[SEEN_AT] = now
        store_device(request.session, request)
    return False
