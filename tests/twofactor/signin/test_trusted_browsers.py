"""Trusted browsers: signing in without a code for thirty days, and no way to copy the trust."""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from tests.people import PASSWORD, enrol, give_password, person, sign_in, signed_in_as
from tests.twofactor.sent_codes import (
    add_number,
    mailed_code,
    record_text_messages,
    request_code,
    texted_code,
)
from tests.twofactor.trusted_browsers import forget_url, new_trusted_client, skips_the_code
from twofactor import conf
from twofactor.models import TrustedBrowser
from twofactor.signin import trusted_browsers

VERIFY = "/two-factor/verify/"
SETTINGS = "/two-factor/"


# What a trusted browser may leave out


def test_a_trusted_browser_skips_the_code(trusted_client, alice):
    give_password(trusted_client)
    assert signed_in_as(trusted_client) == alice


def test_a_trusted_browser_does_not_skip_the_password(trusted_client, alice):
    trusted_client.post("/accounts/login/", {"username": alice.email, "password": "wrong"})
    assert signed_in_as(trusted_client) is None


def test_a_trusted_browser_alone_is_nobody(trusted_client):
    assert trusted_client.get(SETTINGS).status_code == 302


def test_the_session_remembers_that_the_browser_stood_in(trusted_client):
    give_password(trusted_client)
    assert trusted_client.session["twofactor_amr"] == "trusted"


def test_a_trusted_browser_leads_on(trusted_client):
    assert give_password(trusted_client, next="/accounts/profile/").url == "/accounts/profile/"


def test_a_trusted_browser_does_not_skip_the_confirmation(trusted_client):
    give_password(trusted_client)
    trusted_client.post("/two-factor/confirm/", {"password": PASSWORD})
    assert trusted_client.get("/two-factor/apps/add/").url.startswith("/two-factor/confirm/")


def test_a_trusted_browser_does_not_turn_two_factor_off(trusted_client):
    give_password(trusted_client)
    assert trusted_client.post("/two-factor/disable/", {"password": PASSWORD}).status_code == 422


@pytest.mark.parametrize(("later", "skips"), [(-61, True), (-60, False), (0, False)])
def test_trust_lasts_thirty_days(trusted_client, clock, later, skips):
    """The browser was trusted a minute ago."""
    clock.shift(timedelta(days=30).total_seconds() + later)
    assert skips_the_code(trusted_client) == skips


def test_use_does_not_prolong_it(trusted_client, clock):
    clock.shift(timedelta(days=29).total_seconds())
    give_password(trusted_client)
    clock.shift(timedelta(days=1).total_seconds())
    assert not skips_the_code(trusted_client)


def test_signing_out_leaves_the_browser_trusted(trusted_client):
    give_password(trusted_client)
    trusted_client.post("/accounts/logout/")
    assert skips_the_code(trusted_client)


def test_a_trusted_browser_is_unaffected_by_a_lock(trusted_client, phone):
    """L-4: someone who knows the password and guesses codes cannot lock the owner out."""
    stranger = Client()
    give_password(stranger)
    for _ in range(6):
        stranger.post(VERIFY, {"code": "000000"})
    assert skips_the_code(trusted_client)


def test_ten_browsers_are_trusted_for_30_days_by_tokens_of_256_bits():
    assert (
        conf.trusted_age().days,
        trusted_browsers.BROWSERS_PER_PERSON,
        trusted_browsers.TOKEN_BYTES * 8,
    ) == (30, 10, 256)


# How a browser becomes trusted


def test_the_page_offers_to_trust_the_browser(client, phone):
    give_password(client)
    assert 'type="checkbox" name="trust_browser">' in client.get(VERIFY).text


@pytest.mark.proves("S-12")
def test_trusting_the_browser_is_not_the_default(client, phone):
    sign_in(client, phone)
    assert ("twofactor_trusted" in client.cookies, TrustedBrowser.objects.count()) == (False, 0)


@pytest.mark.proves("S-12")
def test_no_browser_is_trusted_by_looking(client, phone):
    give_password(client)
    client.get(VERIFY, {"code": phone.code(), "trust_browser": "on"})
    assert ("twofactor_trusted" in client.cookies, TrustedBrowser.objects.count()) == (False, 0)


def test_no_browser_is_trusted_for_a_wrong_code(client, phone):
    give_password(client)
    client.post(VERIFY, {"code": "000000", "trust_browser": "on"})
    assert TrustedBrowser.objects.count() == 0


