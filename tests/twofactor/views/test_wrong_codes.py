"""Wrong and badly formed codes while signing in, and what is shown and refused after too many of them."""

from contextlib import suppress
from html import unescape

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_save
from django.test import Client
from django.utils import timezone

from tests.htmx import HTMX
from tests.people import give_password, signed_in_as
from tests.twofactor.code_forms import counted_failures, enter_code
from twofactor import middleware
from twofactor.limits import guesses
from twofactor.models import Event, GuessBudget

VERIFY = "/two-factor/verify/"
WIDE_DIGITS = str.maketrans("0123456789", "０１２３４５６７８９")


# A wrong code


def test_a_wrong_code_is_refused_with_422(pending_client):
    assert enter_code(pending_client, "000000").status_code == 422


def test_a_wrong_code_is_refused_with_422_under_htmx(pending_client):
    assert pending_client.post(VERIFY, {"code": "000000"}, headers=HTMX).status_code == 422


def test_a_wrong_code_says_what_to_do(pending_client):
    page = enter_code(pending_client, "000000").text
    problem, _, advice = page.partition("The code is not correct.")[2].partition('<span class="advice">')
    assert problem.strip() == ""
    assert advice.startswith("Wait for your app to show a new code, then try again. Check that your phone")


def test_every_wrong_code_brings_advice_about_the_clock(pending_client):
    pages = [enter_code(pending_client, "000000").content for _ in range(3)]
    assert all(b"Check that your phone sets its time" in page for page in pages)


def test_the_last_free_guess_is_announced(pending_client):
    pages = [enter_code(pending_client, "000000").content for _ in range(4)]
    assert [b"One more wrong code" in page for page in pages] == [False, False, False, True]


def test_a_wrong_code_is_not_shown_again(pending_client):
    assert b"000000" not in enter_code(pending_client, "000000").content


def test_a_wrong_code_is_counted(pending_client):
    enter_code(pending_client, "000000")
    assert counted_failures() == 1


def test_a_right_code_forgives_the_wrong_ones(pending_client, phone):
    enter_code(pending_client, "000000")
    enter_code(pending_client, phone.code())
    assert counted_failures() == 0


def test_a_wrong_code_leaves_the_sign_in_pending(pending_client, alice, phone):
    enter_code(pending_client, "000000")
    enter_code(pending_client, phone.code())
    assert signed_in_as(pending_client) == alice


BADLY_FORMED = {
    "": "Enter the code.",
    "   ": "Enter the code.",
    "12345": "You've entered too few digits. The code must be 6 digits.",
    "1234567": "You've entered too many digits. The code must be 6 digits.",
    "12345x": "The code must be 6 digits.",
    "ABCDE-12345-FGH": "A backup code has 15 letters and digits, like",
    "²23456": "The code must be 6 digits.",
    "1" * 70: "You've entered too many digits. The code must be 6 digits.",
}


@pytest.mark.parametrize(("typed", "said"), list(BADLY_FORMED.items()))
def test_a_badly_formed_code_says_what_is_wrong_with_it(pending_client, typed, said):
    page = unescape(enter_code(pending_client, typed).text)
    assert said in page.replace('\n<span class="advice">', " ")


UNREADABLE = [*BADLY_FORMED, "x" * 1_000_000, "nul\0", "[]", "true", "null", "-1", "1e5"]


