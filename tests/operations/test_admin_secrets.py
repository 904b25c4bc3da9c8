"""Neither the admin, nor a dump, nor a row shows a secret or a hash."""

import io
import re

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client

from accounts.models import User
from tests.operations.admin_and_commands import (
    ADOPTION,
    BROWSERS,
    EVENTS,
    HASHED,
    OF_PASSKEYS,
    PEOPLE,
    SEALED,
    help_page,
    hidden,
)
from tests.people import PASSWORD, PRINTED_CODES, add_passkey, give_password, person
from tests.twofactor.recovery.walk import ask, shut_mailed_codes
from twofactor.factors import backup_codes

pytestmark = pytest.mark.django_db


@pytest.fixture
def secrets_in_database(alice, phone, real_hasher):
    """Stores a secret of every kind; these are the texts that may be found nowhere."""
    alice.set_password(PASSWORD)
    alice.save()
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PRINTED_CODES))
    add_passkey(alice)
    trusting, sending, setting_up = Client(), Client(), Client()
    give_password(trusting)
    trusting.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    give_password(sending)
    sending.post("/two-factor/verify/send/", {"channel": "email"})
    give_password(setting_up, person("bob@example.com").email)
    shut_mailed_codes(alice)
    ask()
    draft = setting_up.get("/two-factor/setup/").context["draft"]
    return {phone.key, *PRINTED_CODES, draft.key, *draft.codes, *hidden()}


def pages_of(client, start="/admin/"):
    """Every page of the administration that links lead to, and the lists' pages of each row."""
    seen, waiting = {}, {start, "/admin/password_change/"}
    while waiting:
        path = waiting.pop()
        answer = client.get(path)
        seen[path] = answer.text if "text/html" in answer.get("Content-Type", "") else ""
        found = {link.partition("?")[0] for link in re.findall(r'href="(/admin/[^"#]*)"', seen[path])}
        waiting |= found - seen.keys()
    return seen


@pytest.mark.proves("6.4.6", "K-10", "PK-17")
def test_no_page_of_the_administration_shows_a_secret(stepped_up, secrets_in_database):
    pages = pages_of(stepped_up)
    assert len(pages) > 20
    assert [path for path, page in pages.items() for text in secrets_in_database if text in page] == []


@pytest.mark.parametrize(("model", "column"), [*SEALED, *HASHED], ids=str)
def test_every_kind_of_secret_was_in_the_database(secrets_in_database, model, column):
    assert secrets_in_database & set(model._default_manager.values_list(column, flat=True))


@pytest.mark.parametrize(("model", "column"), OF_PASSKEYS, ids=str)
def test_every_column_of_a_passkey_was_in_the_database(secrets_in_database, model, column):
    assert bytes(model._default_manager.values_list(column, flat=True)[0]).hex() in secrets_in_database


def test_the_pages_that_were_looked_at_are_those_of_everyone(stepped_up, secrets_in_database, alice):
    pages = pages_of(stepped_up).keys()
    assert {help_page(alice), f"{PEOPLE}{alice.pk}/delete/", ADOPTION, EVENTS, BROWSERS} <= pages


@pytest.mark.proves("K-01")
def test_dumpdata_shows_no_secret(secrets_in_database):
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    assert [text for text in secrets_in_database if text in out.getvalue()] == []


@pytest.mark.proves("K-01")
def test_who_reads_the_table_of_sessions_can_open_none(admin):
    key = admin.cookies["sessionid"].value
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    assert key not in out.getvalue()
    for row in apps.get_model("sessions", "Session").objects.all():
        thief = Client()
        thief.cookies["sessionid"] = row.pk
        assert thief.get("/accounts/profile/").status_code == 302


@pytest.mark.proves("K-10")
@pytest.mark.parametrize("words", [repr, str])
def test_no_row_tells_a_secret(secrets_in_database, words):
    said = [words(row) for model in apps.get_models() for row in model._default_manager.all()]
    assert [text for text in secrets_in_database for saying in said if text in saying] == []


@pytest.mark.parametrize("email", ["alice@example.com", "bob@example.com"])
def test_the_page_of_a_person_has_no_field_for_what_is_hidden(stepped_up, secrets_in_database, email):
    page = stepped_up.get(f"{PEOPLE}{User.objects.get(email=email).pk}/change/").text
    names = set(re.findall(r'name="([^"]+)"', page))
    assert (
        names & {"password", "security_epoch", "password_digest", "sealed_key", "digest", "public_key"}
        == set()
    )
