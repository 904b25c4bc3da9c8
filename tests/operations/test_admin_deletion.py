"""Support sees who waits for the deletion of their account, and can stop it for those they may help."""

import pytest
from django.contrib.auth.models import Permission

from accounts import deletion
from accounts.models import User
from tests.operations.admin_and_commands import PEOPLE, browser_of, step_up
from tests.people import NOW, enrol, person
from twofactor import testing
from twofactor.models import Event

pytestmark = pytest.mark.django_db
REASON = {"reason": "asked by phone"}


@pytest.fixture
def waiting(alice):
    User.objects.filter(pk=alice.pk).update(deletion_due_at=NOW + deletion.WAIT)
    return alice


def keep(user):
    return f"{PEOPLE}{user.pk}/keep/"


def is_waiting(user):
    return User.objects.get(pk=user.pk).deletion_due_at is not None


@pytest.mark.proves("OD-11")
def test_the_list_says_who_waits_until_when(stepped_up, waiting, bob):
    page = stepped_up.get(f"{PEOPLE}?deletion=waiting").text
    assert "alice@example.com" in page
    assert "bob@example.com" not in page
    assert "8 March 2026" in page


@pytest.mark.proves("OD-11")
def test_the_page_of_a_person_says_until_when_and_leads_to_stopping_it(stepped_up, waiting):
    page = stepped_up.get(f"{PEOPLE}{waiting.pk}/change/").text
    assert "8 March 2026" in page
    assert keep(waiting) in page


def test_the_page_of_others_says_nothing_of_it(stepped_up, alice):
    assert "Stop the deletion" not in stepped_up.get(f"{PEOPLE}{alice.pk}/change/").text


@pytest.mark.proves("OD-11")
def test_support_stops_it_for_a_reason(stepped_up, waiting, superuser):
    assert stepped_up.get(keep(waiting)).status_code == 200
    assert is_waiting(waiting)
    assert stepped_up.post(keep(waiting), REASON).status_code == 303
    assert not is_waiting(waiting)
    event = Event.objects.get(kind="deletion_stopped")
    assert event.detail == {**REASON, "by": f"user {superuser.pk}"}
    assert [each.to for each in testing.send_mails()] == [["alice@example.com"]]


def test_without_a_reason_nothing_is_stopped(stepped_up, waiting):
    assert stepped_up.post(keep(waiting), {"reason": ""}).status_code == 422
    assert is_waiting(waiting)


def test_without_a_step_up_nothing_is_stopped(admin, waiting):
    assert admin.post(keep(waiting), REASON).url.startswith("/two-factor/confirm/")
    assert is_waiting(waiting)


def test_what_was_stopped_already_is_not_recorded_again(stepped_up, waiting):
    for _ in range(2):
        stepped_up.post(keep(waiting), REASON)
    assert Event.objects.filter(kind="deletion_stopped").count() == 1


@pytest.mark.proves("OD-11")
@pytest.mark.parametrize("rights", [["view_user"], ["change_user"]])
def test_only_for_those_they_may_help(waiting, clock, rights):
    """A helper who may only look, and one for whom Alice has more rights."""
    helper = person("helper@example.com", is_staff=True)
    helper.user_permissions.set(Permission.objects.filter(codename__in=rights))
    waiting.user_permissions.set(Permission.objects.filter(codename="add_group"))
    phone = enrol(helper)
    client = step_up(browser_of(helper, phone, clock), phone, clock)
    assert client.post(keep(waiting), REASON).status_code == 403
    assert is_waiting(waiting)
    assert "Stop the deletion" not in client.get(f"{PEOPLE}{waiting.pk}/change/").text
