"""How a long command says on standard error how far it is."""

from io import StringIO

import pytest
from django.core.management.base import OutputWrapper

from tests.operations.admin_and_commands import run
from tests.people import NOW, enrol, person
from twofactor.importers import run as importing
from twofactor.management.progress import ELSEWHERE, MOMENT, Progress
from twofactor.models import SpentChallenge
from twofactor.operations import prune, rotate_keys


class Terminal(StringIO):
    def isatty(self):
        return True


class Clock:
    seconds = 100.0

    def __call__(self):
        return self.seconds


@pytest.fixture
def seconds():
    return Clock()


def progress_on(out, seconds):
    return Progress(OutputWrapper(out), "removed", seconds)


def call_each_second(progress, seconds, run_of, total):
    for done in range(1, run_of + 1):
        seconds.seconds += 1
        progress(done * 10, total)


@pytest.mark.proves("DK-6")
def test_elsewhere_it_is_a_line_a_minute(seconds):
    out = StringIO()
    call_each_second(progress_on(out, seconds), seconds, 185, 3600)
    assert out.getvalue().splitlines() == [
        "600 of 3,600 removed, 10 a second, 5 minutes left",
        "1,200 of 3,600 removed, 10 a second, 4 minutes left",
        "1,800 of 3,600 removed, 10 a second, 3 minutes left",
    ]


def test_on_a_terminal_one_line_is_written_anew(seconds):
    out = Terminal()
    call_each_second(progress_on(out, seconds), seconds, 3, 50)
    assert out.getvalue() == (
        "\r20 of 50 removed, 10 a second, 3 seconds left\r30 of 50 removed, 10 a second, 2 seconds left"
    )


def test_a_shorter_line_covers_the_longer_one_before(seconds):
    out = Terminal()
    progress = progress_on(out, seconds)
    seconds.seconds += MOMENT
    progress(1, 1000)
    seconds.seconds += 100
    progress(50, 50)
    first, second = out.getvalue().split("\r")[1:]
    assert len(first) == len(second)


def test_the_line_makes_room_for_the_result(seconds):
    out = Terminal()
    with progress_on(out, seconds) as progress:
        call_each_second(progress, seconds, 2, 50)
    line = "20 of 50 removed, 10 a second, 3 seconds left"
    assert out.getvalue() == f"\r{line}\r{' ' * len(line)}\r"


def test_where_the_command_is_stopped_the_line_stays(seconds):
    out = Terminal()
    progress = progress_on(out, seconds)
    call_each_second(progress, seconds, 2, 50)
    with pytest.raises(KeyboardInterrupt), progress:
        raise KeyboardInterrupt
    assert out.getvalue().endswith("3 seconds left\n")


@pytest.mark.proves("DK-6")
@pytest.mark.parametrize(("out", "quiet"), [(Terminal(), MOMENT), (StringIO(), ELSEWHERE)])
def test_what_is_done_within_a_moment_says_nothing(seconds, out, quiet):
    with progress_on(out, seconds) as progress:
        seconds.seconds += quiet - 0.01
        progress(5, 5)
    assert out.getvalue() == ""


def test_nothing_done_yet_has_no_time_left(seconds):
    out = StringIO()
    progress = progress_on(out, seconds)
    seconds.seconds += ELSEWHERE
    progress(0, 50)
    assert out.getvalue() == "0 of 50 removed, 0.0 a second\n"


# What calls it


def test_pruning_counts_over_all_tables(db, monkeypatch, clock):
    monkeypatch.setattr(prune, "BATCH", 2)
    monkeypatch.setattr("twofactor.operations.batches.PAUSE", 0)
    SpentChallenge.objects.bulk_create(
        SpentChallenge(digest=f"{n}", spent_at=NOW.replace(year=2020)) for n in range(5)
    )
    told = []
    prune.prune(NOW, progress=told.append)
    assert (told[-1], 2 in told, 4 in told) == (5, True, True)


def test_the_report_counts_what_it_reads(db):
    for name in ("a@example.com", "b@example.com"):
        enrol(person(name))
    told = []
    rotate_keys.rows_by_key(lambda done, total: told.append((done, total)))
    assert told[:2] == [(1, 2), (2, 2)]


def test_an_import_counts_the_people(db, alice):
    told = []
    candidates = [importing.Candidate(alice, [], [], "")] * 3
    list(importing.hash_codes(candidates, lambda done, total: told.append((done, total))))
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_standard_output_has_the_result_alone(db, alice, phone, monkeypatch):
    monkeypatch.setattr("twofactor.management.progress.ELSEWHERE", 0)
    ran = run("report")
    assert "1 of 1 encrypted values read" in ran.err
    assert "encrypted values read" not in ran.out