def test_no_browser_is_trusted_for_a_backup_code(client, printed_codes):
    give_password(client)
    client.post(VERIFY, {"code": printed_codes[0], "trust_browser": "on"})
    client.post("/two-factor/verify/backup/", {"code": printed_codes[1], "trust_browser": "on"})
    assert TrustedBrowser.objects.count() == 0


@pytest.mark.proves("S-12")
def test_no_browser_is_trusted_by_recovery(client, phone):
    give_password(client)
    request_code(client)
    client.post("/two-factor/verify/sent/", {"code": mailed_code(), "trust_browser": "on"})
    assert (signed_in_as(client) is not None, TrustedBrowser.objects.count()) == (True, 0)


def test_no_browser_is_trusted_for_a_text_message(client, alice, phone, settings):
    record_text_messages(settings)
    add_number(alice)
    give_password(client)
    request_code(client, "sms")
    client.post("/two-factor/verify/sent/", {"code": texted_code(), "trust_browser": "on"})
    assert (signed_in_as(client) is not None, TrustedBrowser.objects.count()) == (True, 0)


def test_staff_are_not_offered_it(client, db, clock):
    enrol(person(is_staff=True))
    give_password(client)
    assert "trust_browser" not in client.get(VERIFY).text


@pytest.mark.proves("S-12")
def test_staff_do_not_get_it_by_asking(client, db, clock):
    new_trusted_client(enrol(person(is_staff=True)), client=client)
    assert ("twofactor_trusted" in client.cookies, TrustedBrowser.objects.count()) == (False, 0)


def test_a_person_who_becomes_staff_loses_it(trusted_client, alice):
    alice.is_staff = True
    alice.save()
    assert not skips_the_code(trusted_client)


# The cookie


def test_the_cookie_is_out_of_reach_for_scripts(trusted_client):
    assert (
        trusted_client.cookies["twofactor_trusted"]["httponly"],
        trusted_client.cookies["twofactor_trusted"]["samesite"],
    ) == (True, "Lax")


def test_the_cookie_lasts_thirty_days(trusted_client):
    assert trusted_client.cookies["twofactor_trusted"]["max-age"] == 30 * 24 * 60 * 60


def test_the_cookie_belongs_to_this_host_alone(trusted_client):
    assert (
        trusted_client.cookies["twofactor_trusted"]["domain"],
        trusted_client.cookies["twofactor_trusted"]["path"],
    ) == (
        "",
        "/",
    )


@pytest.mark.proves("3.3.1")
def test_over_https_the_cookie_carries_the_prefix(phone, settings):
    settings.SESSION_COOKIE_SECURE = True
    client = new_trusted_client(phone)
    assert client.cookies["__Host-twofactor_trusted"]["secure"]


@pytest.mark.proves("11.5.1")
def test_the_token_has_256_bits(trusted_client):
    assert len(trusted_client.cookies["twofactor_trusted"].value) == 43


def test_the_database_knows_the_hash_alone(trusted_client):
    token = trusted_client.cookies["twofactor_trusted"].value
    assert token not in str(list(TrustedBrowser.objects.values()))


def test_the_token_stands_in_no_page(trusted_client):
    give_password(trusted_client)
    assert trusted_client.cookies["twofactor_trusted"].value not in trusted_client.get(SETTINGS).text


# Tokens that are changed, copied or expired

TWISTS = {
    "shorter": lambda token: token[:-1],
    "longer": lambda token: f"{token}x",
    "other case": lambda token: token.swapcase(),
    "made up": lambda token: "x" * 43,
    "empty": lambda token: "",
    "dots": lambda token: "." * 4000,
    "no ASCII": lambda token: "é\u0000",
}


@pytest.mark.proves("S-11")
@pytest.mark.parametrize("twist", TWISTS)
def test_a_token_that_was_touched_is_worth_nothing(trusted_client, twist):
    trusted_client.cookies["twofactor_trusted"] = TWISTS[twist](
        trusted_client.cookies["twofactor_trusted"].value
    )
    assert not skips_the_code(trusted_client)


def test_what_the_database_knows_opens_nothing(trusted_client):
    trusted_client.cookies["twofactor_trusted"] = TrustedBrowser.objects.get().digest
    assert not skips_the_code(trusted_client)


@pytest.mark.proves("S-11")
def test_a_token_is_worth_nothing_to_someone_else(trusted_client, bob):
    enrol(bob)
    assert not skips_the_code(trusted_client, bob.email)


@pytest.mark.proves("S-11")
def test_an_expired_row_is_not_revived_by_the_cookie(trusted_client):
    """Anyone can change the age of their own cookie."""
    trusted_client.cookies["twofactor_trusted"]["max-age"] = 10**9
    TrustedBrowser.objects.update(expires_at=timezone.now())
    assert not skips_the_code(trusted_client)


