"""Codes that we send: by email, for a person who lost the app, or by text message to a phone."""

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from urllib.parse import urlsplit

from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from twofactor import conf, events, sealing
from twofactor.factors import code_text, methods
from twofactor.factors.refusal import Refused, Replayed
from twofactor.factors.typed_code import Match, TypedCode
from twofactor.limits import allowances
from twofactor.models import Phone, SentCode
from twofactor.outgoing import mail, sms
from twofactor.sessions import credential_digests, epoch
from twofactor.users import TwoFactorUser, email_for_codes, is_staff
from twofactor.web.client_address import has_address

METHODS = methods.SENT
EMAIL = "email"
SMS = "sms"
DIGITS = 6
MAX_TRIES = 5  # of one code
PURPOSE = "sent code"
NOT_SENT = gettext_lazy("We couldn't send the message. Try another way, or try again in a few minutes.")


class NotSent(Exception):
    """The message could not be sent. It does not count for the person's limits."""


@dataclass(frozen=True)
class Channel:
    kind: str
    target: str

    @property
    def masked(self) -> str:
        return mask_address(self.target) if self.kind == EMAIL else mask_number(self.target)


def read(user: TwoFactorUser, text: str, *, purpose: str, now: datetime, **_asked: object) -> TypedCode:
    code, sent = read_code(user, text, purpose, now, find_channels(user))
    by_email = sent[0].channel == EMAIL
    return TypedCode(
        method=methods.RECOVERY if by_email else methods.SMS,
        find=partial(find, sent, code),
        wrong=wrong(),
        notice="recovered_by_email" if by_email else "",
    )


def read_code(
    user: TwoFactorUser, text: str, purpose: str, now: datetime, channels: list[Channel]
) -> tuple[str, list[SentCode]]:
    """Raises Refused if no code was sent for this purpose within its time, or if it was used.

    Raises it too if no new code could be sent there: the person's address may have changed meanwhile.
    """
    code = code_text.read_digits(text, {DIGITS})
    sent = find_recent(user, purpose, now)
    if not sent or sent[0].used_at or channel_of(sent[0]) not in channels:
        raise Refused(_("That code has expired. Ask for a new one."))
    return code, sent


def wrong() -> list[str]:
    return [
        _("The code is not correct or has expired."),
        _("Check your latest message or ask for a new code."),
    ]


def find(sent: list[SentCode], code: str, _now: datetime) -> Match | None:
    newest, *older = sent
    if not charge_try(newest):
        raise Refused(_("You entered the wrong code too many times. Ask for a new one."))
    if is_code(newest, code):
        return Match(partial(spend, newest))
    if any(is_code(earlier, code) for earlier in older):
        at = timezone.localtime(newest.sent_at)
        sentence = _("We sent a newer code at %(time)s. Enter that one.") % {"time": f"{at:%H:%M}"}
        raise Replayed(sentence, was_spent=False)
    return None


def mask_address(address: str) -> str:
    name, _at, domain = address.partition("@")
    return f"{name[:1]}•••{name[-1:] if len(name) > 2 else ''}@{domain}"


def mask_number(number: str) -> str:
    return f"••• {number[-2:]}"


def find_channels(user: TwoFactorUser) -> list[Channel]:
    """Where this person can have a code sent to now."""
    channels = []
    if may_email(user):
        channels.append(Channel(EMAIL, email_for_codes(user)))
    if sms.is_configured() and (phone := find_confirmed_phone(user)):
        channels.append(Channel(SMS, phone.number))
    return channels


def channel_of(sent: SentCode) -> Channel:
    return Channel(sent.channel, sent.target)


def find_confirmed_phone(user: TwoFactorUser) -> Phone | None:
    """Read once for a user, or together with them."""
    phone: Phone | None = getattr(user, "twofactor_phone", None)
    return phone if phone and phone.verified_at else None


def may_email(user: TwoFactorUser) -> bool:
    """Only to a confirmed address, and only if a factor was given since password and address were last set.

    Otherwise a thief who reads the mail could set a new password with it, and then get the code too.
    """
    rule = conf.email_fallback()
    return (
        (rule == conf.EVERYONE or (rule == conf.NOT_STAFF and not is_staff(user)))
        and conf.site_has_mail()
        and shut_until(user) is None
        and has_confirmed_email(user)
        and credential_digests.are_unchanged(user, getattr(user, "guess_budget", None))
    )


def has_confirmed_email(user: TwoFactorUser) -> bool:
    if not email_for_codes(user):
        return False
    return conf.confirmed_email() is not None or epoch.security_record(user).email_verified_at is not None


def shut_until(user: TwoFactorUser) -> datetime | None:
    """Until when no code goes out by email, because the person has said "this wasn't me" (not_me.py)."""
    two_factor = getattr(user, "two_factor", None)
    until: datetime | None = two_factor and two_factor.recovery_shut_until
    return until if until and until > timezone.now() else None


