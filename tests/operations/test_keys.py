"""Key rotation while people sign in: everything is encrypted again, even if the command is interrupted."""

import json
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from tests.operations.admin_and_commands import ROOT, environment, run
from tests.people import NOW, PRINTED_CODES, Phone, enrol, give_password, person, sign_in, signed_in_as
from twofactor import drafts, sealing
from twofactor.factors import authenticator_app, backup_codes, sent_codes, totp
from twofactor.limits import guesses
from twofactor.models import Authenticator, Draft, GuessBudget, Recovery
from twofactor.operations import rotate_keys
from twofactor.recovery import requests
from twofactor.sessions import credential_digests

pytestmark = pytest.mark.django_db
OLD, NEW, LOST = (sealing.generate_key() for _ in range(3))


@pytest.fixture(autouse=True)
def first_key(settings):
    settings.TWOFACTOR_KEYS = [OLD]


@pytest.fixture
def new_key(settings, phone):
    """Adds a newer key than the one Alice's authenticator is encrypted with."""
    settings.TWOFACTOR_KEYS = [NEW, OLD]


def rows_with_old_key():
    """The number of rows that are not encrypted with the newest key."""
    return sum(rotate_keys.sealed_with_old_key(model, column).count() for model, column in rotate_keys.SEALED)


def create_enrolled_people(size):
    """People with an authenticator app each and no backup codes, inserted with few queries."""
    now, key = timezone.now() - timedelta(hours=1), totp.generate_key()
    names = [f"p{n}@example.com" for n in range(size)]
    people = User.objects.bulk_create([User(email=name, password="!") for name in names])
    rows = [
        Authenticator(user=one, name="Phone", last_step=totp.step_at(now), added_at=now) for one in people
    ]
    for row in rows:
        authenticator_app.seal_key(row, key, now)
    Authenticator.objects.bulk_create(rows)
    GuessBudget.objects.bulk_create([GuessBudget(user=one) for one in people])
    return key


# With two keys


def test_a_new_key_asks_nothing_of_anyone(new_key, alice, phone, client):
    sign_in(client, phone)
    assert signed_in_as(client) == alice


def test_what_is_sealed_from_now_on_is_under_the_new_key(new_key):
    enrol(person("bob@example.com"))
    assert rotate_keys.rows_by_key() == {sealing.key_id(NEW): 1, sealing.key_id(OLD): 1}


def test_who_depends_on_which_key_is_reported(new_key):
    said = json.loads(run("report", "--json").out)
    in_use = {name: rows for name, rows in said.items() if name.startswith("sealed_with_key_")}
    assert in_use == {
        f"sealed_with_key_{sealing.key_id(NEW)}": 0,
        f"sealed_with_key_{sealing.key_id(OLD)}": 1,
    }


def test_who_still_depends_on_an_old_key_is_named(new_key, alice):
    assert "depend on older keys: alice@example.com" in run("report").out
    run("rotate-keys")
    assert json.loads(run("report", "--json").out)["depend_on_older_keys"] == []


def test_a_long_list_of_names_ends_in_dots_except_for_a_script(new_key):
    for n in range(20):
        enrol(person(f"p{n:02}@example.com"))
    Authenticator.objects.update(sealed_key="old.x")
    [names] = [line for line in run("report").out.splitlines() if line.startswith("depend on older keys")]
    assert names.endswith("p18@example.com …")
    assert len(json.loads(run("report", "--json").out)["depend_on_older_keys"]) == 21


def test_a_key_that_is_gone_is_reported_by_its_name(settings, phone):
    settings.TWOFACTOR_KEYS = [NEW]
    assert f"sealed with key {sealing.key_id(OLD)}: 1\n" in run("report").out


def test_the_report_shows_no_key(new_key):
    said = run("report").out
    assert [key for key in (OLD, NEW) if key in said] == []


# Encrypting everything again


def test_after_rotation_nothing_depends_on_the_old_key(new_key):
    run("rotate-keys")
    assert rotate_keys.rows_by_key() == {sealing.key_id(NEW): 1, sealing.key_id(OLD): 0}


@pytest.mark.proves("13.3.4")
def test_after_rotation_the_old_key_can_be_removed(new_key, settings, alice, phone, client):
    run("rotate-keys")
    settings.TWOFACTOR_KEYS = [NEW]
    sign_in(client, phone)
    assert signed_in_as(client) == alice


def test_after_rotation_a_code_by_mail_still_helps(new_key, settings, alice):
    run("rotate-keys")
    settings.TWOFACTOR_KEYS = [NEW]
    assert sent_codes.may_email(User.objects.get())


