"""The list of devices: what it shows, ending one, ending all others, and names."""

import re
from datetime import timedelta
from html import unescape
from uuid import uuid4

import pytest
from django.test import Client
from django.utils import timezone

from tests.htmx import HTMX
from tests.people import FIREFOX, NOW, enrol, give_password, person, sign_in, signed_in_as
from tests.twofactor.trusted_browsers import new_trusted_client, skips_the_code
from twofactor import devices
from twofactor.models import Event, Session, TokenFamily, TrustedBrowser
from twofactor.sessions import epoch

DEVICES = "/two-factor/devices/"
END_OTHERS = "/two-factor/sessions/end/"
CHROME_ON_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1"
)


def end(client, device_id):
    return client.post(f"{DEVICES}{device_id}/end/")


def rename(client, device_id, name):
    return client.post(f"{DEVICES}{device_id}/rename/", {"name": name})


def text_of(client):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", client.get(DEVICES).text)))


def api_sign_in(user, **fields):
    now = timezone.now()
    dates = {"began_at": now, "last_used_at": now, "expires_at": now + timedelta(hours=1)}
    hash_ = epoch.auth_hash(user)
    return TokenFamily.objects.create(
        user=user, digest="x", session_hash=hash_, method="totp", **dates, **fields
    )


@pytest.fixture
def other_client(signed_in_client, phone, clock):
    """Another browser of Alice, on a telephone."""
    client = Client(headers={"User-Agent": CHROME_ON_IPHONE}, REMOTE_ADDR="203.0.113.9")
    sign_in(client, phone)
    clock.shift(60)
    return client


@pytest.fixture
def other(other_client):
    """Its row."""
    return Session.objects.get(ip_address="203.0.113.9")


@pytest.fixture
def bobs(bob, clock):
    """Bob, signed in with his own account."""
    client = Client()
    sign_in(client, enrol(bob), bob.email)
    return client


@pytest.fixture
def trusted_browser(trusted_client):
    """The browser that Alice trusts is signed out."""
    Session.objects.exclude(trusted_browser=None).delete()
    return trusted_client


# What it shows


@pytest.mark.proves("7.5.2")
def test_it_shows_browser_system_address_and_how_the_person_signed_in(signed_in_client, other_client):
    text = text_of(signed_in_client)
    words = ["Chrome 142 on iPhone", "203.0.113.9", "Signed in with a code from the authenticator app"]
    assert [word for word in words if word not in text] == []


def test_it_shows_since_when_and_how_long_ago_it_was_used_last(signed_in_client, other_client, clock):
    clock.shift(timedelta(minutes=5))
    text = text_of(signed_in_client)
    assert "Since 1 March 2026, 12:01 (UTC), last active 6 minutes ago" in text


def test_this_device_stands_first_and_cannot_be_ended_there(signed_in_client, other_client):
    listed = signed_in_client.get(DEVICES).context["devices"]
    page = signed_in_client.get(DEVICES).text
    assert [device.is_this for device in listed] == [True, False]
    assert (f"{listed[0].device_id}/end/" in page, f"{listed[1].device_id}/end/" in page) == (False, True)


def test_a_page_later_it_was_used_later(signed_in_client, other_client, clock):
    clock.shift(timedelta(minutes=20))
    assert "last active 21 minutes ago" in text_of(signed_in_client)
    other_client.get("/help/")
    assert "ago" not in text_of(signed_in_client)


def test_what_was_used_long_ago_has_its_date(signed_in_client, trusted_browser):
    TrustedBrowser.objects.update(last_used_at=NOW - timedelta(days=31))
    assert "last active 29 January 2026, 12:00 (UTC)" in text_of(signed_in_client)


def test_it_moves_with_the_browser_to_another_address(signed_in_client, other_client, clock):
    clock.shift(61)
    other_client.get("/help/", REMOTE_ADDR="198.51.100.4", headers={"User-Agent": FIREFOX})
    text = text_of(signed_in_client)
    assert ("198.51.100.4" in text, "Firefox 140 on Linux" in text, "203.0.113.9" in text) == (
        True,
        True,
        False,
    )


def test_a_sign_in_over_the_api_is_listed(signed_in_client, alice):
    api_sign_in(alice, browser="OkHttp 4", ip_address="203.0.113.77")
    assert "OkHttp 4 Program · 203.0.113.77" in text_of(signed_in_client)


