"""What an app that a thief may have added does not prove: no new address, no new codes, no older app less."""

from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from tests.people import PASSWORD, add_app, give_password, person, sign_in, signed_in_as
from tests.twofactor.code_forms import enter_code, enter_password_and_code
from tests.twofactor.sent_codes import enter_sent_code, mailed_code, request_code
from tests.twofactor.setup_steps import add_app as add_app_on_page
from tests.twofactor.setup_steps import scan_key
from twofactor.factors import enrolled, totp
from twofactor.models import Authenticator, BackupCode, Draft, TwoFactor

ADDRESS = "/accounts/email/change/"
CODES = "/two-factor/backup-codes/"
CONFIRM = "/two-factor/confirm/"
ADD = "/two-factor/apps/add/"
NOT_ENOUGH = "A code from that app isn&#x27;t enough for this, because the app was added recently."
WHY = "What you used to confirm was added recently, so it isn't enough for this."


@pytest.fixture
def recent_phone(alice, phone, clock):
    """Alice's second app, which was added an hour ago."""
    return add_app(alice, totp.generate_key(), timezone.now() - timedelta(minutes=59), name="New")


@pytest.fixture
def recent_client(client, recent_phone, clock):
    """Signed in a minute ago with the app of the last 24 hours."""
    sign_in(client, recent_phone)
    clock.shift(60)
    return client


# The address


@pytest.mark.proves("S-10-recent")
def test_a_recent_app_changes_no_address(recent_client):
    answer = recent_client.post(ADDRESS, {"email": "thief@example.com"})
    assert answer.url.startswith(f"{CONFIRM}?full_proof=1")


def test_the_page_says_why_another_factor_is_asked_for(recent_client):
    page = recent_client.get(ADDRESS, follow=True).text
    assert ("To change your email address, confirm it&#x27;s you." in page, WHY in page) == (True, True)


def test_the_page_does_not_say_so_to_someone_who_has_not_confirmed(recent_client, clock):
    clock.shift(300)
    assert WHY not in recent_client.get(ADDRESS, follow=True).text


@pytest.mark.proves("S-10-recent")
def test_confirming_with_the_recent_app_is_refused(recent_client, recent_phone):
    to = recent_client.get(ADDRESS).url
    refused = enter_password_and_code(recent_client, to, recent_phone.code())
    assert (refused.status_code, NOT_ENOUGH in refused.text) == (422, True)


def test_a_code_that_was_not_enough_is_not_spent(recent_client, recent_phone):
    to = recent_client.get(ADDRESS).url
    enter_password_and_code(recent_client, to, recent_phone.code())
    assert enter_password_and_code(recent_client, CONFIRM, recent_phone.code()).status_code == 303


@pytest.mark.proves("S-10-recent")
def test_whoever_leaves_out_that_it_must_be_another_one_is_asked_again(recent_client, recent_phone):
    enter_password_and_code(recent_client, CONFIRM, recent_phone.code(), next=ADDRESS)
    assert recent_client.get(ADDRESS).url.startswith(f"{CONFIRM}?full_proof=1")


def test_the_older_app_changes_the_address(recent_client, phone):
    to = recent_client.get(ADDRESS).url
    assert enter_password_and_code(recent_client, to, phone.code()).url == ADDRESS
    assert recent_client.get(ADDRESS).status_code == 200


def test_a_backup_code_changes_the_address(recent_client, printed_codes):
    to = recent_client.get(ADDRESS).url
    enter_password_and_code(recent_client, to, printed_codes[0])
    assert recent_client.get(ADDRESS).status_code == 200


@pytest.mark.parametrize(("hours", "is_enough"), [(23, False), (25, True)])
def test_an_app_is_recent_for_a_day(recent_client, recent_phone, clock, hours, is_enough):
    clock.shift(timedelta(hours=hours - 1))
    client = Client()
    sign_in(client, recent_phone)
    assert (client.get(ADDRESS).status_code == 200) is is_enough


def test_the_only_app_is_enough_from_the_start(client, alice, clock):
    give_password(client)
    new = scan_key(client)
    enter_code(client, new.code(), "/two-factor/setup/verify/")
    client.post("/two-factor/setup/codes/", {"saved": "on"})
    clock.shift(30)
    enter_password_and_code(client, CONFIRM, new.code(), next=ADDRESS)
    assert client.get(ADDRESS).status_code == 200