def test_after_rotation_a_new_password_still_counts_as_new(new_key, settings, alice):
    """So that it lifts the lock after a hundred wrong codes, and a code by email needs a factor again."""
    GuessBudget.objects.update(failures=guesses.LAST_GUESS - 1)
    guesses.charge(alice, NOW)
    alice.set_password("a quiet green harbour")
    alice.save()
    run("rotate-keys")
    settings.TWOFACTOR_KEYS = [NEW]
    row = GuessBudget.objects.get()
    row.locked_until = None
    assert guesses.lock_of(row, row.user, NOW) is None
    assert not sent_codes.may_email(row.user)


def test_after_rotation_a_locked_person_is_still_locked(new_key, settings, alice):
    GuessBudget.objects.update(failures=guesses.LAST_GUESS - 1)
    guesses.charge(alice, NOW)
    run("rotate-keys")
    settings.TWOFACTOR_KEYS = [NEW]
    assert guesses.lock_of(GuessBudget.objects.get(), alice, NOW).until is None


def test_backup_codes_depend_on_no_key(new_key, settings, alice, client):
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PRINTED_CODES[:1]))
    settings.TWOFACTOR_KEYS = [LOST]
    give_password(client)
    client.post("/two-factor/verify/backup/", {"code": PRINTED_CODES[0]})
    assert signed_in_as(client) == alice


def test_an_unfinished_setup_shows_the_same_key_as_before(settings, alice, client):
    give_password(client)
    before = client.get("/two-factor/setup/").context["draft"].key
    settings.TWOFACTOR_KEYS = [NEW, OLD]
    run("rotate-keys")
    settings.TWOFACTOR_KEYS = [NEW]
    assert drafts.find_draft(alice, Draft.Kind.SETUP, NOW).key == before


@pytest.mark.parametrize(("minutes", "opens"), [(30, True), (31, False)])
def test_sealing_again_makes_nothing_younger(settings, alice, client, clock, minutes, opens):
    give_password(client)
    client.get("/two-factor/setup/")
    settings.TWOFACTOR_KEYS = [NEW, OLD]
    clock.shift(timedelta(minutes=20))
    run("rotate-keys")
    now = NOW + timedelta(minutes=minutes)
    Draft.objects.update(started_at=now)
    assert (drafts.find_draft(alice, Draft.Kind.SETUP, now) is not None) == opens


def test_the_second_time_there_is_nothing_to_do(new_key):
    run("rotate-keys")
    before = Authenticator.objects.get().sealed_key
    ran = run("rotate-keys")
    assert (ran.out, Authenticator.objects.get().sealed_key) == ("0 encrypted again, 0 unreadable.\n", before)


def test_sealing_again_is_no_event_and_ends_no_session(new_key, alice):
    run("rotate-keys")
    alice.refresh_from_db()
    assert alice.security_epoch == 0


def test_what_someone_changed_meanwhile_is_left_to_them(new_key, alice):
    read_before = Authenticator.objects.get()
    changed = Authenticator.objects.get()
    authenticator_app.seal_key(changed, totp.generate_key(), NOW)
    changed.save()
    rotate_keys.reseal(read_before, "sealed_key", NOW)
    assert Authenticator.objects.get().sealed_key == changed.sealed_key


def test_of_three_keys_all_rows_end_under_the_first(new_key, settings):
    enrol(person("bob@example.com"))
    settings.TWOFACTOR_KEYS = [LOST, NEW, OLD]
    run("rotate-keys")
    assert rotate_keys.rows_by_key()[sealing.key_id(LOST)] == 2


# What cannot be decrypted


@pytest.fixture
def unreadable(new_key, alice, settings):
    """Bob's authenticator is encrypted with a key that is lost; Alice's is not."""
    settings.TWOFACTOR_KEYS = [LOST]
    enrol(person("bob@example.com"))
    settings.TWOFACTOR_KEYS = [NEW, OLD]
    return Authenticator.objects.get(user__email="bob@example.com")


def test_what_cannot_be_opened_is_told_with_code_3(unreadable):
    ran = run("rotate-keys")
    assert (ran.code, ran.out) == (3, "1 encrypted again, 1 unreadable.\n")


def test_what_cannot_be_opened_stays_as_it_is(unreadable):
    run("rotate-keys")
    assert Authenticator.objects.get(pk=unreadable.pk).sealed_key == unreadable.sealed_key


