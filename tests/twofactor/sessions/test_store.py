"""The row of a session: whose it is, what it keeps under a new key, and that it never comes back."""

from importlib import import_module

import pytest
from asgiref.sync import async_to_sync
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.people import FIREFOX, PASSWORD, give_password, sign_in
from twofactor.models import Session
from twofactor.sessions import SessionStore
from twofactor.sessions.store import row_key

pytestmark = pytest.mark.django_db

KEPT = ("device_id", "name", "began_at")


def kept():
    return Session.objects.values_list(*KEPT).get()


def saved(**contents):
    store = SessionStore()
    store.update(contents)
    store.save()
    return store


def test_a_sign_in_makes_a_row_that_says_whose_it_is_and_where(phone, alice):
    client = Client(headers={"User-Agent": FIREFOX}, REMOTE_ADDR="203.0.113.9")
    sign_in(client, phone)
    row = Session.objects.get()
    facts = (row.user, row.method, row.browser, row.ip_address, row.began_at, row.last_used_at)
    now = timezone.now()
    assert facts == (alice, "totp", "Firefox 140 on Linux", "203.0.113.9", now, now)


def test_a_session_of_nobody_says_nothing(db):
    saved(anything=1)
    row = Session.objects.get()
    assert (row.user, row.method, row.browser, row.began_at, row.session_hash) == (None, "", "", None, "")


def test_a_session_that_waits_for_its_code_belongs_to_nobody(phone, alice):
    client = Client()
    client.force_login(alice)
    client.get("/two-factor/")
    assert not Session.objects.exclude(user=None).exists()


def test_signing_out_leaves_no_row(as_alice):
    as_alice.post("/accounts/logout/")
    assert not Session.objects.exists()


def test_a_request_a_minute_later_writes_the_row_once(signed_in_client, clock, django_assert_num_queries):
    clock.shift(61)
    with django_assert_num_queries(2):
        signed_in_client.get("/help/")
    assert Session.objects.get().last_used_at == timezone.now()


def test_a_server_that_gives_no_address_stores_none(alice):
    give_password(Client(REMOTE_ADDR=""))
    assert Session.objects.get().ip_address is None


# What a new key keeps


@pytest.mark.parametrize(
    "change",
    [
        lambda client, phone: client.post(
            "/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()}
        ),
        lambda client, phone: client.post("/two-factor/sessions/end/"),
        lambda client, phone: client.post(
            "/two-factor/disable/", {"password": PASSWORD, "code": phone.code()}
        ),
    ],
    ids=["step-up", "signing out everywhere else", "turning off"],
)
def test_a_new_key_keeps_the_row(signed_in_client, phone, change):
    Session.objects.update(name="Desk")
    before, key = kept(), signed_in_client.session.session_key
    change(signed_in_client, phone)
    assert (kept(), signed_in_client.session.session_key != key) == (before, True)


def test_the_old_key_opens_nothing(signed_in_client, phone):
    key = signed_in_client.session.session_key
    signed_in_client.post("/two-factor/sessions/end/")
    assert (SessionStore().exists(key), SessionStore(key).load()) == (False, {})


def test_a_new_key_twice_in_one_request_is_one_row(db):
    store = saved(anything=1)
    device = store.device_id
    for _ in range(2):
        store.cycle_key()
    store.save()
    assert (Session.objects.get().pk, Session.objects.get().device_id) == (row_key(store.session_key), device)


def test_someone_else_in_the_same_browser_gets_another_row(as_alice, alice, bob):
    before = Session.objects.get().device_id
    give_password(as_alice, bob.email)
    as_alice.post("/accounts/logout/")
    give_password(as_alice, bob.email)
    row = Session.objects.get()
    assert (row.user, row.device_id != before) == (bob, True)


def test_a_flushed_session_begins_anew(db):
    store = saved(anything=1)
    before = store.device_id
    store.flush()
    none = store.device_id
    store["anything"] = 2
    store.save()
    assert (none, store.device_id != before, Session.objects.count()) == (None, True, 1)


# What was changed or ended meanwhile


def test_a_save_does_not_write_an_old_name_back(db):
    store = saved(anything=1)
    Session.objects.update(name="Desk")
    store["anything"] = 2
    store.save()
    assert Session.objects.get().name == "Desk"


@pytest.mark.parametrize("cycle", [False, True])
def test_a_save_does_not_bring_an_ended_session_back(db, cycle):
    store = saved(anything=1)
    Session.objects.all().delete()
    store["anything"] = 2
    if cycle:
        store.cycle_key()
    with pytest.raises(UpdateError):
        store.save()
    assert not Session.objects.exists()


def test_a_save_after_its_own_end_does_not_bring_it_back(db):
    store = saved(anything=1)
    store.delete()
    with pytest.raises(UpdateError):
        store.save()


def test_an_unknown_key_makes_no_row_under_it(db):
    store = SessionStore("x" * 32)
    store["anything"] = 1
    store.save()
    assert (store.session_key != "x" * 32, Session.objects.count()) == (True, 1)


def test_a_request_during_which_the_session_ends_is_a_409(signed_in_client, clock):
    signed_in_client.raise_request_exception = False
    clock.shift(61)  # so that the request writes the session

    def end_after_reading(execute, sql, *more):
        result = execute(sql, *more)
        if sql.startswith("SELECT") and "twofactor_session" in sql:
            Session.objects.all().delete()
        return result

    with connection.execute_wrapper(end_after_reading):
        answer = signed_in_client.get("/help/")
    assert (answer.status_code, Session.objects.exists()) == (409, False)


def test_of_two_requests_that_change_the_key_the_later_one_has_the_session(db):
    first = saved(anything=1)
    second = SessionStore(first.session_key)
    second.contents()
    for store in (first, second):
        store.cycle_key()
        store.save()
    with pytest.raises(UpdateError):
        first.save()
    assert (SessionStore(first.session_key).load(), SessionStore(second.session_key)["anything"]) == ({}, 1)


def test_a_new_key_does_not_take_the_row_of_someone_else(alice, bob):
    """Two people sign in at once in one browser, whose session was of nobody."""
    first = saved(anything=1)
    second = SessionStore(first.session_key)
    for store, person in ((first, alice), (second, bob)):
        store.contents()
        store.cycle_key()
        store["_auth_user_id"] = str(person.pk)
    first.save()
    with pytest.raises(UpdateError):
        second.save()
    assert Session.objects.get().user == alice


def test_signing_out_ends_a_session_that_has_a_new_key_since(db):
    first = saved(anything=1)
    second = SessionStore(first.session_key)
    second.load()
    first.cycle_key()
    first.save()
    second.flush()
    assert not Session.objects.exists()


# Django's own tools


def test_clearsessions_removes_expired_rows(db):
    saved(anything=1)
    Session.objects.update(expire_date=timezone.now())
    call_command("clearsessions")
    assert not Session.objects.exists()


def test_the_table_of_django_stays_empty(signed_in_client):
    assert import_module("django.contrib.sessions.models").Session.objects.count() == 0


def test_deleting_a_person_deletes_their_rows(signed_in_client, alice):
    alice.delete()
    assert not Session.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_async_code_reads_and_writes_the_same_rows():
    async def write():
        store = SessionStore()
        await store.aset("anything", 1)
        await store.asave()
        await store.acycle_key()
        await store.asave()
        return store

    store = async_to_sync(write)()
    assert (SessionStore(store.session_key)["anything"], Session.objects.count()) == (1, 1)
