"""The pending sign-in, between password and code: what it holds, whose it is, and when it ends."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from tests.htmx import HTMX
from tests.people import PASSWORD, enrol, give_password, person, signed_in_as
from tests.twofactor.code_forms import enter_code
from twofactor import factor_changes, sealing
from twofactor.models import GuessBudget, Session
from twofactor.signin.pending import PURPOSE

VERIFY = "/two-factor/verify/"


# After the password, before the code


def test_the_right_password_leads_to_the_code(client, phone):
    response = give_password(client)
    assert (response.status_code, response.url) == (303, VERIFY)


def test_with_the_password_alone_nobody_is_signed_in(pending_client):
    assert signed_in_as(pending_client) is None


@pytest.mark.proves("S-04")
def test_with_the_password_alone_a_page_is_anonymous(pending_client):
    assert not pending_client.get(VERIFY).context["user"].is_authenticated


def test_with_the_password_alone_there_is_no_session(pending_client):
    pending_client.get(VERIFY)
    assert (site.SESSION_COOKIE_NAME in pending_client.cookies, Session.objects.count()) == (False, 0)


def test_a_wrong_code_makes_no_session(pending_client):
    enter_code(pending_client, "000000")
    assert Session.objects.count() == 0


def test_the_pending_sign_in_is_out_of_reach_for_scripts(pending_client):
    assert pending_client.cookies["twofactor_pending"]["httponly"]


def test_the_pending_sign_in_ends_with_the_browser(pending_client):
    assert pending_client.cookies["twofactor_pending"]["max-age"] == ""


def test_the_pending_cookie_says_nothing_to_who_has_no_key(pending_client, alice, phone):
    value = pending_client.cookies["twofactor_pending"].value
    assert not any(word in value for word in (alice.email, PASSWORD, alice.password, phone.key))


@pytest.mark.proves("V-03")
def test_the_pending_sign_in_holds_no_password_and_no_code(pending_client, alice, phone, clock):
    held = str(sealing.unseal(PURPOSE, "", pending_client.cookies["twofactor_pending"].value, timezone.now()))
    assert not any(secret in held for secret in (PASSWORD, alice.password, phone.key, phone.code()))


def test_the_page_says_who_signs_in(pending_client, alice):
    assert alice.email in pending_client.get(VERIFY).text


def test_without_a_password_there_is_no_second_step(client, phone):
    response = client.get(VERIFY)
    assert (response.status_code, response.url) == (303, "/accounts/login/")


PENDING_PAGES = [VERIFY, "/two-factor/verify/other/", "/two-factor/verify/backup/"]


@pytest.mark.parametrize("path", PENDING_PAGES)
def test_every_page_of_the_second_step_needs_the_first(client, phone, path):
    assert client.get(path).url == "/accounts/login/"


@pytest.mark.parametrize("path", PENDING_PAGES)
def test_every_page_of_the_second_step_opens_after_the_first(pending_client, path):
    assert pending_client.get(path).status_code == 200


# Planted by an attacker (V-26)


@pytest.fixture
def planted_sign_in(phone):
    """Alice's browser, with the cookie of Mallory's pending sign-in in it; and Mallory's phone."""
    mallory, browser = enrol(person("mallory@example.com")), Client(enforce_csrf_checks=True)
    attacker = Client()
    give_password(attacker, "mallory@example.com")
    browser.cookies["twofactor_pending"] = attacker.cookies["twofactor_pending"].value
    return browser, mallory


@pytest.mark.proves("V-26-fixed")
def test_a_planted_sign_in_is_not_completed_by_a_form_from_elsewhere(planted_sign_in):
    browser, mallory = planted_sign_in
    assert (enter_code(browser, mallory.code()).status_code, signed_in_as(browser)) == (403, None)


@pytest.mark.proves("V-26-fixed")
def test_a_planted_sign_in_is_not_completed_with_ones_own_code(planted_sign_in, phone):
    browser, _mallory = planted_sign_in
    token = browser.get(VERIFY).context["csrf_token"]
    answer = enter_code(browser, phone.code(), csrfmiddlewaretoken=str(token))
    assert (answer.status_code, signed_in_as(browser)) == (422, None)


# When it ends


@pytest.mark.proves("S-01")
@pytest.mark.parametrize(("seconds", "lives"), [(599, True), (601, False)])
def test_a_pending_sign_in_lives_for_ten_minutes(pending_client, alice, phone, clock, seconds, lives):
    clock.shift(seconds)
    enter_code(pending_client, phone.code())
    assert signed_in_as(pending_client) == (alice if lives else None)


def test_a_wrong_code_does_not_make_it_live_longer(pending_client, phone, clock):
    clock.shift(400)
    enter_code(pending_client, "000000")
    clock.shift(201)
    enter_code(pending_client, phone.code())
    assert signed_in_as(pending_client) is None


