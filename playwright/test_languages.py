"""Pages in every language: the right direction, nothing too wide, accessible."""

import pytest
from actions import ALICE, add_devices, enrol, open_session
from authenticator import give_key, give_passkey
from colours_and_widths import NARROW, SIZE_RULES
from django.conf import settings as site_settings
from django.utils import timezone, translation
from javascript_modes import HTMX
from screen_checks import accessibility_problems, fits_in_width, load_axe_in_every_page

from tests.people import PASSWORD, add_app, person
from twofactor.factors.totp import generate_key
from twofactor.models import Passkey

pytestmark = HTMX

SIGNED_OUT = ["/", "/help/", "/accounts/login/", "/accounts/signup/", "/accounts/password_reset/"]
WITHOUT_TWO_FACTOR = ["/", "/two-factor/", "/two-factor/setup/", "/two-factor/setup/verify/"]
SECOND_STEP = [
    "/two-factor/verify/?code=1",
    "/two-factor/verify/passkey/",
    "/two-factor/verify/other/",
    "/two-factor/verify/backup/",
]
WITH_TWO_FACTOR = [
    "/two-factor/",
    "/two-factor/confirm/",
    "/two-factor/disable/",
    "/two-factor/backup-codes/",
    "/two-factor/activity/",
    "/two-factor/devices/",
    "/two-factor/not-me/",
    "/two-factor/apps/add/",
    "/two-factor/passkeys/add/",
]
OF_APP = ["/two-factor/apps/{}/rename/", "/two-factor/apps/{}/remove/"]
OF_PASSKEY = [
    "/two-factor/passkeys/{}/rename/",
    "/two-factor/passkeys/{}/rename/?added=1",
    "/two-factor/passkeys/{}/remove/",
    "/two-factor/passkeys/{}/clear/",
]
LONG_NAME = "My new telephone, the black one with the cracked glass"


@pytest.fixture(params=[code for code, _name in site_settings.LANGUAGES])
def language(request):
    return request.param


@pytest.fixture
def locale(language):
    return language


@pytest.fixture
def narrow_page(page):
    """On the screen of a small phone, whose browser asks for the language."""
    page.set_viewport_size(NARROW)
    return page


def check_page(page, path, language):
    page.goto(path)
    direction = "rtl" if translation.get_language_info(language)["bidi"] else "ltr"
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [
        language,
        direction,
    ]
    assert fits_in_width(page), path
    assert accessibility_problems(page, [*SIZE_RULES, "label", "document-title"]) == []


def test_every_page_fits_in_every_language(narrow_page, site, language):
    load_axe_in_every_page(narrow_page)
    for path in SIGNED_OUT:
        check_page(narrow_page, path, language)
    alice = person(ALICE, name="Alexandra Konstantinopoulos-Whittaker")
    open_session(narrow_page.context, alice)
    for path in WITHOUT_TWO_FACTOR:
        check_page(narrow_page, path, language)
    narrow_page.context.clear_cookies()
    phone = enrol(alice, ["ABCDEFGHJKMNPQR"])
    passkey = give_passkey(alice, name=LONG_NAME)
    give_key(alice)
    open_session(narrow_page.context, alice)
    for path in SECOND_STEP:
        check_page(narrow_page, path, language)
    narrow_page.context.clear_cookies()
    open_session(narrow_page.context, alice, phone, stepped_up=True)
    add_devices(alice, phone)
    add_app(alice, generate_key(), timezone.now(), LONG_NAME)
    pk = alice.authenticators.latest("pk").pk
    for path in [*WITH_TWO_FACTOR, *(path.format(pk) for path in OF_APP)]:
        check_page(narrow_page, path, language)
    Passkey.objects.filter(pk=passkey.pk).update(suspected_at=timezone.now())
    for path in ["/two-factor/", *(path.format(passkey.pk) for path in OF_PASSKEY)]:
        check_page(narrow_page, path, language)


def test_signing_in_with_a_code_works_in_every_language(narrow_page, site, language):
    phone = enrol(person(ALICE, name="Alice"))
    narrow_page.goto("/accounts/login/")
    with translation.override(language):
        address, password, sign_in, code = (
            translation.gettext(text)
            for text in ("Email address", "Password", "Sign in", "%(digits)d-digit code")
        )
    narrow_page.get_by_label(address, exact=True).fill(ALICE)
    narrow_page.get_by_label(password, exact=True).fill(PASSWORD)
    narrow_page.get_by_role("main").get_by_role("button", name=sign_in, exact=True).click()
    narrow_page.get_by_label(code % {"digits": 6}, exact=True).fill(phone.code())
    narrow_page.get_by_role("main").get_by_role("button", name=sign_in, exact=True).click()
    narrow_page.get_by_text("Alice").first.wait_for()
    assert narrow_page.url.endswith("/")
