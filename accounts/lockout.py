"""Refuses people who have entered too many wrong passwords. django-axes calls what is here.

Of axes, in use are the backend, which asks is_allowed() before it looks at a password, the middleware,
which replaces the answer to a locked sign-in by lockout_response(), and the signals that call the Handler.
Its storage is replaced: axes counts after the password was looked at, so that many requests at once get more
tries than the limit; it stores what was typed; it has no count for browsers that the person has signed in
with before, and so anyone could lock the owner out; and it deletes old rows during someone's sign-in.

The counts that take the place of its storage, and their numbers, are in password_tries.py.
"""

from datetime import datetime
from typing import Any

from axes.backends import AxesBackend
from axes.handlers.base import AxesHandler
from django.db.models.signals import post_save
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts import password_tries, passwords
from accounts.models import User
from accounts.password_tries import COOL_OFF, NEVER, TRIES_PER_BROWSER
from twofactor import events, statements
from twofactor.backends import ModelBackend
from twofactor.clocks import DAY
from twofactor.signals import signed_in_over_api
from twofactor.signin.session import HELD, method_of_login
from twofactor.templatetags.two_factor import wait
from twofactor.users import TwoFactorUser
from twofactor.web.pages import page, seconds_until


class SignInRequest(HttpRequest):
    """What axes and this module store on the request of a sign-in."""

    axes_credentials: dict[str, Any]
    axes_locked_out: bool
    password_try: password_tries.Try | None
    is_last_try: bool
    """After one more wrong password the person has to wait. The form says so."""


class Backend(ModelBackend, AxesBackend):  # type: ignore[misc]  # axes has no types
    """A person who has no try left is refused before the password is looked at. A right one costs no try."""

    def authenticate(
        self, request: HttpRequest | None, username: Any = None, password: Any = None, **kwargs: Any
    ) -> Any:
        AxesBackend.authenticate(self, request, username, password, **kwargs)
        name = password_tries.typed_name({"username": username, **kwargs})
        user = ModelBackend.authenticate(self, request, name, password, **kwargs)
        if user is not None and request is not None:
            password_tries.refund(request)
        return user


class Handler(AxesHandler):  # type: ignore[misc]
    def is_allowed(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        return password_tries.charge(request, credentials or {})

    def is_locked(self, request: HttpRequest, credentials: dict[str, Any] | None = None) -> bool:
        return password_tries.read_counts(request, credentials or {}).locked_until() is not None

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: SignInRequest | None = None, **kwargs: Any
    ) -> None:
        if request is None:
            raise ValueError("authenticate() needs the request: a failure that nobody counts is a free guess")
        request.axes_credentials = credentials
        if getattr(request, "axes_locked_out", False):
            log_attempt("password_locked", request, credentials)
            return  # a refused try does not make the wait longer
        if not getattr(request, "password_try", None):  # another backend was asked, which did not charge
            password_tries.charge(request, credentials)
        paid = password_tries.take_password_try(request)
        counts = paid.counts if paid else password_tries.read_counts(request, credentials)
        request.axes_locked_out = counts.locked_until() is not None
        request.is_last_try = counts.own == TRIES_PER_BROWSER - 1
        kind = "password_locked" if request.axes_locked_out else "password_refused"
        passwords.take_equally_long(log_attempt(kind, request, credentials))

    def post_save_access_attempt(self, instance: Any, **kwargs: Any) -> None:
        """Axes calls it when someone saves a row of its own table, which nothing here uses."""

    post_delete_access_attempt = post_save_access_attempt

    def user_logged_in(self, sender: Any, request: HttpRequest, user: TwoFactorUser, **kwargs: Any) -> None:
        """Only a whole sign-in clears the counts: the login view of another app knows the password alone."""
        if method_of_login(request, user) != HELD:
            password_tries.clear(request, user)

    def reset_attempts(
        self, *, ip_address: str | None = None, username: str | None = None, ip_or_username: bool = False
    ) -> int:
        """For the commands axes_reset, axes_reset_ip, axes_reset_username and axes_reset_ip_username."""
        return password_tries.clear_by_command(username, ip_address, either=ip_or_username)


def log_attempt(kind: str, request: HttpRequest, credentials: dict[str, Any]) -> str:
    """Returns the hash of the person's password, or an empty text.

    Always one query, so that timing does not tell whether the account exists.
    """
    user_id, encoded = key_and_hash(password_tries.typed_name(credentials)) or (None, "")
    events.log_only(kind, user_id, request, method="password")
    return str(encoded)


@statements.row
def key_and_hash(email: str) -> Any:
    return User.objects.filter(email=email).values_list("pk", "password")


@receiver(signed_in_over_api, dispatch_uid="accounts.lockout.clear_after_api")
def clear_after_api(sender: Any, request: HttpRequest, user: TwoFactorUser, **kwargs: Any) -> None:
    password_tries.clear(request, user)


@receiver(post_save, sender=User, dispatch_uid="accounts.lockout.clear_after_new_password")
def clear_after_new_password(sender: Any, instance: User, created: bool, **kwargs: Any) -> None:
    """What strangers tried was the old one.

    _password holds the text of a new password; it is None when Django only hashes the same one anew. Not for
    a new account: signing up with a free address would then take longer than with a taken one.
    """
    if created or instance._password is None:
        return
    password_tries.clear_strangers(instance.email)


def lockout_response(
    request: HttpRequest, original: HttpResponse, credentials: dict[str, Any]
) -> HttpResponse:
    """AXES_LOCKOUT_CALLABLE. The same whether or not there is such a person."""
    until = password_tries.read_counts(request, credentials or {}).locked_until() or timezone.now() + COOL_OFF
    if original.headers.get("Content-Type") == "application/json":
        response: HttpResponse = JsonResponse({"detail": lock_sentence(until), "code": "locked"}, status=429)
    else:
        lock, ends = lock_sentence(until), until < NEVER
        response = page(request, "accounts/locked.html", status=429, sentence=lock, ends=ends)
    response.headers["Retry-After"] = str(seconds_until(min(until, timezone.now() + DAY)))
    return response


def lock_sentence(until: datetime) -> str:
    if until == NEVER:
        return _("The wrong password was entered too many times. Reset your password to sign in again.")
    sentence = _(
        "The wrong password was entered too many times. "
        "You can try again in %(wait)s, at about %(time)s (UTC)."
    )
    return sentence % {"wait": wait(until), "time": f"{until:%H:%M}"}
