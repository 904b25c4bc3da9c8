"""Our pages in the base template of a site: one without htmx, with htmx 2 and 4 as they are, and boosted."""

from copy import deepcopy
from datetime import timedelta
from pathlib import Path

import pytest
from actions import (
    continue_to_backup_codes,
    end_step_up,
    enrol,
    enter_code,
    enter_password,
    expect_heading,
    finish_setup,
    follow,
    history_length,
    press,
    session_of,
    start_setup,
)
from authenticator import RECORD_CEREMONIES, Authenticator, expect_ceremonies, give_passkey
from django.utils import timezone
from javascript_modes import HTMX
from playwright.sync_api import expect

from tests.people import PRINTED_CODES
from twofactor.models import GuessBudget

FRAMES = ["plain", "htmx_2", "htmx_4", "boosted"]


def use_frame(settings, name):
    templates = deepcopy(settings.TEMPLATES)
    templates[0]["DIRS"].append(Path(__file__).parent / "frames")
    settings.TEMPLATES = templates
    settings.TWOFACTOR_BASE_TEMPLATE = f"frames/{name}.html"


@pytest.fixture(params=FRAMES)
def frame(request, settings):
    use_frame(settings, request.param)


@pytest.fixture
def phone(alice):
    return enrol(alice, PRINTED_CODES)


@pytest.fixture
def code_page(frame, page, phone):
    enter_password(page, path="/accounts/login/?next=/two-factor/")
    expect_heading(page, "Check your authenticator app")
    return page


def expect_frame_of_site(page):
    expect(page.get_by_role("button", name="Search")).to_be_visible()
    expect(page.get_by_role("main")).to_have_count(1)


def expect_own_frame(page):
    expect(page.get_by_role("button", name="Search")).to_have_count(0)
    scripts = page.evaluate("[...document.scripts].map(script => script.src.replace(/.*\\/|\\..*/g, ''))")
    assert "app" in scripts
    assert set(scripts) <= {"app", "passkeys"}


def test_a_wrong_code_shows_and_the_right_one_signs_in(code_page, phone):
    expect_frame_of_site(code_page)
    enter_code(code_page, phone.wrong_code())
    expect(code_page.get_by_text("The code is not correct.")).to_be_visible()
    expect(code_page.get_by_label("6-digit code")).to_be_focused()  # as soon as the answer is in its place
    enter_code(code_page, phone.code())
    expect_heading(code_page, "Security")
    expect_frame_of_site(code_page)


def test_setting_up_shows_key_and_codes_in_our_own_frame(frame, page, alice):
    enter_password(page, path="/accounts/login/?next=/two-factor/")
    expect_heading(page, "Security")
    phone = start_setup(page)
    expect_own_frame(page)
    continue_to_backup_codes(page, phone)
    expect_own_frame(page)
    finish_setup(page)
    expect_heading(page, "Security")
    expect(page.get_by_text("Two-factor authentication is on.").first).to_be_visible()
    expect_frame_of_site(page)


@HTMX
def test_one_press_is_one_request_and_one_history_entry_for_many_wrong_codes(code_page, phone):
    posts, entries = [], history_length(code_page)
    code_page.on("request", lambda request: posts.append(request.url) if request.method == "POST" else None)
    for _ in range(3):
        with code_page.expect_response(lambda answer: answer.request.method == "POST"):
            enter_code(code_page, phone.wrong_code())
        expect(code_page.get_by_text("The code is not correct.").first).to_be_visible()
        expect(code_page.get_by_label("6-digit code")).to_have_value("")
    assert (len(posts), history_length(code_page)) == (3, entries)


@HTMX
def test_a_lock_is_shown_in_place_of_the_form(code_page, alice):
    GuessBudget.objects.update_or_create(
        pk=alice.pk, defaults={"failures": 5, "locked_until": timezone.now() + timedelta(minutes=9)}
    )
    enter_code(code_page, "000000")
    expect_heading(code_page, "You can't sign in at the moment")
    expect_frame_of_site(code_page)


