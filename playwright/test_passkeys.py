"""Passkeys and security keys on the pages of the site: what people do, and what they see if it fails.

test_passkey_script.py has what is true of any page with such a form.
"""

import re
from datetime import timedelta

import pytest
import time_machine
from actions import (
    Phone,
    end_step_up,
    enter_code,
    enter_password,
    expect_heading,
    finish_setup,
    follow,
    open_session,
    press,
    session_of,
    shown_key,
    sign_out,
    submit_sign_in_form,
)
from authenticator import (
    RECORD_CEREMONIES,
    Authenticator,
    expect_ceremonies,
    give_key,
    give_passkey,
)
from django.utils import timezone
from javascript_modes import MODES, NO_JS
from playwright.sync_api import expect

from tests.people import PASSWORD, PRINTED_CODES, enrol
from twofactor.models import Event, Passkey, Rule, TwoFactor

htmx, _no_js, blocked = MODES
WITH_SCRIPT = pytest.mark.parametrize("mode", [htmx, pytest.param(blocked, marks=pytest.mark.long)])
SIGN_IN, SECOND = "Sign in with a passkey", "Use passkey or security key"
STEP_UP, WITH_KEY = "Confirm with your passkey", "Confirm with password and security key"
CANCELLED = "Nothing was signed. It was cancelled, took too long, or this device has no passkey"
REFUSED = "That didn't work. Try again, or use another way."
NO_SCRIPT = "Passkeys need JavaScript"
ADD = "/two-factor/passkeys/add/"


@pytest.fixture
def page(page):
    page.add_init_script(RECORD_CEREMONIES)
    return page


@pytest.fixture
def authenticator(page):
    """Of Alice's laptop. Nobody touches it until a test says so."""
    return Authenticator(page, is_touched=False)


@pytest.fixture
def passkey(alice, authenticator):
    """Without an app: two-factor authentication is on, by the passkey alone."""
    turn_on(alice)
    return give_passkey(alice, authenticator)


@pytest.fixture
def at_settings(page, authenticator, passkey):
    """Signed in with the passkey, a while ago."""
    sign_in(page, authenticator, "/two-factor/")
    expect_heading(page, "Security")
    end_step_up(session_of(page))
    return page


def turn_on(user):
    """Three backup codes, and two-factor authentication on; no app. Takes earlier passkeys away."""
    enrol(user, PRINTED_CODES)
    user.authenticators.all().delete()


def open_sign_in(page, path="/accounts/login/"):
    page.goto(path)
    expect_ceremonies(page, "conditional")


def sign_in(page, authenticator, to="/"):
    open_sign_in(page, f"/accounts/login/?next={to}")
    authenticator.touch()
    press(page, SIGN_IN)


def plug_in_key(page, authenticator, user=None, **fields):
    """In place of the laptop's own authenticator."""
    authenticator.remove()
    key = Authenticator(page, protocol="u2f", transport="usb")
    if user:
        give_key(user, key, **fields)
    return key


def expect_sentence(page, text):
    expect(page.get_by_role("alert").filter(has_text=text)).to_be_visible()


def button(page, name):
    return page.get_by_role("main").get_by_role("button", name=name, exact=True)


# Setting up and adding


@WITH_SCRIPT
def test_setting_up_by_passkey_and_signing_in_with_it(page, alice, authenticator):
    open_session(page.context, alice)
    page.goto("/two-factor/")
    follow(page, "Set up two-factor authentication")
    expect_heading(page, "Scan the QR code")
    authenticator.touch()
    press(page, "Use a passkey instead")
    expect_heading(page, "Save your backup codes")
    assert not TwoFactor.objects.exists()
    finish_setup(page)
    expect(
        page.get_by_text("Two-factor authentication is on. Next time, sign in with your passkey alone").first
    ).to_be_visible()
    assert TwoFactor.objects.filter(user=alice).exists()
    authenticator.touch(is_touched=False)
    sign_out(page, alice)
    sign_in(page, authenticator)
    expect_heading(page, "Hello, Alice")


@WITH_SCRIPT
def test_a_passkey_may_be_added_while_it_is_off_and_turned_on_later(page, alice, authenticator):
    open_session(page.context, alice)
    page.goto("/two-factor/")
    follow(page, "Add a passkey or security key")
    expect_heading(page, "Add a passkey")
    authenticator.touch()
    press(page, "Add a passkey")
    expect_heading(page, "Name your passkey")
    press(page, "Save")
    expect_heading(page, "Security")
    expect(page.get_by_text("your password alone is still enough, too")).to_be_visible()
    follow(page, "Turn on two-factor authentication")
    expect_heading(page, "Save your backup codes")
    finish_setup(page)
    assert TwoFactor.objects.filter(user=alice).exists()


