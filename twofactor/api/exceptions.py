"""Turns every failure into {"detail", "code"}: a sentence for the person, a constant for the program."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import views
from rest_framework.exceptions import APIException, Throttled, ValidationError
from rest_framework.response import Response

from twofactor import devices, drafts, factor_changes
from twofactor.api import tokens
from twofactor.factors import sent_codes
from twofactor.factors.accept import Overtaken
from twofactor.factors.refusal import Changed, Refused
from twofactor.limits import allowances, guesses
from twofactor.middleware import A_DAY
from twofactor.signin.pending import Gone
from twofactor.templatetags.two_factor import wait, why_locked
from twofactor.web.pages import seconds_until

RETRY_SECONDS = 30


class ApiError(Exception):
    """A refusal that only the API has; raised by its views."""

    def __init__(self, sentence: Any, code: str, status: int = 400) -> None:
        self.sentence, self.code, self.status = sentence, code, status


def error_response(
    status: int, code: str, sentence: Any, retry_after: int | None = None, **more: Any
) -> Response:
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    return Response({"detail": str(sentence), "code": code, **more}, status=status, headers=headers)


def exception_handler(exc: Exception, context: dict[str, Any]) -> Response | None:
    """None for an exception that nobody expected: Django then reports it as an error of the server."""
    if isinstance(exc, ValidationError):
        return validation_error(exc)
    for kind, to_response in RESPONSES.items():
        if isinstance(exc, kind):
            return to_response(exc)
    response = views.exception_handler(exc, context)
    if response is not None and isinstance(exc, APIException):
        response.data = {"detail": str(exc.detail), "code": exc.get_codes()}
    return response


def validation_error(exc: ValidationError) -> Response:
    """`fields` has the sentences of each field; `detail` is the first of them all."""
    assert isinstance(exc.detail, dict)  # noqa: S101 - the serializers of this API raise no list
    fields = {name: [str(sentence) for sentence in errors] for name, errors in exc.detail.items()}
    return error_response(400, "invalid", next(iter(fields.values()))[0], fields=fields)


def locked(exc: guesses.Locked) -> Response:
    seconds = seconds_until(exc.until) if exc.until else A_DAY
    return error_response(429, "locked", why_locked(exc), seconds)


def too_often(until: datetime) -> Response:
    sentence = _("You can try again in %(wait)s, at about %(time)s (UTC). Nothing has been changed.")
    words = {"wait": wait(until), "time": f"{until:%H:%M}"}
    return error_response(429, "too_often", sentence % words, seconds_until(until))


def throttled(exc: Throttled) -> Response:
    return error_response(429, "throttled", exc.detail, int(getattr(exc, "wait", None) or 1))


def changed(exc: Exception) -> Response:
    return error_response(
        409,
        "changed",
        _("This was changed in another tab or on another device. Nothing has been changed here."),
    )


RESPONSES: dict[type[Exception], Callable[[Any], Response]] = {
    ApiError: lambda exc: error_response(exc.status, exc.code, exc.sentence),
    factor_changes.LastFactor: lambda exc: error_response(409, "last_factor", exc.sentence),
    factor_changes.Required: lambda exc: error_response(409, "required", exc.sentence),
    Refused: lambda exc: error_response(400, "code_refused", exc.sentence),
    Throttled: throttled,
    guesses.Locked: locked,
    allowances.TooOften: lambda exc: too_often(exc.until),
    sent_codes.NotSent: lambda exc: error_response(503, "not_sent", sent_codes.NOT_SENT, RETRY_SECONDS),
    Gone: lambda exc: error_response(
        400, "challenge_over", _("This sign-in has ended. Enter your password again.")
    ),
    drafts.Unconfirmed: lambda exc: error_response(
        403,
        "address_not_confirmed",
        _("Confirm your email address first. Then you can set up two-factor authentication."),
    ),
    Changed: changed,
    devices.AlreadyEnded: changed,
    Overtaken: changed,
    tokens.InvalidToken: lambda exc: error_response(401, "token_not_valid", tokens.SIGNED_OUT),
}
