"""However many people there are, nothing on their way reads a whole table, or a whole index."""

import pytest
from django.db import connection
from django.utils import timezone

from tests.bench.crowd import gather
from tests.bench.plans import noted, without_index
from tests.people import PASSWORD, Phone, enrol, give_password

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="asks PostgreSQL for its plans")

VERIFY = "/two-factor/verify/"
SETUP = "/two-factor/setup/"
CROWD = 1000


@pytest.fixture
def asked(alice):
    """What a test asks a database that knows its tables to be long: of a short one it reads the whole."""
    with connection.cursor() as cursor:
        list(gather(cursor, CROWD))
        mine = [timezone.now()]  # PostgreSQL has a clock of its own
        cursor.execute("UPDATE axes_accessattempt SET attempt_time = attempt_time - (now() - %s)", mine)
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL enable_seqscan = off")
    with noted(connection) as statements:
        yield statements


def test_signing_in_uses_indexes(asked, client, alice, clock):
    phone = enrol(alice, ["ABCDEFGHJKMNPQR"])
    client.post("/accounts/login/", {"username": alice.email, "password": "wrong"})
    for code in ("000000", "ABCDEFGHJKMNPQR", phone.code()):
        give_password(client)
        client.get(VERIFY)
        client.post(VERIFY, {"code": code, "trust_browser": "on"})
        client.get("/")
        client.get("/two-factor/")
        client.post("/accounts/logout/")
    assert without_index(connection, asked) == []


def test_what_an_address_tried_long_ago_is_not_read(asked, client, alice):
    """Fifty tries in a quarter of an hour are counted, and kept for ninety days."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE axes_accessattempt SET ip_address = '127.0.0.1' WHERE user_agent = ''")
        cursor.execute("ANALYZE axes_accessattempt")
    asked.clear()
    client.post("/accounts/login/", {"username": alice.email, "password": "wrong"})
    assert without_index(connection, asked) == []


def test_setting_up_uses_indexes(asked, client):
    give_password(client)
    phone = Phone(client.get(SETUP).context["setup"].key)
    client.post(f"{SETUP}verify/", {"code": phone.code()})
    client.post(f"{SETUP}codes/", {"saved": "on"})
    assert without_index(connection, asked) == []


def test_a_sent_code_uses_indexes(asked, client, alice):
    enrol(alice)
    give_password(client)
    client.post(f"{VERIFY}send/", {"channel": "email"})
    client.post(f"{VERIFY}sent/", {"code": "000000"})
    assert without_index(connection, asked) == []


def test_stepping_up_uses_indexes(asked, client, alice, clock):
    phone = enrol(alice)
    give_password(client)
    client.post(VERIFY, {"code": phone.code()})
    clock.shift(60)
    client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    assert without_index(connection, asked) == []


def test_a_statement_without_an_index_is_noticed(asked, alice):
    type(alice).objects.filter(name="Alice").first()
    assert len(without_index(connection, asked)) == 1