@HTMX
@pytest.mark.parametrize("frame", ["plain"], indirect=True)
def test_nothing_of_the_site_looks_different_for_our_style_sheet(code_page):
    def looks():
        return code_page.evaluate(
            """[...document.querySelectorAll("html, body, header, header *, main")].map(
                element => JSON.stringify(Object.fromEntries([...getComputedStyle(element)].filter(
                    name => !/^(block|inline|width|height|perspective|transform)/.test(name)
                ).map(name => [name, getComputedStyle(element)[name]]))))"""
        )

    with_ours = looks()
    code_page.evaluate("document.querySelector('link[href*=countersign]').remove()")
    assert looks() == with_ours


@HTMX
@pytest.mark.parametrize("frame", ["plain"], indirect=True)
def test_what_users_write_on_the_site_is_not_taken_for_ours(code_page):
    code_page.wait_for_function("() => window.htmx")
    assert code_page.evaluate("document.querySelectorAll('script[src*=of-a-user]').length") == 0


@HTMX
@pytest.mark.parametrize("frame", ["plain"], indirect=True)
def test_a_form_of_the_site_is_left_alone(code_page):
    search = code_page.get_by_role("button", name="Search")
    search.evaluate("button => button.form.addEventListener('submit', event => event.preventDefault())")
    search.dblclick()
    assert search.evaluate("button => [button.ariaDisabled, button.form.ariaBusy]") == [None, None]


# Passkeys, where every script needs a nonce


@pytest.fixture
def with_nonces(settings, frame):
    settings.MIDDLEWARE = ["foreign_sign_in.nonce_policy", *settings.MIDDLEWARE]
    settings.ROOT_URLCONF = "foreign_sign_in"


@pytest.fixture
def authenticator(page):
    page.add_init_script(RECORD_CEREMONIES)
    return Authenticator(page, is_touched=False)


@HTMX
def test_a_passkey_verifies_confirms_and_is_added(with_nonces, page, alice, phone, authenticator):
    give_passkey(alice, authenticator, last_used_at=timezone.now())
    enter_password(page, path="/accounts/login/?next=/two-factor/")
    expect_heading(page, "Use your passkey")
    expect_frame_of_site(page)
    authenticator.touch()
    press(page, "Use passkey or security key")
    expect_heading(page, "Security")
    end_step_up(session_of(page))
    follow(page, "Add a passkey or security key")
    expect_heading(page, "Confirm it's you")
    press(page, "Confirm with your passkey")
    expect_heading(page, "Add a passkey")
    expect_frame_of_site(page)
    authenticator.remove()
    Authenticator(page, protocol="u2f", transport="usb")
    press(page, "Add a security key")
    expect_heading(page, "Name your security key")
    press(page, "Save")
    expect(page.get_by_text("Security key was added.").first).to_be_visible()
    expect_frame_of_site(page)


@HTMX
def test_a_set_up_by_passkey_stays_in_our_own_frame(frame, page, alice, authenticator):
    enter_password(page, path="/accounts/login/?next=/two-factor/setup/")
    expect_heading(page, "Scan the QR code")
    authenticator.touch()
    press(page, "Use a passkey instead")
    expect_heading(page, "Save your backup codes")
    expect_own_frame(page)
    finish_setup(page)
    expect_frame_of_site(page)


@HTMX
def test_the_sign_in_page_of_the_site_takes_a_passkey(with_nonces, page, alice, phone, authenticator):
    give_passkey(alice, authenticator)
    page.goto("/shop/sign-in/?next=/two-factor/")
    expect_heading(page, "Welcome back to the shop")
    expect_ceremonies(page, "conditional")
    authenticator.touch()
    press(page, "Sign in with a passkey")
    expect_heading(page, "Security")


@HTMX
def test_the_sign_in_page_of_the_site_leads_to_the_page_of_a_refused_passkey(
    with_nonces, page, alice, authenticator
):
    give_passkey(alice, authenticator).delete()
    page.goto("/shop/sign-in/?next=/two-factor/")
    expect_ceremonies(page, "conditional")
    authenticator.touch()
    press(page, "Sign in with a passkey")
    expect_heading(page, "Sign in with a passkey")
    expect(page.get_by_text("That didn't work.")).to_be_visible()
    expect(page.get_by_role("link", name="Sign in with your password")).to_be_visible()
