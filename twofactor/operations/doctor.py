"""Looks at a running site for what the system checks cannot see: the clock, the mail, the keys, the timers.

Each check returns one finding. What none of them can see stands in NOT_SEEN.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core import checks
from django.core.handlers.base import BaseHandler
from django.db import DatabaseError, connections, router
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.test.client import RequestFactory
from django.utils import timezone

from twofactor import conf, ip, sealing
from twofactor.clocks import CLOCKS_APART, DAY, MINUTE
from twofactor.models import Event
from twofactor.operations import prune, restored, rotate_keys
from twofactor.outgoing import mail, outbox, sms
from twofactor.web.client_address import remote_address

LETTER_WAITS_FOR = 15 * MINUTE  # longer, and nothing sends it
PRUNED_EVERY = 2 * DAY  # one night may be left out
ADDRESSES_ASKED = 50  # of the newest events
FEW_EVENTS = 20  # so many from one address may be one person
NAMES_SHOWN = 20
NOWHERE = {"console", "dummy", "filebased", "locmem"}  # Django's mail backends that send nothing
NOT_SEEN = [
    "whether the mail reached the mailbox: look there",
    "whether your proxy removes an X-Forwarded-For header that the client has sent",
    "whether both clocks are wrong by the same time",
    "the other servers: run this on each",
    "whether there is a copy of TWOFACTOR_KEYS outside of this machine",
]


@dataclass(frozen=True)
class Finding:
    name: str
    sentence: str
    remedy: str = ""  # only of a problem

    @property
    def is_ok(self) -> bool:
        return not self.remedy


@dataclass(frozen=True)
class Asked:
    """What the operator has given at the command line."""

    now: datetime
    mail_to: str = ""
    sms_to: str = ""
    remote_addr: str = ""
    headers: dict[str, str] = field(default_factory=dict)


def examine(asked: Asked) -> Iterator[Finding]:
    for check in CHECKS:
        try:
            yield check(asked)
        except DatabaseError as failure:
            name = check.__name__.removeprefix("check_").replace("_", " ")
            yield Finding(
                name,
                f"The database gave no answer: {type(failure).__name__}.",
                "Look at the database, and migrate.",
            )


def check_system(asked: Asked) -> Finding:
    found = checks.run_checks(include_deployment_checks=True, databases=["default"])
    ids = [
        message.id or "" for message in found if message.level >= checks.WARNING and not message.is_silenced()
    ]
    own = [name for name in ids if name.startswith("twofactor.")]
    if own:
        remedy = "Read them with: manage.py check --deploy --database default"
        return Finding("checks", f"{', '.join(own)} should be looked at.", remedy)
    return Finding("checks", "The system checks of this app find nothing.")


# Clock


def check_clock(asked: Asked) -> Finding:
    """Codes of authenticator apps depend on it, and locks and sessions on that of the database's machine."""
    apart = abs(asked.now - time_of_database())
    newest = Event.objects.order_by("-at").values_list("at", flat=True).first()
    remedy = "Let every machine set its clock by NTP (timedatectl set-ntp true)."
    if apart > CLOCKS_APART:
        return Finding(
            "clock", f"It differs from the database's by {apart.total_seconds():.0f} seconds.", remedy
        )
    if newest and newest > asked.now + CLOCKS_APART:
        return Finding(
            "clock", f"The newest event is of {newest:%Y-%m-%d %H:%M:%S} UTC, which is to come.", remedy
        )
    return Finding(
        "clock", f"It differs from the database's by less than {apart.total_seconds() + 1:.0f} seconds."
    )


def time_of_database() -> datetime:
    with connections[router.db_for_write(Event)].cursor() as cursor:
        cursor.execute("SELECT CURRENT_TIMESTAMP")
        moment: Any = cursor.fetchone()[0]
    at = datetime.fromisoformat(moment) if isinstance(moment, str) else moment
    return at if timezone.is_aware(at) else at.replace(tzinfo=UTC)


# Mail and text messages