@pytest.mark.proves("S-11")
def test_a_forgotten_browser_needs_a_code(trusted_client, signed_in_client):
    signed_in_client.post(forget_url(TrustedBrowser.objects.get()))
    assert not skips_the_code(trusted_client)


def test_a_row_that_is_gone_needs_a_code(trusted_client):
    TrustedBrowser.objects.all().delete()
    assert not skips_the_code(trusted_client)


def test_signing_out_everywhere_else_ends_the_trust(trusted_client, signed_in_client):
    signed_in_client.post("/two-factor/sessions/end/")
    assert not skips_the_code(trusted_client)


@pytest.mark.proves("S-08")
def test_a_new_password_ends_the_trust(trusted_client, alice):
    alice.set_password("a quiet green harbour")
    alice.save()
    form = {"username": alice.email, "password": "a quiet green harbour"}
    assert trusted_client.post("/accounts/login/", form).url == VERIFY


def test_turning_two_factor_off_and_on_ends_the_trust(trusted_client, signed_in_client, alice, phone):
    signed_in_client.post("/two-factor/disable/", {"password": PASSWORD, "code": phone.code()})
    enrol_again(alice)
    assert not skips_the_code(trusted_client)


def enrol_again(user):
    user.guess_budget.delete()
    enrol(user)


@pytest.mark.proves("7.4.2")
def test_a_deactivated_person_does_not_get_in(trusted_client, alice):
    alice.is_active = False
    alice.save()
    give_password(trusted_client)
    assert signed_in_as(trusted_client) is None


# Several people, several browsers


@pytest.fixture
def shared_client(clock, db):
    """A browser that ten people trust, and their addresses."""
    phones = {f"p{n}@example.com": enrol(person(f"p{n}@example.com")) for n in range(10)}
    client = Client()
    for email, phone in phones.items():
        new_trusted_client(phone, email, client)
    return client, list(phones)


def test_ten_people_may_trust_one_browser(shared_client):
    client, emails = shared_client
    assert [email for email in emails if not skips_the_code(client, email)] == []


@pytest.mark.proves("3.3.5")
def test_for_ten_people_the_cookie_stays_small(shared_client):
    client, _emails = shared_client
    assert len(client.cookies["twofactor_trusted"].OutputString()) <= 4096


def test_an_eleventh_person_replaces_the_first(shared_client, bob):
    client, emails = shared_client
    new_trusted_client(enrol(bob), bob.email, client)
    assert [skips_the_code(client, email) for email in (bob.email, emails[0], emails[1])] == [
        True,
        False,
        True,
    ]


@pytest.mark.proves("L-9")
def test_the_ten_newest_browsers_of_a_person_stay(phone, clock):
    browsers = []
    for _ in range(11):
        browsers.append(new_trusted_client(phone))
        clock.shift(30)
    assert [skips_the_code(client) for client in browsers] == [False] + [True] * 10


def test_other_peoples_browsers_are_not_counted(trusted_client, bob, clock):
    bobs = enrol(bob)
    for _ in range(11):
        new_trusted_client(bobs, bob.email)
        clock.shift(30)
    assert skips_the_code(trusted_client)


def test_browsers_that_were_forgotten_do_not_push_out_other_people(client, alice, phone, clock):
    bob = person("bob@example.com")
    bobs = enrol(bob)

    def trust(phone, email):
        client.cookies.pop("sessionid", None)
        give_password(client, email)
        client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
        clock.shift(60)

    trust(bobs, bob.email)
    for _ in range(10):
        trust(phone, alice.email)
        TrustedBrowser.objects.filter(user=alice).delete()
    client.cookies.pop("sessionid", None)
    assert give_password(client, bob.email).url == "/"


# As the site wants it


def test_a_site_may_have_no_trusted_browsers(trusted_client, pending_client, settings):
    settings.TWOFACTOR_TRUSTED_DAYS = 0
    assert not skips_the_code(trusted_client)
    assert "trust_browser" not in pending_client.get(VERIFY).text


def test_a_site_that_trusts_for_less_ends_older_trust(trusted_client, settings, clock):
    settings.TWOFACTOR_TRUSTED_DAYS = 5
    clock.shift(timedelta(days=4))
    assert skips_the_code(trusted_client)
    clock.shift(timedelta(days=1))
    assert not skips_the_code(trusted_client)


def test_a_site_may_trust_for_longer(settings, clock, phone):
    settings.TWOFACTOR_TRUSTED_DAYS = 90
    client = new_trusted_client(phone)
    clock.shift(timedelta(days=89))
    assert skips_the_code(client)
