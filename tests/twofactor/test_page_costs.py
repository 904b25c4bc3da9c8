"""What a page may cost: queries, and the time to draw a QR code."""

import re
import time
from statistics import median

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from tests.people import PASSWORD, Phone, add_app, enrol, give_password, sign_in
from tests.twofactor.sent_codes import record_text_messages
from twofactor.clocks import DAY
from twofactor.factors import qr, totp

QUERIES = {  # the most queries that each step may make
    "GET /accounts/login/ 200": 0,
    "POST /accounts/login/ 422": 7,  # two new rows, and once in a process the cost of the hashes
    "POST /accounts/login/ 303": 14,  # a try counted twice and given back, and a session without a factor
    "GET /two-factor/verify/ 200": 1,
    "POST /two-factor/verify/ 422": 3,  # the person with all apps, however many, in one
    "POST /accounts/logout/ 302": 3,
    "POST /two-factor/verify/ 303": 14,  # in a browser that it trusts then; or with a backup code
    "GET /two-factor/verify/other/ 200": 3,
    "GET /two-factor/verify/backup/ 200": 1,
    "POST /two-factor/verify/send/ 303": 12,  # seven limits
    "GET /two-factor/verify/sent/ 200": 4,
    "POST /two-factor/verify/sent/ 422": 7,
    "GET /two-factor/setup/ 200": 5,
    "GET /two-factor/setup/verify/ 200": 3,
    "POST /two-factor/setup/verify/ 303": 5,
    "GET /two-factor/setup/codes/ 200": 4,
    "POST /two-factor/setup/codes/ 303": 16,  # a new session after each change of factors; once a person
    "GET /two-factor/ 200": 7,
    "GET /two-factor/devices/ 200": 3,  # session, person and list, however many there are
    "GET /two-factor/activity/ 200": 3,
    "GET /two-factor/not-me/ 200": 8,  # four kinds of what may have been changed
    "GET /two-factor/disable/ 200": 6,  # asks for the rules, and names apps and codes
    "GET /two-factor/backup-codes/ 200": 6,  # asks twice for the app of the step-up
    "GET /two-factor/phone/ 200": 6,
    "POST /two-factor/backup-codes/ 303": 21,  # password, guess, an allowance and the draft
    "POST /two-factor/confirm/ 303": 14,
    "POST /two-factor/phone/ 303": 14,
    "POST /two-factor/sessions/end/ 303": 14,  # lists what ends, deletes it, and may write a letter
    "POST /two-factor/disable/ 303": 32,  # with trusted browsers, phone, recovery and second address
}
QR_CODE = 0.020  # seconds
TRANSACTION_WORDS = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")  # begin or end a transaction


class CountingClient(Client):
    """A client that keeps the queries of each step, where they were the most."""

    def __init__(self):
        super().__init__()
        self.asked = {}

    def request(self, **request):
        with CaptureQueriesContext(connection) as asked:
            answer = super().request(**request)
        step = f"{request['REQUEST_METHOD']} {request['PATH_INFO']} {answer.status_code}"
        found = [q["sql"] for q in asked.captured_queries if not q["sql"].startswith(TRANSACTION_WORDS)]
        self.asked[step] = max(found, self.asked.get(step, []), key=len)
        return answer

    def too_many(self):
        return {step: asked for step, asked in self.asked.items() if len(asked) > QUERIES[step]}


@pytest.fixture
def counting_client(alice, settings):
    record_text_messages(settings)
    return CountingClient()


def test_signing_in_asks_little(counting_client, alice, clock):
    phone = enrol(alice, ["ABCDEFGHJKMNPQR"])
    counting_client.get("/accounts/login/")
    counting_client.post("/accounts/login/", {"username": alice.email, "password": "wrong"})
    for code in ("000000", "ABCDEFGHJKMNPQR", phone.code()):
        give_password(counting_client)
        counting_client.get("/two-factor/verify/")
        counting_client.post("/two-factor/verify/", {"code": code})
        counting_client.post("/accounts/logout/")
    assert counting_client.too_many() == {}


def test_a_whole_sign_in_asks_nineteen_questions_and_its_last_step_ten(counting_client, alice):
    phone = enrol(alice)
    counting_client.get("/accounts/login/")
    give_password(counting_client)
    counting_client.get("/two-factor/verify/")
    counting_client.post("/two-factor/verify/", {"code": phone.code()})
    counts = [len(asked) for asked in counting_client.asked.values()]
    assert (sum(counts), counts[-1]) == (19, 10)


