"""Stopping, signing in and deleting at the same moment: one of them happens, and nobody sees an error."""

from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from accounts import deletion
from accounts.models import User
from tests.machinery.races import (
    REPEATS,
    after_password,
    assert_no_errors,
    at_once,
    browser,
    posts,
    sessions,
    statuses,
)
from tests.people import enrol, person
from twofactor import testing
from twofactor.models import Event

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_template_copies"),
    pytest.mark.parametrize("repeat", REPEATS),
]


@pytest.fixture
def due():
    """Alice, whose account is to be deleted now."""
    alice = person(last_login=timezone.now() - timedelta(days=7))
    User.objects.filter(pk=alice.pk).update(deletion_due_at=timezone.now() - timedelta(hours=1))
    alice.refresh_from_db()
    return alice


def link_of(user):
    context = deletion.context_of_request(user, {"due_at": user.deletion_due_at.isoformat()})
    return context["link"].removeprefix("http://localhost:8000").removeprefix("http://testserver")


def prune():
    return deletion.delete_due(timezone.now(), dry_run=False)


def is_there(user):
    return get_user_model().objects.filter(pk=user.pk).exists()


@pytest.mark.proves("OD-5", "OD-8")
def test_of_many_stops_one_is_recorded(due, request, repeat):
    answers = at_once(*posts([browser() for _ in range(20)], link_of(due), {}))
    assert_no_errors(request, answers)
    assert statuses(answers) == {303: 1, 404: 19}
    assert Event.objects.filter(kind="deletion_stopped").count() == 1


@pytest.mark.proves("OD-8")
def test_it_is_stopped_or_done(due, request, repeat):
    stop = posts([browser()], link_of(due), {})
    answer, *deleted = at_once(*stop, prune, prune, prune)
    assert_no_errors(request, [answer])
    assert is_there(due) == (answer.status_code == 303)
    assert sum(deleted) == (0 if is_there(due) else 1)
    kinds = {"deletion_stopped"} if is_there(due) else {"account_deleted"}
    assert set(Event.objects.values_list("kind", flat=True)) == kinds


@pytest.mark.proves("OD-8")
def test_a_sign_in_stops_it_or_finds_no_account(due, request, repeat):
    phone = enrol(due)
    client = after_password()
    answer, deleted = at_once(*posts([client], "/two-factor/verify/", {"code": phone.code()}), prune)
    assert_no_errors(request, [answer])
    assert is_there(due) == (deleted == 0)
    assert sessions() == (1 if is_there(due) else 0)
    assert is_there(due) is False or User.objects.get(pk=due.pk).deletion_due_at is None


@pytest.mark.proves("OD-8")
def test_a_sign_in_with_the_password_stops_it_or_finds_no_account(due, request, repeat):
    client = browser()
    data = {"username": due.email, "password": "correct horse battery"}
    answer, deleted = at_once(partial(client.post, "/accounts/login/", data), prune)
    assert_no_errors(request, [answer])
    assert is_there(due) == (deleted == 0)
    assert is_there(due) is False or User.objects.get(pk=due.pk).deletion_due_at is None


def test_asking_many_times_is_one_request(request, repeat):
    alice = person()
    asked = at_once(*[partial(deletion.request_deletion, alice, None, timezone.now()) for _ in range(10)])
    assert sum(asked) == 1
    assert len([each for each in testing.send_mails() if "/accounts/delete/stop/" in each.body]) == 1
