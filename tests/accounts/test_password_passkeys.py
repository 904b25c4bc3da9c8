"""A new password keeps no passkey out: a thief who knew the old one may have added one. So each is named."""

from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from tests.accounts.letters import html_part, letters, link
from tests.accounts.passwords import NEW, ask_for_link, reset_password
from tests.people import NOW, PASSWORD, add_passkey, give_password
from twofactor.models import Passkey

pytestmark = pytest.mark.django_db

CHANGE = "/accounts/password_change/"
SENTENCE = "These still sign in without your password:"


@pytest.fixture(autouse=True)
def passkeys_work(settings):
    settings.TWOFACTOR_BASE_URL = "http://localhost"
    settings.ALLOWED_HOSTS = ["localhost", "testserver"]


@pytest.fixture
def browser(alice):
    client = Client(SERVER_NAME="localhost")
    give_password(client)
    return client


def change(browser):
    browser.post(CHANGE, {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW})


def reset(browser):
    reset_password(browser)


def letter():
    [found] = [each for each in letters() if each.subject.startswith("Your password was changed")]
    return found


# The pages


def test_the_page_for_a_new_password_names_them(browser, alice):
    add_passkey(alice, name="Laptop", added_at=NOW)
    page = browser.get(CHANGE).text
    assert (SENTENCE in page, "Laptop</bdi> · 1 March 2026" in page) == (True, True)
    assert 'href="/two-factor/"' in page.partition(SENTENCE)[2].partition("Not yours? Remove it")[0]


def test_the_page_of_a_reset_counts_them_and_names_none(alice):
    """A thief of the mailbox reads it, too."""
    add_passkey(alice, name="Laptop")
    ask_for_link(Client())
    page = Client(SERVER_NAME="localhost").get(link(), follow=True).text
    assert ("1 passkey still signs in without your password." in page, "Laptop" in page) == (True, False)
    assert "Not yours? Remove it once you've signed in" in unescape(page)


def test_who_has_none_reads_nothing_of_it(browser):
    assert SENTENCE not in browser.get(CHANGE).text


@pytest.mark.parametrize(
    "fields",
    [{"kind": "key"}, {"rp_id": "old.example"}, {"suspected_at": NOW}],
    ids=["key", "domain", "copy"],
)
def test_what_does_not_sign_in_alone_is_not_named(browser, alice, fields):
    add_passkey(alice, **fields)
    assert SENTENCE not in browser.get(CHANGE).text


def test_where_passkeys_do_not_work_nothing_is_looked_up(browser, alice, settings):
    add_passkey(alice)
    settings.TWOFACTOR_PASSKEY_DOMAIN = "elsewhere.example"
    with CaptureQueriesContext(connection) as asked:
        page = browser.get(CHANGE).text
    assert SENTENCE not in page
    assert not any(Passkey._meta.db_table in query["sql"] for query in asked.captured_queries)


# The letter


@pytest.mark.parametrize("part", [lambda letter: letter.body, html_part], ids=["text", "html"])
@pytest.mark.parametrize("renew", [change, reset])
def test_the_letter_names_them_after_a_change_and_after_a_reset(browser, alice, renew, part):
    add_passkey(alice, name="Laptop", added_at=NOW)
    renew(browser)
    told = part(letter())
    assert SENTENCE in told
    assert ("Laptop" in told, "1 March 2026" in told, "http://localhost/two-factor/" in told) == (True,) * 3


@pytest.mark.parametrize("renew", [change, reset])
def test_to_who_has_none_it_says_nothing_of_them(browser, renew):
    renew(browser)
    assert SENTENCE not in letter().body


def test_other_letters_do_not_name_them(browser, alice):
    add_passkey(alice)
    change(browser)
    assert [each.subject for each in letters() if SENTENCE in each.body] == [letter().subject]
