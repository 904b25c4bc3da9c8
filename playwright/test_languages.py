"""The same pages in every language: the right direction, nothing too wide, nothing axe could name."""

import pytest
from django.conf import settings as site_settings
from django.utils import translation
from looks import NARROW, SIZES
from modes import HTMX
from steps import complaints, fits
from walks import ALICE, enrol, enter

from tests.people import PASSWORD, person

pytestmark = HTMX

STRANGERS = ["/", "/help/", "/accounts/login/", "/accounts/signup/", "/accounts/password_reset/"]
BEFORE = ["/", "/two-factor/", "/two-factor/setup/", "/two-factor/setup/verify/"]
ASKED = ["/two-factor/verify/", "/two-factor/verify/other/", "/two-factor/verify/backup/"]
AFTER = [
    "/two-factor/",
    "/two-factor/confirm/",
    "/two-factor/disable/",
    "/two-factor/backup-codes/",
    "/two-factor/activity/",
]


@pytest.fixture(params=[code for code, _name in site_settings.LANGUAGES])
def language(request):
    return request.param


@pytest.fixture
def locale(language):
    return language


@pytest.fixture
def reader(page):
    """Somebody with a small telephone, whose browser asks for this language."""
    page.set_viewport_size(NARROW)
    return page


def look_at(page, path, language):
    page.goto(path)
    direction = "rtl" if translation.get_language_info(language)["bidi"] else "ltr"
    assert page.evaluate("[document.documentElement.lang, document.documentElement.dir]") == [
        language,
        direction,
    ]
    assert fits(page), path
    assert complaints(page, [*SIZES, "color-contrast", "label", "document-title"]) == []


def test_every_page_fits_in_every_language(reader, site, language):
    for path in STRANGERS:
        look_at(reader, path, language)
    alice = person(ALICE, name="Alexandra Konstantinopoulos-Whittaker")
    enter(reader.context, alice)
    for path in BEFORE:
        look_at(reader, path, language)
    reader.context.clear_cookies()
    phone = enrol(alice, ["ABCDEFGHJKMNPQR"])
    enter(reader.context, alice)
    for path in ASKED:
        look_at(reader, path, language)
    reader.context.clear_cookies()
    enter(reader.context, alice, phone)
    for path in AFTER:
        look_at(reader, path, language)


def test_signing_in_with_a_code_works_in_every_language(reader, site, language):
    phone = enrol(person(ALICE, name="Alice"))
    reader.goto("/accounts/login/")
    with translation.override(language):
        labels = [
            translation.gettext(text) for text in ("E-mail address", "Password", "Sign in", "Enter the code")
        ]
    address, password, sign_in, code = labels
    reader.get_by_label(address, exact=True).fill(ALICE)
    reader.get_by_label(password, exact=True).fill(PASSWORD)
    reader.get_by_role("main").get_by_role("button", name=sign_in, exact=True).click()
    reader.get_by_label(code, exact=True).fill(phone.code())
    reader.get_by_role("main").get_by_role("button", name=sign_in, exact=True).click()
    reader.get_by_text("Alice").first.wait_for()
    assert reader.url.endswith("/")
