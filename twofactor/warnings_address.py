"""The second email address of a person, for warnings only (models.WarningsAddress)."""

from datetime import datetime

from django.http import HttpRequest
from django.utils.translation import gettext as _

from twofactor import conf, events, sealing
from twofactor.factors import code_text, sent_codes
from twofactor.factors.refusal import Changed, Refused
from twofactor.factors.sent_codes import EMAIL, Channel
from twofactor.models import WarningsAddress
from twofactor.users import TwoFactorUser


def is_offered() -> bool:
    return conf.site_has_mail()


def find(user: TwoFactorUser) -> WarningsAddress | None:
    return WarningsAddress.objects.filter(pk=user.pk).first()


def confirmed(user: TwoFactorUser) -> str:
    """Read once for a user, or together with them."""
    row: WarningsAddress | None = getattr(user, "twofactor_warnings", None)
    return row.address if row and row.confirmed_at else ""


def purpose(address: str) -> str:
    """Of the codes that confirm it: the column is short."""
    return f"warnings:{sealing.fingerprint('target', address)[9:33]}"


def send_code(user: TwoFactorUser, address: str, client: str, now: datetime) -> None:
    """Raises allowances.TooOften, or sent_codes.NotSent."""
    sent_codes.send(user, Channel(EMAIL, address), purpose(address), client, now)
    WarningsAddress.objects.update_or_create(pk=user.pk, defaults={"new_address": address})


def confirm(user: TwoFactorUser, text: str, request: HttpRequest, now: datetime) -> None:
    """Replaces the address by the new one, if this is the code that was sent there. Both are told."""
    code = code_text.require_text(text)
    row = WarningsAddress.objects.get(pk=user.pk)
    sent = sent_codes.find_recent(user, purpose(row.new_address), now)
    if not sent or not sent_codes.charge_try(sent[0]):
        raise Refused(_("That code has expired. Ask for a new one."))
    with events.atomic():
        if not sent_codes.is_code(sent[0], code) or not sent_codes.spend(sent[0], now):
            raise Refused(_("The code is not correct."), _("Check your latest message."))
        same = WarningsAddress.objects.filter(pk=user.pk, new_address=row.new_address)
        if not same.update(address=row.new_address, new_address="", confirmed_at=now):
            raise Changed
        before = [row.address] if row.confirmed_at else []
        events.record("warnings_address_changed", user, request, also_to=before)


def remove(user: TwoFactorUser, request: HttpRequest) -> None:
    with events.atomic():
        before = confirmed(user)
        if not WarningsAddress.objects.filter(pk=user.pk).delete()[0]:
            raise Changed
        events.record("warnings_address_changed", user, request, also_to=filter(None, [before]))
