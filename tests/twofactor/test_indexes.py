"""No statement reads a whole table or a whole index, however many people there are."""

import pytest
from django.db import connection
from django.utils import timezone

from accounts import passwords
from tests.accounts.letters import letters, link
from tests.api.program import Program
from tests.machinery.bench.many_people import insert_people
from tests.machinery.bench.plans import recorded_statements, without_index
from tests.mailers import send_mail_to_nobody
from tests.people import NOW, PASSWORD, Phone, enrol, give_password
from tests.twofactor.sent_codes import (
    NUMBER,
    OTHER,
    add_number,
    different_code,
    enter_sent_code,
    mailed_code,
    record_text_messages,
    request_code,
    texted_code,
)
from twofactor.models import SentCode

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="asks PostgreSQL for its plans")

VERIFY = "/two-factor/verify/"
SETUP = "/two-factor/setup/"
CROWD = 1000
NEW_PASSWORD = "a quiet green harbour"
ROWS_OF_OTHERS = {
    "authenticators": """
        INSERT INTO twofactor_authenticator (user_id, name, sealed_key, digits, period, t0, drift, last_step,
            added_at, full_from)
        SELECT id, '', '', 6, 30, 0, 0, 0, %(now)s, %(now)s FROM accounts_user WHERE email LIKE 'crowd%%'""",
    "sent codes": """
        INSERT INTO twofactor_sentcode (user_id, purpose, channel, target, digest, sent_at, tries)
        SELECT id, 'any', 'email', email, '', %(now)s, 0 FROM accounts_user WHERE email LIKE 'crowd%%'""",
    "programs that are signed in": """
        INSERT INTO twofactor_tokenfamily (user_id, digest, session_hash, method, began_at, last_used_at,
            expires_at, device_id, name, browser, stepped_up_with)
        SELECT id, '', '', 'totp', %(now)s, %(now)s, %(now)s + interval '1 day', gen_random_uuid(), '', '', ''
        FROM accounts_user WHERE email LIKE 'crowd%%'""",
    "known browsers": """
        INSERT INTO accounts_knownbrowser (user_id, digest, state, tries, in_a_row, expires_at)
        SELECT id, email, '', 0, 0, %(now)s + interval '90 days'
        FROM accounts_user WHERE email LIKE 'crowd%%'""",
    "letters that were sent, and some that wait": """
        INSERT INTO twofactor_letter (user_id, template, sealed, written_at, due_at, tries, was_refused,
            ended_at)
        SELECT id, '', '', %(now)s, %(now)s + n * interval '1 minute', 1, false,
            CASE WHEN n < 5 THEN %(now)s END
        FROM accounts_user, generate_series(1, 5) n WHERE email LIKE 'crowd%%'""",
    "what one person did in years": """
        INSERT INTO twofactor_event (user_id, kind, at, browser, detail)
        SELECT id, 'signed_in_without_second_factor', %(now)s - n * interval '9 hours', '', '{}'
        FROM accounts_user, generate_series(1, 1000) n WHERE email = 'alice@example.com'""",
}


@pytest.fixture
def statements(alice):
    """The statements of a test, in a database whose tables are long: PostgreSQL reads short ones whole."""
    passwords.most_iterations_now()  # once an hour, from an index that holds nobody here
    with connection.cursor() as cursor:
        list(insert_people(cursor, CROWD))
        mine = [timezone.now()]  # PostgreSQL has a clock of its own
        cursor.execute("UPDATE accounts_passwordtries SET last_at = last_at - (now() - %s)", mine)
        for sentence in ROWS_OF_OTHERS.values():
            cursor.execute(sentence, {"now": NOW})
        cursor.execute("ANALYZE")
        cursor.execute("SET LOCAL enable_seqscan = off")
    with recorded_statements(connection) as statements:
        yield statements


@pytest.fixture
def password_and_code(signed_in_client, phone):
    """What Alice enters before a change that could do harm."""
    return {"password": PASSWORD, "code": phone.code()}


def test_signing_in_uses_indexes(statements, client, alice, clock):
    phone = enrol(alice, ["ABCDEFGHJKMNPQR"])
    client.post("/accounts/login/", {"username": alice.email, "password": "wrong"})
    for code in ("000000", "ABCDEFGHJKMNPQR", phone.code()):
        give_password(client)
        client.get(VERIFY)
        client.post(VERIFY, {"code": code, "trust_browser": "on"})
        client.get("/")
        client.get("/two-factor/")
        client.post("/accounts/logout/")
    assert without_index(connection, statements) == []


def test_what_an_address_tried_long_ago_is_not_read(statements, client, alice):
    """Tries of a quarter of an hour are counted, and kept for ninety days."""
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE accounts_passwordtries SET address = '127.0.0.1' WHERE address <> '255.255.255.255'"
        )
        cursor.execute("ANALYZE accounts_passwordtries")
    statements.clear()
    client.post("/accounts/login/", {"username": alice.email, "password": "wrong"})
    assert without_index(connection, statements) == []


def test_setting_up_uses_indexes(statements, client):
    give_password(client)
    phone = Phone(client.get(SETUP).context["draft"].key)
    client.post(f"{SETUP}verify/", {"code": phone.code()})
    client.post(f"{SETUP}codes/", {"saved": "on"})
    assert without_index(connection, statements) == []


