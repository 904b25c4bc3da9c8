"""The page of security settings: what it shows, what changes in place, and what another tab sees of it."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from tests.htmx import HTMX
from tests.people import PASSWORD, enrol, give_password, person, sign_in
from tests.twofactor.code_forms import enter_wrong_code_elsewhere
from tests.twofactor.sent_codes import add_number, record_text_messages
from tests.twofactor.trusted_browsers import forget_url
from twofactor import conf
from twofactor.factors import backup_codes
from twofactor.models import BackupCode, TrustedBrowser
from twofactor.sessions import epoch

PANEL = "/two-factor/"
END = "/two-factor/sessions/end/"


def panel_text(client):
    return re.sub(r">\s+", ">", re.sub(r"\s+<", "<", client.get(PANEL).text))


def look_again(client, seen):
    return client.get(PANEL, {"seen": seen}, headers=HTMX)


def seen_version(client):
    return client.get(PANEL).context["seen"]


def start_setup(client):
    client.get("/two-factor/setup/")


def leave_backup_codes(alice, left):
    codes = backup_codes.generate()
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, codes))
    used = BackupCode.objects.values_list("pk", flat=True)[left:]
    BackupCode.objects.filter(pk__in=list(used)).update(used_at=alice.date_joined)


# What it shows


def test_the_state_off_is_a_word(no_factor_client):
    assert '<span class="state">Off</span>' in panel_text(no_factor_client)


def test_the_state_on_is_a_word_and_says_since_when(signed_in_client):
    assert '<span class="state on">On since 1 March 2026</span>' in panel_text(signed_in_client)


def test_the_panel_names_the_apps(signed_in_client):
    assert "<span>Authenticator app</span>" in panel_text(signed_in_client)


def test_the_panel_shows_the_address_masked(signed_in_client):
    assert 'We can send codes to<bdi dir="ltr">a•••e@example.com</bdi>' in panel_text(signed_in_client)


def test_without_a_confirmed_address_a_backup_code_is_what_is_left(client, db, clock):
    sign_in(client, enrol(person(email_verified_at=None)))
    page = panel_text(client)
    assert ("We can send codes" in page, "10 unused" in page) == (False, True)


def test_the_panel_promises_no_code_that_would_not_be_sent(signed_in_client, settings):
    settings.TWOFACTOR_EMAIL_FALLBACK = "nobody"
    assert "We can send codes" not in panel_text(signed_in_client)


def test_the_panel_shows_the_number_masked(signed_in_client, alice, settings):
    record_text_messages(settings)
    add_number(alice)
    page = panel_text(signed_in_client)
    assert ("••• 67" in page, "1701234567" in page) == (True, False)


def test_the_panel_says_that_there_is_no_number(signed_in_client, settings):
    record_text_messages(settings)
    assert "No phone number." in panel_text(signed_in_client)


@pytest.mark.parametrize("left", [0, 1, 3, 4, 10])
def test_the_panel_says_how_many_codes_are_left(signed_in_client, alice, left):
    leave_backup_codes(alice, left)
    assert f"{left} of 10 unused" in panel_text(signed_in_client)


@pytest.mark.parametrize(
    ("left", "warning"),
    [(0, "You have no backup codes left. Make new ones now."), (3, "You only have a few left."), (4, None)],
)
def test_few_codes_are_a_warning(signed_in_client, alice, left, warning):
    leave_backup_codes(alice, left)
    page = panel_text(signed_in_client)
    assert (warning in page) if warning else ("only have a few left" not in page)


def test_without_two_factor_there_is_nothing_to_turn_off(no_factor_client):
    assert "/two-factor/disable/" not in panel_text(no_factor_client)


def test_an_unfinished_setup_is_told(no_factor_client):
    start_setup(no_factor_client)
    assert "Setup isn't finished. Your password alone is still enough to sign in." in panel_text(
        no_factor_client
    )


def test_an_unfinished_setup_can_be_continued(no_factor_client):
    start_setup(no_factor_client)
    assert 'href="/two-factor/setup/"' in panel_text(no_factor_client)


def test_an_unfinished_setup_is_told_for_thirty_minutes(no_factor_client, clock):
    start_setup(no_factor_client)
    clock.shift(1801)
    assert "Setup isn't finished" not in panel_text(no_factor_client)


def test_unsaved_codes_are_told(signed_in_client, phone):
    signed_in_client.post("/two-factor/backup-codes/", {"password": PASSWORD, "code": phone.code()})
    assert "You haven't saved your new codes yet. The old ones work until you do." in panel_text(
        signed_in_client
    )


def test_strangers_do_not_see_it(client):
    assert client.get(PANEL).url.startswith("/accounts/login/")


def test_with_the_password_alone_it_is_not_shown(client, phone):
    give_password(client)
    assert client.get(PANEL).url.startswith("/accounts/login/")


def test_no_cache_keeps_it(signed_in_client):
    assert "no-store" in signed_in_client.get(PANEL)["Cache-Control"]


# Another tab


def test_a_tab_that_has_seen_it_all_gets_nothing(signed_in_client):
    answer = look_again(signed_in_client, seen_version(signed_in_client))
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_tab_that_has_seen_something_else_gets_the_panel(signed_in_client):
    assert look_again(signed_in_client, "0123456789abcdef").status_code == 200


def test_the_panel_asks_with_what_it_has_seen(signed_in_client):
    assert (
        f'hx-get="{PANEL}?seen={seen_version(signed_in_client)}" hx-trigger="looked-at from:body"'
        in panel_text(signed_in_client)
    )


def use_backup_code(signed_in_client, alice, phone):
    BackupCode.objects.filter(pk=BackupCode.objects.first().pk).update(used_at=alice.date_joined)


def replace_authenticator(signed_in_client, alice, phone):
    alice.authenticators.update(name="Another")


def start_replacing(signed_in_client, alice, phone):
    signed_in_client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    start_setup(signed_in_client)


def request_new_codes(signed_in_client, alice, phone):
    signed_in_client.post("/two-factor/backup-codes/", {"password": PASSWORD, "code": phone.code()})


def trust_browser(signed_in_client, alice, phone):
    client = Client()
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})


def enter_wrong_code(signed_in_client, alice, phone):
    enter_wrong_code_elsewhere()


def turn_off(signed_in_client, alice, phone):
    signed_in_client.post("/two-factor/disable/", {"password": PASSWORD, "code": phone.code()})


CHANGES = [
    use_backup_code,
    replace_authenticator,
    start_replacing,
    request_new_codes,
    trust_browser,
    enter_wrong_code,
    turn_off,
]


@pytest.mark.parametrize("change", CHANGES)
def test_a_tab_that_is_looked_at_again_shows_a_change(signed_in_client, alice, phone, printed_codes, change):
    before = seen_version(signed_in_client)
    change(signed_in_client, alice, phone)
    assert look_again(signed_in_client, before).status_code == 200


def test_a_number_that_was_confirmed_elsewhere_shows(signed_in_client, alice, settings):
    record_text_messages(settings)
    before = seen_version(signed_in_client)
    add_number(alice)
    assert look_again(signed_in_client, before).status_code == 200


def test_what_others_do_changes_nothing(signed_in_client, clock):
    before = seen_version(signed_in_client)
    sign_in(Client(), enrol(person("bob@example.com")), "bob@example.com")
    assert look_again(signed_in_client, before).status_code == 204


def test_time_alone_changes_nothing(signed_in_client, clock):
    before = seen_version(signed_in_client)
    clock.shift(1800)
    assert look_again(signed_in_client, before).status_code == 204


def test_a_tab_that_looks_again_does_not_swallow_a_message(signed_in_client):
    seen = signed_in_client.get("/two-factor/").context["seen"]
    signed_in_client.post("/two-factor/nudge/dismiss/")
    signed_in_client.get("/two-factor/", {"seen": seen}, headers=HTMX)
    assert "Reminder dismissed." in signed_in_client.get("/accounts/profile/").text


def test_without_two_factor_it_works_the_same(no_factor_client):
    assert look_again(no_factor_client, seen_version(no_factor_client)).status_code == 204


# Actions on what has changed meanwhile


def create_trusted_browser(alice, clock):
    return TrustedBrowser.objects.create(
        user=alice,
        digest="0",
        session_hash=epoch.auth_hash(alice),
        browser="Firefox",
        began_at=alice.date_joined,
        last_used_at=alice.date_joined,
        expires_at=timezone.now() + conf.trusted_age(),
    )


@pytest.mark.parametrize("address", [forget_url, lambda browser: "/two-factor/browsers/forget/"])
def test_forgetting_after_turning_off_shows_the_fresh_panel(signed_in_client, alice, phone, clock, address):
    url = address(create_trusted_browser(alice, clock))
    turn_off(signed_in_client, alice, phone)
    answer = signed_in_client.post(url, follow=True)
    assert (answer.status_code, "forgotten" in answer.text) == (409, False)


def test_forgetting_a_browser_that_is_no_longer_trusted_shows_the_fresh_panel(signed_in_client, alice, clock):
    browser = create_trusted_browser(alice, clock)
    signed_in_client.post(END)
    assert signed_in_client.post(forget_url(browser)).status_code == 409


def test_removing_a_number_twice_shows_the_fresh_panel(signed_in_client, alice, phone, clock, settings):
    record_text_messages(settings)
    signed_in_client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    assert signed_in_client.post("/two-factor/phone/remove/").status_code == 409


def test_forgetting_a_browser_twice_shows_the_fresh_panel(signed_in_client, alice, clock):
    gone = create_trusted_browser(alice, clock)
    signed_in_client.post(f"/two-factor/browsers/{gone.pk}/forget/")
    answer = signed_in_client.post(f"/two-factor/browsers/{gone.pk}/forget/")
    assert (answer.status_code, "Something changed in another tab." in answer.text) == (409, True)


def test_turning_off_twice_shows_the_fresh_panel(signed_in_client, phone, clock):
    turn_off(signed_in_client, None, phone)
    answer = signed_in_client.post("/two-factor/disable/", {"password": PASSWORD, "code": phone.code()})
    assert (answer.status_code, '<span class="state">Off</span>' in answer.text) == (409, True)


def test_new_codes_after_turning_off_show_the_fresh_panel(signed_in_client, phone, clock):
    turn_off(signed_in_client, None, phone)
    answer = signed_in_client.post("/two-factor/backup-codes/", {"password": PASSWORD, "code": phone.code()})
    assert answer.status_code == 409


def test_the_fresh_panel_is_a_whole_page_for_htmx_as_well(signed_in_client, phone, clock):
    turn_off(signed_in_client, None, phone)
    answer = signed_in_client.post("/two-factor/disable/", {"password": PASSWORD}, headers=HTMX)
    assert (answer.status_code, "<!doctype html>" in answer.text) == (409, True)


def test_a_browser_that_never_was_is_out_of_date_too(signed_in_client):
    assert signed_in_client.post("/two-factor/browsers/999999/forget/").status_code == 409


# Each part changes in place


def test_a_changed_part_is_announced(signed_in_client, alice, clock):
    url = f"/two-factor/browsers/{create_trusted_browser(alice, clock).pk}/forget/"
    page = signed_in_client.post(url, headers=HTMX, follow=True).text
    assert re.search(r'innerHTML:#tf-status">[^<]* is no longer trusted\.', page)


def test_a_part_that_looks_again_leaves_the_focus_where_it_is(signed_in_client):
    assert "autofocus" not in look_again(signed_in_client, "0123456789abcdef").text


def test_a_part_is_all_that_htmx_gets(signed_in_client):
    assert "<html" not in signed_in_client.get(PANEL, headers=HTMX).text
