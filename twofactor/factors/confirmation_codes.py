"""Codes that are sent to people who have no second factor, to confirm that a sign-in is theirs.

What closes codes by email for people with a factor (sent_codes.may_email) is not asked here: there is no
factor that a thief of the mailbox could get around. A text message comes first.
"""

from collections.abc import Iterable
from datetime import datetime
from functools import partial

from twofactor import conf
from twofactor.factors import methods, sent_codes
from twofactor.factors.sent_codes import EMAIL, SMS, Channel
from twofactor.factors.typed_code import TypedCode
from twofactor.limits import allowances
from twofactor.outgoing import sms
from twofactor.users import TwoFactorUser, email_for_codes, email_of

METHODS = methods.CONFIRMING


def find_channels(user: TwoFactorUser) -> list[Channel]:
    """The first is where a code goes without being asked for. An address need not be confirmed."""
    channels = []
    if sms.is_configured() and (phone := sent_codes.find_confirmed_phone(user)):
        channels.append(Channel(SMS, phone.number))
    if conf.site_has_mail() and (address := email_for_codes(user) or email_of(user)):
        channels.append(Channel(EMAIL, address))
    return channels


def read(user: TwoFactorUser, text: str, *, purpose: str, now: datetime, **_asked: object) -> TypedCode:
    code, sent = sent_codes.read_code(user, text, purpose, now, find_channels(user))
    return TypedCode(
        method=methods.CONFIRMED,
        find=partial(sent_codes.find, sent, code),
        wrong=sent_codes.wrong(),
        address=sent[0].target if sent[0].channel == EMAIL else "",
    )


def send(
    user: TwoFactorUser, channel: Channel, purpose: str, address: str, now: datetime, *, again: bool
) -> None:
    """Raises allowances.TooOften, or NotSent. The limits are its own: everyone needs such codes every day."""
    limits: Iterable[allowances.Limit] = [
        allowances.CONFIRMATIONS_RESENT if again else allowances.CONFIRMATIONS_BEGUN,
        allowances.CONFIRMATIONS_A_DAY,
    ]
    own = [
        *sent_codes.charges_of_target(channel, [allowances.CODES_TO_TARGET[0]]),
        *[(limit, user.pk) for limit in limits],
    ]
    network = sent_codes.charges_of_network(allowances.CONFIRMATIONS_FROM_NETWORK, address)
    sent_codes.send_charged(user, channel, purpose, own, network, now)