@WITH_SCRIPT
def test_a_second_passkey_and_a_security_key_are_added_and_named(page, at_settings, authenticator):
    follow(page, "Add a passkey or security key")
    expect_heading(page, "Confirm it's you")
    press(page, STEP_UP)
    expect_heading(page, "Add a passkey")
    authenticator.remove()
    phone = Authenticator(page, transport="hybrid")
    press(page, "Add a passkey")
    expect_heading(page, "Name your passkey")
    page.get_by_label("Name").fill("Phone")
    press(page, "Save")
    expect_heading(page, "Security")
    expect(page.get_by_text("Phone was added.").first).to_be_visible()
    expect(page.get_by_role("link", name="Rename Phone")).to_be_visible()
    plug_in_key(page, phone)
    follow(page, "Add a passkey or security key")
    press(page, "Add a security key")
    expect_heading(page, "Name your security key")
    page.get_by_label("Name").fill("Blue key")
    press(page, "Save")
    expect(page.get_by_text("Blue key was added.").first).to_be_visible()
    rows = Passkey.objects.order_by("pk").values_list("name", "kind")
    assert list(rows) == [("Laptop", "passkey"), ("Phone", "passkey"), ("Blue key", "key")]


@WITH_SCRIPT
def test_a_device_that_has_one_is_not_given_another(page, at_settings):
    follow(page, "Add a passkey or security key")
    press(page, STEP_UP)
    press(page, "Add a passkey")
    expect_sentence(page, "This device has one of your passkeys already.")
    expect(button(page, "Add a passkey")).to_be_focused()
    assert Passkey.objects.count() == 1


def second_tab(page, path):
    """Chromium simulates a device for each tab: this is another one."""
    other = page.context.new_page()
    device = Authenticator(other)
    other.goto(path)
    return other, device


def plug_in_same_device(device, authenticator):
    """What one knows, the other knows too."""
    for credential in authenticator.credentials():
        device.send("addCredential", credential=credential)


@WITH_SCRIPT
def test_two_tabs_add_a_passkey_of_two_devices_at_once(page, at_settings, authenticator):
    follow(page, "Add a passkey or security key")
    press(page, STEP_UP)
    expect_heading(page, "Add a passkey")
    authenticator.remove()
    Authenticator(page, transport="hybrid")
    other, _device = second_tab(page, ADD)
    expect_heading(other, "Add a passkey")
    press(page, "Add a passkey")
    press(other, "Add a passkey")
    for tab, name in {page: "Phone", other: "Tablet"}.items():
        expect_heading(tab, "Name your passkey")
        tab.get_by_label("Name").fill(name)
        press(tab, "Save")
        expect_heading(tab, "Security")
        expect(tab.get_by_role("link", name=f"Rename {name}")).to_be_visible()
    assert set(Passkey.objects.values_list("name", flat=True)) == {"Laptop", "Phone", "Tablet"}


@WITH_SCRIPT
def test_two_tabs_add_the_first_passkey_of_one_device(page, alice, authenticator):
    """The second tab does not know yet that the device has one: each gets a handle of its own, and works."""
    open_session(page.context, alice)
    page.goto(ADD)
    other, device = second_tab(page, ADD)
    authenticator.touch()
    press(page, "Add a passkey")
    expect_heading(page, "Name your passkey")
    plug_in_same_device(device, authenticator)
    press(other, "Add a passkey")
    expect_heading(other, "Name your passkey")
    press(other, "Save")
    expect_heading(other, "Security")
    rows = Passkey.objects.order_by("pk").values_list("name", flat=True)
    assert (len(rows), rows[1], len(device.credentials())) == (2, f"{rows[0]} (2)", 2)


@WITH_SCRIPT
def test_a_tab_that_is_loaded_after_the_other_one_has_added_says_so(page, alice, authenticator):
    open_session(page.context, alice)
    page.goto(ADD)
    authenticator.touch()
    press(page, "Add a passkey")
    expect_heading(page, "Name your passkey")
    other, device = second_tab(page, ADD)
    plug_in_same_device(device, authenticator)
    press(other, "Add a passkey")
    expect_sentence(other, "This device has one of your passkeys already.")
    assert Passkey.objects.count() == 1


