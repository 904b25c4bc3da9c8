"""The reminder for people without a second factor."""

import re

import pytest
from django.test import Client

from tests.people import enrol, give_password, person, sign_in
from twofactor.models import Nudge

HOME = "/"
DISMISS = "/two-factor/nudge/dismiss/"
TITLE = "Make your account safer"
HTMX = {"HX-Request": "true"}
DAY = 86400


@pytest.fixture
def plain(client, alice):
    """Signed in, without a second factor."""
    give_password(client)
    return client


def reminded(client, path=HOME):
    return TITLE in client.get(path).text


def dismiss(client, **data):
    return client.post(DISMISS, data)


def again(client):
    """Signed in anew: a session does not last for a month."""
    client.cookies.clear()
    give_password(client)
    return client


def test_whoever_has_no_second_factor_is_reminded(plain):
    assert reminded(plain)


def test_whoever_has_one_is_not(alices):
    assert not reminded(alices)


def test_whoever_is_not_signed_in_is_not(client, db):
    assert not reminded(client)


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/two-factor/setup/", "/two-factor/setup/verify/", "/accounts/profile/"]
)
def test_it_stands_on_no_other_page(plain, path):
    page = plain.get(path, follow=True)
    assert TITLE not in page.text or page.request["PATH_INFO"] == HOME


def test_with_the_password_alone_nobody_is_reminded(client, phone):
    give_password(client)
    assert not reminded(client, "/two-factor/verify/")


def test_it_is_a_labelled_region_between_header_and_main(plain):
    page = plain.get(HOME).text
    region = page.index('<section class="nudge" aria-labelledby="nudge-title">')
    assert page.index("</header>") < region < page.index('<main id="main"')


def test_it_leads_to_set_up(plain):
    page = plain.get(HOME).text
    assert '<a class="button primary" href="/two-factor/setup/">' in page


def test_dismissing_works_without_javascript(plain):
    page = plain.get(HOME).text
    assert f'<form method="post" action="{DISMISS}"' in page


def test_once_dismissed_it_is_gone(plain):
    dismiss(plain)
    assert not reminded(plain)


def test_dismissing_leads_back(plain):
    answer = dismiss(plain, next="/accounts/profile/")
    assert (answer.status_code, answer.url) == (303, "/accounts/profile/")


@pytest.mark.parametrize("to", ["//evil.example/", "https://evil.example/", "/\\evil.example", "", DISMISS])
def test_dismissing_leads_nowhere_else(plain, to):
    assert dismiss(plain, next=to).url == HOME


def test_dismissing_says_so(plain):
    assert "Reminder dismissed" in plain.post(DISMISS, follow=True).text


def test_dismissing_is_kept_with_the_person_not_the_browser(plain):
    dismiss(plain)
    other = Client()
    give_password(other)
    assert not reminded(other)


def test_dismissing_is_not_for_others(plain):
    dismiss(plain)
    person("bob@example.com")
    other = Client()
    give_password(other, "bob@example.com")
    assert reminded(other)


@pytest.mark.parametrize(("later", "there"), [(30 * DAY - 1, False), (30 * DAY, True)])
def test_after_thirty_days_it_is_back(plain, clock, later, there):
    dismiss(plain)
    clock.shift(later)
    assert reminded(again(plain)) == there


def test_dismissed_again_it_rests_again(plain, clock):
    dismiss(plain)
    clock.shift(31 * DAY)
    dismiss(again(plain))
    assert (reminded(plain), Nudge.objects.count()) == (False, 1)


def test_looking_dismisses_nothing(plain):
    assert (plain.get(DISMISS).status_code, reminded(plain)) == (303, True)


def test_strangers_dismiss_nothing(client, alice):
    dismiss(client)
    assert Nudge.objects.count() == 0


def test_once_it_is_on_the_reminder_is_gone(plain, alice):
    enrol(alice)
    assert not reminded(plain)


def test_a_part_of_the_page_takes_it_away_at_once(client, phone):
    """Out of band: the region stands outside of what htmx swaps."""
    sign_in(client, phone)
    page = client.get("/two-factor/", headers=HTMX).text
    assert re.search(r'<div hx-swap-oob="innerHTML:#nudge">\s*</div>', page)


def test_a_part_of_the_page_brings_it_where_it_belongs(plain):
    page = plain.get(HOME, headers=HTMX).text
    assert '<div hx-swap-oob="innerHTML:#nudge"><section class="nudge"' in page


def test_after_turning_it_off_the_reminder_is_back(alices, phone):
    alices.post("/two-factor/disable/", {"password": "correct horse battery", "code": phone.code()})
    assert reminded(alices)
