"""Is this code theirs? The one place that answers, for sign-in, step-up, turning off, and every other door.

Charge first, verify, then spend: one guess is paid for before it is looked at, and a code is spent by one
UPDATE together with whatever it was spent for.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from twofactor import events, sealing
from twofactor.factors import authenticator_app, backup_codes, code_text, sent_codes
from twofactor.factors.methods import BACKUP, CODES, FACTORS, RECOVERY, SENT, SMS, TOTP
from twofactor.factors.refusal import Refused, in_a_row
from twofactor.limits import guesses
from twofactor.models import Authenticator, Event, SentCode

log = logging.getLogger("countersign.security")
ALSO = {BACKUP: "backup_code_used", RECOVERY: "recovered_by_email"}  # what the person is told of
TELL_AFTER = 3  # wrong codes with the right password, the owner hears of it, and of a right one after them


class Replayed(Refused):
    """The code was right once."""


class Overtaken(Exception):
    """The code was right, but what it was meant for has happened meanwhile."""


@dataclass(frozen=True)
class Typed:
    """What somebody typed, as it is compared."""

    code: str = field(repr=False)
    is_backup: bool = False


# What spends a right code that nobody has spent yet.
Spend = Callable[[datetime], bool]


def accept_code(
    user: AbstractBaseUser,
    text: str,
    request: HttpRequest,
    now: datetime,
    *,
    kinds: frozenset[str] = CODES,
    purpose: str = "",
    claim: Callable[[], bool] = lambda: True,
) -> str:
    """The method that was met; or Refused, budget.Locked, Overtaken.

    The claim is what the code is for: it is made in the transaction that spends the code, so that two right
    codes can not buy the same thing twice.
    """
    authenticator: Authenticator | None = getattr(user, "authenticator", None)
    if authenticator is None:
        raise Overtaken  # turned off in another tab
    typed = read(text, authenticator, kinds)
    sent = still_live(user, purpose, now) if kinds <= SENT else []
    method = method_of(typed, sent)
    try:
        left = guesses.charge(user, now)
    except guesses.Locked:
        events.note("second_factor_locked", user.pk, request, method=method)
        raise
    try:
        spend = find_sent(typed.code, sent) if sent else find(typed, authenticator, now)
    except Refused as refused:  # nothing was guessed
        guesses.refund(user)
        if isinstance(refused, Replayed):
            tell_of_replay(user, request, method, spent=not sent)
        raise
    if spend is None:
        tell_of_wrong_code(user, request, method, left)
        raise Refused(wrong_sent(left) if sent else wrong(typed, left))
    buy(spend, method, user, request, now, claim)
    if left < guesses.FREE_GUESSES - TELL_AFTER:
        events.record("right_after_wrong", user, request)
    return method


def method_of(typed: Typed, sent: list[SentCode]) -> str:
    if sent:
        return RECOVERY if sent[0].channel == sent_codes.EMAIL else SMS
    return BACKUP if typed.is_backup else TOTP


def tell_of_wrong_code(user: AbstractBaseUser, request: HttpRequest, method: str, left: int) -> None:
    kind = "second_factor_refused" if left else "second_factor_locked"
    events.record(kind, user, request, method=method)
    if left <= guesses.FREE_GUESSES - TELL_AFTER:
        events.record("wrong_codes", user, request)


def tell_of_replay(user: AbstractBaseUser, request: HttpRequest, method: str, *, spent: bool) -> None:
    """A spent code from elsewhere: somebody looked over a shoulder, or stands between the person and us."""
    accepted = Event.objects.filter(user_id=user.pk, kind="second_factor_accepted").order_by("-at", "-pk")
    known_from = accepted.values_list("ip_address", flat=True).first()
    events.record("code_replayed", user, request, method=method)
    if spent and known_from and known_from != events.ip_of(request):
        events.record("replayed_elsewhere", user, request)


def buy(
    spend: Spend,
    method: str,
    user: AbstractBaseUser,
    request: HttpRequest,
    now: datetime,
    claim: Callable[[], bool],
) -> None:
    """Spend the code and make the claim, or neither."""
    with transaction.atomic():
        spent = spend(now)
        claimed = spent and claim()
        if claimed:
            guesses.reset_after_success(user, with_factor=method in FACTORS)
            events.record("second_factor_accepted", user, request, method=method)
            if method in ALSO:
                events.record(ALSO[method], user, request)
        else:
            transaction.set_rollback(True)
    if not claimed:
        guesses.refund(user)
        raise Overtaken if spent else replayed(method)


def read(text: str, authenticator: Authenticator, kinds: frozenset[str]) -> Typed:
    """Slips of the hand cost no guess."""
    code = code_text.compact(text)
    digits = sent_codes.DIGITS if kinds <= SENT else authenticator.digits
    alone = kinds == {BACKUP}
    if not code:
        raise Refused(_("Enter the code"))
    if not alone and code_text.is_digits(code) and len(code) == digits:
        return Typed(code)
    if BACKUP in kinds and (backup := backup_codes.read(authenticator.user, text, alone=alone)):
        return Typed(backup, is_backup=True)
    if alone:
        raise Refused(_("A backup code has 15 letters and numbers, like ABCDE-12345-FGHJK"), keep=True)
    rule = _("The code must be %(digits)d numbers") % {"digits": digits}
    if code_text.read_backup_code(text):
        raise Refused(
            _("That looks like a backup code. Enter the code from your authenticator app"), keep=True
        )
    if not code_text.is_digits(code):
        raise Refused(rule, keep=True)
    many = len(code) > digits
    slip = _("You have entered too many numbers") if many else _("You have entered too few numbers")
    raise Refused(in_a_row([slip, rule]), keep=True)


def find(typed: Typed, authenticator: Authenticator, now: datetime) -> Spend | None:
    """A right code, or none; a right one that was spent before is Refused."""
    if typed.is_backup:
        row = backup_codes.find(authenticator.user, typed.code, now)
        if row is not None and row.used_at:
            raise replayed(BACKUP)
        return (lambda at: backup_codes.spend(row, at)) if row else None
    try:
        step = authenticator_app.step_of(authenticator, typed.code, now)
    except sealing.Unopenable:  # never a reason to let anybody in with the password alone
        log.error("the key of user=%s does not open", authenticator.user_id)
        raise Refused(_("Your authenticator app cannot be checked at the moment. Try another way")) from None
    if step is not None and step <= authenticator.last_step:
        raise replayed(TOTP)
    return (lambda at: authenticator_app.spend(authenticator, step, at)) if step is not None else None


def still_live(user: AbstractBaseUser, purpose: str, now: datetime) -> list[SentCode]:
    """The codes that were sent for this in the last ten minutes, newest first.

    None of them works where no code would be sent any more: the address may be another one by now.
    """
    sent = sent_codes.recent(user, purpose, now)
    if not sent or sent[0].used_at or sent_codes.target_of(sent[0]) not in sent_codes.channels(user, now):
        raise Refused(_("That code has expired. Ask for a new one"))
    return sent


def find_sent(code: str, sent: list[SentCode]) -> Spend | None:
    newest, *older = sent
    if not sent_codes.charge(newest):
        raise Refused(_("That code has had too many wrong tries. Ask for a new one"))
    if sent_codes.is_code_of(newest, code):
        return lambda at: sent_codes.spend(newest, at)
    if any(sent_codes.is_code_of(earlier, code) for earlier in older):
        at = timezone.localtime(newest.sent_at)
        raise Replayed(_("We sent a newer code at %(time)s. Enter that one") % {"time": f"{at:%H:%M}"})
    return None


def replayed(method: str) -> Replayed:
    if method == BACKUP:
        return Replayed(_("You have already used that backup code. Each one works once"))
    return Replayed(_("You have already used that code. Wait for a new one"))


def wrong(typed: Typed, left: int) -> str:
    """The same for every code: advice for some would tell that a code will be right at another moment."""
    if typed.is_backup:
        sentences = [_("The backup code is not correct. Check it and try again")]
    else:
        sentences = [
            _("The code is not correct. Wait for your app to show a new code, then try again"),
            _("Check that your phone sets its time automatically"),
        ]
    return in_a_row([*sentences, *warning(left)])


def wrong_sent(left: int) -> str:
    sentence = _("The code is not correct or has expired. Check your latest message or ask for a new code")
    return in_a_row([sentence, *warning(left)])


def warning(left: int) -> list[str]:
    if left == 0:
        return [_("You have to wait a little before you can try again")]
    return [_("After 1 more wrong code you have to wait before you can try again")] if left == 1 else []