def send(
    user: TwoFactorUser,
    channel: Channel,
    purpose: str,
    address: str,
    now: datetime,
    also: Iterable[allowances.Charge] = (),
) -> None:
    """Raises allowances.TooOften, or NotSent. Charged before it is sent."""
    own = [
        *charges_of_target(channel, allowances.CODES_TO_TARGET),
        *also,
        *[(limit, user.pk) for limit in allowances.CODES_TO_PERSON],
    ]
    send_charged(user, channel, purpose, own, charges_of_network(allowances.CODES_FROM_NETWORK, address), now)


def charges_of_target(channel: Channel, limits: Iterable[allowances.Limit]) -> list[allowances.Charge]:
    target = sealing.fingerprint("target", channel.target)[:24]
    return [(limit, target) for limit in limits]


def charges_of_network(limit: allowances.Limit, address: str) -> list[allowances.Charge]:
    return [(limit, address)] if has_address(address) else []


def send_charged(
    user: TwoFactorUser,
    channel: Channel,
    purpose: str,
    own: list[allowances.Charge],
    network: list[allowances.Charge],
    now: datetime,
) -> None:
    """A failed send is refunded, except in the limit of the network.

    The narrowest limits come first: a refused request never waits for, or holds, those that others share.
    """
    allowances.charge_all([*own, *network], now)
    code = f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"
    if not deliver(user, channel, code):
        allowances.refund_all(own)
        raise NotSent
    SentCode.objects.create(
        user_id=user.pk,
        purpose=purpose,
        channel=channel.kind,
        target=channel.target,
        digest=sealing.fingerprint(PURPOSE, f"{user.pk}:{purpose}:{code}"),
        sent_at=now,
    )


def deliver(user: TwoFactorUser, channel: Channel, code: str) -> bool:
    language = getattr(user, "language", "")
    if channel.kind == EMAIL:
        return mail.send(
            "twofactor/mail/code", channel.target, language, code=code, max_age=conf.sent_code_age()
        )
    return deliver_by_sms(channel.target, code, mail.language_for(language))


def deliver_by_sms(number: str, code: str, language: str) -> bool:
    """Its last line lets the phone fill in the code, on this site only."""
    with translation.override(language):
        sentence = _("%(code)s is your %(site)s security code") % {"code": code, "site": conf.site_name()}
    try:
        sms.send(number, f"{sentence}\n\n@{urlsplit(conf.base_url()).hostname} #{code}")
    except sms.NotSent:
        return False
    return True


def find_newest(user: TwoFactorUser, purpose: str) -> SentCode | None:
    return SentCode.objects.filter(user_id=user.pk, purpose=purpose).order_by("-id").first()


def find_recent(user: TwoFactorUser, purpose: str, now: datetime) -> list[SentCode]:
    """The newest first."""
    sent = SentCode.objects.filter(user_id=user.pk, purpose=purpose, sent_at__gt=now - conf.sent_code_age())
    return list(sent.order_by("-id"))


def is_code(sent: SentCode, code: str) -> bool:
    return sealing.has_fingerprint(PURPOSE, f"{sent.user_id}:{sent.purpose}:{code}", sent.digest)


def charge_try(sent: SentCode) -> bool:
    """False once it has had all its tries, or was used. One UPDATE decides."""
    live = SentCode.objects.filter(pk=sent.pk, tries__lt=MAX_TRIES, used_at=None)
    return live.update(tries=F("tries") + 1) == 1


def spend(sent: SentCode, now: datetime) -> bool:
    return SentCode.objects.filter(pk=sent.pk, used_at=None).update(used_at=now) == 1


def send_to_new_number(user: TwoFactorUser, number: str, address: str, now: datetime) -> None:
    send(user, Channel(SMS, number), f"phone:{number}", address, now)
    with events.atomic():
        Phone.objects.update_or_create(pk=user.pk, defaults={"new_number": number})


def verify_number(user: TwoFactorUser, text: str, request: HttpRequest, now: datetime) -> None:
    """Replaces the person's number by the new one, if this is the code that was sent to it."""
    code = code_text.require_text(text)
    phone = Phone.objects.get(pk=user.pk)
    sent = find_recent(user, f"phone:{phone.new_number}", now)
    if not sent or not charge_try(sent[0]):
        raise Refused(_("That code has expired. Ask for a new one."))
    with events.atomic():
        if not is_code(sent[0], code) or not spend(sent[0], now):
            raise Refused(_("The code is not correct."), _("Check your latest message."))
        Phone.objects.filter(pk=user.pk, new_number=phone.new_number).update(
            number=phone.new_number, new_number="", verified_at=now
        )
        events.record("phone_changed", user, request)
