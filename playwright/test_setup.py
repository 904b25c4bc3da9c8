"""Setting up in three steps, and what happens when people leave them."""

import json
import re
from datetime import timedelta

import pytest
import time_machine
from actions import (
    ALICE,
    Phone,
    confirm_identity,
    continue_to_backup_codes,
    enrol,
    enter_code,
    enter_password,
    expect_heading,
    finish_setup,
    follow,
    open_session,
    press,
    shown_codes,
    shown_key,
    sign_out,
    start_setup,
)
from django.utils import timezone
from javascript_modes import HTMX, NO_JS
from playwright.sync_api import expect

from tests.people import PASSWORD
from twofactor import sealing
from twofactor.models import Authenticator

WEB_STORAGE = "JSON.stringify([{...sessionStorage}, {...localStorage}])"

# All three steps


def test_replacing_the_authenticator_asks_who_it_is_first(page, alice):
    old = enrol(alice)
    open_session(page.context, alice, old)
    page.goto("/two-factor/")
    follow(page, "Add an authenticator app")
    confirm_identity(page, old)
    expect_heading(page, "Add an authenticator app")
    new = Phone(shown_key(page))
    page.get_by_label("Remove Authenticator app once the new app works").check()
    enter_code(page, new.code(), "Add app")
    expect_heading(page, "Remove authenticator app")
    page.get_by_label("Password").fill(PASSWORD)
    with time_machine.travel(timezone.now() + timedelta(seconds=60)):
        enter_code(page, old.code(), "Remove")
        expect_heading(page, "Security")
    assert key_in_use(alice) == new.key


def key_in_use(user):
    sealed = Authenticator.objects.get(user=user).sealed_key
    return sealing.unseal(Authenticator.PURPOSE, str(user.pk), sealed, timezone.now())


@HTMX
def test_the_steps_swap_in_place(signed_in):
    signed_in.goto("/two-factor/")
    signed_in.evaluate("window.here = true")
    set_up_in_place(signed_in)
    assert signed_in.evaluate("window.here")


def set_up_in_place(page):
    follow(page, "Set up two-factor authentication")
    expect_heading(page, "Scan the QR code")
    continue_to_backup_codes(page, Phone(shown_key(page)))
    finish_setup(page)


# The key stays the same


@NO_JS
def test_a_reload_shows_the_same_key(signed_in):
    phone = start_setup(signed_in)
    signed_in.reload()
    assert shown_key(signed_in) == phone.key


@HTMX
def test_a_second_tab_shows_the_same_key(signed_in, context):
    phone = start_setup(signed_in)
    second = context.new_page()
    second.goto("/two-factor/setup/")
    assert shown_key(second) == phone.key


def test_after_a_wrong_code_the_same_key_still_counts(signed_in):
    phone = start_setup(signed_in)
    follow(signed_in, "Continue")
    enter_code(signed_in, phone.wrong_code(), "Continue")
    field = signed_in.get_by_label("6-digit code")
    expect(field).to_have_accessible_description(re.compile("The code is not correct"))
    expect(field).to_have_value("")
    expect(field).to_be_focused()
    assert shown_key(signed_in) == phone.key
    enter_code(signed_in, phone.code(), "Continue")
    expect_heading(signed_in, "Save your backup codes")


@HTMX
def test_a_mistyped_code_stays_in_the_field(signed_in):
    start_setup(signed_in)
    follow(signed_in, "Continue")
    enter_code(signed_in, "12345", "Continue")
    field = signed_in.get_by_label("6-digit code")
    expect(field).to_have_accessible_description(re.compile("The code must be 6 digits."))
    expect(field).to_have_value("12345")


# Leaving before the end


def test_an_unfinished_setup_is_offered_and_protects_nothing(codes_page, alice):
    codes_page.goto("/two-factor/")
    expect(codes_page.get_by_role("main")).to_contain_text(
        "Setup isn't finished. Your password alone is still enough"
    )
    follow(codes_page, "Continue setup")
    expect_heading(codes_page, "Save your backup codes")
    sign_out(codes_page, alice)
    enter_password(codes_page)
    expect_heading(codes_page, "Hello, Alice")


@pytest.mark.parametrize("step", [1, 2, 3])
@HTMX
def test_cancel_leads_back_and_nothing_has_changed(signed_in, step):
    phone = start_setup(signed_in)
    if step == 2:
        follow(signed_in, "Continue")
    elif step == 3:
        continue_to_backup_codes(signed_in, phone)
    press(signed_in, "Cancel setup")
    expect_heading(signed_in, "Security")
    expect(signed_in.get_by_text("Setup cancelled. Nothing has changed.")).to_be_visible()
    expect(signed_in.get_by_role("link", name="Set up two-factor authentication")).to_be_visible()


# Secrets


@pytest.mark.proves("14.3.3", "H-03", "N-14")
@HTMX
def test_no_secret_stays_in_the_browsers_storage(signed_in):
    phone = start_setup(signed_in)
    continue_to_backup_codes(signed_in, phone)
    codes = shown_codes(signed_in)
    kept = signed_in.evaluate(WEB_STORAGE)
    finish_setup(signed_in)
    kept += signed_in.evaluate(WEB_STORAGE)
    assert [secret for secret in (phone.key, ALICE, *codes) if secret in kept] == []


@pytest.mark.proves("14.2.1")
@HTMX
def test_no_address_ever_holds_a_secret(signed_in, context):
    asked = []
    context.on("request", lambda request: asked.append(request.url))
    phone = start_setup(signed_in)
    continue_to_backup_codes(signed_in, phone)
    codes = shown_codes(signed_in)
    finish_setup(signed_in)
    assert [secret for secret in (phone.key, ALICE, *codes) if secret in json.dumps(asked)] == []