@WITH_SCRIPT
def test_renaming_can_be_undone(page, at_settings):
    follow(page, "Rename Laptop")
    page.get_by_label("Name", exact=True).fill("Old laptop")
    press(page, "Save")
    expect(page.get_by_role("link", name="Rename Old laptop")).to_be_visible()
    press(page, "Undo: The name was changed.")
    expect(page.get_by_text("The old name is back.").first).to_be_visible()
    expect(page.get_by_role("link", name="Rename Laptop")).to_be_visible()


# Signing in with it alone


@WITH_SCRIPT
def test_the_button_leads_to_the_page_asked_for(page, passkey, authenticator):
    sign_in(page, authenticator, "/accounts/profile/")
    expect_heading(page, "Profile")


@WITH_SCRIPT
def test_the_list_under_the_name_field_leads_to_the_page_asked_for(page, passkey, authenticator):
    authenticator.touch()
    page.goto("/accounts/login/?next=/accounts/profile/")
    expect_heading(page, "Profile")


@WITH_SCRIPT
def test_who_is_not_recognised_is_told_and_signs_in_another_way(page, alice, passkey, authenticator):
    authenticator.verify_user(is_verified=False)
    open_sign_in(page)
    authenticator.touch()
    press(page, SIGN_IN)
    expect_sentence(page, CANCELLED)
    expect(button(page, SIGN_IN)).to_be_focused()
    submit_sign_in_form(page)
    expect_heading(page, "Use your passkey")
    follow(page, "Try another way")
    follow(page, "Backup code")
    enter_code(page, PRINTED_CODES[0])
    expect_heading(page, "Hello, Alice")


@WITH_SCRIPT
def test_a_passkey_that_was_removed_elsewhere_is_refused_and_the_password_works(
    page, alice, phone, authenticator
):
    give_passkey(alice, authenticator).delete()
    sign_in(page, authenticator, "/accounts/profile/")
    expect_sentence(page, REFUSED)
    expect(button(page, SIGN_IN)).to_be_focused()
    expect(page).to_have_title("Error: Sign in with a passkey – Countersign")
    authenticator.touch(is_touched=False)
    follow(page, "Sign in with your password")
    expect_heading(page, "Sign in")
    submit_sign_in_form(page)
    enter_code(page, phone.code())
    expect_heading(page, "Profile")


@WITH_SCRIPT
def test_a_page_that_was_open_for_too_long_says_so_and_its_new_form_works(page, passkey, authenticator):
    open_sign_in(page)
    authenticator.touch()
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        press(page, SIGN_IN)
        expect_sentence(page, REFUSED)
        press(page, SIGN_IN)
        expect_heading(page, "Hello, Alice")


@WITH_SCRIPT
def test_going_back_after_signing_in_asks_for_nothing(page, passkey, authenticator):
    sign_in(page, authenticator, "/accounts/profile/")
    expect_heading(page, "Profile")
    page.go_back()
    expect(page.get_by_role("navigation", name="Account").get_by_text("Alice")).to_be_visible()


# After the password


@WITH_SCRIPT
def test_a_passkey_after_the_password(page, passkey, authenticator):
    enter_password(page, path="/accounts/login/?next=/accounts/profile/")
    expect_heading(page, "Use your passkey")
    authenticator.touch()
    press(page, SECOND)
    expect_heading(page, "Profile")


@WITH_SCRIPT
def test_a_security_key_after_the_password(page, alice, authenticator):
    turn_on(alice)
    plug_in_key(page, authenticator, alice)
    enter_password(page)
    press(page, SECOND)
    expect_heading(page, "Hello, Alice")


@WITH_SCRIPT
def test_from_the_passkey_to_the_app_and_back(page, alice, phone, authenticator):
    give_passkey(alice, authenticator, last_used_at=timezone.now())
    authenticator.touch(is_touched=False)
    enter_password(page, path="/accounts/login/?next=/accounts/profile/")
    expect_heading(page, "Use your passkey")
    follow(page, "Try another way")
    follow(page, "Authenticator app")
    expect_heading(page, "Check your authenticator app")
    follow(page, "Try another way")
    follow(page, "Passkey or security key")
    expect_heading(page, "Use your passkey")
    follow(page, "Try another way")
    follow(page, "Authenticator app")
    enter_code(page, phone.code())
    expect_heading(page, "Profile")