@pytest.mark.proves("S-10-recent")
def test_an_app_that_has_been_removed_is_not_enough(recent_client, alice):
    enrolled.apps_of(alice).filter(name="New").delete()
    assert recent_client.get(ADDRESS).url.startswith(CONFIRM)


@pytest.mark.proves("S-10-recent", "S-16")
def test_an_app_added_after_a_recovery_changes_no_address(client, alice, phone, clock):
    give_password(client)
    request_code(client)
    enter_sent_code(client, mailed_code())
    client.post(f"{CONFIRM}?next={ADD}", {"password": PASSWORD, "next": ADD})
    new = add_app_on_page(client)
    clock.shift(timedelta(hours=25))
    other = Client()
    sign_in(other, new)
    assert other.get(ADDRESS).url.startswith(CONFIRM)


@pytest.fixture
def after_recovery(client, phone, alice, clock):
    """Someone with the mailbox and the password has replaced Alice's app, and signed in with the new one."""
    give_password(client)
    request_code(client)
    enter_sent_code(client, mailed_code())
    client.post(f"{CONFIRM}?next={ADD}", {"password": PASSWORD, "next": ADD})
    new = add_app_on_page(client, replaces=enrolled.apps_of(alice))
    clock.shift(60)
    browser = Client()
    sign_in(browser, new)
    clock.shift(60)
    return browser, new


@pytest.mark.proves("S-10-recent", "S-16")
@pytest.mark.parametrize(("hours", "is_enough"), [(23, False), (25, True)])
def test_in_place_of_all_others_it_changes_the_address_after_a_day(after_recovery, clock, hours, is_enough):
    clock.shift(timedelta(hours=hours))
    browser = Client()
    sign_in(browser, after_recovery[1])
    assert (browser.get(ADDRESS).status_code == 200) is is_enough


def add_another_and_remove_it(browser, phone, alice):
    other, old = add_app_on_page(browser, name="Other"), enrolled.apps_of(alice).first()
    enter_password_and_code(browser, f"/two-factor/apps/{old.pk}/remove/", phone.code())
    return other


@pytest.mark.proves("S-10-recent", "S-16")
def test_an_app_that_takes_its_place_has_to_wait_too(after_recovery, alice, clock):
    newest = add_another_and_remove_it(*after_recovery, alice)
    assert enrolled.apps_of(alice).count() == 1
    clock.shift(60)
    browser = Client()
    sign_in(browser, newest)
    assert browser.get(ADDRESS).url.startswith(CONFIRM)


@pytest.mark.proves("S-10-recent")
def test_a_step_up_with_a_recent_app_adds_none_once_that_app_is_gone(recent_client, alice, clock):
    code = scan_key(recent_client, ADD).code()
    enrolled.apps_of(alice).filter(name="New").delete()
    answer = recent_client.post(ADD, {"code": code, "name": "Third"})
    assert (answer.url.startswith(CONFIRM), enrolled.apps_of(alice).count()) == (True, 1)


@pytest.mark.proves("S-10")
@pytest.mark.parametrize("path", [ADDRESS, ADD])
def test_a_step_up_ends_with_the_app_it_was_made_with(client, alice, phone, recent_phone, clock, path):
    """An older app, too, which its owner removes because someone else has it."""
    sign_in(client, phone)
    assert client.get(path).status_code == 200
    enrolled.apps_of(alice).update(full_from=timezone.now())
    clock.shift(60)
    removed = enrolled.apps_of(alice).first()
    enter_password_and_code(client, f"/two-factor/apps/{removed.pk}/remove/", recent_phone.code())
    assert client.get("/two-factor/").status_code == 200
    assert client.get(path).url.startswith(CONFIRM)


def test_once_no_factor_is_left_the_password_that_was_given_with_it_still_counts(client, phone, clock):
    sign_in(client, phone)
    clock.shift(60)
    enter_password_and_code(client, "/two-factor/disable/", phone.code())
    assert client.get(ADDRESS).status_code == 200


# New backup codes, with which one could do what a recent app may not


@pytest.mark.proves("S-10-recent")
def test_after_a_sign_in_with_a_recent_app_new_codes_take_another(recent_client, recent_phone, phone):
    assert recent_client.post(CODES).status_code == 422
    refused = enter_password_and_code(recent_client, CODES, recent_phone.code())
    assert (NOT_ENOUGH in refused.text, "or a backup code" in refused.text, Draft.objects.count()) == (
        True,
        False,
        0,
    )
    assert enter_password_and_code(recent_client, CODES, phone.code()).status_code == 303


