"""passkeys.js on pages of its own: with htmx 2, with htmx 4 and without htmx.

A browser that Playwright drives shows no dialog and no list, and its authenticator answers at once or never.
"""

import gzip
from copy import deepcopy
from pathlib import Path

import passkey_pages
import pytest
from actions import bring_to_front, expect_heading, follow, press, record_posts
from authenticator import RECORD_CEREMONIES, Authenticator, expect_ceremonies
from javascript_modes import NO_JS
from playwright.sync_api import expect
from screen_checks import web_storage_keys

from tests.machinery import programs

SCRIPT = Path(__file__).parent.parent / "twofactor/static/twofactor/passkeys.js"
EVERY_WAY = pytest.mark.parametrize("sent_by", ["htmx 2", "htmx 4", "plain"])
BOTH_HTMX = pytest.mark.parametrize("sent_by", ["htmx 2", "htmx 4"])
WITHOUT = pytest.mark.parametrize("without", ["app.js", "nothing"])
SIGN_IN = "Sign in with a passkey"
RECORD_SETTLING = """
    for (const name of ["htmx:afterSettle", "htmx:after:settle"])
        addEventListener(name, () => (window.hasSettled = true));
"""
COME_BACK = "dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))"


@pytest.fixture
def sent_by():
    return "htmx 2"


@pytest.fixture
def without():
    return "nothing"


@pytest.fixture
def mode(sent_by):
    return "htmx-blocked" if sent_by == "plain" else "htmx"


@pytest.fixture
def pages(site, settings, sent_by, monkeypatch):
    templates = deepcopy(settings.TEMPLATES)
    templates[0]["DIRS"].append(Path(__file__).parent / "pages")
    settings.TEMPLATES = templates
    settings.ROOT_URLCONF = "passkey_pages"
    settings.TWOFACTOR_HTMX = 4 if sent_by == "htmx 4" else 2
    monkeypatch.setattr(passkey_pages, "pages", passkey_pages.Pages())
    return passkey_pages.pages


@pytest.fixture
def page(page, pages, without):
    page.add_init_script(RECORD_CEREMONIES + RECORD_SETTLING)
    if without == "app.js":
        page.route("**/app*.js", lambda route: route.abort())
    return page


@pytest.fixture
def authenticator(page):
    """Nobody touches it until a test says so, or the list under the name field would be answered at once."""
    return Authenticator(page, is_touched=False)


@pytest.fixture
def passkey(page, authenticator):
    return add(page, authenticator, "Add a passkey")


def add(page, authenticator, button):
    authenticator.touch()
    page.goto("/passkeys/add/")
    press(page, button)
    expect_heading(page, "accepted")
    authenticator.touch(is_touched=False)
    return passkey_pages.pages.accepted.pop()


def sign_in_button(page):
    return page.get_by_role("button", name=SIGN_IN)


def expect_sentence(page, text):
    expect(page.get_by_role("alert").filter(has_text=text)).to_be_visible()


def expect_free(button):
    expect(button).not_to_have_attribute("aria-disabled", "true")


def expect_accepted(page, passkey):
    expect_heading(page, "accepted")
    assert [each["id"] for each in passkey_pages.pages.accepted] == [passkey["id"]]


def value_of(page, name):
    return page.evaluate("name => document.querySelector('[data-passkey]').elements[name].value", name)


# What is sent


@EVERY_WAY
def test_a_passkey_signs_in_by_its_button(page, authenticator, passkey):
    page.goto("/passkeys/sign-in/")
    expect_ceremonies(page, "conditional")
    authenticator.touch()
    press(page, SIGN_IN)
    expect_accepted(page, passkey)


@EVERY_WAY
def test_a_passkey_signs_in_from_the_list_under_the_name_field(page, authenticator, passkey):
    authenticator.touch()
    page.goto("/passkeys/sign-in/")
    expect_accepted(page, passkey)


@EVERY_WAY
def test_a_form_that_was_swapped_in_works(page, authenticator, passkey):
    page.goto("/passkeys/none/")
    follow(page, "Show the form")
    expect(sign_in_button(page)).to_be_visible()
    expect_ceremonies(page, "conditional")
    authenticator.touch()
    press(page, SIGN_IN)
    expect_accepted(page, passkey)


@EVERY_WAY
def test_after_a_refusal_everything_works_again(page, pages, authenticator, passkey):
    pages.problem = "The server does not know it."
    page.goto("/passkeys/second/")
    authenticator.touch()
    press(page, "Use a passkey")
    expect_sentence(page, "The server does not know it.")
    pages.problem = None
    press(page, "Use a passkey")
    expect_accepted(page, passkey)


