"""What support reads about passkeys, whom they find by them, and that a reset takes them away."""

import re
from datetime import timedelta

import pytest
from django.utils.formats import date_format

from tests.operations.admin_and_commands import PEOPLE, help_page, reset_by_support
from tests.people import NOW, add_passkey, person
from twofactor.factors import makers
from twofactor.models import Passkey

pytestmark = pytest.mark.django_db

ICLOUD = next(aaguid for aaguid, name in makers.NAMES.items() if name == "iCloud Keychain")


def words_of(client, user):
    page = client.get(help_page(user)).text
    return " ".join(re.sub(r"<[^>]+>", " ", page).split())


@pytest.mark.proves("PK-17")
def test_support_reads_what_a_passkey_is(stepped_up, alice, phone):
    add_passkey(alice, name="My phone", aaguid=ICLOUD, last_used_at=NOW)
    assert "My phone Passkey · iCloud Keychain · Synced between devices · Added" in words_of(
        stepped_up, alice
    )


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("backup_eligible", False, "· On this device only ·"),
        ("kind", "key", "Work Security key ·"),
        ("suspected_at", NOW, "May have been copied, so it hasn't worked since"),
        ("last_used_at", None, "(UTC), not used yet"),
    ],
)
def test_support_reads_how_a_passkey_stands(stepped_up, alice, field, value, sentence):
    passkey = add_passkey(alice, name="Work", last_used_at=NOW, aaguid=None)
    assert sentence not in words_of(stepped_up, alice)
    Passkey.objects.filter(pk=passkey.pk).update(**{field: value})
    assert sentence in words_of(stepped_up, alice).replace("&#x27;", "'")


def test_a_name_is_shown_as_text(stepped_up, alice):
    add_passkey(alice, name="<i>mine</i>")
    assert "<i>mine</i>" not in stepped_up.get(help_page(alice)).text


def test_the_page_says_that_it_is_off_beside_add_passkey(stepped_up, alice):
    add_passkey(alice, name="Laptop")
    page = words_of(stepped_up, alice)
    assert ("Two-factor authentication is off." in page, "Laptop Passkey" in page) == (True, True)


@pytest.mark.parametrize("is_on", [True, False])
def test_a_reset_takes_passkeys_away(stepped_up, alice, request, is_on):
    if is_on:
        request.getfixturevalue("phone")
    add_passkey(alice)
    assert "two-factor/reset/" in stepped_up.get(help_page(alice)).text
    reset_by_support(stepped_up, alice)
    assert not Passkey.objects.exists()


@pytest.mark.parametrize(("value", "listed"), [("yes", ["alice"]), ("no", ["bob", "carol"])])
def test_people_are_filtered_by_what_cannot_be_phished(admin, alice, value, listed):
    add_passkey(alice)
    add_passkey(person("bob@example.com"), suspected_at=NOW)
    person("carol@example.com")
    page = admin.get(PEOPLE, {"phishing_resistant": value, "is_staff__exact": "0"}).text
    assert sorted(re.findall(r"(\w+)@example.com</a>", page)) == listed


@pytest.mark.parametrize("by_code", [None, NOW - timedelta(days=1), NOW + timedelta(days=1)])
def test_the_list_says_when_any_factor_was_last_used(admin, alice, phone, by_code):
    alice.authenticators.update(last_used_at=by_code)
    add_passkey(alice, last_used_at=NOW)
    page = admin.get(PEOPLE, {"q": "alice"}).text
    latest = max(filter(None, [by_code, NOW]))
    assert f'field-factor_last_used">{date_format(latest, "DATE_FORMAT")}<' in page
