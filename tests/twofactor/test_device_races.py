"""Ending and naming devices while they are in use, on whichever database the tests run on."""

from functools import partial
from urllib.parse import urlsplit

import pytest

from tests.machinery.races import REPEATS, assert_no_errors, at_once, browser, posts, sessions, statuses
from tests.people import PASSWORD, give_password, sign_in, signed_in_as
from tests.twofactor.trusted_browsers import skips_the_code
from twofactor import not_me_links
from twofactor.models import Event, Session

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_template_copies"),
    pytest.mark.parametrize("repeat", REPEATS),
]

END_OTHERS = "/two-factor/sessions/end/"
CONFIRM = "/two-factor/confirm/"


@pytest.fixture
def two(phone, clock):
    """Two browsers of Alice, and the row of the second."""
    first, second = browser(), browser()
    sign_in(first, phone)
    clock.shift(60)
    sign_in(second, phone)
    row = Session.objects.latest("began_at")
    clock.shift(61)  # so that each request of it writes its row
    return first, second, row


def end(client, row):
    return partial(browser(client).post, f"/two-factor/devices/{row.device_id}/end/")


def test_no_session_comes_back_after_its_end(two, request, repeat):
    """With requests that write the session, and one that gives it a new key."""
    first, second, row = two
    busy = [partial(browser(second).get, "/help/") for _ in range(8)]
    answers = at_once(end(first, row), *busy)
    assert_no_errors(request, answers, sessions=sessions())
    assert (answers[0].status_code, sessions(), signed_in_as(second)) == (303, 1, None)


def test_no_session_comes_back_by_a_new_key(two, phone, request, repeat):
    first, second, row = two
    confirm = partial(browser(second).post, CONFIRM, {"password": PASSWORD, "code": phone.code()})
    answers = at_once(end(first, row), confirm)
    assert_no_errors(request, answers, sessions=sessions())
    assert (sessions(), Session.objects.filter(device_id=row.device_id).count()) == (1, 0)


def test_no_session_comes_back_after_all_others_ended(two, request, repeat):
    first, second, _row = two
    busy = [partial(browser(second).get, "/help/") for _ in range(8)]
    answers = at_once(partial(browser(first).post, END_OTHERS), *busy)
    assert_no_errors(request, answers, sessions=sessions())
    assert sessions() == 1


def test_of_ten_that_end_one_device_one_does(two, request, repeat):
    first, _second, row = two
    answers = at_once(*[end(first, row) for _ in range(10)])
    assert_no_errors(request, answers)
    assert (statuses(answers), Event.objects.filter(kind="device_ended").count()) == ({303: 1, 409: 9}, 1)


def test_a_name_does_not_bring_a_device_back(two, request, repeat):
    first, _second, row = two
    address = f"/two-factor/devices/{row.device_id}/rename/"
    answers = at_once(end(first, row), *posts([first], address, *[{"name": f"n{n}"} for n in range(5)]))
    assert_no_errors(request, answers)
    assert (answers[0].status_code, Session.objects.filter(device_id=row.device_id).count()) == (303, 0)


def test_a_name_is_kept_while_the_device_is_in_use(two, request, repeat):
    first, second, row = two
    busy = [partial(browser(second).get, "/help/") for _ in range(8)]
    address = f"/two-factor/devices/{row.device_id}/rename/"
    answers = at_once(*posts([first], address, {"name": "Phone"}), *busy)
    assert_no_errors(request, answers)
    assert Session.objects.get(device_id=row.device_id).name == "Phone"


def test_a_double_click_on_signing_out_everywhere_else_stays_signed_in(two, alice, request, repeat):
    first, _second, _row = two
    tabs = [browser(first), browser(first)]
    answers = at_once(*[partial(tab.post, END_OTHERS) for tab in tabs])
    assert_no_errors(request, answers, sessions=sessions())
    assert alice in [signed_in_as(tab) for tab in tabs]


def test_of_two_that_sign_out_everywhere_else_one_stays(two, alice, request, repeat):
    """Each ends the other, and neither comes back."""
    first, second, _row = two
    tabs = [browser(first), browser(second)]
    answers = at_once(*[partial(tab.post, END_OTHERS, {"keep_trusted": "on"}) for tab in tabs])
    assert_no_errors(request, answers, sessions=sessions())
    pages = [tab.get("/accounts/profile/").status_code for tab in tabs]
    assert (sessions(), sorted(pages)) == (1, [200, 302])


def test_of_ten_that_say_it_was_not_them_one_is_recorded(two, alice, request, repeat):
    """From the mail in any number of tabs, beside everything else that ends devices or factors."""
    first, second, row = two
    event = Event.objects.filter(device_id=row.device_id).latest("pk")
    link = urlsplit(not_me_links.make(event, alice, event.at)).path
    answers = at_once(*posts([None] * 10, link, {}), partial(browser(second).get, "/help/"))
    assert_no_errors(request, answers, sessions=sessions())
    counted = Event.objects.filter(kind="not_me").count(), sessions(), signed_in_as(first)
    assert counted == (1, 1, alice)


def test_saying_it_was_not_them_stops_nothing_else_that_ends_devices(two, alice, phone, request, repeat):
    first, _second, row = two
    event = Event.objects.filter(device_id=row.device_id).latest("pk")
    link = urlsplit(not_me_links.make(event, alice, event.at)).path
    off = posts([first], "/two-factor/disable/", {"password": PASSWORD, "code": phone.code()})
    ends = [partial(browser(first).post, END_OTHERS), end(first, row)]
    answers = at_once(*posts([None] * 3, link, {"everywhere": "on"}, {}), *off, *ends)
    assert_no_errors(request, answers, sessions=sessions())
    assert Session.objects.filter(device_id=row.device_id).count() == 0


def test_trust_that_was_ended_meanwhile_is_not_kept(two, alice, phone, clock, request, repeat):
    first, _second, _row = two
    trusting = browser()
    give_password(trusting)
    trusting.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    at_once(*posts([first], END_OTHERS, {"keep_trusted": "on"}), alice.end_sessions)
    assert not skips_the_code(trusting)
