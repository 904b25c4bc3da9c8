"""Codes of authenticator apps. Each row keeps a sealed key, and the last time step that was used."""

import logging
from datetime import datetime
from functools import partial
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from twofactor import sealing, statements
from twofactor.factors import code_text, totp
from twofactor.factors.methods import TOTP
from twofactor.factors.refusal import Refused, Replayed
from twofactor.factors.typed_code import Match, TypedCode
from twofactor.models import Authenticator
from twofactor.users import TwoFactorUser, may_be_joined

log = logging.getLogger("countersign.security")
METHODS = frozenset({TOTP})
APPS = "_twofactor_apps"  # the attribute of a person for their apps, if they were read together


def read(user: TwoFactorUser, text: str, **_asked: object) -> TypedCode:
    apps = apps_of_person(user)
    if not apps:
        raise Refused(_("You have no authenticator app. Try another way."))
    code = code_text.read_digits(text, {app.digits for app in apps})
    return TypedCode(
        method=TOTP,
        find=partial(find, [app for app in apps if app.digits == len(code)], code),
        wrong=wrong(),
        is_compared_at_once=True,
    )


def wrong() -> list[str]:
    """The problem, then advice."""
    return [
        _("The code is not correct."),
        _("Wait for your app to show a new code, then try again."),
        _("Check that your phone sets its time automatically."),
    ]


def apps_of_person(user: TwoFactorUser) -> list[Authenticator]:
    """The oldest first. No query, if they were read together with the person."""
    return getattr(user, APPS, None) or all_apps(user.pk)


@statements.rows
def all_apps(user_id: Any) -> Any:
    return Authenticator.objects.filter(user_id=user_id).order_by("added_at", "pk")


@statements.rows
def apps_with_person(user_id: Any) -> Any:
    apps = Authenticator.objects.filter(user_id=user_id).order_by("added_at", "pk")
    return apps.select_related("user__two_factor", "user__guess_budget")


def read_person_with_apps(user_id: Any) -> Any:
    """In one query. None for a person without an app, or whom a manager of the site may hide."""
    apps = apps_with_person(user_id) if may_be_joined(Authenticator) else []
    if not apps:
        return None
    person = apps[0].user
    vars(person)[APPS] = apps
    return person


def find(apps: list[Authenticator], code: str, now: datetime) -> Match | None:
    unopened, used = 0, None
    for app in apps:
        try:
            step = find_step(app, code, now)
        except sealing.UnsealError:  # never a reason to let anyone in with the password alone
            log.error("the key of authenticator=%s of user=%s does not open", app.pk, app.user_id)
            unopened += 1
            continue
        if step is not None and step > app.last_step:
            return Match(partial(spend, app, step), app, partial(already_used, app, step, now))
        used = app if step is not None else used
    if used is not None:
        raise already_used(used, used.last_step, now)
    if unopened == len(apps):
        raise Refused(_("We can't check codes from your authenticator app at the moment. Try another way."))
    return None


def already_used(app: Authenticator, last_step: int, now: datetime) -> Replayed:
    """Says when the app shows the next code that can be used."""
    seconds = app.t0 + (last_step + 1) * app.period - int(now.timestamp())
    if seconds <= 0:
        return Replayed(_("You've already used that code. Enter the one your app shows now."))
    seconds = min(seconds, app.period)  # more only if the phone's clock is ahead, and then it is sooner there
    sentence = ngettext(
        "You've already used that code. Your app will show a new one in %(count)d second.",
        "You've already used that code. Your app will show a new one in %(count)d seconds.",
        seconds,
    )
    return Replayed(sentence % {"count": seconds})


def seal_key(row: Authenticator, key: str, now: datetime) -> None:
    row.sealed_key = sealing.seal(row.PURPOSE, sealing.owner_of(row.user_id), key, now)


def open_key(row: Authenticator, now: datetime) -> str:
    key: str = sealing.unseal(row.PURPOSE, sealing.owner_of(row.user_id), row.sealed_key, now)
    return key


def opens(row: Authenticator, now: datetime) -> bool:
    try:
        open_key(row, now)
    except sealing.UnsealError:
        return False
    return True


def find_step(row: Authenticator, code: str, now: datetime) -> int | None:
    """The time step whose code this is, or None. Raises sealing.UnsealError if the key does not open."""
    return totp.matching_step(
        open_key(row, now),
        code,
        now,
        digits=row.digits,
        period=row.period,
        t0=row.t0,
        drift=row.drift,
    )


def spend(row: Authenticator, step: int, now: datetime) -> bool:
    """One UPDATE decides, so that of two requests with the same code one loses."""
    return spend_step(row.pk, step, now) == 1


@statements.update
def spend_step(pk: int, step: int, now: datetime) -> Any:
    return Authenticator.objects.filter(pk=pk, last_step__lt=step), {"last_step": step, "last_used_at": now}
