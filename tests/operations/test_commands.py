"""manage.py twofactor: the output and exit code of each action, and what it does not change."""

import json
import re
import subprocess
import sys
from datetime import timedelta
from typing import NamedTuple

import pytest
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.management import execute_from_command_line
from django.test import Client

from tests.operations.admin_and_commands import ROOT, environment, run
from tests.people import NOW, enrol, give_password, person, sign_in, signed_in_as
from twofactor import sealing
from twofactor.conf import parse_keys
from twofactor.factors import backup_codes, code_text, enrolled
from twofactor.models import Authenticator, BackupCode, Event, GuessBudget

pytestmark = pytest.mark.django_db
ALICE = "alice@example.com"
ACTIONS = [
    "status",
    "report",
    "reset",
    "emergency-code",
    "generate-key",
    "rotate-keys",
    "prune",
    "import",
    "after-restore",
]
ABOUT_SOMEONE = [("status",), ("reset", "--reason", "lost"), ("emergency-code", "--reason", "lost")]


def everything():
    """All rows of the database."""
    rows = [row for model in apps.get_models() for row in model._default_manager.order_by("pk").values()]
    return [str(row) for row in rows]


@pytest.fixture
def site(transactional_db):
    """Runs manage.py in another process: exit code, standard output and standard error."""

    def manage(*words, **changes):
        env = {name: value for name, value in {**environment(), **changes}.items() if value is not None}
        command = [sys.executable, "manage.py", "twofactor", *words]
        return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)

    return manage


class Ran(NamedTuple):
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def manage(transactional_db, capsys):
    """As `site`, in this process: what manage.py calls after it has found the settings."""

    def manage(*words):
        try:
            execute_from_command_line(["manage.py", "twofactor", *words])
        except SystemExit as ended:
            return Ran(ended.code, *capsys.readouterr())
        return Ran(0, *capsys.readouterr())

    return manage


# Mail


def test_the_letter_is_sent_before_the_process_ends(site, tmp_path):
    alice = person(ALICE)
    enrol(alice)
    site("emergency-code", ALICE, "--reason", "lost", EMAIL_URL=f"file:{tmp_path}")
    letters = [file.read_text() for file in tmp_path.iterdir()]
    assert [f"To: {ALICE}" in letter for letter in letters] == [True]


@pytest.mark.parametrize("why", ["", "  ", "x" * 201])
def test_no_help_without_a_reason_worth_reading(manage, why):
    enrol(person(ALICE))
    assert manage("reset", ALICE, "--reason", why).returncode == 2
    assert enrolled.is_on(get_user_model().objects.get())


# Help


def test_help_names_every_action(site):
    listed = re.findall(r"^    ([a-z][a-z-]+)", site("--help").stdout, re.MULTILINE)
    assert [action for action in ACTIONS if action not in listed] == []


@pytest.mark.parametrize("action", ACTIONS)
def test_every_action_has_help_that_says_more_than_its_name(manage, action):
    ran = manage(action, "--help")
    described = ran.stdout.partition("\n\n")[2]
    assert (ran.returncode, ran.stderr, len(described.split()) > 15) == (0, "", True)


@pytest.mark.parametrize("words", [(), ("dance",), ("reset", ALICE), ("emergency-code", ALICE)])
def test_half_a_command_is_refused(manage, words):
    ran = manage(*words)
    assert (ran.returncode, ran.stdout, "error:" in ran.stderr) == (2, "", True)


# Making a key before there are settings


@pytest.fixture
def manage_without_settings(tmp_path):
    """A folder without settings, .env and database."""

    def manage(*words):
        command = [sys.executable, str(ROOT / "manage.py"), "twofactor", *words]
        return subprocess.run(command, cwd=tmp_path, env={}, capture_output=True, text=True)

    return manage


def test_a_key_is_made_without_any_setting(manage_without_settings):
    made = manage_without_settings("generate-key")
    assert (made.returncode, made.stderr, made.stdout.count("\n")) == (0, "", 1)


def test_a_made_key_is_one(manage_without_settings):
    (key,) = parse_keys(manage_without_settings("generate-key").stdout)
    assert len(key) == 44


