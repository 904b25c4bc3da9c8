"""manage.py twofactor prune deletes what has expired and nothing else, and holds nobody up."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import KnownBrowser, PasswordTries, User
from accounts.password_tries import digest_of
from tests.operations.admin_and_commands import run
from tests.people import NOW, give_password, sign_in, signed_in_as
from twofactor.models import (
    Allowance,
    BackupCode,
    Draft,
    Event,
    Letter,
    Recovery,
    SentCode,
    Session,
    SpentChallenge,
    TokenFamily,
    TrustedBrowser,
)
from twofactor.operations import prune

pytestmark = pytest.mark.django_db
SECOND = timedelta(seconds=1)


def event(user, at):
    Event.objects.create(user=user, kind="wrong_codes", at=at)


def draft(user, at):
    Draft.objects.create(user=user, kind="setup", sealed="x", started_at=at)


def sent_code(user, at):
    SentCode.objects.create(user=user, purpose="x", channel="email", target="x", digest="x", sent_at=at)


def trusted_browser(user, at):
    dates = {"began_at": at, "last_used_at": at, "expires_at": at}
    TrustedBrowser.objects.create(user=user, digest="x", session_hash="x", browser="x", **dates)


def api_sign_in(user, at):
    TokenFamily.objects.create(
        user=user, digest="x", session_hash="x", began_at=at, last_used_at=at, expires_at=at
    )


def allowance(user, at):
    Allowance.objects.create(key="x", count=1, began_at=at)


def stopped_recovery(user, at):
    Recovery.objects.create(user=user, asked_at=at, counted_from=at, ready_at=at, stopped_at=at)


def challenge(user, at):
    SpentChallenge.objects.create(digest="x", spent_at=at)


def letter(user, at):
    Letter.objects.create(user=user, written_at=at, due_at=at, ended_at=at)


def emergency_code(user, at):
    BackupCode.objects.create(user=user, digest="x", expires_at=at)


def session(user, at):
    Session.objects.create(session_key="x", session_data="x", expire_date=at)


def wrong_password(user, at):
    PasswordTries.objects.create(name_digest=digest_of(user.email), address="127.0.0.1", last_at=at)


def known_browser(user, at):
    KnownBrowser.objects.create(user=user, digest="x", state="x", expires_at=at)


def unconfirmed(user, at):
    """Changes the person instead of adding a row, so that there is exactly one."""
    type(user).objects.update(unconfirmed_since=at, last_login=None)


KINDS = {
    "events": (event, Event, timedelta(days=400)),
    "unfinished setups": (draft, Draft, timedelta(minutes=30)),
    "sent codes": (sent_code, SentCode, timedelta(hours=24)),
    "trusted browsers": (trusted_browser, TrustedBrowser, timedelta(hours=1)),
    "sign-ins over the API": (api_sign_in, TokenFamily, timedelta(0)),
    "allowances": (allowance, Allowance, timedelta(hours=48)),
    "letters": (letter, Letter, timedelta(days=7)),
    "recoveries": (stopped_recovery, Recovery, timedelta(days=8)),  # a day longer than it shuts new ones
    "passkey challenges": (challenge, SpentChallenge, timedelta(hours=24)),
    "emergency codes": (emergency_code, BackupCode, timedelta(hours=24)),
    "sessions": (session, Session, timedelta(0)),
    "wrong passwords": (wrong_password, PasswordTries, timedelta(days=90)),
    "known browsers": (known_browser, KnownBrowser, timedelta(0)),
    "accounts nobody confirmed": (unconfirmed, User, timedelta(days=30)),
}
EACH = pytest.mark.parametrize("name", KINDS)


def test_every_kind_of_row_is_tested(db):
    """The deletion of accounts: tests/accounts/test_deletion.py."""
    assert set(KINDS) == prune.prune(NOW).keys() - prune.OTHER_STEPS.keys()


@EACH
def test_expired_rows_are_removed(alice, name):
    make, model, kept = KINDS[name]
    make(alice, NOW - kept - SECOND)
    assert (prune.prune(NOW)[name], model.objects.count()) == (1, 0)


@EACH
def test_newer_rows_are_kept(alice, name):
    make, model, kept = KINDS[name]
    make(alice, NOW - kept)
    assert (prune.prune(NOW)[name], model.objects.count()) == (0, 1)


@EACH
def test_a_dry_run_counts_and_removes_nothing(alice, name):
    make, model, kept = KINDS[name]
    make(alice, NOW - kept - SECOND)
    assert (prune.prune(NOW, dry_run=True)[name], model.objects.count()) == (1, 1)


def old_events(user, rows):
    at = NOW - timedelta(days=401)
    Event.objects.bulk_create([Event(user=user, kind="wrong_codes", at=at) for _ in range(rows)])


def test_many_rows_go_a_thousand_at_a_time(alice):
    old_events(alice, 2500)
    with CaptureQueriesContext(connection) as queries:
        prune.prune(NOW)
    removals = [q["sql"] for q in queries if q["sql"].startswith('DELETE FROM "twofactor_event"')]
    assert (len(removals), Event.objects.count()) == (3, 0)


def test_backup_codes_of_the_set_are_never_removed(alice):
    BackupCode.objects.create(user=alice, digest="x", used_at=NOW - timedelta(days=1000))
    prune.prune(NOW)
    assert BackupCode.objects.count() == 1


def test_the_audit_log_is_kept_as_long_as_is_asked(alice):
    for days in (9, 11):
        event(alice, NOW - timedelta(days=days))
    run("prune", "--events-days", "10")
    assert Event.objects.count() == 1


def test_a_browser_that_still_works_is_kept(alice, phone, client):
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    run("prune")
    client.post("/accounts/logout/")
    give_password(client)
    assert signed_in_as(client) == alice


def test_who_is_signed_in_stays_so(alice, client):
    give_password(client)
    run("prune")
    assert signed_in_as(client) == alice


def test_a_lock_outlives_pruning(alice, phone, client):
    give_password(client)
    for _ in range(5):
        client.post("/two-factor/verify/", {"code": "000000"})
    run("prune")
    assert client.post("/two-factor/verify/", {"code": phone.code()}).status_code == 429


# While people sign in


def pruned():
    """In a thread, which must close its own connection."""
    try:
        return prune.prune(NOW)
    finally:
        connection.close()


@pytest.mark.django_db(transaction=True)
def test_someone_signs_in_while_it_removes(alice, phone, client):
    old_events(alice, 20_000)
    with ThreadPoolExecutor() as pool:
        pruning = pool.submit(pruned)
        while (left := Event.objects.count()) == 20_000:
            assert not pruning.done()
        sign_in(client, phone)
    assert (left > 0, signed_in_as(client), pruning.result()["events"]) == (True, alice, 20_000)


def expired_tries(rows):
    last_year = {"address": "192.0.2.1", "last_at": NOW - timedelta(days=365)}
    PasswordTries.objects.bulk_create(PasswordTries(name_digest=f"p{n}", **last_year) for n in range(rows))


def wrong(client):
    client.post("/accounts/login/", {"username": "alice@example.com", "password": "wrong"})


@pytest.mark.proves("X-13")
@pytest.mark.parametrize("request_of", [wrong, give_password], ids=["refused", "accepted"])
def test_no_sign_in_cleans_up_after_others(alice, client, request_of):
    expired_tries(100)
    request_of(client)
    assert PasswordTries.objects.filter(address="192.0.2.1").count() == 100


@pytest.mark.proves("X-13")
@pytest.mark.parametrize("request_of", [wrong, give_password], ids=["refused", "accepted"])
def test_a_sign_in_costs_as_many_queries_after_many_tries(alice, client, request_of):
    request_of(Client())
    with CaptureQueriesContext(connection) as few:
        request_of(Client())
    expired_tries(1000)
    with CaptureQueriesContext(connection) as many:
        request_of(Client())
    assert len(many) <= len(few)


def test_tries_are_removed_without_being_loaded(alice):
    expired_tries(100)
    with CaptureQueriesContext(connection) as queries:
        prune.prune(NOW)
    asked = [query["sql"] for query in queries if "accounts_passwordtries" in query["sql"]]
    assert (len(asked), PasswordTries.objects.count()) == (2, 0)