def test_a_trusted_browser_that_is_signed_out_is_a_row_of_its_own(signed_in_client, trusted_browser):
    text = text_of(signed_in_client)
    assert (
        "Firefox 140 on Linux 127.0.0.1 Trusted browser, not signed in" in text,
        "Trusted until 31 March 2026" in text,
    ) == (True, True)


def test_a_session_in_a_trusted_browser_is_one_row(signed_in_client, trusted_browser):
    give_password(trusted_browser)
    listed = signed_in_client.get(DEVICES).context["devices"]
    assert [(device.kind, bool(device.trusted_until)) for device in listed] == [
        ("session", False),
        ("session", True),
    ]


def test_the_session_that_made_a_browser_trusted_is_one_row_with_it(client, phone):
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    listed = client.get(DEVICES).context["devices"]
    assert [(device.kind, bool(device.trusted_until), device.is_this) for device in listed] == [
        ("session", True, True)
    ]


def test_of_two_sessions_in_a_trusted_browser_one_has_the_trust(signed_in_client, trusted_browser, clock):
    for _ in range(2):
        trusted_browser.cookies.pop("sessionid", None)
        give_password(trusted_browser)
        clock.shift(60)
    listed = signed_in_client.get(DEVICES).context["devices"]
    assert [bool(device.trusted_until) for device in listed] == [False, True, False]


def test_what_a_browser_calls_itself_is_never_shown(signed_in_client, phone, clock):
    new_trusted_client(phone, user_agent="<img src=x onerror=alert(1)>")
    assert ("<img" in signed_in_client.get(DEVICES).text, "Unknown browser" in text_of(signed_in_client)) == (
        False,
        True,
    )


def test_people_without_two_factor_see_it_too(no_factor_client):
    assert "Signed in with the password" in text_of(no_factor_client)


@pytest.mark.parametrize(("later", "listed"), [(timedelta(minutes=58), True), (timedelta(minutes=60), False)])
def test_a_session_that_timed_out_is_not_listed(signed_in_client, other_client, clock, later, listed):
    for _ in range(2):
        clock.shift(later / 2)
        signed_in_client.get("/help/")
    assert ("203.0.113.9" in text_of(signed_in_client)) == listed


def test_a_session_that_a_change_has_ended_is_not_listed(signed_in_client, other_client, alice):
    alice.end_sessions()
    sign_in_again = Client()
    sign_in_again.force_login(alice)
    assert devices.list_devices(alice, timezone.now()) == []


def test_a_session_that_waits_for_the_code_is_not_listed(signed_in_client, alice):
    held = Client()
    held.force_login(alice)
    held.get(DEVICES)
    assert len(signed_in_client.get(DEVICES).context["devices"]) == 1


def test_a_session_under_an_older_secret_key_is_listed(signed_in_client, alice, settings):
    settings.SECRET_KEY_FALLBACKS, settings.SECRET_KEY = [settings.SECRET_KEY], "another-key" * 5
    assert len(devices.list_devices(alice, timezone.now())) == 1


def test_other_peoples_devices_are_not_listed(signed_in_client, other_client, bobs):
    listed = bobs.get(DEVICES).context["devices"]
    assert [device.is_this for device in listed] == [True]


@pytest.mark.parametrize("many", [1, 30])
def test_the_page_takes_three_queries_however_many_there_are(
    signed_in_client, alice, phone, clock, many, django_assert_max_num_queries
):
    for _ in range(many):
        api_sign_in(alice)
        sign_in(Client(), phone)
        clock.shift(30)
    signed_in_client.get("/help/")
    with django_assert_max_num_queries(3):
        assert len(signed_in_client.get(DEVICES).context["devices"]) > many


def test_an_ordinary_page_takes_one_query(signed_in_client, django_assert_num_queries):
    signed_in_client.get("/help/")
    with django_assert_num_queries(1):
        signed_in_client.get("/help/")


# Ending one


@pytest.mark.proves("7.5.2")
def test_an_ended_session_is_out_at_its_next_request(signed_in_client, other_client, other):
    end(signed_in_client, other.device_id)
    assert (signed_in_as(other_client), other_client.get("/accounts/profile/").status_code) == (None, 302)


def test_it_is_told_so(signed_in_client, other_client, other):
    end(signed_in_client, other.device_id)
    page = other_client.get("/accounts/profile/", follow=True).text
    assert page.count("You were signed out. Sign in to continue.") == 1


def test_it_is_told_once(signed_in_client, other_client, other):
    end(signed_in_client, other.device_id)
    other_client.get("/accounts/profile/", follow=True)
    assert "You were signed out." not in other_client.get("/accounts/login/").text