@pytest.mark.parametrize("typed", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_badly_formed_code_costs_no_guess(pending_client, typed):
    enter_code(pending_client, typed)
    assert counted_failures() == 0


@pytest.mark.proves("2.2.1", "2.2.2", "V-16")
@pytest.mark.parametrize("typed", UNREADABLE, ids=range(len(UNREADABLE)))
def test_a_badly_formed_code_is_refused_with_422(pending_client, typed):
    assert enter_code(pending_client, typed).status_code == 422


@pytest.mark.parametrize("typed", ["12345", "1234567", "12345x"])
def test_a_badly_formed_code_is_kept_in_its_field(pending_client, typed):
    assert f'value="{typed}"' in enter_code(pending_client, typed).text


def test_a_code_in_two_halves_is_read_as_it_was_meant(pending_client, alice, phone):
    enter_code(pending_client, f" {phone.code()[:3]}-{phone.code()[3:]}\n")
    assert signed_in_as(pending_client) == alice


def test_a_code_in_wide_digits_is_read_as_it_was_meant(pending_client, alice, phone):
    enter_code(pending_client, phone.code().translate(WIDE_DIGITS))
    assert signed_in_as(pending_client) == alice


def test_a_missing_field_is_an_empty_one(pending_client):
    assert b"Enter the code." in pending_client.post(VERIFY).content


@pytest.mark.proves("15.3.7")
def test_of_several_codes_in_one_form_none_is_looked_at(pending_client, phone):
    answer = pending_client.post(VERIFY, {"code": ["000000", "111111", phone.code()]})
    assert (answer.status_code, counted_failures()) == (400, 0)


# Too many wrong codes


@pytest.fixture
def locked_client(pending_client):
    [enter_code(pending_client, "000000") for _ in range(5)]
    return pending_client


@pytest.mark.proves("6.3.1")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_after_five_wrong_codes_the_answer_is_429(locked_client, headers):
    assert locked_client.post(VERIFY, {"code": "000000"}, headers=headers).status_code == 429


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_locked_page_says_how_long_in_its_header(locked_client, clock, headers):
    clock.shift(10)
    wait = int(locked_client.post(VERIFY, {"code": "000000"}, headers=headers).headers["Retry-After"])
    assert wait in {20, 21}


def test_a_locked_page_says_how_long_in_words(locked_client):
    assert b"at about 12:00" in enter_code(locked_client, "000000").content


def test_a_locked_page_has_its_own_heading(locked_client):
    assert b"You can't sign in at the moment" in enter_code(locked_client, "000000").content


def test_a_locked_page_is_a_whole_page_under_htmx_too(locked_client):
    page = locked_client.post(VERIFY, {"code": "000000"}, headers=HTMX).content
    assert page.lower().startswith(b"<!doctype html>")


@pytest.mark.parametrize("path", ["/accounts/password_reset/", "/help/"])
def test_a_locked_page_says_what_else_can_be_done(locked_client, path):
    assert f'href="{path}"' in enter_code(locked_client, "000000").text


RESET, ASK = "Reset your password to try again", "Ask the people who run this site for help"
RESET_LINK, WAIT = 'href="/accounts/password_reset/"', "Wait, then try again"


@pytest.fixture
def locked_for_good_client(pending_client):
    """A hundred wrong codes were entered in a row: there is no wait that ends."""
    enter_code(pending_client, "000000")
    GuessBudget.objects.update(failures=guesses.LAST_GUESS)
    return pending_client


def test_after_the_last_wrong_code_a_new_password_is_advised_and_no_wait(locked_for_good_client):
    page = enter_code(locked_for_good_client, "000000").text
    assert [advice in page for advice in (RESET, RESET_LINK, ASK, WAIT)] == [True, True, False, False]


def test_where_a_new_password_has_just_helped_support_is_advised(locked_for_good_client, clock):
    GuessBudget.objects.update(lifted_at=timezone.now())
    page = enter_code(locked_for_good_client, "000000").text
    assert [advice in page for advice in (RESET, RESET_LINK, ASK, WAIT)] == [False, False, True, False]
    assert "a new password won&#x27;t help again until 31 March 2026" in page


def test_where_a_new_password_has_just_helped_the_code_page_says_so_too(locked_for_good_client):
    GuessBudget.objects.update(lifted_at=timezone.now())
    page = locked_for_good_client.get(VERIFY).text
    assert (RESET in page, ASK in page) == (False, True)


@pytest.mark.parametrize(("for_good", "told"), [(True, False), (False, True)])
def test_a_site_with_no_page_to_advise_has_no_heading_for_it(rf, settings, clock, for_good, told):
    settings.ROOT_URLCONF = "tests.operations.urls_without_accounts"
    request = rf.get("/")
    request.user = AnonymousUser()
    page = middleware.locked_page(request, guesses.Locked(None if for_good else timezone.now())).text
    assert ("What you can do" in page) is told


def test_the_code_page_opens_while_it_is_locked(locked_client):
    assert locked_client.get(VERIFY).status_code == 200


def test_the_code_page_says_how_long_it_is_locked(locked_client):
    assert b"You entered the wrong code too many times" in locked_client.get(VERIFY).content


@pytest.mark.proves("C-09")
def test_while_locked_a_right_code_is_refused(locked_client, phone):
    enter_code(locked_client, phone.code())
    assert signed_in_as(locked_client) is None


@pytest.mark.proves("C-09")
def test_while_locked_a_right_code_is_not_spent(locked_client, alice, phone, clock):
    code = phone.code()
    enter_code(locked_client, code)
    clock.shift(31)
    enter_code(locked_client, code)
    assert signed_in_as(locked_client) == alice


def test_while_locked_a_backup_code_is_refused(locked_client, printed_codes):
    assert enter_code(locked_client, printed_codes[0], "/two-factor/verify/backup/").status_code == 429


def test_trying_while_locked_does_not_push_the_end_back(locked_client, alice, phone, clock):
    for _ in range(3):
        clock.shift(9)
        enter_code(locked_client, "000000")
    clock.shift(4)
    enter_code(locked_client, phone.code())
    assert signed_in_as(locked_client) == alice


def test_another_browser_does_not_bring_more_guesses(locked_client):
    other = Client(REMOTE_ADDR="203.0.113.9")
    give_password(other)
    assert enter_code(other, "000000").status_code == 429


@pytest.mark.proves("R-07", "F-14")
def test_guesses_on_different_pages_are_counted_together(pending_client):
    for _ in range(5):
        browser = Client()
        give_password(browser)
        enter_code(browser, "000000")
    assert enter_code(pending_client, "000000").status_code == 429


@pytest.mark.proves("X-02")
def test_refused_codes_do_not_lock_the_password(locked_client):
    assert give_password(Client()).url == VERIFY


@pytest.mark.proves("C-06", "F-14")
def test_a_code_is_counted_even_when_the_answer_breaks(pending_client, db):
    def breaks(sender, instance, **kwargs):
        raise RuntimeError

    post_save.connect(breaks, Event)
    pending_client.raise_request_exception = False
    answer = enter_code(pending_client, "000000").status_code
    post_save.disconnect(breaks, Event)
    assert (answer, counted_failures()) == (500, 1)


@pytest.mark.proves("C-06")
def test_a_receiver_that_breaks_the_transaction_and_hides_it_signs_nobody_in(pending_client, phone, db):
    """What was spent would be rolled back, and the code would open one session after the other."""

    def breaks(sender, instance, **kwargs):
        with suppress(DatabaseError), transaction.mark_for_rollback_on_error("default"):
            connection.cursor().execute("SELECT no_such_column FROM twofactor_event")

    post_save.connect(breaks, Event)
    pending_client.raise_request_exception = False
    answer = enter_code(pending_client, phone.code()).status_code
    post_save.disconnect(breaks, Event)
    assert (answer, counted_failures(), signed_in_as(pending_client)) == (500, 1, None)


@pytest.mark.proves("C-06")
def test_a_right_code_whose_answer_breaks_costs_a_guess_and_is_not_spent(pending_client, phone, db):
    """An error must not be a free look at a code."""

    def breaks(sender, instance, **kwargs):
        raise RuntimeError

    post_save.connect(breaks, Event)
    pending_client.raise_request_exception = False
    answer = enter_code(pending_client, phone.code()).status_code
    post_save.disconnect(breaks, Event)
    assert (answer, counted_failures()) == (500, 1)
    assert enter_code(pending_client, phone.code()).status_code == 303
