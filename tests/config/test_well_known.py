"""The addresses that programs know: /.well-known/security.txt and /.well-known/change-password."""

import re
from datetime import UTC, datetime, timedelta

import pytest

from config import environment

SECURITY_TXT = "/.well-known/security.txt"


@pytest.fixture
def fields(client, settings, clock):
    settings.SECURITY_CONTACTS = ["mailto:security@example.com", "https://example.com/report"]
    answer = client.get(SECURITY_TXT)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    return [line.split(": ", 1) for line in answer.text.splitlines()]


def test_it_says_whom_to_tell_of_a_security_problem(fields, settings):
    assert fields[:2] == [["Contact", contact] for contact in settings.SECURITY_CONTACTS]


def test_it_stands_at_its_canonical_address(fields, settings):
    assert ["Canonical", f"{settings.TWOFACTOR_BASE_URL}{SECURITY_TXT}"] in fields


def test_it_expires_in_less_than_a_year(fields):
    expires = datetime.fromisoformat(dict(fields)["Expires"])
    assert timedelta(days=90) < expires - datetime.now(UTC) < timedelta(days=365)


def test_without_a_contact_there_is_none(client):
    assert client.get(SECURITY_TXT).status_code == 404


@pytest.mark.parametrize(
    "value", ["security@example.com", "mailto:", "https://", "javascript:x", "mailto:a@b\nc"]
)
def test_a_contact_that_is_no_address_is_refused(value):
    with pytest.raises(ValueError, match=re.escape(value)):
        environment.contacts(value)


def test_several_contacts_are_separated_by_commas():
    assert environment.contacts("tel:+4930123456, mailto:a@example.com,") == [
        "tel:+4930123456",
        "mailto:a@example.com",
    ]


def test_password_managers_are_led_to_the_page_for_a_new_password(client):
    answer = client.get("/.well-known/change-password")
    assert (answer.status_code, answer.url) == (303, "/accounts/password_change/")
