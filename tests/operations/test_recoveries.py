"""What support does about a recovery: sees it, refuses it, shortens the wait to a day at the least."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission
from django.core import mail

from tests.operations.admin_and_commands import browser_of, help_page, step_up
from tests.people import enrol, person
from tests.twofactor.recovery.walk import (
    RECOVERY,
    ask,
    finish_link,
    letters_to,
    recovery_of,
    shut_mailed_codes,
    stop_link,
    wait,
)
from twofactor.models import Event

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def asked(stepped_up, alice, phone):
    """Alice's browser, which waits."""
    shut_mailed_codes(alice)
    return ask()


def refuse(client, user, reason="called: not them"):
    return client.post(help_page(user, "refuse-recovery/"), {"refuse-reason": reason})


def shorten(client, user, hours=24, reason="came with a passport"):
    return client.post(
        help_page(user, "shorten-recovery/"), {"shorten-hours": hours, "shorten-reason": reason}
    )


def test_the_help_page_says_that_one_runs(asked, stepped_up, alice):
    page = stepped_up.get(help_page(alice)).text
    assert "The wait ends at" in page
    assert "Refuse the recovery" in page
    assert "/recovery/stop/" not in page


def test_without_one_nothing_of_it_is_shown(stepped_up, alice, phone):
    assert "Refuse the recovery" not in stepped_up.get(help_page(alice)).text
    refuse(stepped_up, alice)
    shorten(stepped_up, alice)
    assert not Event.objects.filter(kind__startswith="recovery").exists()


@pytest.mark.proves("RE-10")
def test_a_refusal_ends_it_is_mailed_and_recorded_with_its_reason(asked, stepped_up, superuser, alice, clock):
    assert refuse(stepped_up, alice).status_code == 303
    assert Event.objects.get(kind="recovery_refused").detail == {
        "reason": "called: not them",
        "by": f"user {superuser.pk}",
    }
    wait(clock)
    assert finish_link() == ""
    assert any("Support refused" in letter.subject for letter in letters_to())
    assert asked.post(RECOVERY, follow=True).status_code != 500
    assert recovery_of(alice).stopped_at is not None


@pytest.mark.proves("RE-10")
def test_a_shorter_wait_is_mailed_with_a_link_that_stops_it(asked, stepped_up, alice, clock):
    mail.outbox.clear()
    shorten(stepped_up, alice)
    assert recovery_of(alice).ready_at == recovery_of(alice).asked_at + 24 * HOUR
    assert stop_link()
    wait(clock, 24 * HOUR)
    assert finish_link()


@pytest.mark.proves("RE-10")
@pytest.mark.parametrize("hours", [0, 1, 23, 721])
def test_never_to_less_than_a_day(asked, stepped_up, alice, hours):
    assert shorten(stepped_up, alice, hours).status_code == 422
    assert recovery_of(alice).ready_at == recovery_of(alice).asked_at + 72 * HOUR


def test_never_to_a_longer_wait(asked, stepped_up, alice):
    shorten(stepped_up, alice, 100)
    assert recovery_of(alice).ready_at == recovery_of(alice).asked_at + 72 * HOUR


def test_a_reason_is_needed(asked, stepped_up, alice):
    assert refuse(stepped_up, alice, "").status_code == 422
    assert shorten(stepped_up, alice, 24, "").status_code == 422
    assert recovery_of(alice).stopped_at is None


@pytest.mark.proves("RE-10")
def test_a_helper_with_fewer_rights_than_the_person_may_not(asked, alice, clock):
    helper = person("helper@example.com", is_staff=True)
    for name in ("view_user", "change_user"):
        helper.user_permissions.add(Permission.objects.get(codename=name))
    alice.user_permissions.add(Permission.objects.get(codename="delete_user"))
    phone = enrol(helper)
    client = step_up(browser_of(helper, phone, clock), phone, clock)
    assert refuse(client, alice).status_code == 403
    assert shorten(client, alice).status_code == 403
    assert recovery_of(alice).stopped_at is None


def test_nobody_shortens_their_own(asked, alice, clock):
    """Whoever may change people is staff, and staff has no recovery."""
    alice.is_staff = True
    alice.save()
    wait(clock)
    assert finish_link() == ""