def test_a_form_of_it_is_told_so(signed_in_client, other_client, other):
    end(signed_in_client, other.device_id)
    page = other_client.post("/accounts/profile/", {"name": "A"}, follow=True).text
    assert page.count("You were signed out. Sign in to continue.") == 1


def test_it_can_sign_in_again_at_once(signed_in_client, other_client, other, phone, clock, alice):
    end(signed_in_client, other.device_id)
    sign_in(other_client, phone)
    assert signed_in_as(other_client) == alice


def test_the_others_stay(signed_in_client, other_client, other, phone, clock, alice):
    third = Client()
    sign_in(third, phone)
    end(signed_in_client, other.device_id)
    assert (signed_in_as(third), signed_in_as(signed_in_client)) == (alice, alice)


def test_ending_says_so_and_leads_back(signed_in_client, other_client, other):
    answer = end(signed_in_client, other.device_id)
    page = signed_in_client.get(answer.url).text
    assert (answer.status_code, answer.url, "Chrome 142 on iPhone was signed out." in page) == (
        303,
        DEVICES,
        True,
    )


def test_ending_is_in_the_audit_log(signed_in_client, other_client, other):
    rename(signed_in_client, other.device_id, "Old phone")
    end(signed_in_client, other.device_id)
    assert Event.objects.get(kind="device_ended").detail == {"device": "Old phone (Chrome 142 on iPhone)"}


def test_ending_a_session_ends_the_trust_of_its_browser(signed_in_client, trusted_browser):
    give_password(trusted_browser)
    end(signed_in_client, Session.objects.exclude(trusted_browser=None).get().device_id)
    assert (TrustedBrowser.objects.count(), skips_the_code(trusted_browser)) == (0, False)


def test_the_activity_names_the_device_and_does_not_call_it_this_one(signed_in_client, other_client, other):
    rename(signed_in_client, other.device_id, "<b>Old</b> phone")
    Event.objects.all().delete()
    end(signed_in_client, other.device_id)
    page = signed_in_client.get("/two-factor/activity/").text
    named = "<bdi>&lt;b&gt;Old&lt;/b&gt; phone (Chrome 142 on iPhone)</bdi>"
    assert ("You signed a device out" in page, named in page, "This device" in page) == (True, True, False)


@pytest.fixture
def copied_trust(trusted_browser, clock):
    """A thief, signed in with a copy of the cookie that makes Alice's browser trusted. She is, too, since."""
    thief = Client(headers={"User-Agent": CHROME_ON_IPHONE}, REMOTE_ADDR="203.0.113.9")
    thief.cookies["twofactor_trusted"] = trusted_browser.cookies["twofactor_trusted"].value
    for client in (thief, trusted_browser):
        give_password(client)
        clock.shift(60)
    return thief


@pytest.mark.proves("7.5.2")
def test_ending_the_session_of_a_copied_cookie_ends_its_trust(trusted_browser, copied_trust, alice):
    """The row of the owner shows the trust."""
    page = end(trusted_browser, Session.objects.get(ip_address="203.0.113.9").device_id)
    told = trusted_browser.get(page.url).text
    assert (skips_the_code(copied_trust), "Chrome 142 on iPhone was signed out." in told) == (False, True)
    assert signed_in_as(trusted_browser) == alice


def test_naming_the_session_of_a_copied_cookie_leaves_the_name_of_the_browser(trusted_browser, copied_trust):
    rename(trusted_browser, Session.objects.get(ip_address="203.0.113.9").device_id, "Thief")
    assert TrustedBrowser.objects.get().name == ""


def test_a_trusted_browser_ends_alone(signed_in_client, trusted_browser):
    page = end(signed_in_client, TrustedBrowser.objects.get().device_id)
    assert Event.objects.get(kind="browser_forgotten").detail == {"device": "Firefox 140 on Linux"}
    told = signed_in_client.get(page.url).text
    assert (skips_the_code(trusted_browser), "Firefox 140 on Linux is no longer trusted." in told) == (
        False,
        True,
    )


def test_an_api_sign_in_ends_alone(signed_in_client, alice):
    end(signed_in_client, api_sign_in(alice).device_id)
    assert (TokenFamily.objects.count(), signed_in_as(signed_in_client)) == (0, alice)


