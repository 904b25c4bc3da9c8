"""How long the wait is, and how people reach support, as a site sets them."""

from datetime import timedelta

import pytest

from config import environment
from tests.people import give_password
from tests.twofactor.recovery.walk import (
    RECOVERY,
    STOP_WITH_FACTOR,
    ask,
    finish_link,
    letters_to,
    recovery_of,
    wait,
)
from tests.twofactor.sent_codes import OTHER
from twofactor import conf

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("phone")]
EMAIL, URL = "help@example.com", "https://example.com/help/?from=app"


def problems(settings, name, value):
    setattr(settings, name, value)
    return [problem.sentence for problem in conf.problems()]


@pytest.mark.parametrize("hours", [0, 48, 72, 720])
def test_no_wait_or_two_days_and_more(settings, hours):
    assert problems(settings, "TWOFACTOR_RECOVERY_HOURS", hours) == []
    assert conf.parse_recovery_hours(str(hours)) == hours


@pytest.mark.parametrize("hours", [1, 47, 721, -1, "72", 72.0, True, False, None])
def test_any_other_wait_is_refused(settings, hours):
    [sentence] = problems(settings, "TWOFACTOR_RECOVERY_HOURS", hours)
    assert sentence.startswith("TWOFACTOR_RECOVERY_HOURS must be a whole number of hours, from 48 to 720")


def test_the_environment_refuses_a_shorter_wait_in_one_line(monkeypatch):
    monkeypatch.setenv("TWOFACTOR_RECOVERY_HOURS", "24")
    with pytest.raises(environment.ImproperlyConfigured, match="must be 48") as refused:
        environment.parsed(
            "TWOFACTOR_RECOVERY_HOURS", conf.parse_recovery_hours, problem="must be 48", example="72"
        )
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWOFACTOR_SUPPORT_EMAIL", "nobody"),
        ("TWOFACTOR_SUPPORT_EMAIL", "a <b@example.com>"),
        ("TWOFACTOR_SUPPORT_EMAIL", None),
        ("TWOFACTOR_SUPPORT_URL", "javascript:alert(1)"),
        ("TWOFACTOR_SUPPORT_URL", "example.com/help"),
        ("TWOFACTOR_SUPPORT_URL", "https://"),
        ("TWOFACTOR_SUPPORT_URL", "https://user@example.com/"),
    ],
)
def test_what_nobody_can_reach_is_refused(settings, name, value):
    assert len(problems(settings, name, value)) == 1


def test_the_wait_is_as_long_as_the_site_says_and_the_pages_say_it(settings, client, alice, clock):
    settings.TWOFACTOR_RECOVERY_HOURS = 120
    give_password(client)
    assert "5 days" in client.get(RECOVERY).text
    ask(client)
    assert recovery_of(alice).ready_at - recovery_of(alice).asked_at == timedelta(hours=120)
    wait(clock, timedelta(hours=119))
    assert finish_link() == ""


def test_without_recoveries_the_sign_in_page_has_no_link_to_stop_one(settings, client):
    settings.TWOFACTOR_RECOVERY_HOURS = 0
    assert STOP_WITH_FACTOR not in client.get("/accounts/login/").text


def test_support_is_shown_wherever_someone_may_be_stuck(settings, client):
    settings.TWOFACTOR_SUPPORT_EMAIL, settings.TWOFACTOR_SUPPORT_URL = EMAIL, URL
    pages = ["/accounts/login/", "/help/", STOP_WITH_FACTOR, "/two-factor/recovery/stop/1/"]
    give_password(client)
    for page in [*pages, OTHER, RECOVERY]:
        shown = client.get(page).text
        assert f'href="mailto:{EMAIL}"' in shown, page
        assert f'href="{URL}"' in shown, page


def test_support_is_named_in_mails(settings):
    settings.TWOFACTOR_SUPPORT_EMAIL, settings.TWOFACTOR_SUPPORT_URL = EMAIL, URL
    ask()
    body = letters_to()[-1].body
    assert EMAIL in body
    assert URL in body


def test_without_support_nothing_is_said_of_it(client):
    assert "support" not in client.get("/accounts/login/").text.lower()
