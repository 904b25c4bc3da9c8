"""Mails as a mail program shows them on a small phone, in light and dark mode."""

import re
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.utils import timezone

from twofactor import conf
from twofactor.models import Event
from twofactor.outgoing.mail import compose

LONG_ADDRESS = "someone.with-a-rather-long-name.at-work@departments.of-a-company.example.com"
LINK = f"https://accounts.example.com/accounts/email/verify/{'x' * 230}/"
BROWSER = "Mozilla/5.0 (X11; CrOS x86_64) Chrome/140.0 Safari/537.36"
MAILS = {
    "event": ["twofactor/mail/any", "twofactor/mail/event"],
    "code": "twofactor/mail/code",
    "reset": "accounts/mail/password_reset",
    "confirm": "accounts/mail/confirm_address",
    "new address": "accounts/mail/confirm_new_address",
    "registered": "accounts/mail/already_registered",
}
EACH_MAIL = pytest.mark.parametrize("name", MAILS)
EACH_SCHEME = pytest.mark.parametrize("scheme", ["light", "dark"])


def html_of(name, language="en"):
    person = SimpleNamespace(get_username=lambda: LONG_ADDRESS, email=LONG_ADDRESS)
    event = Event(
        kind=Event.Kind.REPLAYED_ELSEWHERE,
        at=timezone.now(),
        ip_address="2001:db8:1234:5678:9abc:def0:1234:5678",
        browser=BROWSER,
    )
    numbers = {"max_age": conf.sent_code_age(), "days": 3, "hours": 1}
    context = {"user": person, "event": event, "link": LINK, "code": "123456", **numbers}
    [(content, _kind)] = compose(MAILS[name], LONG_ADDRESS, language, context).alternatives
    return content


@pytest.fixture
def show(browser):
    pages = []

    def show(html, width=320, scheme="light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.set_content(html)
        pages.append(page)
        return page

    yield show
    for page in pages:
        page.close()


@EACH_MAIL
def test_no_mail_is_wider_than_a_small_phone_in_any_language(show, name):
    page, widths = show(""), {}
    for language, _name in settings.LANGUAGES:
        page.set_content(html_of(name, language))
        widths[language] = page.evaluate("document.documentElement.scrollWidth")
    assert {language: width for language, width in widths.items() if width > 320} == {}


def style(page, selector, property_):
    return page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{property_}")


def brightness(page, selector, property_):
    """Of a colour: 0 is black, 255 is white."""
    painted = style(page, selector, property_)
    return sum(int(number) for number in re.findall(r"\d+", painted)[:3]) / 3


@EACH_MAIL
@EACH_SCHEME
def test_a_mail_is_dark_in_dark_mode(show, name, scheme):
    page = show(html_of(name), scheme=scheme)
    backgrounds = [brightness(page, place, "backgroundColor") > 127 for place in ("body", ".sheet")]
    texts = [brightness(page, place, "color") > 127 for place in ("body", ".sheet p")]
    assert (backgrounds, texts) == (
        ([True] * 2, [False] * 2) if scheme == "light" else ([False] * 2, [True] * 2)
    )


@pytest.mark.parametrize(("language", "side"), [("en", "left"), ("ar", "right")])
def test_a_mail_is_aligned_as_its_language_is_read(show, language, side):
    page = show(html_of("event", language))
    assert style(page, ".sheet", "textAlign").endswith(side)
