"""Codes that are sent: by e-mail to whoever lost the authenticator, by text message where it is set up."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from twofactor import conf, events, limits, sealing
from twofactor.factors import code_text, methods
from twofactor.factors.refusal import Refused, Replayed
from twofactor.factors.typed_code import Spend, TypedCode
from twofactor.limits import allowances
from twofactor.models import Phone, SentCode
from twofactor.outgoing import mail, sms
from twofactor.sessions import credential_digests, epoch
from twofactor.users import email_of, is_staff
from twofactor.web.client_address import has_address

METHODS = methods.SENT
EMAIL = "email"
SMS = "sms"
DIGITS = 6
MAX_AGE = timedelta(minutes=10)
TRIES = 5
PURPOSE = "sent code"


def read(user: Any, text: str, *, purpose: str, now: datetime, **_asked: object) -> TypedCode:
    """One of those that were sent for this purpose in the last ten minutes.

    None of them works where no code would be sent any more: the address may be another one by now.
    """
    code = code_text.read_digits(text, DIGITS)
    sent = recent(user, purpose, now)
    if not sent or sent[0].used_at or target_of(sent[0]) not in channels(user, now):
        raise Refused(_("That code has expired. Ask for a new one"))
    by_email = sent[0].channel == EMAIL
    return TypedCode(
        method=methods.RECOVERY if by_email else methods.SMS,
        find=partial(find, sent, code),
        wrong=[_("The code is not correct or has expired. Check your latest message or ask for a new code")],
        notice="recovered_by_email" if by_email else "",
    )


def find(sent: list[SentCode], code: str, _now: datetime) -> Spend | None:
    newest, *older = sent
    if not charge(newest):
        raise Refused(_("That code has had too many wrong tries. Ask for a new one"))
    if is_code_of(newest, code):
        return partial(spend, newest)
    if any(is_code_of(earlier, code) for earlier in older):
        at = timezone.localtime(newest.sent_at)
        sentence = _("We sent a newer code at %(time)s. Enter that one") % {"time": f"{at:%H:%M}"}
        raise Replayed(sentence, was_spent=False)
    return None


class NotSent(Exception):
    """Nothing arrived, and nothing was counted."""


@dataclass(frozen=True)
class Channel:
    kind: str
    target: str

    @property
    def masked(self) -> str:
        return masked_address(self.target) if self.kind == EMAIL else masked_number(self.target)


def masked_address(address: str) -> str:
    name, _at, domain = address.partition("@")
    return f"{name[:1]}•••{name[-1:] if len(name) > 2 else ''}@{domain}"


def masked_number(number: str) -> str:
    return f"••• {number[-2:]}"


def channels(user: Any, now: datetime) -> list[Channel]:
    """What this person can have a code sent to, by the rules that keep two factors two."""
    found = []
    if email_allowed(user, now):
        found.append(Channel(EMAIL, email_of(user)))
    if sms.is_configured() and (phone := confirmed_phone(user)):
        found.append(Channel(SMS, phone.number))
    return found


def target_of(sent: SentCode) -> Channel:
    return Channel(sent.channel, sent.target)


def confirmed_phone(user: Any) -> Phone | None:
    return Phone.objects.filter(pk=user.pk).exclude(verified_at=None).first()


def email_allowed(user: Any, now: datetime) -> bool:
    """Not to an address nobody confirmed, nor with a password or address newer than the last factor given.

    Whoever reads the mail may have set either with it.
    """
    rule = conf.email_fallback()
    allowed = rule == "everyone" or (rule == "not-staff" and not is_staff(user))
    if (
        not allowed
        or not mail.site_has_mail()
        or not email_of(user)
        or not epoch.security_record(user).email_verified_at
    ):
        return False
    return credential_digests.are_unchanged(user, getattr(user, "guess_budget", None))


def send(
    user: Any,
    channel: Channel,
    purpose: str,
    address: str,
    now: datetime,
    also: Iterable[allowances.Charge] = (),
) -> None:
    """Counted before it is sent; a failed send gives back what it cost the person. Or TooOften, NotSent."""
    target = sealing.fingerprint("target", channel.target)[:24]
    # The narrowest first: whoever is refused by it holds nothing, not even for a moment, that others share.
    mine = [
        *[(limit, target) for limit in limits.CODES_TO_TARGET],
        *also,
        *[(limit, user.pk) for limit in limits.CODES_TO_PERSON],
    ]
    here = [(limits.CODES_FROM_NETWORK, address)] if has_address(address) else []
    allowances.take_all([*mine, *here], now)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    if not deliver(user, channel, code):
        allowances.give_back_all(mine)
        raise NotSent
    SentCode.objects.create(
        user_id=user.pk,
        purpose=purpose,
        channel=channel.kind,
        target=channel.target,
        digest=sealing.fingerprint(PURPOSE, f"{user.pk}:{purpose}:{code}"),
        sent_at=now,
    )


def deliver(user: Any, channel: Channel, code: str) -> bool:
    language = getattr(user, "language", "")
    if channel.kind == EMAIL:
        return mail.send("twofactor/mail/code", channel.target, language, code=code)
    return by_sms(channel.target, code, mail.spoken(language))


def by_sms(number: str, code: str, language: str) -> bool:
    """The last line lets a phone offer the code on this site only."""
    with translation.override(language):
        sentence = _("%(code)s is your %(site)s security code") % {"code": code, "site": mail.site_name()}
    try:
        sms.send(number, f"{sentence}\n\n@{urlsplit(mail.base_url()).hostname} #{code}")
    except sms.NotSent:
        return False
    return True


def newest(user: Any, purpose: str) -> SentCode | None:
    return SentCode.objects.filter(user_id=user.pk, purpose=purpose).order_by("-id").first()


def recent(user: Any, purpose: str, now: datetime) -> list[SentCode]:
    mine = SentCode.objects.filter(user_id=user.pk, purpose=purpose, sent_at__gt=now - MAX_AGE)
    return list(mine.order_by("-id"))


def is_code_of(sent: SentCode, code: str) -> bool:
    return sealing.has_fingerprint(PURPOSE, f"{sent.user_id}:{sent.purpose}:{code}", sent.digest)


def charge(sent: SentCode) -> bool:
    """Five tries, then it is void."""
    live = SentCode.objects.filter(pk=sent.pk, tries__lt=TRIES, used_at=None)
    return live.update(tries=F("tries") + 1) == 1


def spend(sent: SentCode, now: datetime) -> bool:
    return SentCode.objects.filter(pk=sent.pk, used_at=None).update(used_at=now) == 1


def send_to_new_number(user: Any, number: str, address: str, now: datetime) -> None:
    send(user, Channel(SMS, number), f"phone:{number}", address, now)
    Phone.objects.update_or_create(pk=user.pk, defaults={"new_number": number})


def verify_number(user: Any, text: str, request: HttpRequest, now: datetime) -> None:
    """The code that was sent to the new number makes it the number."""
    code = code_text.compact(text)
    if not code:
        raise Refused(_("Enter the code"))
    phone = Phone.objects.get(pk=user.pk)
    sent = recent(user, f"phone:{phone.new_number}", now)
    if not sent or not charge(sent[0]):
        raise Refused(_("That code has expired. Ask for a new one"))
    with events.atomic():
        if not is_code_of(sent[0], code) or not spend(sent[0], now):
            raise Refused(_("The code is not correct. Check your latest message"))
        Phone.objects.filter(pk=user.pk, new_number=phone.new_number).update(
            number=phone.new_number, new_number="", verified_at=now
        )
        events.record("phone_changed", user, request)