def test_a_person_who_was_too_slow_is_told(pending_client, clock):
    clock.shift(601)
    page = pending_client.get(VERIFY, follow=True).content
    assert b"Your sign-in timed out. Enter your password again." in page


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_person_who_was_too_slow_still_gets_where_they_wanted(client, phone, clock, headers):
    give_password(client, next="/accounts/profile/")
    clock.shift(601)
    answer = client.post(VERIFY, {"code": phone.code()}, headers=headers)
    again = answer.headers.get("Location") or answer.headers["HX-Redirect"]
    assert again == "/accounts/login/?next=%2Faccounts%2Fprofile%2F"


def test_a_person_who_was_too_slow_does_not_type_their_name_again(pending_client, alice, clock):
    clock.shift(601)
    assert f'value="{alice.email}"' in pending_client.get(VERIFY, follow=True).text


@pytest.mark.parametrize("minutes", [0, 5, 16])
def test_a_sign_in_that_was_abandoned_names_nobody_to_who_comes_next(pending_client, alice, clock, minutes):
    clock.shift(minutes * 60)
    assert alice.email not in pending_client.get("/accounts/login/").text


# When its cookie was deleted

LOST = "There's no sign-in waiting for a code in this browser. Enter your password again."
TO_PROFILE = "/accounts/login/?next=%2Faccounts%2Fprofile%2F"


@pytest.fixture
def lost_url(client, phone):
    """The URL that Alice's browser shows, after the cookie of her pending sign-in was deleted."""
    address = give_password(client, next="/accounts/profile/").url
    del client.cookies["twofactor_pending"]
    return address


def test_a_person_who_lost_the_cookie_is_told_why(client, lost_url):
    assert LOST in unescape(client.get(lost_url, follow=True).text)


@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
def test_a_person_who_lost_the_cookie_still_gets_where_they_wanted(client, phone, lost_url, headers):
    answer = client.post(lost_url, {"code": phone.code()}, headers=headers)
    assert (answer.headers.get("Location") or answer.headers["HX-Redirect"]) == TO_PROFILE


@pytest.mark.parametrize("path", ["verify/other/", "verify/backup/", "verify/sent/", "verify/send/"])
def test_every_page_of_the_second_step_leads_on_without_the_cookie(client, lost_url, path):
    assert client.post(lost_url.replace("verify/", path), follow=False).url == TO_PROFILE


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "javascript:alert(1)", VERIFY])
def test_a_made_up_address_leads_nowhere_else(client, phone, to):
    answer = client.get(VERIFY, {"next": to})
    assert answer.url == "/accounts/login/"


def test_a_live_sign_in_goes_where_it_was_asked_to(client, phone):
    """The sealed cookie decides. The URL counts only where the cookie is gone."""
    give_password(client, next="/accounts/profile/")
    answer = client.post(f"{VERIFY}?next=/help/", {"code": phone.code()})
    assert answer.url == "/accounts/profile/"


def test_every_link_of_the_second_step_names_where_to_go_on_to(client, phone, printed_codes):
    address = give_password(client, next="/accounts/profile/").url
    pages = [
        client.get(address.replace("verify/", f"verify/{path}")).text for path in ("", "other/", "backup/")
    ]
    links = re.findall(r'(?:href|action)="(/two-factor/verify/[^"]*)"', "".join(pages))
    assert [link for link in links if "?next=%2Faccounts%2Fprofile%2F" not in link] == []


def test_a_second_press_after_signing_in_leads_where_it_was_asked_to(client, phone):
    address = give_password(client, next="/accounts/profile/").url
    client.post(address, {"code": phone.code()})
    assert client.post(address, {"code": phone.code()}).url == "/accounts/profile/"


def changed_password(alice):
    alice.set_password("a new one altogether")
    alice.save()


def deactivated(alice):
    alice.is_active = False
    alice.save()


def turned_off(alice):
    factor_changes.forget_factors(alice)
    alice.end_sessions()


def ended_everywhere(alice):
    alice.end_sessions()


def deleted(alice):
    alice.delete()


CHANGES = [changed_password, deactivated, turned_off, ended_everywhere, deleted]


@pytest.mark.proves("7.4.2", "V-23")
@pytest.mark.parametrize("change", CHANGES)
def test_a_pending_sign_in_dies_with_a_change_of_the_account(pending_client, alice, phone, change):
    change(alice)
    enter_code(pending_client, phone.code())
    assert signed_in_as(pending_client) is None


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_of_the_account_the_password_is_asked_for_again(pending_client, alice, phone, change):
    change(alice)
    assert enter_code(pending_client, phone.code()).url == "/accounts/login/"


@pytest.mark.parametrize("change", CHANGES)
def test_after_a_change_of_the_account_people_still_get_where_they_wanted(client, alice, phone, change):
    give_password(client, next="/accounts/profile/")
    change(alice)
    assert enter_code(client, "000000").url == TO_PROFILE


