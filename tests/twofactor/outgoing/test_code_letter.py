"""The letter with a code."""

import pytest
from django.core import mail

from tests.accounts.letters import html_part
from tests.people import give_password
from tests.twofactor.sent_codes import mailed_code, request_code

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = "alice@example.com", "alice@new.example"


@pytest.fixture
def code_letter(client, phone):
    give_password(client)
    request_code(client)
    return mail.outbox[0]


def test_the_letter_with_a_code_begins_with_it(code_letter):
    assert (code_letter.body[:6], code_letter.body[6:40]) == (
        mailed_code(),
        " is your Countersign security code",
    )


def test_the_letter_with_a_code_says_how_long_it_works(code_letter):
    assert "The code works once, within 10 minutes" in code_letter.body


def test_the_letter_with_a_code_says_what_it_means_unasked(code_letter):
    assert "If you didn't request this, someone may know your password. Change it now." in code_letter.body


def test_the_letter_with_a_code_has_nothing_to_click(code_letter):
    assert [part for part in ("<a ", "href", "http://", "https://") if part in html_part(code_letter)] == []


def test_the_letter_with_a_code_names_the_site_below(code_letter):
    """The signature names the site without a link."""
    text, _, signature = code_letter.body.partition("\n-- \n")
    assert ("://" in text, signature.strip()) == (False, "Countersign")


def test_the_letter_with_a_code_goes_to_one_address(code_letter):
    assert (code_letter.to, code_letter.cc, code_letter.bcc) == ([OLD], [], [])


def test_the_letter_with_a_code_says_that_no_person_wrote_it(code_letter):
    assert code_letter.message()["Auto-Submitted"] == "auto-generated"


def test_the_letter_with_a_code_speaks_the_language_of_its_reader(client, alice, phone):
    type(alice).objects.update(language="ar")
    give_password(client)
    request_code(client)
    assert '<html lang="ar" dir="rtl">' in html_part(mail.outbox[0])


def test_the_letter_with_a_code_has_no_link_at_all(sent_code_client):
    assert "://" not in mail.outbox[0].body
