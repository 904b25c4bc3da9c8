"""The security settings: what stands there, what changes in place, and what another tab sees of it."""

import pytest
from django.test import Client
from django.utils import timezone

from tests.people import PASSWORD, enrol, give_password, person, sign_in, signed_in_as
from tests.twofactor.sent_codes import has_number, with_pigeons
from twofactor.factors import backup_codes
from twofactor.models import BackupCode, Event, TrustedBrowser
from twofactor.sessions import epoch
from twofactor.sessions.store import SessionStore
from twofactor.signin import trusted_browsers

PANEL = "/two-factor/"
ACTIVITY = "/two-factor/activity/"
END = "/two-factor/sessions/end/"
HTMX = {"HX-Request": "true"}


@pytest.fixture
def plain(client, alice):
    """Signed in, without a second factor."""
    give_password(client)
    return client


def panel(client):
    return client.get(PANEL).text


def look_again(client, seen):
    return client.get(PANEL, {"seen": seen}, headers=HTMX)


def seen(client):
    return client.get(PANEL).context["seen"]


def set_up(client):
    client.get("/two-factor/setup/")


def with_codes(alice, left):
    codes = backup_codes.generate()
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, codes))
    used = BackupCode.objects.values_list("pk", flat=True)[left:]
    BackupCode.objects.filter(pk__in=list(used)).update(used_at=alice.date_joined)


# How things are, in words


def test_the_state_off_is_a_word(plain):
    assert '<span class="state">Off</span>' in panel(plain)


def test_the_state_on_is_a_word(alices):
    assert '<span class="state on">On</span>' in panel(alices)


def test_it_says_since_when(alices):
    assert "<dt>On since</dt><dd>1 March 2026</dd>" in panel(alices)


def test_it_names_the_method(alices):
    assert "<dt>Method</dt><dd>Authenticator app</dd>" in panel(alices)


def test_it_shows_the_address_masked(alices):
    assert 'a code by e-mail to <bdi dir="ltr">a•••e@example.com</bdi>' in panel(alices)


def test_without_a_confirmed_address_a_backup_code_is_what_is_left(client, db, clock):
    sign_in(client, enrol(person(email_verified_at=None)))
    page = panel(client)
    assert ("a code by e-mail" in page, "<dd>a backup code</dd>" in page) == (False, True)


def test_the_panel_promises_no_code_that_would_not_be_sent(alices, settings):
    settings.TWOFACTOR_EMAIL_FALLBACK = "nobody"
    assert "a code by e-mail" not in panel(alices)


def test_it_shows_the_number_masked(alices, alice, settings):
    with_pigeons(settings)
    has_number(alice)
    page = panel(alices)
    assert ("••• 67" in page, "1701234567" in page) == (True, False)


def test_it_says_that_there_is_no_number(alices, settings):
    with_pigeons(settings)
    assert "No phone number." in panel(alices)


@pytest.mark.parametrize("left", [0, 1, 3, 4, 10])
def test_it_says_how_many_codes_are_left(alices, alice, left):
    with_codes(alice, left)
    assert f"{left} of 10 unused" in panel(alices)


@pytest.mark.parametrize(
    ("left", "warning"),
    [(0, "You have no backup codes left. Make new ones now."), (3, "Only a few are left."), (4, None)],
)
def test_few_codes_are_a_warning(alices, alice, left, warning):
    with_codes(alice, left)
    page = panel(alices)
    assert (warning in page) if warning else ("few are left" not in page)


def test_it_says_that_no_browser_is_trusted(alices):
    assert "None. Every sign-in asks for a code." in panel(alices)


def test_without_two_factor_there_is_nothing_to_turn_off(plain):
    assert "/two-factor/disable/" not in panel(plain)


def test_an_unfinished_set_up_is_told(plain):
    set_up(plain)
    assert "Set-up not finished. Your password alone is still enough to sign in." in panel(plain)


def test_an_unfinished_set_up_can_be_continued(plain):
    set_up(plain)
    assert 'href="/two-factor/setup/"' in panel(plain)


def test_an_unfinished_set_up_is_told_for_thirty_minutes(plain, clock):
    set_up(plain)
    clock.shift(1801)
    assert "Set-up not finished" not in panel(plain)


def test_an_unfinished_replacement_says_that_the_old_one_works(alices, phone):
    alices.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    set_up(alices)
    assert "Replacing the authenticator is not finished. The old one works until then." in panel(alices)


def test_unsaved_codes_are_told(alices, phone):
    alices.post("/two-factor/backup-codes/", {"password": PASSWORD, "code": phone.code()})
    assert "New codes are waiting to be saved. Until then the old ones work." in panel(alices)


def test_strangers_do_not_see_it(client):
    assert client.get(PANEL).url.startswith("/accounts/login/")


def test_with_the_password_alone_it_is_not_shown(client, phone):
    give_password(client)
    assert client.get(PANEL).url.startswith("/accounts/login/")