@pytest.mark.proves("X-14")
def test_a_pending_sign_in_dies_when_its_backend_is_gone(pending_client, phone):
    note = sealing.unseal(PURPOSE, "", pending_client.cookies["twofactor_pending"].value, timezone.now())
    pending_client.cookies["twofactor_pending"] = sealing.seal(
        PURPOSE, "", note | {"backend": "gone.Backend"}, timezone.now()
    )
    enter_code(pending_client, phone.code())
    assert signed_in_as(pending_client) is None


def test_a_pending_sign_in_is_good_for_one_session(pending_client, phone, clock):
    token = pending_client.cookies["twofactor_pending"].value
    enter_code(pending_client, phone.code())
    clock.shift(30)
    thief = Client()
    thief.cookies["twofactor_pending"] = token
    enter_code(thief, phone.code())
    assert signed_in_as(thief) is None


@pytest.mark.proves("V-12")
def test_signing_out_ends_a_pending_sign_in(client, phone):
    give_password(client)
    client.post("/accounts/logout/")
    client.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(client) is None


@pytest.mark.parametrize("cookie", ["", "x", "é", ".", "aaaaaaaa.bbbb"])
def test_a_made_up_cookie_leads_to_the_password(client, phone, cookie):
    client.cookies["twofactor_pending"] = cookie
    assert client.get(VERIFY).url == "/accounts/login/"


def test_a_spoiled_cookie_leads_to_the_password(client, phone, settings):
    client.cookies["twofactor_pending"] = f"{sealing.key_id(settings.TWOFACTOR_KEYS[0])}.é"
    assert client.get("/two-factor/verify/").status_code == 303


def test_a_cookie_sealed_for_another_purpose_leads_to_the_password(pending_client):
    note = sealing.unseal(PURPOSE, "", pending_client.cookies["twofactor_pending"].value, timezone.now())
    pending_client.cookies["twofactor_pending"] = sealing.seal("known browser", "", note, timezone.now())
    assert pending_client.get(VERIFY).url == "/accounts/login/"


# Whose sign-in it is


@pytest.fixture
def bobs_phone(alice):
    return enrol(person("bob@example.com"))


@pytest.mark.proves("S-03")
def test_a_second_name_replaces_the_first(pending_client, bobs_phone):
    give_password(pending_client, "bob@example.com")
    enter_code(pending_client, bobs_phone.code())
    assert signed_in_as(pending_client).email == "bob@example.com"


@pytest.mark.proves("S-03")
def test_after_a_second_name_the_first_ones_code_is_wrong(pending_client, phone, bobs_phone):
    give_password(pending_client, "bob@example.com")
    enter_code(pending_client, phone.code())
    assert signed_in_as(pending_client) is None


@pytest.mark.proves("V-17")
def test_someone_elses_code_is_wrong(pending_client, bobs_phone):
    enter_code(pending_client, bobs_phone.code())
    assert signed_in_as(pending_client) is None


def test_a_form_shown_to_someone_else_costs_nobody_a_guess(pending_client, alice, phone, bobs_phone):
    """Two people share a browser: the form of the first is sent after the second gave their password."""
    give_password(pending_client, "bob@example.com")
    page = pending_client.post(VERIFY, {"code": phone.code(), "signing_in_as": alice.email}, follow=True).text
    assert "Someone else started signing in from another tab." in page
    assert GuessBudget.objects.filter(failures__gt=0).count() == 0


NAMES = ["user", "user_id", "username", "uid", "pk", "id", "account", "method", "kinds", "backend", "nonce"]


@pytest.mark.proves("V-17")
@pytest.mark.parametrize("place", ["body", "query", "cookie"])
def test_a_person_named_by_the_browser_is_not_looked_at(pending_client, alice, phone, bobs_phone, place):
    bob = str(person("carol@example.com").pk)
    named = dict.fromkeys(NAMES, bob)
    for name in NAMES if place == "cookie" else []:
        pending_client.cookies[name] = bob
    query = f"?user={bob}&user_id={bob}" if place == "query" else ""
    pending_client.post(VERIFY + query, {"code": phone.code(), **(named if place == "body" else {})})
    assert signed_in_as(pending_client) == alice


@pytest.mark.proves("V-16")
@pytest.mark.parametrize("place", ["body", "query"])
def test_naming_oneself_does_not_make_ones_code_right(pending_client, bobs_phone, place):
    bob = str(get_user_model().objects.get(email="bob@example.com").pk)
    query = f"?user={bob}&user_id={bob}" if place == "query" else ""
    pending_client.post(VERIFY + query, {"code": bobs_phone.code(), **dict.fromkeys(NAMES, bob)})
    assert signed_in_as(pending_client) is None


@pytest.mark.parametrize(("seconds", "lives"), [(119, True), (121, False)])
def test_a_site_may_want_the_code_earlier(client, alice, phone, clock, settings, seconds, lives):
    settings.TWOFACTOR_SIGN_IN_AGE = timedelta(minutes=2)
    give_password(client)
    clock.shift(seconds)
    enter_code(client, phone.code())
    assert signed_in_as(client) == (alice if lives else None)