@BOTH_HTMX
def test_after_a_refusal_the_list_is_offered_again(page, pages, authenticator, passkey):
    pages.problem = "The server does not know it."
    page.goto("/passkeys/sign-in/")
    expect_ceremonies(page, "conditional")
    authenticator.touch()
    press(page, SIGN_IN)
    authenticator.touch(is_touched=False)
    expect_sentence(page, "The server does not know it.")
    expect_ceremonies(page, "conditional", "get", "AbortError", "conditional", may_go_on=True)


def test_a_security_key_without_passkeys_is_a_second_factor(page):
    key = Authenticator(page, protocol="u2f", transport="usb")
    credential = add(page, key, "Add a key")
    page.goto("/passkeys/second/")
    key.touch()
    press(page, "Use a passkey")
    expect_accepted(page, credential)


@EVERY_WAY
def test_an_empty_password_is_asked_for_before_the_key(page, authenticator, passkey):
    page.goto("/passkeys/password/")
    authenticator.touch()
    press(page, "Confirm with a key")
    expect(page.get_by_label("Password")).to_be_focused()
    expect_ceremonies(page)
    page.get_by_label("Password").fill("a password")
    page.keyboard.press("Enter")
    expect_accepted(page, passkey)


@EVERY_WAY
@WITHOUT
def test_repeated_presses_send_once(page, authenticator, passkey, without):
    page.goto("/passkeys/second/")
    authenticator.touch()
    posts, begun, held = record_posts(page), [], []
    page.on("console", lambda message: begun.append(message) if message.text == "ceremony" else None)
    page.route("**/passkeys/second/", lambda route: held.append(route))
    button = page.get_by_role("button", name="Use a passkey")
    with page.expect_request(lambda asked: asked.method == "POST"):
        button.dblclick()
    page.keyboard.press("Enter")
    page.keyboard.press("Space")
    held[0].continue_()
    expect_accepted(page, passkey)
    assert (len(posts), len(begun)) == (1, 1)


@BOTH_HTMX
@WITHOUT
def test_a_form_can_be_sent_again_if_the_server_was_not_reached(page, authenticator, passkey, without):
    page.goto("/passkeys/second/")
    authenticator.touch()
    page.route("**/passkeys/second/", lambda route: route.abort())
    with page.expect_event("requestfailed"):
        press(page, "Use a passkey")
    expect_free(page.get_by_role("button", name="Use a passkey"))
    page.unroute("**/passkeys/second/")
    press(page, "Use a passkey")
    expect_accepted(page, passkey)


def test_nothing_is_kept_in_the_browsers_storage(page, authenticator, passkey):
    page.goto("/passkeys/second/")
    authenticator.touch()
    press(page, "Use a passkey")
    expect_accepted(page, passkey)
    assert web_storage_keys(page) <= {"htmx-current-path-for-history"}


# What a browser says no to


def test_a_ceremony_that_was_cancelled_is_told_until_the_next_one(page, authenticator, passkey):
    authenticator.verify_user(is_verified=False)
    page.goto("/passkeys/sign-in/")
    expect_ceremonies(page, "conditional")
    authenticator.touch()
    posts = record_posts(page)
    sign_in_button(page).focus()
    page.keyboard.press("Enter")
    expect_sentence(page, "It was cancelled.")
    expect(sign_in_button(page)).to_be_focused()
    expect_free(sign_in_button(page))
    assert posts == []
    authenticator.verify_user(is_verified=True)
    page.keyboard.press("Enter")
    expect_accepted(page, passkey)


def test_after_a_ceremony_that_was_cancelled_the_list_is_offered_again(page, authenticator, passkey):
    authenticator.verify_user(is_verified=False)
    page.goto("/passkeys/sign-in/")
    expect_ceremonies(page, "conditional")
    authenticator.touch()
    press(page, SIGN_IN)
    expect_ceremonies(
        page, "conditional", "get", "AbortError", "NotAllowedError", "conditional", "NotAllowedError"
    )
    expect_sentence(page, "It was cancelled.")


def test_a_second_passkey_on_one_device_is_refused(page, authenticator, passkey):
    page.goto("/passkeys/add/")
    authenticator.touch()
    press(page, "Add a passkey")
    expect_sentence(page, "This device has one.")


def test_a_passkey_of_another_domain_is_refused(page, pages, authenticator):
    pages.rp_id = "example.org"
    page.goto("/passkeys/sign-in/")
    press(page, SIGN_IN)
    expect_sentence(page, "Passkeys work elsewhere.")


def test_there_are_no_passkeys_on_an_ip_address(new_context, settings, site, pages):
    settings.ALLOWED_HOSTS = ["127.0.0.1"]
    page = new_context(base_url=site.replace("localhost", "127.0.0.1")).new_page()
    page.goto("/passkeys/sign-in/")
    press(page, SIGN_IN)
    expect_sentence(page, "Passkeys work elsewhere.")


