"""What went wrong, as {"detail", "code"}: a sentence for the person, a word for the program."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, Throttled, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

from twofactor import enrolment
from twofactor.api import tokens
from twofactor.factors import sent_codes
from twofactor.factors.accept import Overtaken
from twofactor.factors.refusal import Refused
from twofactor.limits import allowances, guesses
from twofactor.middleware import A_DAY
from twofactor.signin.pending import Gone
from twofactor.templatetags.two_factor import wait, why_locked
from twofactor.web.pages import seconds_until

RETRY_SECONDS = 30


class Problem(Exception):
    """What only the API has to say."""

    def __init__(self, sentence: Any, code: str, status: int = 400) -> None:
        self.sentence, self.code, self.status = sentence, code, status


def answer(status: int, code: str, sentence: Any, retry_after: int | None = None, **more: Any) -> Response:
    headers = {"Retry-After": str(retry_after)} if retry_after else {}
    return Response({"detail": str(sentence), "code": code, **more}, status=status, headers=headers)


def to(failure: Exception, context: dict[str, Any]) -> Response | None:
    """None: a mistake of ours, which Django reports."""
    if isinstance(failure, ValidationError):
        return fields(failure)
    for kind, say in SAYINGS.items():
        if isinstance(failure, kind):
            return say(failure)
    found = exception_handler(failure, context)
    if found is not None and isinstance(failure, APIException):
        found.data = {"detail": str(failure.detail), "code": failure.get_codes()}
    return found


def fields(failure: ValidationError) -> Response:
    """Each field with its sentences; the first of them stands for all."""
    assert isinstance(failure.detail, dict)  # noqa: S101 - what serializers of ours raise
    found = {name: [str(sentence) for sentence in said] for name, said in failure.detail.items()}
    return answer(400, "invalid", next(iter(found.values()))[0], fields=found)


def locked(lock: guesses.Locked) -> Response:
    seconds = seconds_until(lock.until) if lock.until else A_DAY
    return answer(429, "locked", why_locked(lock), seconds)


def too_often(until: datetime) -> Response:
    sentence = _("You can try again in %(wait)s, at about %(time)s (UTC). Nothing has been changed.")
    said = sentence % {"wait": wait(until), "time": f"{until:%H:%M}"}
    return answer(429, "too_often", said, seconds_until(until))


def throttled(failure: Throttled) -> Response:
    return answer(429, "throttled", failure.detail, int(getattr(failure, "wait", None) or 1))


SAYINGS: dict[type[Exception], Callable[[Any], Response]] = {
    Problem: lambda problem: answer(problem.status, problem.code, problem.sentence),
    Refused: lambda refused: answer(400, "code_refused", refused.sentence),
    Throttled: throttled,
    guesses.Locked: locked,
    allowances.TooOften: lambda refused: too_often(refused.until),
    sent_codes.NotSent: lambda refused: answer(
        503,
        "not_sent",
        _("The message could not be sent. Try another way, or try again in a few minutes."),
        RETRY_SECONDS,
    ),
    Gone: lambda gone: answer(400, "challenge_over", _("This sign-in is over. Give your password again.")),
    enrolment.Unconfirmed: lambda refused: answer(
        403,
        "address_not_confirmed",
        _("Confirm your email address first. Then you can set up two-factor authentication."),
    ),
    enrolment.Changed: lambda changed: answer(409, "changed", _("This has changed meanwhile")),
    Overtaken: lambda changed: answer(409, "changed", _("This has changed meanwhile")),
    tokens.Dead: lambda dead: answer(401, "token_not_valid", _("You were signed out. Sign in to carry on.")),
}