def test_one_that_is_gone_is_a_409_with_the_list_as_it_is(signed_in_client, other_client, other):
    end(signed_in_client, other.device_id)
    answer = end(signed_in_client, other.device_id)
    assert (answer.status_code, len(answer.context["devices"]), answer["Content-Location"]) == (
        409,
        1,
        DEVICES,
    )


def test_this_device_is_not_ended(signed_in_client, alice):
    answer = end(signed_in_client, Session.objects.get().device_id)
    assert (answer.status_code, signed_in_as(signed_in_client)) == (409, alice)


def test_looking_ends_nothing(signed_in_client, other_client, other):
    answer = signed_in_client.get(f"{DEVICES}{other.device_id}/end/")
    assert (answer.url, Session.objects.filter(pk=other.pk).exists()) == (DEVICES, True)


# A thief with an account of their own


@pytest.mark.proves("8.2.1-8.2.3", "8.3.1")
def test_someone_elses_session_is_not_there(bobs, other, other_client, alice):
    answers = [
        end(bobs, other.device_id).status_code,
        rename(bobs, other.device_id, "mine").status_code,
        bobs.get(f"{DEVICES}{other.device_id}/rename/").status_code,
    ]
    assert (answers, signed_in_as(other_client)) == ([404, 404, 404], alice)


def test_someone_elses_trusted_browser_is_not_there(bobs, trusted_browser):
    assert (
        end(bobs, TrustedBrowser.objects.get().device_id).status_code,
        skips_the_code(trusted_browser),
    ) == (
        404,
        True,
    )


def test_someone_elses_api_sign_in_is_not_there(bobs, alice):
    assert (end(bobs, api_sign_in(alice).device_id).status_code, TokenFamily.objects.count()) == (404, 1)


def test_a_session_of_nobody_is_not_there(bobs, client, db):
    client.get("/")
    session = client.session
    session["anything"] = 1
    session.save()
    nobodys = Session.objects.get(user=None)
    assert (end(bobs, nobodys.device_id).status_code, Session.objects.filter(pk=nobodys.pk).exists()) == (
        404,
        True,
    )


def test_an_id_that_nobody_has_is_a_409(bobs):
    assert end(bobs, uuid4()).status_code == 409


def test_the_key_of_a_row_is_no_id(bobs, alice):
    trusted = api_sign_in(alice)
    assert [bobs.post(f"{DEVICES}{key}/end/").status_code for key in (trusted.pk, 1, "x", "../x")] == [
        404
    ] * 4


def test_the_trust_of_another_person_stays(bobs, bob, trusted_browser, clock):
    """Even where a session of one's own names it, as only a broken table could."""
    row = Session.objects.get(user=bob)
    Session.objects.filter(pk=row.pk).update(trusted_browser=TrustedBrowser.objects.get())
    listed = devices.list_devices(bob, timezone.now())
    devices.end(listed[0], bob, None)
    assert ([device.trusted_until for device in listed], skips_the_code(trusted_browser)) == ([None], True)


def test_a_header_does_not_choose_the_session(signed_in_client, other_client, other):
    bob_like = Client(headers={"X-Device": str(other.device_id), "X-Session": str(other.device_id)})
    assert bob_like.get(DEVICES).status_code == 302


def test_the_id_is_no_session_key(other, db):
    thief = Client()
    for value in (str(other.device_id), other.device_id.hex, other.session_key):
        thief.cookies["sessionid"] = value
        assert thief.get("/accounts/profile/").status_code == 302


def test_the_page_shows_neither_keys_nor_hashes(signed_in_client, other_client):
    page = signed_in_client.get(DEVICES).text
    secrets = [
        value
        for row in Session.objects.values()
        for value in (row["session_key"], row["session_hash"], row["session_data"])
    ]
    keys = [client.cookies["sessionid"].value for client in (signed_in_client, other_client)]
    assert [secret for secret in [*secrets, *keys] if secret in page] == []


def test_strangers_are_asked_to_sign_in(client, other):
    answers = [client.get(DEVICES), end(client, other.device_id), rename(client, other.device_id, "x")]
    assert {answer.status_code for answer in answers} <= {302, 303}
    assert all(answer.url.startswith("/accounts/login/") for answer in answers)


def test_ending_needs_the_token_of_the_page(signed_in_client, other):
    client = Client(enforce_csrf_checks=True)
    client.cookies["sessionid"] = signed_in_client.cookies["sessionid"].value
    assert end(client, other.device_id).status_code == 403


# Names