@WITH_SCRIPT
def test_a_passkey_in_place_of_the_code(page, alice, phone, authenticator):
    """The app was used last, so its field stands first."""
    give_passkey(alice, authenticator)
    enter_password(page)
    expect_heading(page, "Check your authenticator app")
    authenticator.touch()
    press(page, SECOND)
    expect_heading(page, "Hello, Alice")


@WITH_SCRIPT
def test_without_the_device_the_other_ways_work(page, alice, authenticator):
    """The passkey is on another device than the one that is used."""
    turn_on(alice)
    give_passkey(alice)
    enter_password(page)
    authenticator.touch()
    press(page, SECOND)
    expect_sentence(page, CANCELLED)
    expect(button(page, SECOND)).to_be_focused()
    follow(page, "Try another way")
    follow(page, "Backup code")
    enter_code(page, PRINTED_CODES[0])
    expect_heading(page, "Hello, Alice")


@WITH_SCRIPT
def test_two_tabs_do_not_overwrite_each_others_challenge(page, context, passkey, authenticator):
    enter_password(page)
    expect_heading(page, "Use your passkey")
    other = context.new_page()
    other.goto("/two-factor/verify/")
    expect_heading(other, "Use your passkey")
    authenticator.touch()
    press(page, SECOND)
    expect_heading(page, "Hello, Alice")


@WITH_SCRIPT
def test_the_second_tab_of_a_sign_in_leads_to_where_the_first_one_is(page, context, passkey, authenticator):
    enter_password(page)
    expect_heading(page, "Use your passkey")
    other = context.new_page()
    other.goto("/two-factor/verify/")
    authenticator.touch()
    press(page, SECOND)
    expect_heading(page, "Hello, Alice")
    follow(other, "Try another way")
    expect_heading(other, "Hello, Alice")


@WITH_SCRIPT
def test_of_two_tabs_that_give_the_passkey_one_signs_in_and_the_other_goes_on(
    page, alice, passkey, authenticator
):
    enter_password(page, path="/accounts/login/?next=/accounts/profile/")
    expect_heading(page, "Use your passkey")
    other, device = second_tab(page, "/two-factor/verify/")
    plug_in_same_device(device, authenticator)
    expect_heading(other, "Use your passkey")
    authenticator.touch()
    press(page, SECOND)
    expect_heading(page, "Profile")
    press(other, SECOND)
    expect_heading(other, "This page is out of date")
    follow(other, "Reload and continue")
    expect_heading(other, "Hello, Alice")
    assert Event.objects.filter(user=alice, kind="signed_in_with_passkey").count() == 1


# Confirming who one is


@WITH_SCRIPT
def test_a_passkey_alone_confirms(page, at_settings):
    follow(page, "Add a phone number")
    expect_heading(page, "Confirm it's you")
    press(page, STEP_UP)
    expect_heading(page, "Phone number for text messages")


@WITH_SCRIPT
def test_password_and_security_key_confirm(page, alice, phone, authenticator):
    plug_in_key(page, authenticator, alice)
    open_session(page.context, alice, phone)
    page.goto("/two-factor/phone/")
    expect_heading(page, "Confirm it's you")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, WITH_KEY)
    expect_heading(page, "Phone number for text messages")


@WITH_SCRIPT
def test_a_wrong_password_beside_the_key_is_told_at_its_field(page, alice, phone, authenticator):
    plug_in_key(page, authenticator, alice)
    open_session(page.context, alice, phone)
    page.goto("/two-factor/phone/")
    page.get_by_label("Password").fill("not the password")
    press(page, WITH_KEY)
    expect(page.get_by_text("The password is not correct.").first).to_be_visible()
    expect(page).to_have_title("Error: Confirm it's you – Countersign")
    expect(page.get_by_label("Password")).to_be_focused()
    page.get_by_label("Password").fill(PASSWORD)
    press(page, WITH_KEY)
    expect_heading(page, "Phone number for text messages")


@WITH_SCRIPT
def test_after_a_key_that_fails_the_same_password_goes_with_a_code(page, alice, phone, authenticator):
    plug_in_key(page, authenticator)  # of someone else
    give_key(alice)
    open_session(page.context, alice, phone)
    page.goto("/two-factor/phone/")
    page.get_by_label("Password").fill(PASSWORD)
    press(page, WITH_KEY)
    expect_sentence(page, "or this isn't one of your security keys.")
    code = page.get_by_label("Code")
    code.fill(PRINTED_CODES[0])
    page.get_by_label("Password").press("Enter")  # for the code, no longer for the key
    expect_heading(page, "Phone number for text messages")