def test_in_a_browser_that_is_known_the_last_step_asks_nine(counting_client, alice, clock):
    phone = enrol(alice)
    sign_in(counting_client, phone)
    counting_client.post("/accounts/logout/")
    counting_client.asked.clear()
    clock.shift(60)
    sign_in(counting_client, phone)
    assert len(counting_client.asked["POST /two-factor/verify/ 303"]) == 9


def test_the_last_step_with_a_backup_code_asks_thirteen(counting_client, alice):
    """In a new browser, and with the letter about it."""
    enrol(alice, ["ABCDEFGHJKMNPQR"])
    give_password(counting_client)
    counting_client.post("/two-factor/verify/", {"code": "ABCDEFGHJKMNPQR"})
    assert len(counting_client.asked["POST /two-factor/verify/ 303"]) == 13


def shapes(asked):
    """The statements of each step, without the values that differ from person to person."""
    return {step: [re.sub(r"'[^']*'|\b\d+\b", "?", sql) for sql in found] for step, found in asked.items()}


@pytest.mark.parametrize("position", [0, 4])
def test_with_five_apps_a_sign_in_asks_exactly_what_it_asks_with_one(alice, bob, position):
    """Whichever of the five the code is from."""
    phones = [enrol(bob)]
    phones += [add_app(bob, totp.generate_key(), timezone.now() - DAY) for _ in range(4)]
    asked = []
    for user, phone in ((alice, enrol(alice)), (bob, phones[position])):
        browser = CountingClient()
        give_password(browser, user.email)
        browser.get("/two-factor/verify/")
        browser.post("/two-factor/verify/", {"code": "000000"})
        browser.post("/two-factor/verify/", {"code": phone.code()})
        asked.append(shapes(browser.asked))
    assert asked[0] == asked[1]
    assert [len(found) for found in asked[0].values()][1:] == [1, 3, 10]


def test_a_page_of_a_verified_session_asks_for_session_and_person_together(counting_client, alice):
    sign_in(counting_client, enrol(alice))
    counting_client.get("/help/")
    assert len(counting_client.asked["GET /help/ 200"]) == 1


def test_the_devices_cost_two_queries_and_the_panel_seven(alice, client, django_assert_num_queries):
    """Without SecurityMixin one more each: tests/other_sites/use_minimal_user.py."""
    sign_in(client, enrol(alice))
    with django_assert_num_queries(2):
        client.get("/two-factor/devices/")
    with django_assert_num_queries(7):
        client.get("/two-factor/")


def test_a_sent_code_asks_little(counting_client, alice):
    enrol(alice)
    give_password(counting_client)
    for path in ("other/", "backup/"):
        counting_client.get(f"/two-factor/verify/{path}")
    counting_client.post("/two-factor/verify/send/", {"channel": "email"})
    counting_client.get("/two-factor/verify/sent/")
    counting_client.post("/two-factor/verify/sent/", {"code": "000000"})
    assert counting_client.too_many() == {}


def test_setting_up_asks_little(counting_client, alice):
    give_password(counting_client)
    phone = Phone(counting_client.get("/two-factor/setup/").context["draft"].key)
    counting_client.get("/two-factor/setup/verify/")
    counting_client.post("/two-factor/setup/verify/", {"code": phone.code()})
    counting_client.get("/two-factor/setup/codes/")
    counting_client.post("/two-factor/setup/codes/", {"saved": "on"})
    assert counting_client.too_many() == {}


def test_looking_after_it_asks_little(counting_client, alice, clock):
    phone = enrol(alice)
    give_password(counting_client)
    counting_client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    for path in ("", "devices/", "activity/", "not-me/", "disable/", "backup-codes/", "phone/"):
        counting_client.get(f"/two-factor/{path}")
    clock.shift(60)
    counting_client.post("/two-factor/backup-codes/", {"password": PASSWORD, "code": phone.code()})
    counting_client.get("/two-factor/backup-codes/")
    counting_client.post("/two-factor/backup-codes/", {"saved": "on"})
    clock.shift(60)
    counting_client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    counting_client.post("/two-factor/phone/", {"number": "+49 170 1234567"})
    counting_client.post("/two-factor/sessions/end/")
    clock.shift(60)
    counting_client.post("/two-factor/disable/", {"password": PASSWORD, "code": phone.code()})
    assert counting_client.too_many() == {}


def test_a_qr_code_is_drawn_in_no_time():
    """The median of the process time, which does not grow on a busy machine."""
    address = totp.otpauth_url(totp.generate_key(), "alice@example.com", "Countersign")
    took = []
    for _ in range(9):
        began = time.process_time()
        qr.svg(address)
        took.append(time.process_time() - began)
    assert median(took) <= QR_CODE
