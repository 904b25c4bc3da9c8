"""The reminder for people without a second factor."""

import re

import pytest
from django.test import Client

from tests.htmx import HTMX
from tests.people import enrol, give_password, person, sign_in
from twofactor.models import Reminder

HOME = "/"
DISMISS = "/two-factor/nudge/dismiss/"
TITLE = "Make your account safer"
DAY = 86400


def is_reminded(client, path=HOME):
    return TITLE in client.get(path).text


def dismiss(client, **data):
    return client.post(DISMISS, data)


def sign_in_again(client):
    """Sign in again, because a session does not last a month."""
    client.cookies.clear()
    give_password(client)
    return client


def test_a_person_without_a_second_factor_is_reminded(no_factor_client):
    assert is_reminded(no_factor_client)


def test_a_person_with_a_second_factor_is_not_reminded(signed_in_client):
    assert not is_reminded(signed_in_client)


def test_a_person_who_is_not_signed_in_is_not_reminded(client, db):
    assert not is_reminded(client)


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/two-factor/setup/", "/two-factor/setup/verify/", "/accounts/profile/"]
)
def test_the_reminder_is_on_no_other_page(no_factor_client, path):
    page = no_factor_client.get(path, follow=True)
    assert TITLE not in page.text or page.request["PATH_INFO"] == HOME


def test_with_the_password_alone_nobody_is_reminded(client, phone):
    give_password(client)
    assert not is_reminded(client, "/two-factor/verify/")


def test_the_reminder_is_a_labelled_region_between_header_and_main(no_factor_client):
    page = no_factor_client.get(HOME).text
    region = page.index('<section class="reminder" aria-labelledby="tf-reminder-title">')
    assert page.index("</header>") < region < page.index('<main id="tf-main"')


def test_the_reminder_leads_to_set_up(no_factor_client):
    page = no_factor_client.get(HOME).text
    assert '<a class="button primary" href="/two-factor/setup/">' in page


def test_dismissing_works_without_javascript(no_factor_client):
    page = no_factor_client.get(HOME).text
    assert f'<form method="post" action="{DISMISS}"' in page


def test_once_dismissed_it_is_gone(no_factor_client):
    dismiss(no_factor_client)
    assert not is_reminded(no_factor_client)


def test_dismissing_leads_back(no_factor_client):
    answer = dismiss(no_factor_client, next="/accounts/profile/")
    assert (answer.status_code, answer.url) == (303, "/accounts/profile/")


@pytest.mark.parametrize("to", ["//evil.example/", "https://evil.example/", "/\\evil.example", "", DISMISS])
def test_dismissing_leads_nowhere_else(no_factor_client, to):
    assert dismiss(no_factor_client, next=to).url == HOME


def test_dismissing_says_so(no_factor_client):
    assert "Reminder dismissed." in no_factor_client.post(DISMISS, follow=True).text


def test_dismissing_is_kept_with_the_person_not_the_browser(no_factor_client):
    dismiss(no_factor_client)
    other = Client()
    give_password(other)
    assert not is_reminded(other)


def test_dismissing_is_not_for_others(no_factor_client):
    dismiss(no_factor_client)
    person("bob@example.com")
    other = Client()
    give_password(other, "bob@example.com")
    assert is_reminded(other)


@pytest.mark.parametrize(("later", "there"), [(30 * DAY - 1, False), (30 * DAY, True)])
def test_after_thirty_days_it_is_back(no_factor_client, clock, later, there):
    dismiss(no_factor_client)
    clock.shift(later)
    assert is_reminded(sign_in_again(no_factor_client)) == there


def test_dismissed_again_it_rests_again(no_factor_client, clock):
    dismiss(no_factor_client)
    clock.shift(31 * DAY)
    dismiss(sign_in_again(no_factor_client))
    assert (is_reminded(no_factor_client), Reminder.objects.count()) == (False, 1)


def test_looking_dismisses_nothing(no_factor_client):
    assert (no_factor_client.get(DISMISS).status_code, is_reminded(no_factor_client)) == (303, True)


def test_strangers_dismiss_nothing(client, alice):
    dismiss(client)
    assert Reminder.objects.count() == 0


def test_once_it_is_on_the_reminder_is_gone(no_factor_client, alice):
    enrol(alice)
    assert not is_reminded(no_factor_client)


def test_a_part_of_the_page_takes_it_away_at_once(client, phone):
    """Out of band, because the region is outside of what htmx swaps."""
    sign_in(client, phone)
    page = client.get("/two-factor/", headers=HTMX).text
    assert re.search(r'<div hx-swap-oob="innerHTML:#tf-reminder">\s*</div>', page)


def test_a_part_of_the_page_brings_it_where_it_belongs(no_factor_client):
    page = no_factor_client.get(HOME, headers=HTMX).text
    assert '<div hx-swap-oob="innerHTML:#tf-reminder"><section class="reminder"' in page


def test_after_turning_it_off_the_reminder_is_back(signed_in_client, phone):
    signed_in_client.post("/two-factor/disable/", {"password": "correct horse battery", "code": phone.code()})
    assert is_reminded(signed_in_client)
