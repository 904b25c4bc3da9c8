"""What the package returns of one person, and what it leaves in the audit log."""

import json
from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.serializers.json import DjangoJSONEncoder

from tests.people import NOW, add_passkey, enrol
from twofactor import own_data
from twofactor.models import (
    Authenticator,
    Draft,
    Event,
    Letter,
    PasskeyOwner,
    Phone,
    Recovery,
    Rule,
    SentCode,
    Session,
    TokenFamily,
    TrustedBrowser,
    WarningsAddress,
)
from twofactor.recovery import requests

pytestmark = pytest.mark.django_db
OURS = {*apps.get_app_config("twofactor").get_models()}
SHOWN = {table.model: table for table in own_data.TABLES.values()}
NOT_SHOWN = {PasskeyOwner: "is only the handle, which is not for people"}
# All others are shown, or are no part of a dump (serialize=False): keys, hashes, handles, sealed values.
COLUMNS_NOT_SHOWN = {
    Draft: {"confirmed_step"},
    Authenticator: {"digits", "period", "t0", "drift", "last_step"},  # how it counts codes
    SentCode: {"purpose"},  # has the nonce of the sign-in
    Letter: {"event"},  # is shown as activity
    Event: {"device_id", "trusted_browser_id"},  # say which rows belong together
    Session: {"device_id", "trusted_browser"},
    Recovery: {"request_id"},  # stands in its links
    TokenFamily: {"device_id", "stepped_up_with"},  # names the row of a factor
    TrustedBrowser: {"device_id"},
    Rule: {"scope", "group", "last_told", "all_told_at"},  # those for one person alone have none of it
}


def has_user(model):
    return any(field.related_model is get_user_model() for field in model._meta.concrete_fields)


@pytest.mark.proves("OD-1")
def test_every_table_of_a_person_is_shown_or_has_a_reason():
    of_people = {model for model in OURS if has_user(model)}
    assert SHOWN.keys() | NOT_SHOWN.keys() == of_people
    assert SHOWN.keys() & NOT_SHOWN.keys() == set()


@pytest.mark.proves("OD-1")
@pytest.mark.parametrize("model", SHOWN, ids=lambda model: model.__name__)
def test_every_column_is_shown_or_has_a_reason(model):
    columns = {
        field.name
        for field in model._meta.concrete_fields
        if field.serialize and field.name not in {"id", "user"}
    }
    shown = {*SHOWN[model].columns} - {"what"}  # the sentence of an event
    assert columns - shown == COLUMNS_NOT_SHOWN.get(model, set())
    assert shown - columns == set()


@pytest.mark.proves("OD-2")
def test_no_column_that_is_left_out_of_a_dump_is_shown():
    hidden = {
        (model, field.name) for model in OURS for field in model._meta.concrete_fields if not field.serialize
    }
    assert hidden & {(model, name) for model, table in SHOWN.items() for name in table.columns} == set()


@pytest.fixture
def with_rows(alice, phone, printed_codes):
    """A row in every table."""
    add_passkey(alice)
    device = {
        "began_at": NOW,
        "last_used_at": NOW,
        "browser": "Firefox 140 on Linux",
        "ip_address": "192.0.2.7",
    }
    expiring = {**device, "digest": "x", "session_hash": "x", "expires_at": NOW}
    TrustedBrowser.objects.create(user=alice, **expiring)
    TokenFamily.objects.create(user=alice, **expiring)
    Session.objects.create(user=alice, session_key="x", session_data="x", expire_date=NOW, **device)
    Draft.objects.create(user=alice, kind="app", sealed="x", started_at=NOW)
    Phone.objects.create(user=alice, number="+491701234567", verified_at=NOW)
    WarningsAddress.objects.create(user=alice, address="second@example.net", confirmed_at=NOW)
    Recovery.objects.create(user=alice, asked_at=NOW, **requests.since(alice, NOW))
    SentCode.objects.create(
        user=alice,
        purpose="signin:nonce",
        channel="email",
        target="alice@example.com",
        digest="x",
        sent_at=NOW,
    )
    Rule.objects.create(scope="person", user=alice, starts_on=NOW.date())
    Letter.objects.create(user=alice, template="twofactor/mail/app_added", written_at=NOW, due_at=NOW)
    for name in ("GuessBudget", "SecurityRecord"):
        apps.get_model("twofactor", name).objects.get_or_create(user=alice)
    apps.get_model("twofactor", "Reminder").objects.create(user=alice, dismissed_at=NOW)
    Event.objects.create(
        user=alice, kind="app_added", at=NOW, ip_address="192.0.2.7", detail={"app": "Tablet"}
    )
    return alice