@WITH_SCRIPT
def test_a_key_without_the_password_is_not_asked(page, alice, phone, authenticator):
    plug_in_key(page, authenticator, alice)
    open_session(page.context, alice, phone)
    page.goto("/two-factor/phone/")
    press(page, WITH_KEY)
    expect(page.get_by_label("Password")).to_be_focused()
    expect_ceremonies(page)


@WITH_SCRIPT
def test_turning_off_with_a_passkey(page, at_settings):
    follow(page, "Turn off")
    expect_heading(page, "Turn off two-factor authentication")
    press(page, "Turn off with your passkey")
    expect(page.get_by_text("Two-factor authentication is off.").first).to_be_visible()
    assert not TwoFactor.objects.exists()


@WITH_SCRIPT
def test_new_backup_codes_with_a_passkey(page, at_settings):
    follow(page, "Make new backup codes")
    press(page, "Make new codes with your passkey")
    expect_heading(page, "Save your new backup codes")


@WITH_SCRIPT
def test_removing_a_passkey_with_another(page, alice, at_settings, authenticator):
    give_passkey(alice, name="Old phone")
    page.reload()
    follow(page, "Remove Old phone")
    expect_heading(page, "Remove passkey")
    expect(page.get_by_role("listitem").filter(has_text="Laptop")).to_be_visible()
    press(page, "Remove with your passkey")
    expect(page.get_by_text("Old phone was removed.").first).to_be_visible()
    assert Passkey.objects.get().name == "Laptop"


@WITH_SCRIPT
def test_the_last_one_stays_and_the_ways_out_work(page, at_settings):
    follow(page, "Remove Laptop")
    expect_heading(page, "You have no other app or passkey")
    follow(page, "Add a passkey")
    expect_heading(page, "Confirm it's you")
    page.go_back()
    expect_heading(page, "You have no other app or passkey")
    follow(page, "Turn off two-factor authentication")
    expect_heading(page, "Turn off two-factor authentication")
    assert Passkey.objects.exists()


@WITH_SCRIPT
def test_who_is_not_recognised_confirms_with_password_and_code(page, alice, phone, authenticator):
    give_passkey(alice, authenticator)
    authenticator.verify_user(is_verified=False)
    authenticator.touch()
    open_session(page.context, alice, phone)
    page.goto("/two-factor/phone/")
    press(page, STEP_UP)
    expect_sentence(page, CANCELLED)
    expect(button(page, STEP_UP)).to_be_focused()
    page.get_by_label("Password").fill(PASSWORD)
    enter_code(page, phone.code(), "Confirm")
    expect_heading(page, "Phone number for text messages")


@WITH_SCRIPT
def test_a_set_up_goes_on_with_an_app_if_no_passkey_is_made(page, alice, authenticator):
    authenticator.verify_user(is_verified=False)
    authenticator.touch()
    open_session(page.context, alice)
    page.goto("/two-factor/setup/")
    press(page, "Use a passkey instead")
    expect_sentence(page, "Nothing was added. It was cancelled or took too long.")
    phone = Phone(shown_key(page))
    follow(page, "Continue")
    enter_code(page, phone.code(), "Continue")
    expect_heading(page, "Save your backup codes")
    page.go_back()
    expect_heading(page, "Enter the code from your app")


# Without a script, and where no browser gives a passkey


def expect_no_passkey_button(page):
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    buttons = page.get_by_role("main").get_by_role("button", name=re.compile("passkey|security key"))
    expect(buttons).to_have_count(0)


@NO_JS
def test_without_a_script_every_page_says_so_and_has_another_way(page, alice):
    turn_on(alice)
    give_passkey(alice)
    page.goto("/accounts/login/")
    expect(page.get_by_text(NO_SCRIPT)).to_have_count(1)
    expect_no_passkey_button(page)
    submit_sign_in_form(page)
    expect_heading(page, "Use your passkey")
    expect(page.get_by_text(NO_SCRIPT)).to_have_count(1)
    expect_no_passkey_button(page)
    follow(page, "Try another way")
    follow(page, "Backup code")
    enter_code(page, PRINTED_CODES[0])
    expect_heading(page, "Hello, Alice")
    end_step_up(session_of(page))
    page.goto("/two-factor/passkeys/add/")
    expect_heading(page, "Confirm it's you")
    expect(page.get_by_text(NO_SCRIPT)).to_have_count(1)
    expect_no_passkey_button(page)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_label("Code").fill(PRINTED_CODES[1])
    press(page, "Confirm")
    expect_heading(page, "Add a passkey")
    expect(page.get_by_text(NO_SCRIPT)).to_have_count(1)
    expect_no_passkey_button(page)
    follow(page, "Back to security")
    expect_heading(page, "Security")


