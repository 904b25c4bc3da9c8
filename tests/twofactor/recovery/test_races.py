"""Recoveries, everything at once: of two that exclude each other, one happens."""

from functools import partial

import pytest
from django.test import Client

from tests.machinery.races import REPEATS, assert_no_errors, at_once, browser, posts
from tests.people import enrol, give_password
from tests.twofactor.recovery.walk import (
    RECOVERY,
    STOP_WITH_FACTOR,
    ask,
    finish_link,
    open_setup,
    recovery_of,
    send,
    shut_mailed_codes,
    stop_link,
    wait,
)
from tests.twofactor.setup_steps import CODES, SAVED, confirm_key
from twofactor.models import Authenticator, Event, Recovery

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_template_copies"),
    pytest.mark.parametrize("repeat", REPEATS),
]


@pytest.fixture
def phone(alice):
    phone = enrol(alice)
    shut_mailed_codes(alice)
    return phone


@pytest.fixture
def ready(phone, clock):
    """A browser in which the setup at the end of the wait lacks its last step."""
    client = ask(Client())
    wait(clock)
    open_setup(client)
    confirm_key(client)
    return client


def count(kind):
    return Event.objects.filter(kind=kind).count()


@pytest.mark.proves("RE-8")
def test_asked_for_in_ten_browsers_at_once_one_waits(phone, request, repeat):
    clients = [browser() for _ in range(10)]
    for client in clients:
        give_password(client)
    answers = at_once(*[partial(client.post, RECOVERY) for client in clients])
    assert_no_errors(request, answers)
    assert (Recovery.objects.count(), count("recovery_asked")) == (1, 1)
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 9


def test_stopped_twenty_times_it_is_stopped_once(phone, request, repeat):
    ask(Client())
    path = stop_link()
    answers = at_once(*[partial(browser().post, path) for _ in range(20)])
    assert_no_errors(request, answers)
    assert count("recovery_stopped") == 1


def test_one_code_that_stops_it_twenty_times_is_spent_once(phone, request, repeat):
    ask(Client())
    fields = {"name": "alice@example.com", "code": phone.code()}
    answers = at_once(*[partial(browser().post, STOP_WITH_FACTOR, fields) for _ in range(5)])
    assert_no_errors(request, answers)
    assert count("recovery_stopped") == 1


def test_when_the_wait_is_over_ten_timers_send_one_link(phone, clock, request, repeat):
    ask(Client())
    clock.shift(72 * 60 * 60)
    at_once(*[send] * 5)
    assert count("recovery_ready") == 1


@pytest.mark.proves("RE-8")
def test_the_last_step_twenty_times_binds_one_app(ready, alice, request, repeat):
    answers = at_once(*posts([ready] * 20, CODES, SAVED))
    assert_no_errors(request, answers)
    assert (Authenticator.objects.count(), count("recovery_finished")) == (1, 1)


@pytest.mark.proves("RE-8")
def test_a_stop_beside_the_last_step_leaves_the_old_app_or_the_new_one(ready, alice, phone, request, repeat):
    path, old = stop_link(), Authenticator.objects.get().pk
    answers = at_once(partial(browser().post, path), *posts([ready], CODES, SAVED))
    assert_no_errors(request, answers)
    row, [app] = recovery_of(alice), Authenticator.objects.all()
    assert (row.stopped_at is None) == (row.finished_at is not None) == (app.pk != old)


def test_two_finishes_beside_each_other_open_the_setup_and_bind_once(phone, alice, clock, request, repeat):
    client = ask(Client())
    wait(clock)
    path = finish_link()
    answers = at_once(*posts([client] * 2, path, {"password": "correct horse battery"}))
    assert_no_errors(request, answers)
    assert sorted(answer.status_code for answer in answers) in ([303, 303], [303, 404])
    assert recovery_of(alice).finished_at is None
