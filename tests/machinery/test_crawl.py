"""Every URL, with every method, for every kind of visitor, with htmx and without.

Nothing may fail with an error, open to someone who may not see it, or change with a GET. The URLs are read
from the URL configuration, so that a view that is added later is tested as well. Part of make test.
"""

import re
from contextlib import contextmanager
from copy import deepcopy
from itertools import product

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.db import connection, transaction
from django.test import Client

from config.headers import CONTENT_SECURITY_POLICY, HEADERS
from tests.api.program import Program
from tests.htmx import HTMX
from tests.people import NOW, PASSWORD, enrol, give_password, person, sign_in, signed_in_as
from tests.savepoints import savepoint
from tests.twofactor.sent_codes import enter_sent_code, mailed_code
from tests.urls_of_site import API_URLS, ROUTES, URLS, example
from twofactor import conf
from twofactor.models import Event, Passkey, Rule, TrustedBrowser
from twofactor.outgoing.outbox import send_due

pytestmark = pytest.mark.usefixtures("api")

BY_HTMX = {**HTMX, "HX-Current-URL": "https://testserver/help/"}
ARMOUR = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": HEADERS["Permissions-Policy"],
    "Referrer-Policy": "same-origin",
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
    "X-Content-Type-Options": "nosniff",
}
SETUP = "/two-factor/setup/"
# Tables that a GET may write to: a page that shows a new key stores it, and the API counts calls.
MAY_WRITE = {
    **{page: {"twofactor_draft", "twofactor_allowance"} for page in (SETUP, "/two-factor/apps/add/")},
    **{address: {"twofactor_allowance"} for address in API_URLS},
}


@pytest.fixture(autouse=True)
def https(settings):
    """The settings that config.settings has for a BASE_URL with https."""
    settings.SECURE_HSTS_SECONDS = 31536000
    settings.SECURE_HSTS_INCLUDE_SUBDOMAINS = settings.SECURE_HSTS_PRELOAD = True


@pytest.fixture
def alices_rows(db, clock):
    """Alice's rows: the id of each, for the URLs that contain one."""
    alice = person()
    browser = TrustedBrowser.objects.create(
        user=alice,
        digest="0",
        session_hash="0",
        began_at=NOW,
        last_used_at=NOW,
        expires_at=NOW + conf.trusted_age(),
    )
    event = Event.objects.create(user=alice, kind="sessions_ended", at=NOW)
    group = Group.objects.create(name="people")
    enrol(alice)
    return {
        "alice": alice,
        "apps": alice.authenticators.get(),
        "passkeys": Passkey.objects.create(user=alice, kind="key", added_at=NOW),
        "browsers": browser,
        "trustedbrowser": browser,
        "event": event,
        "group": group,
        "rule": Rule.objects.create(
            scope=Rule.Scope.PERSON, user=alice, starts_on=NOW.date(), grace_days=365
        ),
    }


def with_both_factors(clock, email, **fields):
    """A browser of someone who has just stepped up."""
    client, phone = Client(), enrol(person(email, **fields))
    sign_in(client, phone, email)
    clock.shift(60)
    client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    return client


def with_the_password(email="bob@example.com"):
    client = Client()
    person(email)
    give_password(client, email)
    return client


def setting_up():
    client = with_the_password()
    client.get(SETUP)
    return client


def pending():
    enrol(person("bob@example.com"))
    client = Client()
    give_password(client, "bob@example.com")
    return client


def confirmed():
    """Signed in with a code that was sent, which is no factor."""
    client = with_the_password()
    enter_sent_code(client, mailed_code())
    return client


def program(clock):
    """A client that sends Bob's token with every request."""
    phone = enrol(person("bob@example.com"))
    bobs = Program("bob@example.com").sign_in(phone)
    return Client(headers={"Authorization": f"Bearer {bobs.access}"})


KINDS = [
    *("stranger", "pending", "confirming", "confirmed", "without a factor", "setting up", "must have one"),
    *("with both", "clerk", "root", "program"),
]


@pytest.fixture
def visitor(request, alices_rows, clock, settings):
    if request.param == "must have one":
        settings.TWOFACTOR_REQUIRED_FOR = "everyone"
    if request.param in {"confirming", "confirmed"}:
        settings.TWOFACTOR_CODE_WITHOUT_APP = "everyone"
    client = {
        "stranger": lambda: Client(),
        "pending": pending,
        "confirming": with_the_password,
        "confirmed": confirmed,
        "without a factor": with_the_password,
        "setting up": setting_up,
        "must have one": with_the_password,
        "with both": lambda: with_both_factors(clock, "bob@example.com"),
        "clerk": lambda: with_both_factors(clock, "clerk@example.com", is_staff=True),
        "root": lambda: with_both_factors(clock, "root@example.com", is_staff=True, is_superuser=True),
        "program": lambda: program(clock),
    }[request.param]()
    client.raise_request_exception = False
    return client


@contextmanager
def writes():
    """The tables that are written to within the block."""
    found = []

    def note(execute, sql, params, many, context):
        if sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            found.append(sql.split('"')[1])
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        yield found


