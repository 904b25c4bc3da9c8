"""The page and the file with everything that the site keeps about a person."""

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth import get_user_model
from django.test import Client

from accounts import own_data
from accounts.models import KnownBrowser, User
from tests.operations.admin_and_commands import hidden
from tests.people import (
    FIREFOX,
    PASSWORD,
    PRINTED_CODES,
    add_passkey,
    client_after_password,
    give_password,
    sign_in,
)
from twofactor import testing
from twofactor.factors import backup_codes
from twofactor.models import Event

pytestmark = pytest.mark.django_db
EXPORT = "/accounts/export/"
NOT_SHOWN = {
    LogEntry: "is what the person did to others, as staff",
    User.groups.through: "stands in the account",
    User.user_permissions.through: "stands in the account",
}


@pytest.fixture
def owner(alice, phone, client):
    client.defaults["HTTP_USER_AGENT"] = FIREFOX
    sign_in(client, phone)
    return client


def has_user(model):
    return any(field.related_model is get_user_model() for field in model._meta.concrete_fields)


@pytest.mark.proves("OD-1")
def test_every_table_of_a_person_is_shown_or_has_a_reason():
    """Those of twofactor: tests/twofactor/test_own_data.py."""
    models = {model for model in apps.get_models(include_auto_created=True) if has_user(model)}
    of_site = {model for model in models if model._meta.app_label != "twofactor"}
    installed = {model for model in of_site if model.__module__.split(".")[0] in INSTALLED}
    assert installed == {KnownBrowser, *NOT_SHOWN}


INSTALLED = {"accounts", "axes", *(app.split(".")[0] for app in settings.INSTALLED_APPS if "." in app)}


@pytest.mark.proves("OD-1")
def test_every_column_of_the_account_is_shown_or_has_a_reason(alice):
    columns = {field.name for field in User._meta.concrete_fields if field.serialize}
    shown = own_data.account_of(alice).rows[0].keys()
    assert columns - shown == set()
    assert shown - columns == {"groups", "permissions"}


def test_every_column_of_a_known_browser_is_shown_or_has_a_reason(owner, alice):
    [section] = [each for each in own_data.what_is_kept(alice) if each.name == "known_browsers"]
    columns = {field.name for field in KnownBrowser._meta.concrete_fields if field.serialize}
    assert columns - section.rows[0].keys() == {"user"}


@pytest.mark.proves("OD-1")
def test_the_page_shows_it_readably(owner):
    page = owner.get(EXPORT).text
    assert "alice@example.com" in page
    assert "Firefox 140 on Linux" in page
    assert "1 March 2026" in page


@pytest.mark.proves("OD-1")
def test_the_file_has_all_of_it(owner, alice):
    answer = owner.post(EXPORT)
    assert answer["Content-Type"] == "application/json"
    assert answer["Content-Disposition"] == 'attachment; filename="my-data.json"'
    data = answer.json()
    assert data["account"][0]["email"] == alice.email
    assert data["authenticator_apps"][0]["name"]
    assert data["activity"][-1]["kind"] == "signed_in_with_code"


def test_of_a_long_list_the_page_shows_the_newest(owner, alice):
    Event.objects.bulk_create(
        [Event(user=alice, kind="code_sent", at=alice.date_joined, detail={}) for _ in range(30)]
    )
    assert "The file has all 3" in owner.get(EXPORT).text
    assert len(owner.post(EXPORT).json()["activity"]) > 30


def test_a_download_is_recorded_and_mailed_once_a_day(owner, alice):
    for _ in range(2):
        owner.post(EXPORT)
    assert Event.objects.filter(user=alice, kind="data_downloaded").count() == 2
    assert [each.subject for each in testing.send_mails()] == ["You downloaded your data – Countersign"]


def test_looking_changes_nothing(owner, alice):
    owner.get(EXPORT)
    assert not Event.objects.filter(kind="data_downloaded").exists()


@pytest.mark.proves("OD-1")
@pytest.mark.parametrize("method", ["get", "post"])
def test_it_needs_both_factors_of_the_last_minutes(owner, clock, method):
    clock.shift(360)
    answer = getattr(owner, method)(EXPORT)
    assert answer.url.startswith("/two-factor/confirm/")


@pytest.mark.parametrize("method", ["get", "post"])
def test_a_stranger_sees_nothing(db, method):
    assert getattr(Client(), method)(EXPORT).url.startswith("/accounts/login/")


def test_the_password_shows_it_to_someone_without_a_second_factor(bob):
    client = client_after_password("bob@example.com")
    client.post("/two-factor/confirm/", {"password": PASSWORD})
    assert client.post(EXPORT).json()["account"][0]["email"] == "bob@example.com"


@pytest.mark.proves("OD-2")
def test_it_holds_no_secret(alice, phone, real_hasher, client, clock):
    """Alice has a secret of every kind."""
    alice.set_password(PASSWORD)
    alice.save()
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PRINTED_CODES))
    add_passkey(alice)
    give_password(client)
    client.post("/two-factor/verify/send/", {"channel": "email"})
    client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    draft = client.get("/two-factor/apps/add/").context["draft"]
    shown = client.get(EXPORT).text + client.post(EXPORT).text
    assert '"activity"' in shown
    secrets = {PASSWORD, phone.key, *PRINTED_CODES, draft.key, client.cookies["sessionid"].value, *hidden()}
    assert [secret for secret in secrets if secret and secret in shown] == []


def test_it_names_the_groups_of_the_person(owner, alice):
    alice.groups.create(name="editors")
    assert owner.post(EXPORT).json()["account"][0]["groups"] == ["editors"]