# Older apps


def test_a_recent_app_adds_one_more(recent_client, alice):
    add_app_on_page(recent_client)
    assert enrolled.apps_of(alice).count() == 3


@pytest.mark.proves("S-10-recent")
@pytest.mark.parametrize("by", ["page", "backup code"])
def test_a_recent_app_is_no_older_one_once_the_owner_has_changed_phones(
    recent_client, recent_phone, phone, alice, printed_codes, clock, by
):
    """It would otherwise be the oldest, and could remove the new phone of the owner."""
    owner = Client()
    sign_in(owner, phone)
    clock.shift(60)
    if by == "page":
        add_app_on_page(owner, replaces=[enrolled.apps_of(alice).first()])
    old = enrolled.apps_of(alice).first()
    code = phone.code() if by == "page" else printed_codes[0]
    enter_password_and_code(owner, f"/two-factor/apps/{old.pk}/remove/", code)
    clock.shift(60)
    thief = Client()
    sign_in(thief, recent_phone)
    assert thief.get(ADDRESS).url.startswith(CONFIRM)
    refused = enter_password_and_code(thief, "/two-factor/disable/", recent_phone.code(off=1))
    assert (refused.status_code, enrolled.is_on(alice)) == (422, True)


# The administration

PEOPLE = "/admin/accounts/user/"


def form_of_person(email, **fields):
    return {"email": email, "name": "", "language": "", "is_active": "on", **fields}


@pytest.fixture
def recent_admin(alice, recent_client):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    return recent_client


@pytest.fixture
def someone(db):
    return person("other@example.com")


FORMS = {
    "add/": form_of_person("third@example.com", is_staff="on", is_superuser="on"),
    "{}/change/": form_of_person("thief@example.com", is_staff="on", is_superuser="on"),
    "{}/delete/": {"post": "yes"},
    "{}/two-factor/reset/": {"reset-reason": "lost"},
    "{}/two-factor/emergency-code/": {"code-reason": "lost", "code-hours": "1"},
    "{}/two-factor/end-sessions/": {"sessions-reason": "lost"},
}


def people_and_factors():
    tables = (get_user_model(), TwoFactor, Authenticator, BackupCode)
    return [list(table.objects.values_list("pk")) for table in tables], addresses()


def addresses():
    return set(get_user_model().objects.values_list("email", flat=True))


@pytest.mark.proves("S-10-recent")
@pytest.mark.parametrize("is_own", [True, False])
@pytest.mark.parametrize("page", FORMS)
def test_a_recent_app_changes_nobody_in_the_administration(recent_admin, alice, someone, page, is_own):
    before = people_and_factors()
    answer = recent_admin.post(PEOPLE + page.format(alice.pk if is_own else someone.pk), FORMS[page])
    assert (answer.url.startswith(f"{CONFIRM}?full_proof=1"), people_and_factors()) == (True, before)
    assert signed_in_as(recent_admin) == alice


@pytest.mark.proves("S-10-recent")
@pytest.mark.parametrize("page", ["add/", "{}/change/", "{}/delete/", "{}/two-factor/"])
def test_a_recent_app_opens_no_page_that_changes_someone_there(recent_admin, someone, page):
    answer = recent_admin.get(PEOPLE + page.format(someone.pk))
    assert answer.url.startswith(f"{CONFIRM}?full_proof=1")


def test_the_page_that_asks_says_what_for_and_why(recent_admin, someone):
    page = recent_admin.get(f"{PEOPLE}{someone.pk}/two-factor/", follow=True).text
    assert ("To continue to the administration, confirm it&#x27;s you." in page, WHY in page) == (True, True)


def test_a_recent_app_reads_the_lists_there(recent_admin):
    assert recent_admin.get(PEOPLE).status_code == 200


def test_the_older_app_changes_people_there(recent_admin, alice, phone):
    page, form = f"{PEOPLE}{alice.pk}/change/", FORMS["{}/change/"]
    enter_password_and_code(recent_admin, recent_admin.get(page).url, phone.code())
    recent_admin.post(page, form)
    assert addresses() == {"thief@example.com"}


def test_the_older_app_resets_there(recent_admin, alice, phone):
    page = f"{PEOPLE}{alice.pk}/two-factor/reset/"
    enter_password_and_code(recent_admin, recent_admin.get(page).url, phone.code())
    recent_admin.post(page, FORMS["{}/two-factor/reset/"])
    assert not TwoFactor.objects.exists()
