"""Pages that a site guards with our decorators and mixin."""

import pytest
from django.utils import timezone

from tests.htmx import HTMX
from tests.people import PASSWORD, add_app, give_password, sign_in
from tests.twofactor.code_forms import step_up
from tests.twofactor.guarded_pages import WITH_FACTOR
from tests.twofactor.sent_codes import (
    add_number,
    enter_sent_code,
    record_text_messages,
    request_code,
    texted_code,
)
from twofactor.clocks import MINUTE
from twofactor.factors import totp
from twofactor.signin.session import is_factor

VERIFY = "/two-factor/verify/"
SETUP = "/two-factor/setup/"
CONFIRM = "/two-factor/confirm/"


@pytest.mark.parametrize("address", WITH_FACTOR)
def test_a_guarded_page_opens_with_a_factor(signed_in_client, guarded_pages, address):
    assert signed_in_client.get(address).content == b"verified: True"


@pytest.fixture
def trusted_session(trusted_client):
    """You signed in with your password alone, in a browser that Alice trusts."""
    give_password(trusted_client)
    return trusted_client


@pytest.mark.proves("D-2", "S-11")
def test_a_trusted_browser_is_no_factor(trusted_session, guarded_pages):
    assert (trusted_session.session["twofactor_amr"], trusted_session.get("/unguarded/").content) == (
        "trusted",
        b"verified: False",
    )


@pytest.mark.parametrize("address", WITH_FACTOR)
def test_a_guarded_page_asks_a_trusted_browser_for_the_factor(
    trusted_session, guarded_pages, address, phone, clock
):
    clock.shift(60)
    to = trusted_session.get(address).url
    assert to.startswith("/two-factor/confirm/")
    trusted_session.post(to, {"password": PASSWORD, "code": phone.code()})
    assert trusted_session.get(address).content == b"verified: True"


@pytest.mark.proves("D-2")
def test_a_code_by_text_message_is_no_factor(pending_client, alice, guarded_pages, settings):
    record_text_messages(settings)
    add_number(alice)
    request_code(pending_client, "sms")
    enter_sent_code(pending_client, texted_code())
    assert (pending_client.session["twofactor_amr"], pending_client.get("/unguarded/").content) == (
        "sms",
        b"verified: False",
    )


@pytest.mark.parametrize("method", ["", "tOTP", "something new"])
def test_a_method_that_nobody_named_is_no_factor(method):
    assert not is_factor(method)


@pytest.mark.parametrize("address", WITH_FACTOR)
def test_a_guarded_page_leads_people_without_a_factor_to_set_up(client, alice, guarded_pages, address):
    give_password(client)
    assert client.get(address).url == f"{SETUP}?next={address.replace('/', '%2F')}"


@pytest.mark.parametrize("address", WITH_FACTOR)
def test_setup_says_why_a_guarded_page_leads_there(client, alice, guarded_pages, address):
    give_password(client)
    page = client.get(address, follow=True).text
    assert page.count("That page needs two-factor authentication. Set it up to continue.") == 1


@pytest.mark.parametrize("address", WITH_FACTOR)
def test_a_guarded_page_leads_strangers_to_sign_in(client, db, guarded_pages, address):
    assert client.get(address).url.startswith("/accounts/login/?next=")


LOGIN_REQUIRED = "django.contrib.auth.middleware.LoginRequiredMiddleware"


@pytest.fixture
def only_guarded(settings, guarded_pages):
    """No middleware asks for the sign-in before the decorators do."""
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != LOGIN_REQUIRED]


@pytest.mark.parametrize("address", [*WITH_FACTOR, "/recent/", "/two-factor/"])
def test_while_a_sign_in_waits_a_page_asks_for_the_code_and_opens(
    only_guarded, pending_client, phone, address
):
    to = pending_client.get(address).url
    assert to == f"{VERIFY}?next={address.replace('/', '%2F')}"
    assert pending_client.get(to).status_code == 200
    assert pending_client.post(to, {"code": phone.code()}).url == address