def check_mail(asked: Asked) -> Finding:
    if not conf.site_has_mail():
        return Finding("mail", "This site sends none (TWOFACTOR_HAS_MAIL).")
    backend = type(mail.get_connection()).__module__.rpartition(".")[2]
    if backend in NOWHERE:
        return Finding("mail", f"It goes nowhere: the mail backend is {backend}.", "Set one that sends mail.")
    if not asked.mail_to:
        return Finding("mail", f"Not tried. --mail-to ADDRESS sends one, by {backend}.")
    return send_mail_to(asked.mail_to)


def send_mail_to(address: str) -> Finding:
    name = conf.site_name()
    text = f"manage.py twofactor doctor has sent this from {conf.base_url()}.\n"
    try:
        mail.deliver(mail.Message(f"{name}: test", text, to=[address]), outbox.DELIVERY_SECONDS)
    except mail.NotSent as failure:
        return Finding("mail", f"It was not sent: {reason_of(failure)}.", "Look at the mail settings.")
    return Finding("mail", f"The mail server took one to {address}.")


def reason_of(failure: mail.NotSent) -> str:
    """With the words of the mail server, for the operator alone."""
    cause: Any = failure.__cause__
    recipients = getattr(cause, "recipients", {})
    answers = list(recipients.values()) or [
        (getattr(cause, "smtp_code", ""), getattr(cause, "smtp_error", b""))
    ]
    code, text = answers[0]
    said = text.decode(errors="replace") if isinstance(text, bytes) else str(text)
    return f"{type(cause).__name__} {code} {said}".strip() if code else f"{type(cause).__name__}: {cause}"


def check_sms(asked: Asked) -> Finding:
    if not sms.is_configured():
        return Finding("text messages", "This site sends none (TWOFACTOR_SMS_GATEWAY).")
    name = type(sms.gateway()).__name__
    if not asked.sms_to:
        return Finding("text messages", f"Not tried. --sms-to NUMBER sends one, by {name}.")
    try:
        sms.send(asked.sms_to, f"{conf.site_name()}: test")
    except sms.NotSent as failure:
        reason = f"{name} did not take one: {str(failure) or 'see the log'}."
        return Finding("text messages", reason, "Look at the settings of the gateway.")
    return Finding("text messages", f"{name} took one to {asked.sms_to}.")


# Timers


def check_waiting_mail(asked: Asked) -> Finding:
    waiting = outbox.unsent().order_by("written_at").values_list("written_at", flat=True)
    oldest, count = waiting.first(), waiting.count()
    if oldest and asked.now - oldest > LETTER_WAITS_FOR:
        return Finding(
            "waiting mail",
            f"{count} wait, the oldest since {oldest:%Y-%m-%d %H:%M} UTC.",
            "Run 'manage.py twofactor send' every minute from a timer, and read what it says.",
        )
    return Finding("waiting mail", f"{count} wait, none for long.")


def check_old_rows(asked: Asked) -> Finding:
    """Events are left out, because a site chooses how long it keeps them."""
    old = dict(prune.expired(asked.now - PRUNED_EVERY, prune.EVENTS_KEPT))
    left = [name for name, rows in old.items() if name != "events" and rows.exists()]
    if left:
        return Finding(
            "old rows",
            f"Nobody has removed old {', '.join(left)} for two days.",
            "Run 'manage.py twofactor prune' every night from a timer.",
        )
    return Finding("old rows", "None is older than it should be.")


# Keys


def check_keys(asked: Asked) -> Finding:
    """Opens every sealed value."""
    rows, unread = 0, Counter[str]()
    for model, column in rotate_keys.SEALED:
        for row in model._default_manager.exclude(**{column: ""}).iterator():
            rows += 1
            if not opens(row, column, asked.now):
                unread[sealing.named_key(getattr(row, column))] += 1
    if unread:
        lost = ", ".join(f"{count} of key {name}" for name, count in unread.items())
        return Finding(
            "keys",
            f"{unread.total()} of {rows} sealed values do not open: {lost}.",
            "Put the missing key back into TWOFACTOR_KEYS, behind the others.",
        )
    return Finding("keys", f"All {rows} sealed values open.")