def test_a_name_stands_beside_browser_and_address(signed_in_client, other_client, other):
    rename(signed_in_client, other.device_id, "Phone")
    assert "Phone Chrome 142 on iPhone · 203.0.113.9" in text_of(signed_in_client)


def test_a_name_has_sixty_characters_at_most(signed_in_client, other):
    answers = [rename(signed_in_client, other.device_id, "x" * length) for length in (60, 61)]
    assert [answer.status_code for answer in answers] == [303, 422]


def test_a_name_can_be_taken_away(signed_in_client, other_client, other):
    rename(signed_in_client, other.device_id, "Phone")
    rename(signed_in_client, other.device_id, " \u200b ")
    assert Session.objects.get(device_id=other.device_id).name == ""


def test_what_cannot_be_seen_is_not_in_a_name(signed_in_client, other_client, other):
    rename(signed_in_client, other.device_id, "\u202eMy\nphone\x1b")
    assert Session.objects.get(device_id=other.device_id).name == "My phone"


def test_a_name_is_text_and_never_markup(signed_in_client, other):
    rename(signed_in_client, other.device_id, "<b>x</b>")
    assert "<b>x</b>" not in signed_in_client.get(DEVICES).text


def test_the_name_stays_when_the_device_is_used(signed_in_client, other_client, other, clock):
    rename(signed_in_client, other.device_id, "Phone")
    clock.shift(120)
    other_client.get("/help/")
    assert Session.objects.get(device_id=other.device_id).name == "Phone"


def test_the_name_stays_with_a_trusted_browser(signed_in_client, trusted_browser, clock):
    give_password(trusted_browser)
    rename(signed_in_client, Session.objects.exclude(trusted_browser=None).get().device_id, "Laptop")
    trusted_browser.post("/accounts/logout/")
    give_password(trusted_browser)
    assert "Laptop Firefox 140 on Linux" in text_of(signed_in_client)


def test_two_of_one_name_are_called_in_the_row_what_their_buttons_call_them(signed_in_client, alice):
    for _ in range(2):
        api_sign_in(alice, browser="OkHttp 4")
    page = unescape(signed_in_client.get(DEVICES).text)
    since = "OkHttp 4, 1 March 2026, 12:01"
    told = [(f"<bdi>{name}</bdi>" in page, f'"Sign out {name}"' in page) for name in (since, f"{since} (2)")]
    assert told == [(True, True)] * 2


def test_this_device_can_be_named(signed_in_client):
    rename(signed_in_client, Session.objects.get().device_id, "Desk")
    assert "Desk This device" in text_of(signed_in_client)


def test_naming_one_that_is_gone_is_a_409(signed_in_client, other):
    other.delete()
    assert rename(signed_in_client, other.device_id, "x").status_code == 409


def test_the_page_to_rename_shows_what_is_renamed(signed_in_client, other):
    page = signed_in_client.get(f"{DEVICES}{other.device_id}/rename/").text
    assert ("Chrome 142 on iPhone" in page, "203.0.113.9" in page) == (True, True)


# Signing out everywhere else


def test_it_says_before_what_it_ends(signed_in_client, other_client, alice, trusted_browser):
    api_sign_in(alice)
    text = text_of(signed_in_client)
    assert "1 other session 1 program 1 trusted browser, unless you keep it" in text


def test_there_is_no_button_if_there_is_nothing_to_end(signed_in_client):
    page = signed_in_client.get(DEVICES).text
    assert ("signed in anywhere else." in page, END_OTHERS in page) == (True, False)


def test_there_is_one_if_a_browser_is_trusted(signed_in_client, trusted_browser):
    assert END_OTHERS in signed_in_client.get(DEVICES).text


def test_it_says_after_what_it_ended(signed_in_client, other_client, alice, trusted_browser):
    api_sign_in(alice)
    page = signed_in_client.post(END_OTHERS, follow=True).text
    assert (
        "You&#x27;re signed out everywhere else. 1 session ended. 1 program was signed out. "
        "1 browser is no longer trusted." in page
    )


def test_it_deletes_what_it_ends(signed_in_client, other_client, alice, trusted_browser):
    api_sign_in(alice)
    signed_in_client.post(END_OTHERS)
    counts = [model.objects.count() for model in (Session, TokenFamily, TrustedBrowser)]
    assert (counts, signed_in_as(signed_in_client)) == ([1, 0, 0], alice)


def test_the_others_are_told(signed_in_client, other_client):
    signed_in_client.post(END_OTHERS)
    assert "You were signed out. Sign in to continue." in other_client.get("/two-factor/", follow=True).text