def test_no_cache_keeps_it(alices):
    assert "no-store" in alices.get(PANEL)["Cache-Control"]


# Another tab


def test_a_tab_that_has_seen_it_all_gets_nothing(alices):
    answer = look_again(alices, seen(alices))
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_tab_that_has_seen_something_else_gets_the_panel(alices):
    assert look_again(alices, "0123456789abcdef").status_code == 200


def test_the_panel_asks_with_what_it_has_seen(alices):
    assert f'hx-get="{PANEL}?seen={seen(alices)}" hx-trigger="looked-at from:body"' in panel(alices)


def use_a_code(alices, alice, phone):
    BackupCode.objects.filter(pk=BackupCode.objects.first().pk).update(used_at=alice.date_joined)


def replace(alices, alice, phone):
    alice.authenticator.enabled_at = alice.date_joined
    alice.authenticator.save()


def begin_to_replace(alices, alice, phone):
    alices.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    set_up(alices)


def ask_for_codes(alices, alice, phone):
    alices.post("/two-factor/backup-codes/", {"password": PASSWORD, "code": phone.code()})


def trust_a_browser(alices, alice, phone):
    client = Client()
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})


def guess(alices, alice, phone):
    client = Client()
    give_password(client)
    client.post("/two-factor/verify/", {"code": "000000"})


def turn_off(alices, alice, phone):
    alices.post("/two-factor/disable/", {"password": PASSWORD, "code": phone.code()})


CHANGES = [use_a_code, replace, begin_to_replace, ask_for_codes, trust_a_browser, guess, turn_off]


@pytest.mark.parametrize("change", CHANGES)
def test_a_tab_that_is_looked_at_again_shows_a_change(alices, alice, phone, paper, change):
    before = seen(alices)
    change(alices, alice, phone)
    assert look_again(alices, before).status_code == 200


def test_a_number_that_was_confirmed_elsewhere_shows(alices, alice, settings):
    with_pigeons(settings)
    before = seen(alices)
    has_number(alice)
    assert look_again(alices, before).status_code == 200


def test_what_others_do_changes_nothing(alices, clock):
    before = seen(alices)
    sign_in(Client(), enrol(person("bob@example.com")), "bob@example.com")
    assert look_again(alices, before).status_code == 204


def test_time_alone_changes_nothing(alices, clock):
    before = seen(alices)
    clock.shift(1800)
    assert look_again(alices, before).status_code == 204


def test_without_two_factor_it_works_the_same(plain):
    assert look_again(plain, seen(plain)).status_code == 204


# Acting on what is no longer so


def browser_of(alice, clock):
    return TrustedBrowser.objects.create(
        user=alice,
        digest="0",
        session_hash=epoch.auth_hash(alice),
        label="Firefox",
        trusted_at=alice.date_joined,
        last_used_at=alice.date_joined,
        expires_at=timezone.now() + trusted_browsers.AGE,
    )


def forget(browser):
    return f"/two-factor/browsers/{browser.pk}/forget/"


@pytest.mark.parametrize("address", [forget, lambda browser: "/two-factor/browsers/forget/"])
def test_forgetting_after_turning_off_shows_the_fresh_panel(alices, alice, phone, clock, address):
    url = address(browser_of(alice, clock))
    turn_off(alices, alice, phone)
    answer = alices.post(url, follow=True)
    assert (answer.status_code, "forgotten" in answer.text) == (409, False)


def test_forgetting_a_browser_that_is_no_longer_trusted_shows_the_fresh_panel(alices, alice, clock):
    browser = browser_of(alice, clock)
    alices.post(END)
    assert alices.post(forget(browser)).status_code == 409


def test_removing_a_number_twice_shows_the_fresh_panel(alices, alice, phone, clock, settings):
    with_pigeons(settings)
    alices.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    assert alices.post("/two-factor/phone/remove/").status_code == 409


def test_forgetting_a_browser_twice_shows_the_fresh_panel(alices, alice, clock):
    gone = browser_of(alice, clock)
    alices.post(f"/two-factor/browsers/{gone.pk}/forget/")
    answer = alices.post(f"/two-factor/browsers/{gone.pk}/forget/")
    assert (answer.status_code, "changed in another tab meanwhile" in answer.text) == (409, True)


def test_turning_off_twice_shows_the_fresh_panel(alices, phone, clock):
    turn_off(alices, None, phone)
    answer = alices.post("/two-factor/disable/", {"password": PASSWORD, "code": phone.code()})
    assert (answer.status_code, '<span class="state">Off</span>' in answer.text) == (409, True)


def test_new_codes_after_turning_off_show_the_fresh_panel(alices, phone, clock):
    turn_off(alices, None, phone)
    answer = alices.post("/two-factor/backup-codes/", {"password": PASSWORD, "code": phone.code()})
    assert answer.status_code == 409