@pytest.mark.proves("OD-1")
def test_every_table_has_a_section(with_rows):
    sections = own_data.what_is_kept(with_rows)
    assert [section.name for section in sections] == list(own_data.TABLES)
    for section in sections:
        assert all(len(row) == len(section.labels) for row in section.first_rows(10))


def test_a_table_without_rows_has_none(alice):
    assert own_data.what_is_kept(alice) == []


def test_rows_of_others_are_not_shown(with_rows, bob):
    enrol(bob)
    assert {section.name for section in own_data.what_is_kept(bob)} == {
        "two_factor",
        "authenticator_apps",
        "wrong_codes",
    }


def test_it_can_be_written_as_json(with_rows):
    written = json.dumps(
        {each.name: each.rows for each in own_data.what_is_kept(with_rows)}, cls=DjangoJSONEncoder
    )
    assert '"app": "Tablet"' in written
    assert "nonce" not in written


@pytest.mark.proves("OD-2")
def test_of_support_neither_address_nor_name_is_shown(alice):
    Event.objects.create(
        user=alice,
        kind="reset_by_support",
        at=NOW,
        ip_address="192.0.2.99",
        browser="Firefox",
        detail={"by": "user 99", "reason": "lost"},
    )
    [activity] = own_data.what_is_kept(alice)
    [row] = activity.rows
    assert (row["ip_address"], row["browser"]) == (None, "")
    assert row["detail"] == {"by": "support", "reason": "lost"}


def test_an_email_is_called_by_its_event(with_rows):
    [emails] = [each for each in own_data.what_is_kept(with_rows) if each.name == "emails"]
    assert next(emails.first_rows(1))[1] == ("What", "You added an authenticator app")


# After the account


@pytest.fixture
def logged(alice):
    """Two events of Alice, with everything that an event can have."""
    everything = dict.fromkeys(("method", "app", "device", "reason", "by"), "x")
    for detail in ({}, everything):
        Event.objects.create(
            user=alice,
            kind="app_added",
            at=NOW,
            ip_address="192.0.2.7",
            browser="Firefox",
            device_id="0b9f1f0c-58a1-4b6c-9a53-1f5b2a9d7c11",
            trusted_browser_id=7,
            detail=detail,
        )
    return alice


@pytest.mark.proves("OD-9")
def test_the_log_stays_without_what_tells_who_it_was(logged):
    own_data.anonymise_log(logged)
    logged.delete()
    for event in Event.objects.all():
        assert (event.user_id, event.ip_address, event.browser) == (None, None, "")
        assert (event.device_id, event.trusted_browser_id) == (None, None)
    assert [event.detail for event in Event.objects.order_by("pk")] == [{}, {"by": "x", "method": "x"}]


def test_the_log_of_others_stays_as_it_is(logged, bob):
    event = Event.objects.create(
        user=bob, kind="app_added", at=NOW, ip_address="192.0.2.8", detail={"app": "x"}
    )
    own_data.anonymise_log(logged)
    event.refresh_from_db()
    assert (event.ip_address, event.detail) == ("192.0.2.8", {"app": "x"})


def test_few_statements_change_a_long_log(alice, django_assert_max_num_queries):
    rows = [
        Event(user=alice, kind="signed_in_with_code", at=NOW, detail={"method": "totp", "app": f"{number}"})
        for number in range(1001)
    ]
    Event.objects.bulk_create(rows)
    with django_assert_max_num_queries(13):
        own_data.anonymise_log(alice)
    assert {json.dumps(each.detail) for each in Event.objects.all()} == {'{"method": "totp"}'}


def test_what_stays_is_said_with_the_days(monkeypatch):
    monkeypatch.setattr(own_data, "LETTERS_KEPT", timedelta(days=3))
    assert "For 3 days" in own_data.what_stays()[1]
