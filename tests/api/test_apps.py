"""Authenticator apps over the API: listed, renamed, removed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.api.program import Program
from tests.people import PASSWORD, add_app, enrol
from twofactor.factors import enrolled, totp
from twofactor.models import GuessBudget

pytestmark = pytest.mark.django_db


@pytest.fixture
def tablet(alice, phone):
    long_ago = timezone.now() - timedelta(days=30)
    enrolled.apps_of(alice).update(added_at=long_ago)
    return add_app(alice, totp.generate_key(), long_ago + timedelta(days=1), name="Tablet")


@pytest.fixture
def program(phone, tablet, clock):
    signed_in = Program().sign_in(phone)
    clock.shift(60)
    return signed_in


def ids(user):
    return [app.pk for app in enrolled.apps_of(user)]


def names(user):
    return [app.name for app in enrolled.apps_of(user)]


def test_the_list_has_every_app_and_no_key(program, phone, tablet, alice):
    listed = program.get("totp/apps/").json()["apps"]
    assert [app["name"] for app in listed] == ["Authenticator app", "Tablet"]
    assert [app.keys() for app in listed] == [{"id", "name", "added_at", "last_used_at"}] * 2


def test_the_list_has_nobody_elses(program, bob):
    enrol(bob)
    assert len(program.get("totp/apps/").json()["apps"]) == 2


def test_an_app_is_renamed(program, alice):
    program.post("totp/apps/rename/", {"id": ids(alice)[1], "name": "Old tablet"})
    assert names(alice) == ["Authenticator app", "Old tablet"]


@pytest.mark.parametrize("name", ["", " ", "\n", "\u200b", "\u2800", "a\0b", "x" * 61, 5, None, ["x"]])
def test_a_name_that_is_none_is_refused(program, alice, name):
    answer = program.post("totp/apps/rename/", {"id": ids(alice)[1], "name": name})
    assert (answer.status_code, names(alice)[1]) == (400, "Tablet")


def test_what_cannot_be_seen_is_not_in_a_name(program, alice):
    program.post("totp/apps/rename/", {"id": ids(alice)[1], "name": "\u202eOld\n tablet\x1b"})
    assert names(alice)[1] == "Old tablet"


def test_an_app_is_removed_and_this_sign_in_goes_on(program, alice, phone):
    answer = program.post("totp/apps/remove/", {"id": ids(alice)[1], "otp_code": phone.code()})
    assert (answer.status_code, names(alice), program.is_signed_in()) == (204, ["Authenticator app"], True)


def test_removing_ends_the_other_sign_ins(program, alice, phone, tablet):
    other = Program().sign_in(tablet)
    program.post("totp/apps/remove/", {"id": ids(alice)[1], "otp_code": phone.code()})
    assert not other.is_signed_in()


def test_removing_needs_the_password_some_minutes_later(program, alice, phone, clock):
    clock.shift(timedelta(minutes=6))
    form = {"id": ids(alice)[1], "otp_code": phone.code()}
    assert program.post("totp/apps/remove/", form).json()["code"] == "password_needed"
    program.post("totp/apps/remove/", {**form, "password": PASSWORD})
    assert len(names(alice)) == 1


def test_the_last_app_stays_and_its_code_is_not_spent(program, alice, phone):
    enrolled.apps_of(alice).last().delete()
    form = {"id": ids(alice)[0], "otp_code": phone.code()}
    assert [program.post("totp/apps/remove/", form).json()["code"] for _ in range(2)] == ["last_factor"] * 2
    assert (len(names(alice)), GuessBudget.objects.get().failures) == (1, 0)


@pytest.mark.parametrize("act", ["rename", "remove"])
def test_the_app_of_another_person_is_out_of_reach(program, alice, phone, bob, act):
    enrol(bob)
    more = {"name": "mine"} if act == "rename" else {"otp_code": phone.code()}
    form = {"id": ids(bob)[0], **more}
    assert program.post(f"totp/apps/{act}/", form).status_code == 409
    assert names(bob) == ["Authenticator app"]


@pytest.mark.proves("MF-4")
def test_a_recent_app_removes_no_older_one(alice, phone, clock):
    enrolled.apps_of(alice).update(added_at=timezone.now() - timedelta(days=9))
    new = add_app(alice, totp.generate_key(), timezone.now(), name="New")
    clock.shift(60)
    program = Program().sign_in(new)
    clock.shift(60)
    answer = program.post("totp/apps/remove/", {"id": ids(alice)[0], "otp_code": new.code()})
    assert (answer.json()["code"], len(names(alice))) == ("code_refused", 2)


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"id": "1"},
        {"id": 0},
        {"id": -1},
        {"id": None},
        {"id": [1]},
        {"id": True},
        {"id": 1.0},
        {"id": 2**70},
    ],
)
def test_an_id_that_is_none_is_refused(program, wrong):
    assert program.post("totp/apps/rename/", {"name": "x", **wrong}).status_code == 400


def test_someone_without_two_factor_has_none(alice):
    program = Program()
    program.give_password()
    assert program.get("totp/apps/").json() == {"apps": []}