def test_no_key_is_made_twice(manage_without_settings):
    assert manage_without_settings("generate-key").stdout != manage_without_settings("generate-key").stdout


def test_a_key_is_made_with_settings_too(db):
    assert len(parse_keys(run("generate-key").out)) == 1


@pytest.mark.parametrize("name", ["TWOFACTOR_KEYS", "SECRET_KEY"])
def test_with_a_broken_setting_any_other_action_says_so_in_one_line(site, name):
    ran = site("status", **{name: " "})
    assert (ran.returncode, ran.stderr.count("\n"), name in ran.stderr) == (1, 1, True)


# Naming a person


@pytest.mark.parametrize("words", ABOUT_SOMEONE, ids=lambda words: words[0])
def test_someone_unknown_is_one_line(manage, words):
    ran = manage(words[0], "nobody@example.com", *words[1:])
    assert (ran.returncode, ran.stdout, ran.stderr) == (
        1,
        "",
        "CommandError: There is no user nobody@example.com.\n",
    )


@pytest.mark.parametrize("name", ["ALICE@example.com", " alice@example.com"])
def test_a_person_is_found_in_any_spelling(alice, name):
    assert f"person: {ALICE}\n" in run("status", name).out


def test_the_status_of_someone_without_a_second_factor(alice):
    assert "two-factor authentication: off\n" in run("status", ALICE).out


def test_the_status_of_someone_with_a_second_factor(alice, phone):
    said = json.loads(run("status", ALICE, "--json").out)
    assert (said["two_factor"], said["on_since"]) == ("on", f"{NOW - timedelta(hours=1)}")


def test_the_status_tells_how_often_someone_guessed(alice, phone, client):
    give_password(client)
    for _ in range(5):
        client.post("/two-factor/verify/", {"code": "000000"})
    said = json.loads(run("status", ALICE, "--json").out)
    assert (said["wrong_codes_in_a_row"], said["locked_until"]) == (5, f"{NOW + timedelta(seconds=30)}")


def test_the_status_tells_of_the_lock_that_no_time_ends(alice, phone):
    GuessBudget.objects.update(failures=100)
    assert json.loads(run("status", ALICE, "--json").out)["locked_until"] == "the password is changed"


def test_no_emergency_code_is_made_that_would_not_be_looked_at(alice, phone):
    GuessBudget.objects.update(failures=100)
    ran = run("emergency-code", ALICE, "--reason", "lost")
    assert (ran.code, ran.out, "chosen a new password" in ran.err) == (1, "", True)


@pytest.mark.parametrize("words", [("status",), ("status", ALICE), ("report",)], ids=" ".join)
def test_json_is_for_a_script(alice, phone, words):
    said, plain = json.loads(run(*words, "--json").out), run(*words).out
    labels = re.findall(
        r"^([^:]+):", plain.replace("two-factor authentication:", "two factor:"), re.MULTILINE
    )
    assert [name.replace("_", " ") for name in said] == labels


def test_status_and_report_show_no_secret(alice, phone):
    said = run("status", ALICE).out + run("report").out
    assert [text for text in (phone.key, Authenticator.objects.get().sealed_key) if text in said] == []


@pytest.mark.parametrize("words", [("status",), ("status", ALICE), ("report",)], ids=" ".join)
def test_looking_changes_nothing(alice, phone, words):
    before = everything()
    run(*words)
    assert everything() == before


@pytest.mark.parametrize("words", [("status",), ("report",)], ids=" ".join)
def test_without_people_their_number_is_0(db, words):
    assert "people: 0\n" in run(*words).out


# Support


def test_a_reset_says_what_it_did(alice, phone):
    ran = run("reset", ALICE, "--reason", "lost")
    assert (ran.code, ran.out) == (
        0,
        f"Two-factor authentication is off for {ALICE}, and all their sessions have ended.\n",
    )


def test_a_reset_turns_it_off(alice, phone):
    run("reset", ALICE, "--reason", "lost")
    assert not enrolled.is_on(alice)


def test_a_reset_of_nothing_is_one_line(alice):
    ran = run("reset", ALICE, "--reason", "lost")
    assert (ran.code, ran.err) == (1, f"{ALICE} does not use two-factor authentication.")


