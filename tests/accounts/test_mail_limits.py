"""How many emails someone can cause, and who is told when a limit is reached."""

import pytest
from django.test import Client

from accounts.mail_limits import FROM_BROWSER, FROM_NETWORK
from accounts.models import User
from config import environment
from tests.accounts.letters import letters
from tests.htmx import HTMX
from tests.people import PASSWORD, enrol, give_password, person
from twofactor.models import Allowance

pytestmark = pytest.mark.django_db
PAGES = {"signup": "/accounts/signup/", "reset": "/accounts/password_reset/"}
FORMS = pytest.mark.parametrize("form", PAGES)
NETWORK = "203.0.113.9"


@pytest.fixture(autouse=True)
def clock_stands_still(clock):
    return clock


def ask(browser, form, address, **extra):
    return browser.post(PAGES[form], {"email": address, "password": PASSWORD}, **extra)


def browser_with_form(form):
    """A browser that has opened the form."""
    browser = Client(REMOTE_ADDR=NETWORK)
    browser.get(PAGES[form])
    return browser


@pytest.fixture
def network_has_used(clock):
    def network_has_used(form, count):
        ask(Client(REMOTE_ADDR=NETWORK), form, "first@example.com")
        Allowance.objects.filter(key=FROM_NETWORK.key(f"{form}:{NETWORK}")).update(count=count)

    return network_has_used


@pytest.mark.proves("L-8")
@FORMS
def test_the_eleventh_of_one_browser_is_told_to_wait(form):
    browser = browser_with_form(form)
    answers = [ask(browser, form, f"p{n}@example.com").status_code for n in range(11)]
    assert ({*answers[:10]} <= {302, 303}, answers[10]) == (True, 429)


@FORMS
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_who_is_told_to_wait_is_told_how_long(form, headers):
    browser = browser_with_form(form)
    for n in range(10):
        ask(browser, form, f"p{n}@example.com")
    answer = ask(browser, form, "last@example.com", headers=headers)
    assert ("You can try again in" in answer.text, answer["Retry-After"]) == (True, "3600")


@FORMS
def test_the_wait_is_the_same_whether_or_not_there_is_an_account(form):
    person("known@example.com")
    browser = browser_with_form(form)
    for n in range(10):
        ask(browser, form, f"p{n}@example.com")
    told = [ask(browser, form, f"{name}@example.com").status_code for name in ("known", "unknown")]
    assert told == [429, 429]


@FORMS
def test_another_browser_of_the_network_asks_on(form):
    browser = browser_with_form(form)
    for n in range(11):
        ask(browser, form, f"p{n}@example.com")
    assert ask(browser_with_form(form), form, "other@example.com").status_code in {302, 303}


@FORMS
def test_one_browser_alone_does_not_use_up_its_network(form):
    browser = browser_with_form(form)
    for n in range(30):
        ask(browser, form, f"p{n}@example.com")
    assert Allowance.objects.get(key=FROM_NETWORK.key(f"{form}:{NETWORK}")).count == 10


@pytest.mark.proves("L-8")
@FORMS
@pytest.mark.parametrize("has_cookie", [True, False])
def test_the_hundred_and_first_of_one_network_is_told_to_wait(form, network_has_used, has_cookie):
    network_has_used(form, 99)
    browsers = [browser_with_form(form) if has_cookie else Client(REMOTE_ADDR=NETWORK) for _ in range(2)]
    answers = [ask(browser, form, "last@example.com").status_code for browser in browsers]
    assert answers in ([302, 429], [303, 429])


@FORMS
def test_a_cookie_of_ones_own_is_no_browser(form, network_has_used):
    network_has_used(form, 100)
    browser = Client(REMOTE_ADDR=NETWORK)
    browser.cookies["accounts_asking"] = "made up"
    assert ask(browser, form, "last@example.com").status_code == 429


@FORMS
def test_another_network_asks_on(form, network_has_used):
    network_has_used(form, 100)
    assert ask(Client(REMOTE_ADDR="198.51.100.7"), form, "last@example.com").status_code in {302, 303}


@FORMS
def test_of_a_hundred_ipv6_addresses_of_one_customer_each_counts_for_all(form):
    for n in range(3):
        ask(Client(REMOTE_ADDR=f"2001:db8::{n + 1}"), form, f"p{n}@example.com")
    assert Allowance.objects.get(key=FROM_NETWORK.key(f"{form}:2001:db8::")).count == 3


@FORMS
def test_the_fourth_mail_to_one_address_is_not_sent_and_nobody_is_told(form):
    person("known@example.com")
    browser = browser_with_form(form)
    answers = [ask(browser, form, "known@example.com").status_code for _ in range(4)]
    assert (len(set(answers)), len(letters())) == (1, 3)


@FORMS
def test_without_any_address_the_limit_of_the_browser_holds(form):
    browser = Client(REMOTE_ADDR="")
    browser.get(PAGES[form])
    answers = [ask(browser, form, f"p{n}@example.com").status_code for n in range(11)]
    assert answers[10] == 429


@FORMS
def test_the_answer_to_the_form_leaves_no_cookie(form):
    assert not ask(Client(), form, "free@example.com").cookies


def test_someone_who_is_signed_in_counts_in_any_browser():
    person(email_verified_at=None)
    browsers = [Client(REMOTE_ADDR=f"203.0.113.{n}") for n in range(2)]
    for browser in browsers:
        give_password(browser)
        browser.post("/accounts/email/verify/send/")
    assert Allowance.objects.get(key=FROM_BROWSER.key(f"verify:user {User.objects.get().pk}")).count == 2


# A site without mail


@pytest.fixture
def site_without_mail(settings):
    settings.TWOFACTOR_HAS_MAIL = False


@pytest.mark.parametrize("address", ["free@example.com", "taken@example.com"])
def test_signing_up_says_that_one_can_sign_in(client, site_without_mail, address):
    person("taken@example.com")
    page = client.post(PAGES["signup"], {"email": address, "password": PASSWORD}, follow=True).text
    assert ("You can now sign in" in page, "inbox" in page) == (True, False)


def test_one_word_says_that_there_is_no_mail():
    assert environment.email("none:")["TWOFACTOR_HAS_MAIL"] is False


def test_who_signed_up_signs_in(client, site_without_mail):
    client.post(PAGES["signup"], {"email": "free@example.com", "password": PASSWORD})
    assert give_password(client, "free@example.com").status_code == 303


@pytest.mark.parametrize("path", ["/accounts/password_reset/", "/accounts/email/change/"])
def test_what_needs_mail_says_that_there_is_none(client, site_without_mail, path):
    person()
    give_password(client)
    answer = client.get(path)
    assert (answer.status_code, "This site doesn't send email" in answer.text) == (404, True)


def test_the_dashboard_asks_nobody_to_confirm(client, site_without_mail):
    person(email_verified_at=None)
    give_password(client)
    assert "/accounts/email/verify/send/" not in client.get("/").text


def test_no_code_goes_out_by_mail(client, site_without_mail, settings):
    settings.TWOFACTOR_EMAIL_FALLBACK = "everyone"
    enrol(person())
    give_password(client)
    assert "email" not in client.get("/two-factor/verify/other/").text