def opens(row: Any, column: str, now: datetime) -> bool:
    owner = sealing.owner_of(row.user_id)
    try:
        sealing.unseal(rotate_keys.purpose(row), owner, getattr(row, column), now)
    except sealing.UnsealError:
        return False
    return True


# Restored tables


def check_restored(asked: Asked) -> Finding:
    asked_still, not_asked = restored.people_still_asked(), restored.people_not_asked()
    count, open_count = asked_still.count(), not_asked.count()
    if not count + open_count:
        return Finding("restored", "Nobody has lost the row that says two-factor authentication is on.")
    sentence = f"{count + open_count} have lost the row that says two-factor authentication is on"
    if open_count:
        sentence += f", and {open_count} of them sign in with their password alone: {names_of(not_asked)}"
    else:
        sentence += f", and are still asked for a code: {names_of(asked_still)}"
    remedy = (
        "Restore the table twofactor_twofactor too, or run 'manage.py twofactor after-restore', "
        "which turns it on for them again."
    )
    return Finding("restored", f"{sentence}.", remedy)


def names_of(people: QuerySet[Any]) -> str:
    shown = list(people.order_by(get_user_model().USERNAME_FIELD)[: NAMES_SHOWN + 1])
    names = ", ".join(user.get_username() for user in shown[:NAMES_SHOWN])
    return f"{names} …" if len(shown) > NAMES_SHOWN else names


# Addresses and sessions


class AddressHandler(BaseHandler):
    """The middleware of the site, around a view that says which address it sees."""

    def _get_response(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(remote_address(request) or ""))


def check_address(asked: Asked) -> Finding:
    if asked.remote_addr or asked.headers:
        return address_of_example(asked)
    newest = Event.objects.exclude(browser="").order_by("-pk")[:ADDRESSES_ASKED]
    seen = Counter(newest.values_list("ip_address", flat=True))
    if len(seen) == 1 and seen.total() >= FEW_EVENTS:
        (text,) = seen
        address = ip.parse(text or "")
        if address is None or address.is_private:
            sentence = f"All {seen.total()} newest events came from {address or 'no address'}."
            remedy = (
                "If that is a proxy, name it in TWOFACTOR_TRUSTED_PROXIES; see --remote-addr and --header."
            )
            return Finding("address", sentence, remedy)
    return Finding("address", f"{len(seen)} different ones in the {seen.total()} newest events.")


def address_of_example(asked: Asked) -> Finding:
    handler = AddressHandler()
    handler.load_middleware()
    factory = RequestFactory(headers={"host": urlsplit(conf.base_url()).netloc, **asked.headers})
    remote_addr = asked.remote_addr or "127.0.0.1"
    answer: Any = handler.get_response(factory.get("/", secure=True, REMOTE_ADDR=remote_addr))
    given = f"REMOTE_ADDR {remote_addr}" + "".join(
        f", {name}: {text}" for name, text in asked.headers.items()
    )
    if answer.status_code != 200 or not answer.content:
        remedy = "Let the proxy send an address, and name it in TWOFACTOR_TRUSTED_PROXIES."
        return Finding("address", f"{given} gives none (status {answer.status_code}).", remedy)
    return Finding("address", f"{given} gives {answer.text}.")


def check_sessions(asked: Asked) -> Finding:
    engine = settings.SESSION_ENGINE
    listed = "" if engine == "twofactor.sessions" else ", so the list of devices shows none"
    return Finding("sessions", f"They are kept by {engine}{listed}.")


CHECKS: list[Callable[[Asked], Finding]] = [
    check_system,
    check_clock,
    check_mail,
    check_sms,
    check_waiting_mail,
    check_old_rows,
    check_keys,
    check_restored,
    check_address,
    check_sessions,
]