def test_what_was_carried_to_another_person_is_not_sealed_for_them(new_key, alice):
    bob = person("bob@example.com")
    carried = Authenticator.objects.get()
    carried.pk, carried.user = None, bob
    carried.save(force_insert=True)
    assert run("rotate-keys").code == 3


@pytest.mark.proves("F-11")
def test_what_cannot_be_opened_lets_nobody_in_with_the_password_alone(unreadable, client):
    give_password(client, "bob@example.com")
    page = client.post("/two-factor/verify/", {"code": "123456"})
    assert (page.status_code, signed_in_as(client)) == (422, None)


# While it runs


class Rotation(subprocess.Popen):
    """manage.py twofactor rotate-keys in another process."""

    def __init__(self):
        command = [sys.executable, "manage.py", "twofactor", "rotate-keys"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        super().__init__(command, cwd=ROOT, env=environment(), text=True, **pipes)

    def wait_for_first_batch(self):
        before = rows_with_old_key()
        while self.poll() is None and rows_with_old_key() == before:
            time.sleep(0.01)


def test_a_lost_key_does_not_lift_the_stop_after_the_last_guess(settings):
    alice = person()
    enrol(alice)
    guesses.charge(alice, timezone.now())
    GuessBudget.objects.update(failures=guesses.LAST_GUESS)
    settings.TWOFACTOR_KEYS = [LOST]
    run("rotate-keys")
    lock = guesses.lock_of(GuessBudget.objects.get(), alice, timezone.now())
    assert lock.until is None


def test_a_recovery_does_not_begin_anew_when_the_old_key_goes(new_key, alice, settings):
    now = timezone.now()
    Recovery.objects.create(user=alice, asked_at=now, **requests.since(alice, now))
    old = {name: f"{sealing.key_id(OLD)}." for name in requests.DIGESTS}
    run("rotate-keys")
    row = Recovery.objects.get()
    assert not any(getattr(row, name).startswith(key) for name, key in old.items())
    assert not requests.has_begun_anew(row, now)


def test_a_lost_key_proves_no_address(settings):
    alice = person()
    enrol(alice)
    settings.TWOFACTOR_KEYS = [LOST]
    run("rotate-keys")
    assert not credential_digests.are_unchanged(alice, GuessBudget.objects.get())


@pytest.fixture
def long_work(transactional_db, settings):
    """3,000 people under the old key: fifteen batches."""
    key = create_enrolled_people(3000)
    settings.TWOFACTOR_KEYS = [NEW, OLD]
    return Phone(key)


@pytest.mark.proves("K-05")
def test_after_kill_9_the_next_run_finishes(long_work):
    with Rotation() as rotation:
        rotation.wait_for_first_batch()
        rotation.send_signal(signal.SIGKILL)
    left = rows_with_old_key()
    ran = run("rotate-keys")
    assert (0 < left < 3000, ran.out) == (True, f"{left} encrypted again, 0 unreadable.\n")


def test_after_kill_9_every_row_opens(long_work, settings):
    with Rotation() as rotation:
        rotation.wait_for_first_batch()
        rotation.send_signal(signal.SIGKILL)
    opened = {
        sealing.unseal("authenticator", sealing.owner_of(row.user_id), row.sealed_key, timezone.now())
        for row in Authenticator.objects.all()
    }
    assert opened == {long_work.key}


@pytest.mark.proves("K-05")
def test_people_sign_in_while_it_runs(long_work):
    phone, client = enrol(person()), Client()
    give_password(client)
    client.get("/two-factor/verify/")  # the first request of a process takes a second longer
    with Rotation() as rotation:
        rotation.wait_for_first_batch()
        client.post("/two-factor/verify/", {"code": phone.code()})
        left = rows_with_old_key()
    assert (0 < left < 3000, signed_in_as(client).email) == (True, "alice@example.com")


def test_people_whose_row_waits_sign_in_while_it_runs(long_work):
    last = User.objects.get(email="p2999@example.com")
    last.set_password("correct horse battery")
    last.save()
    client = Client()
    with Rotation() as rotation:
        rotation.wait_for_first_batch()
        sign_in(client, long_work, last.email)
        rotation.communicate()
    assert (rotation.returncode, signed_in_as(client)) == (0, last)


def test_rotation_is_quick_enough_for_ten_thousand_people_in_a_minute(db, settings):
    create_enrolled_people(500)
    settings.TWOFACTOR_KEYS = [NEW, OLD]
    began = time.monotonic()
    run("rotate-keys")
    assert time.monotonic() - began < 60 * 500 / 10_000