def test_trusted_browsers_are_kept_on_request(signed_in_client, other_client, trusted_browser):
    signed_in_client.post(END_OTHERS, {"keep_trusted": "on"})
    assert (Session.objects.count(), skips_the_code(trusted_browser)) == (1, True)


def test_keeping_them_is_not_the_default(signed_in_client, trusted_browser):
    page = signed_in_client.get(DEVICES).text
    assert re.search(r'<input[^>]*name="keep_trusted"[^>]*>', page)[0].find("checked") == -1


def test_keeping_brings_none_back_that_was_ended_before(signed_in_client, alice, phone, trusted_browser):
    """Its row is still there when a new password has ended it."""
    TrustedBrowser.objects.update(session_hash="of an earlier epoch")
    signed_in_client.post(END_OTHERS, {"keep_trusted": "on"})
    assert not skips_the_code(trusted_browser)


def test_keeping_brings_no_expired_one_back(signed_in_client, trusted_browser):
    TrustedBrowser.objects.update(expires_at=timezone.now())
    signed_in_client.post(END_OTHERS, {"keep_trusted": "on"})
    assert not skips_the_code(trusted_browser)


def test_other_people_stay_signed_in(signed_in_client, bobs, bob):
    api_sign_in(bob)
    signed_in_client.post(END_OTHERS)
    assert (signed_in_as(bobs), TokenFamily.objects.count()) == (bob, 1)


def test_this_device_keeps_its_row_its_name_and_its_beginning(signed_in_client, clock):
    rename(signed_in_client, Session.objects.get().device_id, "Desk")
    before = Session.objects.values_list("device_id", "name", "began_at").get()
    clock.shift(600)
    signed_in_client.post(END_OTHERS)
    assert Session.objects.values_list("device_id", "name", "began_at").get() == before


# A tab that is looked at again


def look_again(client, seen):
    return client.get(DEVICES, {"seen": seen}, headers=HTMX)


def test_a_tab_that_has_seen_all_devices_gets_nothing(signed_in_client, other_client):
    seen = signed_in_client.get(DEVICES).context["seen"]
    assert look_again(signed_in_client, seen).status_code == 204


def test_a_tab_whose_ages_are_no_longer_true_gets_the_list(signed_in_client, other_client, clock):
    seen = signed_in_client.get(DEVICES).context["seen"]
    clock.shift(300)
    assert look_again(signed_in_client, seen).status_code == 200


@pytest.mark.parametrize("change", [end, lambda client, pk: rename(client, pk, "Phone")])
def test_a_tab_that_has_not_seen_a_change_gets_the_list(signed_in_client, other, change):
    seen = signed_in_client.get(DEVICES).context["seen"]
    change(signed_in_client, other.device_id)
    assert look_again(signed_in_client, seen).status_code == 200


# Trusting no more, from the page


def test_the_session_stays_when_its_browser_is_trusted_no_more(signed_in_client, trusted_browser, alice):
    give_password(trusted_browser)
    answer = signed_in_client.post(f"/two-factor/browsers/{TrustedBrowser.objects.get().pk}/forget/")
    assert (answer.url, signed_in_as(trusted_browser)) == (DEVICES, alice)
    assert not skips_the_code(trusted_browser)


# The security page, and other session engines


def test_the_security_page_leads_there(signed_in_client, other_client):
    page = signed_in_client.get("/two-factor/").text
    assert (DEVICES in page, "2 devices, programs and trusted browsers" in page) == (True, True)


@pytest.fixture
def other_engine(settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"


def test_with_another_session_engine_people_read_neither_settings_nor_a_wrong_number(
    other_engine, client, alice, phone
):
    sign_in(client, phone)
    api_sign_in(alice, browser="OkHttp 4")
    text, panel = text_of(client), client.get("/two-factor/").text
    assert ("OkHttp 4" in text, "SESSION_ENGINE" in text) == (True, False)
    assert (DEVICES in panel, "device, program or trusted browser" in panel) == (True, False)


def test_with_another_session_engine_the_others_end_all_the_same(other_engine, alice, phone, clock):
    client, other = Client(), Client()
    sign_in(client, phone)
    clock.shift(60)
    sign_in(other, phone)
    client.post(END_OTHERS)
    assert (client.get(DEVICES).status_code, other.get(DEVICES).status_code) == (200, 302)


def test_an_unknown_person_has_no_devices(db, clock):
    assert devices.list_devices(person("new@example.com"), timezone.now()) == []