@pytest.mark.parametrize(
    ("action", "kind"), [("reset", "reset_by_support"), ("emergency-code", "emergency_code_made")]
)
def test_who_did_it_and_why_is_logged(alice, phone, action, kind):
    run(action, ALICE, "--reason", "lost")
    assert Event.objects.get(kind=kind).detail == {"reason": "lost", "by": "command line"}


def emergency_code(*words):
    return run("emergency-code", ALICE, "--reason", "lost", *words)


def test_an_emergency_code_is_all_that_goes_to_the_script(alice, phone):
    assert re.fullmatch(r"[0-9A-Z]{5}(-[0-9A-Z]{5}){2}\n", emergency_code().out)


def test_what_to_do_with_it_goes_to_the_person_at_the_screen(alice, phone):
    assert emergency_code("--hours", "3").err == (f"It works once, for 3 h. Give it only to {ALICE}.\n")


def test_an_emergency_code_from_the_command_line_lets_the_person_in(alice, phone):
    code, client = emergency_code().out, Client()
    give_password(client)
    client.post("/two-factor/verify/backup/", {"code": code})
    assert signed_in_as(client) == alice


def test_an_emergency_code_is_not_kept_as_it_was_shown(alice, phone):
    code = code_text.read_backup_code(emergency_code().out)
    assert [row for row in everything() if code in row] == []


def test_an_emergency_code_lives_as_long_as_was_asked(alice, phone):
    emergency_code("--hours", "24")
    assert BackupCode.objects.get().expires_at == NOW + timedelta(hours=24)


@pytest.mark.parametrize("hours", ["0", "25", "-1", "x"])
def test_an_emergency_code_lives_no_other_time(alice, phone, hours):
    assert (emergency_code("--hours", hours).code, BackupCode.objects.count()) == (1, 0)


def test_no_emergency_code_without_two_factor_authentication(alice):
    assert (emergency_code().code, emergency_code().err) == (
        1,
        f"{ALICE} does not use two-factor authentication.",
    )


# --dry-run


@pytest.fixture
def old_rows(alice, phone, client, settings, clock):
    """Rows encrypted with an old key, and rows that have expired."""
    give_password(client, person("bob@example.com").email)
    client.get("/two-factor/setup/")
    emergency_code()
    settings.TWOFACTOR_KEYS = [sealing.generate_key(), *settings.TWOFACTOR_KEYS]
    clock.shift(timedelta(days=500))


@pytest.mark.proves("F-13")
def test_after_a_restore_backup_codes_are_void_and_sessions_over(alice, phone, client):
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, ["ABCDEFGHJKMNPQR"]))
    sign_in(client, phone)
    run("after-restore")
    assert (backup_codes.count_unused(alice), client.get("/accounts/profile/").status_code) == (0, 302)


@pytest.mark.parametrize("action", ["rotate-keys", "prune", "after-restore"])
def test_a_dry_run_changes_nothing(old_rows, action):
    before = everything()
    assert (run(action, "--dry-run").code, everything() == before) == (0, True)


@pytest.mark.parametrize("action", ["rotate-keys", "prune", "after-restore"])
def test_the_run_after_it_does(old_rows, action):
    before = everything()
    run(action)
    assert everything() != before


def test_a_dry_run_of_the_keys_says_how_many_wait(old_rows):
    assert run("rotate-keys", "--dry-run").out == "3 to encrypt again.\n"


def test_a_dry_run_of_pruning_says_as_much_as_pruning(old_rows):
    before = run("prune", "--dry-run").out
    assert run("prune").out == before.replace("would be ", "")


def test_pruning_says_what_it_removed(old_rows):
    assert "unfinished setups: 1 removed\n" in run("prune").out


def test_rotating_says_what_it_sealed(old_rows):
    ran = run("rotate-keys")
    assert (ran.code, ran.out) == (0, "3 encrypted again, 0 unreadable.\n")


def test_a_short_run_says_nothing_on_the_way(old_rows):
    assert [run(*words).err for words in (["rotate-keys"], ["prune"], ["report"], ["send"])] == [""] * 4