def test_what_no_browser_should_answer_is_told(page, authenticator):
    """As a password manager might that puts itself in the place of the browser."""
    page.add_init_script("navigator.credentials.get = async () => ({ id: 'without toJSON' })")
    page.goto("/passkeys/second/")
    press(page, "Use a passkey")
    expect_sentence(page, "That did not work.")


# What is told meanwhile


def test_a_ceremony_that_waits_is_told(page, authenticator, passkey):
    page.goto("/passkeys/second/")
    button = page.get_by_role("button", name="Use a passkey")
    button.click()
    expect_sentence(page, "Waiting for your device…")
    expect(button).to_have_attribute("aria-disabled", "true")
    expect(button).to_be_focused()
    button.click(force=True)
    page.keyboard.press("Enter")
    expect_ceremonies(page, "get")


def test_another_ceremony_ends_the_one_that_waits(page, authenticator):
    page.goto("/passkeys/add/")
    press(page, "Add a passkey")
    expect_sentence(page, "Waiting for your device…")
    press(page, "Add a key")
    expect_ceremonies(page, "create", "create", "AbortError")
    expect(page.get_by_text("Waiting for your device…")).to_have_count(1)
    expect_free(page.get_by_role("button", name="Add a passkey"))
    expect(page.get_by_role("button", name="Add a key")).to_have_attribute("aria-disabled", "true")
    expect(page.get_by_role("button", name="Add a key")).to_be_focused()


@BOTH_HTMX
def test_a_ceremony_ends_with_its_form(page, authenticator, passkey):
    page.goto("/passkeys/second/")
    press(page, "Use a passkey")
    follow(page, "Another way")
    expect_heading(page, "none")
    expect_ceremonies(page, "get", "AbortError")


# The list under the name field


@pytest.mark.parametrize("use", ["second", "password", "add", "none"])
def test_no_dialog_opens_by_itself(page, authenticator, passkey, use):
    authenticator.touch()
    page.goto(f"/passkeys/{use}/")
    page.wait_for_load_state("networkidle")
    expect_ceremonies(page)


@BOTH_HTMX
def test_the_list_is_offered_once_and_outlives_a_swap_elsewhere(page, authenticator):
    page.goto("/passkeys/sign-in/")
    expect_ceremonies(page, "conditional")
    follow(page, "What time is it?")
    expect(page.get_by_text("Twelve o'clock")).to_be_visible()
    page.wait_for_function("() => window.hasSettled")
    expect_ceremonies(page, "conditional")


@BOTH_HTMX
def test_the_list_goes_with_its_form(page, authenticator):
    page.goto("/passkeys/sign-in/")
    expect_ceremonies(page, "conditional")
    follow(page, "Another way")
    expect_ceremonies(page, "conditional", "AbortError")


@pytest.mark.parametrize("is_available", ["undefined", "async () => false"])
def test_a_browser_without_such_a_list_is_not_asked_for_one(page, authenticator, passkey, is_available):
    page.add_init_script(f"PublicKeyCredential.isConditionalMediationAvailable = {is_available}")
    page.goto("/passkeys/sign-in/")
    page.wait_for_load_state("networkidle")
    authenticator.touch()
    press(page, SIGN_IN)
    expect_ceremonies(page, "get")
    expect_accepted(page, passkey)


def test_a_click_need_not_wait_until_the_browser_knows_if_it_has_such_a_list(page, pages, authenticator):
    page.add_init_script(
        """const known = new Promise(resolve => (window.answerLate = () => resolve(true)));
        PublicKeyCredential.isConditionalMediationAvailable = () => known;"""
    )
    page.goto("/passkeys/sign-in/")
    press(page, SIGN_IN)
    expect_sentence(page, "Waiting for your device…")
    page.evaluate("answerLate()")
    expect_ceremonies(page, "get", "conditional", "AbortError")
    expect_sentence(page, "Waiting for your device…")


# The age of a challenge


@pytest.fixture
def old_page(page, authenticator, passkey):
    page.clock.install()
    page.goto("/passkeys/sign-in/")
    expect_ceremonies(page, "conditional")
    return page


def test_a_challenge_is_renewed_before_it_is_too_old(old_page, pages, authenticator, passkey):
    old_page.clock.run_for("07:30")
    assert pages.asked["challenge"] == 0
    with old_page.expect_response("**/passkeys/challenge/"):
        old_page.clock.run_for("01:00")  # no longer, or it asks again before the answer is there
    expect_ceremonies(old_page, "conditional", "AbortError", "conditional")
    pages.challenges = dict([pages.challenges.popitem()])  # the others are too old
    authenticator.touch()
    press(old_page, SIGN_IN)
    expect_accepted(old_page, passkey)


