"""Authenticator apps over the API: listed, added, renamed, removed."""

from datetime import timedelta

import pytest
from django.utils import timezone

from tests.api.program import Program
from tests.people import PASSWORD, PRINTED_CODES, Phone, add_app, enrol
from tests.twofactor.sent_codes import mailed_code
from twofactor import conf
from twofactor.factors import backup_codes, enrolled, totp
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


# One more


def start(program, **proof):
    return Phone(program.post("totp/apps/create/", proof).json()["key"])


def confirm(program, new, **more):
    return program.post("totp/apps/confirm/", {"input_code": new.code(), **more})


def test_an_app_is_added_shortly_after_a_sign_in_with_a_code(program, alice):
    added = confirm(program, start(program), name="New phone")
    assert (added.status_code, added.json()["name"], len(ids(alice))) == (201, "New phone", 3)
    assert (added.json()["id"], program.is_signed_in()) == (ids(alice)[2], True)


def test_an_app_that_was_added_signs_in(program, clock):
    new = start(program)
    confirm(program, new)
    clock.shift(60)
    assert Program().sign_in(new).is_signed_in()


def test_an_app_without_a_name_is_given_one(program):
    assert confirm(program, start(program)).json()["name"] == "Authenticator app (2)"


def test_the_key_is_the_same_until_it_is_confirmed(program):
    assert start(program).key == start(program).key


@pytest.mark.proves("S-10", "N-12")
@pytest.mark.parametrize("path", ["create", "confirm"])
def test_some_minutes_later_adding_needs_a_code_and_the_password(program, phone, clock, path):
    new = start(program)
    clock.shift(timedelta(minutes=5))
    given, codes = {"input_code": new.code()}, []
    for proof in ({}, {"otp_code": phone.code()}, {"otp_code": phone.code(), "password": PASSWORD}):
        answer = program.post(f"totp/apps/{path}/", {**given, **proof} if path == "confirm" else proof)
        codes.append(answer.json().get("code", answer.status_code))
    assert codes == ["invalid", "password_needed", 201]


def test_a_code_and_the_password_count_for_what_comes_next(program, phone, clock):
    clock.shift(timedelta(minutes=5))
    new = start(program, otp_code=phone.code(), password=PASSWORD)
    clock.shift(timedelta(minutes=4))
    assert confirm(program, new).status_code == 201


def test_they_count_no_longer_than_the_password_that_was_given_at_sign_in(program, phone, clock):
    clock.shift(timedelta(minutes=3))
    new = start(program, otp_code=phone.code())
    clock.shift(timedelta(minutes=2))
    assert confirm(program, new).status_code == 400


@pytest.mark.proves("S-10")
def test_a_backup_code_is_enough(program, alice, clock):
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PRINTED_CODES))
    clock.shift(timedelta(minutes=5))
    new = start(program, backup_code=PRINTED_CODES[0], password=PASSWORD)
    assert confirm(program, new).status_code == 201


@pytest.mark.proves("S-10-never")
@pytest.mark.parametrize("path", ["create", "confirm"])
def test_a_sign_in_with_a_sent_code_adds_none(alice, phone, clock, path):
    program = Program()
    program.give_password()
    program.send()
    program.give(sent_code=mailed_code())
    assert program.post(f"totp/apps/{path}/", {"input_code": "123456"}).json()["code"] == "invalid"


def test_a_sent_code_is_no_proof_for_it(program, clock):
    clock.shift(timedelta(minutes=5))
    answer = program.post("totp/apps/create/", {"sent_code": "123456", "password": PASSWORD})
    assert answer.json()["code"] == "invalid"


@pytest.mark.proves("S-10")
@pytest.mark.parametrize("path", ["create", "confirm"])
def test_a_step_up_with_an_app_that_was_removed_adds_none(program, alice, tablet, path):
    new = start(program)
    removed = program.post("totp/apps/remove/", {"id": ids(alice)[0], "otp_code": tablet.code()})
    body = {"input_code": new.code()} if path == "confirm" else {}
    added = program.post(f"totp/apps/{path}/", body)
    assert (removed.status_code, added.json()["code"], len(ids(alice))) == (204, "invalid", 1)


@pytest.mark.proves("S-10-recent")
def test_an_app_that_never_proves_everything_adds_one_that_never_does(alice, phone, clock):
    weak = add_app(alice, totp.generate_key(), timezone.now() - timedelta(days=9))
    enrolled.apps_of(alice).filter(pk=ids(alice)[0]).update(full_from=None)
    program = Program().sign_in(weak)
    confirm(program, start(program))
    assert enrolled.apps_of(alice).last().full_from is None


def test_a_new_app_proves_everything_after_a_day(program, alice):
    confirm(program, start(program))
    assert enrolled.apps_of(alice).last().full_from == timezone.now() + enrolled.YOUNG_FOR


@pytest.mark.parametrize("path", ["create", "confirm"])
def test_there_are_five_apps_at_most(program, alice, path):
    new = start(program)
    for _ in range(3):
        add_app(alice, totp.generate_key(), timezone.now())
    answer = program.post(f"totp/apps/{path}/", {"input_code": new.code()} if path == "confirm" else {})
    assert (answer.status_code, answer.json()["code"], len(ids(alice))) == (409, "too_many_apps", 5)


def test_a_wrong_code_adds_none_and_a_right_one_still_does(program, alice):
    new = start(program)
    assert program.post("totp/apps/confirm/", {"input_code": "000000"}).json()["code"] == "code_refused"
    assert (len(ids(alice)), confirm(program, new).status_code) == (2, 201)


def test_the_code_that_confirmed_signs_in_nowhere(program):
    new = start(program)
    code = new.code()
    confirm(program, new)
    other = Program()
    other.give_password()
    assert other.give(otp_code=code).json()["code"] == "code_refused"


def test_half_an_hour_later_there_is_nothing_to_confirm(program, phone, clock):
    new = start(program)
    for _ in range(3):  # an access token lives for fifteen minutes
        clock.shift(conf.draft_age() / 3)
        program.renew()
    proof = {"otp_code": phone.code(), "password": PASSWORD}
    assert confirm(program, new, **proof).json()["code"] == "no_setup"


@pytest.mark.proves("8.2.1-8.2.3", "V-17")
def test_nobody_confirms_what_someone_else_or_another_sign_in_started(program, alice, bob, tablet, clock):
    new = start(program)
    bobs = Program(bob.email).sign_in(enrol(bob))
    other = Program().sign_in(tablet)
    assert [confirm(each, new).json()["code"] for each in (bobs, other)] == ["no_setup"] * 2
    assert [len(ids(user)) for user in (alice, bob)] == [2, 1]


@pytest.mark.parametrize("path", ["create", "confirm"])
def test_there_is_none_to_add_while_two_factor_is_off(alice, path):
    program = Program()
    program.give_password()
    assert program.post(f"totp/apps/{path}/", {"input_code": "123456"}).json()["code"] == "not_on"


def test_someone_without_two_factor_has_none(alice):
    program = Program()
    program.give_password()
    assert program.get("totp/apps/").json() == {"apps": []}