@pytest.mark.parametrize("headers", [HTMX, {"Sec-Fetch-Dest": "empty"}], ids=["htmx", "script"])
def test_while_a_sign_in_waits_a_script_does_not_choose_where_it_leads(
    only_guarded, pending_client, phone, headers
):
    pending_client.get("/function/", headers=headers)
    assert pending_client.post(VERIFY, {"code": phone.code()}).url == "/"


def test_a_sign_in_that_waited_too_long_begins_anew(only_guarded, pending_client, clock):
    clock.shift(601)
    assert pending_client.get("/function/").url.startswith("/accounts/login/?next=")


@pytest.mark.parametrize("cookie", ["", "made up"])
def test_a_guarded_page_asks_the_database_nothing_about_strangers(
    only_guarded, client, db, django_assert_num_queries, cookie
):
    client.cookies["twofactor_pending"] = cookie
    with django_assert_num_queries(0):
        assert client.get("/function/").url.startswith("/accounts/login/?next=")


@pytest.mark.parametrize("address", WITH_FACTOR)
def test_a_guarded_page_asks_a_foreign_session_for_its_code(client, alice, phone, guarded_pages, address):
    client.force_login(alice)
    assert client.get(address).url.partition("?")[0] == VERIFY


def test_a_session_without_a_factor_says_so(client, alice, guarded_pages):
    give_password(client)
    assert client.get("/unguarded/").content == b"verified: False"


def test_a_person_without_a_session_is_not_verified(alice):
    assert alice.is_verified() is False


def test_a_session_that_used_a_backup_code_is_verified(client, printed_codes, guarded_pages):
    give_password(client)
    client.post("/two-factor/verify/backup/", {"code": printed_codes[0]})
    assert client.get("/unguarded/").content == b"verified: True"


@pytest.mark.proves("S-10")
@pytest.mark.parametrize(("seconds", "opens"), [(299, True), (301, False)])
def test_a_confirmation_is_good_for_five_minutes(
    signed_in_client, phone, clock, guarded_pages, seconds, opens
):
    step_up(signed_in_client, phone)
    clock.shift(seconds)
    assert (signed_in_client.get("/recent/").status_code == 200) is opens


@pytest.mark.parametrize(("seconds", "opens"), [(3599, True), (3601, False)])
def test_a_view_can_be_content_with_an_older_confirmation(
    signed_in_client, phone, clock, guarded_pages, seconds, opens
):
    step_up(signed_in_client, phone)
    for _ in range(2):
        clock.shift(seconds // 2)
        signed_in_client.get("/help/")
    clock.shift(seconds % 2)
    assert (signed_in_client.get("/within-the-hour/").status_code == 200) is opens


@pytest.mark.proves("S-10")
def test_signing_in_with_both_is_a_confirmation(client, phone, guarded_pages):
    sign_in(client, phone)
    assert client.get("/recent/").status_code == 200


@pytest.mark.proves("S-10-recent")
def test_a_page_may_ask_for_more_than_a_recent_app(client, alice, phone, guarded_pages):
    sign_in(client, add_app(alice, totp.generate_key(), timezone.now() - MINUTE, name="New"))
    assert client.get("/recent/").status_code == 200
    assert client.get("/address/").url == f"{CONFIRM}?full_proof=1&next=%2Faddress%2F"


def test_the_confirm_page_says_what_a_page_of_the_site_is_for(older_client, guarded_pages):
    page = older_client.get("/address/", follow=True).text
    assert "To change the address on the invoice, confirm it&#x27;s you." in page


def test_someone_without_a_factor_is_not_sent_round_in_circles(client, alice, guarded_pages):
    give_password(client)
    to = client.post(CONFIRM, {"password": PASSWORD, "next": "/recent/"}).url
    assert client.get(to).status_code == 200 or CONFIRM not in client.get(to).url


def test_confirming_leads_back_to_the_view(signed_in_client, phone, guarded_pages):
    form = {"password": PASSWORD, "code": phone.code(), "next": "/recent/"}
    assert signed_in_client.post(CONFIRM, form, follow=True).content == b"verified: True"


def test_a_confirmation_from_the_future_does_not_count(signed_in_client, phone, clock, guarded_pages):
    step_up(signed_in_client, phone)
    clock.shift(-3600)
    assert signed_in_client.get("/recent/").status_code == 303