def faults(client, before, method, address, headers):
    """A description of what is wrong with the response. `before` is who is signed in."""
    jar = deepcopy(client.cookies)
    letters = len(mail.outbox)
    back = savepoint()
    with writes() as written:
        answer = client.generic(method, address, headers=headers, secure=True)
    if answer.status_code >= 500:
        yield str(answer.status_code)
    yield from [
        f"{name}: {answer.headers.get(name)}"
        for name, value in ARMOUR.items()
        if answer.headers.get(name) != value
    ]
    if answer.status_code // 100 != 3 and answer.headers.get("X-Frame-Options") != "DENY":
        yield "may be framed"
    if not {"no-store", "private"} <= set(answer.headers.get("Cache-Control", "").split(", ")):
        yield "may be kept"
    if headers and "HX-Request" not in answer.headers.get("Vary", ""):
        yield "a part is taken for the page"
    after = signed_in_as(client)
    if after not in {None, before}:
        yield "someone else is signed in"
    if method != "POST" and after != before:
        yield "signed out"
    if method == "POST":
        send_due()  # what cannot be sent raises an error
    else:  # a letter that waits to be sent is a row, too
        yield from [f"writes to {table}" for table in written if table not in MAY_WRITE.get(address, ())]
    if method != "POST" and len(mail.outbox) > letters:
        yield "sent a letter"
    transaction.savepoint_rollback(back)
    client.cookies = jar


USED = {"GET", "POST"}
FEW = {"stranger", "with both", "root", "program"}


def crawls():
    """By everyone with every method.

    In a quick run, each visitor sends GET in one mode and POST in the other, by turns: so at every URL each
    visitor meets each method and each mode, and each method each mode. What no page of ours uses, a few try.
    """
    for who, method, mode in product(KINDS, ["GET", "POST", "HEAD", "PUT", "DELETE"], ["plain", "htmx"]):
        turn = (KINDS.index(who) + (method == "POST") + (mode == "htmx")) % 2 == 0
        quick = turn if method in USED else (who in FEW and mode == "plain")
        marks = () if quick else pytest.mark.long
        headers = BY_HTMX if mode == "htmx" else {}
        yield pytest.param(who, method, headers, id=f"{who}-{method}-{mode}", marks=marks)


@pytest.mark.proves("2.3.1", "3.5.3", "7.6.2", "16.5.4", "H-01", "H-02")
@pytest.mark.parametrize(("visitor", "method", "headers"), list(crawls()), indirect=["visitor"])
def test_no_address_breaks_opens_or_moves_anything(visitor, method, headers):
    before = signed_in_as(visitor)
    found = {address: list(faults(visitor, before, method, address, headers)) for address in URLS + API_URLS}
    assert {address: wrong for address, wrong in found.items() if wrong} == {}


def test_the_crawl_gets_everywhere(alices_rows, clock):
    """Every URL opens or redirects; only an id of another kind of row gives 404, and one that is gone 409."""
    root = with_both_factors(clock, "root@example.com", is_staff=True, is_superuser=True)
    statuses = [root.get(address).status_code for address in URLS]
    assert (statuses.count(200) >= 25, {*statuses} - {200, 302, 303, 403, 404, 405, 409}) == (True, set())


@pytest.mark.parametrize("visitor", ["program"], indirect=True)
def test_the_crawl_gets_everywhere_in_the_api(visitor):
    """A program is refused for what it left out, and nowhere for who it is or where it went."""
    statuses = {visitor.post(address, {}, "application/json").status_code for address in API_URLS}
    assert statuses - {200, 201, 204, 400, 405} == set()


@pytest.mark.parametrize("visitor", ["without a factor"], indirect=True)
def test_the_first_look_at_set_up_begins_a_key_and_no_other_does(visitor):
    with writes() as first:
        visitor.get(SETUP)
    with writes() as second:
        visitor.get(SETUP)
    assert ({*first}, second) == (MAY_WRITE[SETUP], [])


# Rows of another person (IDOR)

NUMBERED = [route for route in ROUTES if re.search("<(?:int:pk|uuid:pk|path:object_id)>", route)]
AS_IF_ALLOWED = {
    **{"post": "yes", "email": "evil@example.com", "name": "Eve", "label": "Eve", "is_superuser": "on"},
    **{"reset-reason": "x", "code-reason": "x", "code-hours": "1", "sessions-reason": "x"},
}


def number_of(route, things):
    return next((thing.pk for name, thing in things.items() if f"/{name}/" in route), things["alice"].pk)


def refusal(who, method, address):
    """The status and redirect that are expected there."""
    if not address.startswith("/admin/"):
        if re.search(r"/(apps|passkeys)/\d+/", address) or (
            method == "post" and re.search(r"/browsers/\d+/", address)
        ):
            return 409, ""  # as for one that is gone already
        has_page = address.endswith(("/rename/", "/remove/"))
        return (404, "") if method == "post" or has_page else (303, "/two-factor/devices/")
    if who == "with both":
        return 302, "/admin/login/"
    if address.startswith("/admin/r/"):
        return 404, ""
    is_old = re.fullmatch(r"/admin/\w+/\w+/\d+/", address)  # and leads to the page, which is refused
    return (302, f"{address}change/") if is_old else (403, "")


@pytest.mark.proves("8.2.1-8.2.3", "8.3.1")
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize(("visitor", "who"), [("with both",) * 2, ("clerk",) * 2], indirect=["visitor"])
def test_what_is_alices_is_out_of_reach(visitor, who, alices_rows, method):
    reached = {}
    for route in NUMBERED:
        address = example(route, number_of(route, alices_rows), alices_rows["browsers"].device_id)
        with writes() as written:
            answer = getattr(visitor, method)(address, AS_IF_ALLOWED)
        told = answer.status_code, answer.headers.get("Location", "").partition("?")[0]
        if told != refusal(who, method, address) or written or b"alice" in answer.content:
            reached[route] = told, written
    assert (len(NUMBERED) >= 20, reached) == (True, {})


@pytest.mark.parametrize("visitor", ["with both", "clerk", "root"], indirect=True)
def test_a_browser_of_alice_is_not_there_for_others(visitor, alices_rows):
    address = f"/two-factor/browsers/{alices_rows['browsers'].pk}/forget/"
    assert (visitor.post(address).status_code, TrustedBrowser.objects.count()) == (409, 1)