def test_a_challenge_is_renewed_when_its_page_comes_into_sight(old_page, pages):
    old_page.evaluate("Object.defineProperty(document, 'hidden', { value: true, configurable: true })")
    old_page.clock.run_for("20:00")
    assert pages.asked["challenge"] == 0
    old_page.evaluate("delete document.hidden")
    with old_page.expect_response("**/passkeys/challenge/"):
        bring_to_front(old_page)
    expect_ceremonies(old_page, "conditional", "AbortError", "conditional")


def test_a_challenge_stays_while_it_is_signed(old_page, pages):
    press(old_page, SIGN_IN)
    before = value_of(old_page, "challenge")
    with old_page.expect_event("requestfinished", lambda asked: "/challenge/" in asked.url):
        old_page.clock.run_for("09:00")
    with old_page.expect_event("requestfinished", lambda asked: "/challenge/" in asked.url):
        old_page.clock.run_for("01:00")
    assert value_of(old_page, "challenge") == before


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500, "body": "{}", "content_type": "application/json"},
        {"status": 200, "body": "<!doctype html>", "content_type": "text/html"},
        None,
    ],
    ids=["error", "page", "offline"],
)
def test_a_challenge_stays_if_there_is_no_new_one(old_page, authenticator, passkey, answer):
    asked = []

    def reply(route):
        asked.append(route)
        route.fulfill(**answer) if answer else route.abort()

    old_page.route("**/passkeys/challenge/", reply)
    old_page.clock.run_for("09:00")
    authenticator.touch()
    press(old_page, SIGN_IN)
    expect_accepted(old_page, passkey)
    assert asked


def test_coming_back_by_the_cache_of_pages_renews_the_challenge(page, pages, authenticator, passkey):
    """The event is sent by hand, because this browser keeps no page whose list is offered."""
    page.goto("/passkeys/sign-in/")
    page.evaluate("document.querySelector('[data-passkey]').credential.value = 'spent'")
    with page.expect_response("**/passkeys/challenge/"):
        page.evaluate(COME_BACK)
    expect_ceremonies(page, "conditional", "AbortError", "conditional")
    assert value_of(page, "credential") == ""
    authenticator.touch()
    press(page, SIGN_IN)
    expect_accepted(page, passkey)


def test_a_form_that_comes_back_by_the_cache_of_pages_can_be_sent(
    browser_type, browser_type_launch_args, site, pages
):
    """In a browser with a back/forward cache, which Playwright turns off."""
    options = {
        "executable_path": programs.chromium(),
        "ignore_default_args": ["--disable-back-forward-cache"],
    }
    browser = browser_type.launch(**browser_type_launch_args | options)
    page = browser.new_context(base_url=site).new_page()
    authenticator = Authenticator(page)
    credential = add(page, authenticator, "Add a passkey")
    pages.may_be_kept = True
    page.goto("/passkeys/second/")
    page.evaluate("window.kept = true; document.querySelector('[data-passkey] button').ariaDisabled = 'true'")
    page.goto("/healthz/live")
    page.evaluate("history.back()")  # not go_back(), which waits for a load event
    expect_heading(page, "second")
    assert page.evaluate("window.kept") is True
    authenticator.touch()
    press(page, "Use a passkey")
    expect_accepted(page, credential)
    browser.close()


# Browsers that cannot


@NO_JS
def test_without_a_script_there_is_a_sentence_and_no_button(page):
    page.goto("/passkeys/sign-in/")
    expect(page.get_by_text("Passkeys need JavaScript.")).to_be_visible()
    expect(sign_in_button(page)).to_be_hidden()
    expect(page.get_by_role("button", name="Continue")).to_be_visible()


@BOTH_HTMX
def test_in_an_old_browser_there_is_a_sentence_and_no_button(page):
    page.add_init_script("delete PublicKeyCredential.parseRequestOptionsFromJSON")
    page.goto("/passkeys/none/")
    follow(page, "Show the form")
    expect_heading(page, "sign-in")
    page.wait_for_function("() => window.hasSettled")
    expect(page.get_by_text("Passkeys need JavaScript.")).to_be_visible()
    expect(sign_in_button(page)).to_be_hidden()


def test_where_passkeys_work_there_is_a_button_and_no_sentence(page, authenticator):
    page.goto("/passkeys/sign-in/")
    expect(sign_in_button(page)).to_be_visible()
    expect(page.get_by_text("Passkeys need JavaScript.")).to_be_hidden()


# The file


def test_the_script_is_small():
    content = SCRIPT.read_bytes()
    assert (len(content) <= 4096, len(gzip.compress(content, 6)) <= 2048) == (True, True)


def test_the_script_adds_no_global_name(page, authenticator):
    page.goto("/passkeys/sign-in/")
    with_script = page.evaluate("Object.keys(window)")
    page.route("**/passkeys*.js", lambda route: route.abort())
    page.goto("/passkeys/sign-in/")
    assert page.evaluate("Object.keys(window)") == with_script