@NO_JS
def test_without_a_script_the_set_up_goes_on_with_an_app(signed_in):
    signed_in.goto("/two-factor/setup/")
    expect(signed_in.get_by_text(NO_SCRIPT)).to_have_count(1)
    expect_no_passkey_button(signed_in)
    expect(signed_in.get_by_role("link", name="Continue")).to_be_visible()


@pytest.fixture
def at_an_ip_address(settings, site, new_context):
    settings.TWOFACTOR_BASE_URL = site.replace("localhost", "127.0.0.1")
    settings.ALLOWED_HOSTS = ["127.0.0.1", "localhost"]
    return new_context(base_url=settings.TWOFACTOR_BASE_URL).new_page()


def test_on_an_ip_address_nothing_offers_a_passkey(at_an_ip_address, alice):
    page = at_an_ip_address
    phone = Phone(enrol(alice, PRINTED_CODES).key)
    seen = []
    for path in ["/accounts/login/", "/two-factor/verify/", "/two-factor/verify/other/"]:
        page.goto(path)
        seen += offers(page)
        if path == "/accounts/login/":
            submit_sign_in_form(page)
            expect_heading(page, "Check your authenticator app")
    page.goto("/two-factor/verify/")
    enter_code(page, phone.code())
    expect_heading(page, "Hello, Alice")
    end_step_up(session_of(page))
    pk = alice.authenticators.get().pk
    for path in ["", "confirm/", "disable/", "backup-codes/", f"apps/{pk}/remove/"]:
        page.goto(f"/two-factor/{path}")
        seen += offers(page)
    assert seen == []


def test_on_an_ip_address_the_page_for_a_new_passkey_says_why_there_is_none(at_an_ip_address, alice):
    page = at_an_ip_address
    enter_password(page, path="/accounts/login/?next=/two-factor/setup/")
    expect_heading(page, "Scan the QR code")
    assert offers(page) == []
    page.goto("/two-factor/passkeys/add/")
    expect(page.get_by_text("Passkeys can't be used at this address.")).to_be_visible()
    follow(page, "Back to security")
    expect_heading(page, "Security")


def offers(page):
    """The buttons and links that speak of passkeys."""
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    main = page.get_by_role("main")
    names = [*main.get_by_role("button").all_text_contents(), *main.get_by_role("link").all_text_contents()]
    return [name for name in names if "asskey" in name]


# Rules that ask for one


def require_passkeys(**fields):
    given = {"scope": "everyone", "starts_on": timezone.localdate(), **fields}
    return Rule.objects.create(factor=Rule.Factor.PASSKEY, **given)


@WITH_SCRIPT
def test_who_has_signed_in_with_a_code_adds_one_and_goes_on(page, alice, authenticator):
    open_session(page.context, alice, enrol(alice), stepped_up=True)
    rule = require_passkeys(starts_on=timezone.localdate() + timedelta(days=3))
    page.goto("/")
    expect(page.get_by_role("heading", name="Add a passkey or security key")).to_be_visible()
    Rule.objects.filter(pk=rule.pk).update(starts_on=timezone.localdate())
    page.goto("/accounts/profile/")
    expect_heading(page, "Add a passkey")
    expect(page.get_by_text("This site requires a passkey or security key for everyone.")).to_be_visible()
    authenticator.touch()
    press(page, "Add a passkey")
    expect_heading(page, "Name your passkey")
    press(page, "Save")
    expect_heading(page, "Profile")


@WITH_SCRIPT
def test_who_has_one_uses_it_and_goes_on(page, alice, authenticator):
    phone = enrol(alice)
    give_passkey(alice, authenticator)
    open_session(page.context, alice, phone)
    require_passkeys()
    page.goto("/accounts/profile/")
    expect_heading(page, "Confirm it's you")
    expect(page.get_by_label("Password")).to_have_count(0)
    authenticator.touch()
    press(page, STEP_UP)
    expect_heading(page, "Profile")
    row = Passkey.objects.get()
    page.goto(f"/two-factor/passkeys/{row.pk}/remove/")
    expect_heading(page, "You have no other passkey or security key")