def test_the_fresh_panel_is_a_whole_page_for_htmx_as_well(alices, phone, clock):
    turn_off(alices, None, phone)
    answer = alices.post("/two-factor/disable/", {"password": PASSWORD}, headers=HTMX)
    assert (answer.status_code, "<!doctype html>" in answer.text) == (409, True)


def test_a_browser_that_never_was_is_out_of_date_too(alices):
    assert alices.post("/two-factor/browsers/999999/forget/").status_code == 409


# Each part changes in place


def test_a_changed_part_is_announced(alices, alice, clock):
    url = f"/two-factor/browsers/{browser_of(alice, clock).pk}/forget/"
    page = alices.post(url, headers=HTMX, follow=True).text
    assert 'innerHTML:#status">The browser is forgotten.' in page


def test_a_changed_part_has_the_focus(alices, alice, clock):
    url = f"/two-factor/browsers/{browser_of(alice, clock).pk}/forget/"
    page = alices.post(url, headers=HTMX, follow=True).text
    assert '<h2 id="browsers-title" tabindex="-1" autofocus>' in page


def test_a_part_is_all_that_htmx_gets(alices):
    assert "<html" not in alices.get(PANEL, headers=HTMX).text


# Other sessions


def test_other_sessions_end(alices, phone, clock):
    other = Client()
    sign_in(other, phone)
    alices.post(END)
    assert other.get(PANEL).status_code == 302


def test_this_session_stays(alices, alice):
    alices.post(END)
    assert (signed_in_as(alices), alices.get(PANEL).status_code) == (alice, 200)


def test_this_session_gets_a_new_key(alices):
    before = alices.session.session_key
    alices.post(END)
    assert (alices.session.session_key != before, SessionStore().exists(before)) == (True, False)


def test_this_session_stays_proven(alices):
    alices.post(END)
    assert alices.session["twofactor_amr"] == "totp"


def test_a_pending_sign_in_ends_too(alices, phone, clock):
    other = Client()
    give_password(other)
    alices.post(END)
    other.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(other) is None


def test_other_peoples_sessions_stay(alices, clock):
    bob = person("bob@example.com")
    bobs = Client()
    sign_in(bobs, enrol(bob), bob.email)
    alices.post(END)
    assert bobs.get(PANEL).status_code == 200


def test_looking_ends_nothing(alices, phone, clock):
    other = Client()
    sign_in(other, phone)
    alices.get(END)
    assert other.get(PANEL).status_code == 200


def test_ending_sessions_says_so(alices):
    assert "You are signed out everywhere else." in alices.post(END, follow=True).text


def test_ending_sessions_is_remembered(alices):
    alices.post(END)
    assert Event.objects.filter(kind="sessions_ended").count() == 1


def test_without_two_factor_other_sessions_end_as_well(plain, alice):
    other = Client()
    give_password(other)
    plain.post(END)
    assert (other.get(PANEL).status_code, plain.get(PANEL).status_code) == (302, 200)


# Recent activity


def test_the_newest_comes_first(alices, phone):
    guess(alices, None, phone)
    assert alices.get(PANEL).context["events"][0].kind == "second_factor_refused"


def test_the_panel_shows_five(alices, phone, clock):
    for _ in range(4):
        guess(alices, None, phone)
    assert len(alices.get(PANEL).context["events"]) == 5


def test_activity_shows_more(alices, phone):
    for _ in range(4):
        guess(alices, None, phone)
    assert len(alices.get(ACTIVITY).context["events"]) > 5


def test_activity_says_what_when_and_from_where(alices):
    page = alices.get(ACTIVITY).text
    parts = ("A code was accepted", '<time datetime="2026-03-01T12:00:00+00:00">', "127.0.0.1")
    assert [part for part in parts if part not in page] == []


@pytest.mark.parametrize("path", [PANEL, ACTIVITY])
def test_other_peoples_activity_is_not_shown(alices, client, clock, path):
    bob = person("bob@example.com")
    sign_in(client, enrol(bob), bob.email)
    assert {event.user_id for event in client.get(path).context["events"]} == {bob.pk}


def test_with_nothing_to_show_it_says_so(plain):
    Event.objects.all().delete()
    assert "Nothing yet." in plain.get(ACTIVITY).text


@pytest.mark.parametrize("path", [PANEL, ACTIVITY])
def test_what_a_browser_calls_itself_is_text(alices, phone, path):
    stranger = Client(headers={"user-agent": "<script>alert(1)</script>"})
    give_password(stranger)
    stranger.post("/two-factor/verify/", {"code": "000000"})
    assert "<script>alert" not in alices.get(path).text


def test_a_long_history_is_shown_to_the_fiftieth(alices, alice):
    Event.objects.bulk_create(Event(user=alice, kind="code_sent", at=alice.date_joined) for _ in range(60))
    assert len(alices.get(ACTIVITY).context["events"]) == 50