def test_signing_up_uses_indexes(statements, client, alice):
    for email in ("new@example.com", alice.email):
        client.post("/accounts/signup/", {"email": email, "password": PASSWORD})
    path = link(letters()[0])
    client.get(path)
    assert client.post(path, {"password": PASSWORD}).status_code == 303
    assert without_index(connection, statements) == []


def test_a_new_password_uses_indexes(statements, client, alice):
    client.post("/accounts/password_reset/", {"email": alice.email})
    form = client.get(link()).url
    client.post(form, {"new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD})
    assert client.post("/accounts/login/", {"username": alice.email, "password": NEW_PASSWORD}).url == "/"
    assert without_index(connection, statements) == []


def test_changing_the_account_uses_indexes(statements, signed_in_client, phone, password_and_code):
    signed_in_client.post("/two-factor/confirm/", password_and_code)
    assert signed_in_client.post("/accounts/email/change/", {"email": "new@example.com"}).status_code == 303
    assert signed_in_client.post(link(letters()[-1])).status_code == 303
    new = {"old_password": PASSWORD, "new_password1": NEW_PASSWORD, "new_password2": NEW_PASSWORD}
    new["code"] = phone.code(off=1)
    assert signed_in_client.post("/accounts/password_change/", new).status_code == 302
    assert without_index(connection, statements) == []


def test_taking_back_an_account_whose_mail_failed_uses_indexes(statements, client, settings):
    send_mail_to_nobody(settings)
    client.post("/accounts/signup/", {"email": "new@example.com", "password": PASSWORD})
    assert without_index(connection, statements) == []


@pytest.mark.parametrize(("channel", "arrived"), [("email", mailed_code), ("sms", texted_code)])
def test_a_sent_code_uses_indexes(statements, client, alice, settings, channel, arrived):
    record_text_messages(settings)
    add_number(alice)
    enrol(alice)
    give_password(client)
    client.get(OTHER)
    assert [request_code(client, channel).status_code for _ in range(2)] == [303, 429]
    assert [enter_sent_code(client, code).status_code for code in (different_code(arrived()), arrived())] == [
        422,
        303,
    ]
    assert without_index(connection, statements) == []


def test_a_number_for_text_messages_uses_indexes(statements, signed_in_client, password_and_code, settings):
    record_text_messages(settings)
    signed_in_client.post("/two-factor/confirm/", password_and_code)
    signed_in_client.post("/two-factor/phone/", {"number": NUMBER})
    for code in (different_code(texted_code()), texted_code()):
        changed = signed_in_client.post("/two-factor/phone/verify/", {"code": code})
    assert changed.status_code == 303
    assert signed_in_client.post("/two-factor/phone/remove/").status_code == 303
    assert without_index(connection, statements) == []


def test_looking_after_it_uses_indexes(statements, signed_in_client):
    for path, status in {"browsers/forget/": 409, "sessions/end/": 303, "nudge/dismiss/": 303}.items():
        assert signed_in_client.post(f"/two-factor/{path}").status_code == status
    older = f"activity/?before={int(NOW.timestamp()) - 400 * 3600}000000-0"
    for path in ("devices/", "activity/", older, f"{older}&show=sign-ins"):
        assert signed_in_client.get(f"/two-factor/{path}").status_code == 200
    assert without_index(connection, statements) == []


def test_new_codes_use_indexes(statements, signed_in_client, password_and_code):
    for form in (password_and_code, {"saved": "on"}):
        assert signed_in_client.post("/two-factor/backup-codes/", form).status_code == 303
    assert without_index(connection, statements) == []


def test_turning_it_off_uses_indexes(statements, signed_in_client, password_and_code):
    assert signed_in_client.post("/two-factor/disable/", password_and_code).status_code == 303
    assert without_index(connection, statements) == []


def test_a_program_uses_indexes(statements, phone, settings):
    settings.ROOT_URLCONF = "tests.api.urls"
    program = Program().sign_in(phone)
    assert [program.renew().status_code, program.get("totp/status/").status_code] == [200, 200]
    assert program.post("jwt/verify/", {"token": program.access}).status_code == 200
    assert program.post("jwt/logout/", {"refresh": program.refresh}).status_code == 204
    assert without_index(connection, statements) == []


def test_two_factor_in_a_program_uses_indexes(statements, alice, clock, settings):
    settings.ROOT_URLCONF = "tests.api.urls"
    program = Program()
    program.give_password()
    phone = Phone(program.post("totp/create/").json()["key"])
    for path, name in (
        ("confirm", "input_code"),
        ("rotate_backup_codes", "otp_code"),
        ("disable", "otp_code"),
    ):
        assert program.post(f"totp/{path}/", {name: phone.code()}).status_code in {200, 204}
        clock.shift(60)
    assert without_index(connection, statements) == []


def test_stepping_up_uses_indexes(statements, client, alice, clock):
    phone = enrol(alice)
    give_password(client)
    client.post(VERIFY, {"code": phone.code()})
    clock.shift(60)
    client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    assert without_index(connection, statements) == []


def test_a_statement_without_an_index_is_noticed(statements, alice):
    type(alice).objects.filter(name="Alice").first()
    assert len(without_index(connection, statements)) == 1


def test_an_index_that_is_read_from_end_to_end_is_noticed(statements, alice):
    SentCode.objects.filter(purpose="none").first()
    assert len(without_index(connection, statements)) == 1
