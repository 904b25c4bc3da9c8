"""Requests that start at the same moment, for all tests of races.

RACE_REPEATS=20 makes a long run of a test with REPEATS, and assert_no_errors() then prints the counts.
"""

import os
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from django.db import connection, connections
from django.test import Client

from tests.people import give_password, open_sessions

REPEATS = range(int(os.environ.get("RACE_REPEATS", "1")))


def at_once(*actions):
    """Run all actions at the same moment; the result of each."""
    gate = threading.Barrier(len(actions))

    def run(action):
        try:
            connection.ensure_connection()  # a thread of an app server has its connection already
            gate.wait(60)
            return action()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(actions)) as threads:
        return list(threads.map(run, actions))


def browser(like=None):
    """A browser that gets errors as answers. With another one's cookies it is a second tab of that."""
    client = Client(raise_request_exception=False)
    if like:
        client.cookies.load({name: morsel.value for name, morsel in like.cookies.items()})
    return client


def after_password(like=None):
    client = browser()
    give_password(client)
    return client


def posts(clients, path, *forms):
    """A post for every client and form, ready to go."""
    return [partial(browser(client).post, path, form) for client in clients for form in forms]


def assert_no_errors(request, answers, /, **counts):
    """Print the counts of a long run, and assert that nobody saw an error."""
    if "RACE_REPEATS" in os.environ:
        with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
            print(f"\n{request.node.name}: {dict(sorted(statuses(answers).items()))} {counts}")
    assert max(statuses(answers)) < 500


def statuses(answers):
    return Counter(answer.status_code for answer in answers)


def sessions():
    return sum("_auth_user_id" in session for session in open_sessions())
