"""Which events are one row of a person's activity, and where a page of rows ends."""

from datetime import timedelta
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from tests.people import NOW, person
from twofactor.activity import BEGINS, FOLLOWS, Cursor, list_rows
from twofactor.event_kinds import GROUPS
from twofactor.models import Event

ONE, TWO = UUID(int=1), UUID(int=2)
SECOND = timedelta(seconds=1)
CODE, TRUST, NEW, WRONG = "signed_in_with_code", "browser_trusted", "new_browser", "second_factor_refused"


@pytest.fixture
def write(alice):
    """Writes events of Alice: (kind, seconds after NOW, device) each, where no device stands for None."""

    def write(*events, **fields):
        Event.objects.bulk_create(
            Event(
                user=alice,
                kind=kind,
                at=NOW + after * SECOND,
                device_id=device[0] if device else None,
                **{"ip_address": "203.0.113.7", **fields},
            )
            for kind, after, *device in events
        )

    return write


def kinds(rows):
    return [[event.kind for event in row.events] for row in rows]


def all_pages(user, size, **narrowed):
    """The kinds in the rows of each page."""
    pages, cursor = [], None
    while cursor != "":
        page = list_rows(user.pk, size, before=cursor and Cursor.from_text(cursor), **narrowed)
        pages.append(kinds(page.rows))
        cursor = page.next
    return pages


# One sign-in, one row


def test_what_a_sign_in_has_written_is_one_row(alice, write):
    write((CODE, 0, ONE), ("backup_code_used", 0, ONE), (TRUST, 1, ONE), (NEW, 1, ONE))
    assert kinds(list_rows(alice.pk, 5).rows) == [[CODE, "backup_code_used", TRUST, NEW]]


def test_other_events_in_between_are_rows_of_their_own(alice, write):
    write((CODE, 0, ONE), ("right_after_wrong", 0, ONE), ("password_changed", 1, ONE), (NEW, 2, ONE))
    assert kinds(list_rows(alice.pk, 5).rows) == [["password_changed"], ["right_after_wrong"], [CODE, NEW]]


@pytest.mark.parametrize("ids", [(ONE, TWO), (TWO, ONE)])
def test_two_sign_ins_at_once_are_two_rows(alice, write, ids):
    a, b = ids
    write((CODE, 0, a), (CODE, 0, b), (NEW, 0, a), (TRUST, 0, b), (NEW, 0, b))
    assert kinds(list_rows(alice.pk, 5).rows) == [[CODE, TRUST, NEW], [CODE, NEW]]


def test_two_sign_ins_after_each_other_are_two_rows(alice, write):
    write((CODE, 0), (NEW, 1), (CODE, 2), (NEW, 3))
    assert kinds(list_rows(alice.pk, 5).rows) == [[CODE, NEW], [CODE, NEW]]


def test_without_an_id_browser_and_address_tell_sign_ins_apart(alice, write):
    write((CODE, 0))
    write((CODE, 1), ip_address="198.51.100.4")
    write((CODE, 2), browser="curl/8.5.0")
    write((NEW, 3))
    assert kinds(list_rows(alice.pk, 5).rows) == [[CODE], [CODE], [CODE, NEW]]


@pytest.mark.parametrize("device", [(), (ONE,)])
@pytest.mark.parametrize(("after", "rows"), [(60, [[CODE, TRUST]]), (61, [[TRUST], [CODE]])])
def test_what_comes_a_minute_later_belongs_to_no_sign_in(alice, write, device, after, rows):
    write((CODE, 0, *device), (TRUST, after, *device))
    assert kinds(list_rows(alice.pk, 5).rows) == rows


def test_a_second_event_of_a_kind_is_a_row_of_its_own(alice, write):
    write((CODE, 0), (NEW, 1), (NEW, 2))
    assert kinds(list_rows(alice.pk, 5).rows) == [[NEW], [CODE, NEW]]


def test_a_backup_code_for_a_step_up_is_not_taken_for_that_of_the_sign_in(alice, write):
    write((CODE, 0, ONE), ("second_factor_accepted", 5, ONE), ("backup_code_used", 5, ONE))
    rows = list_rows(alice.pk, 5).rows
    assert [(row.title, row.additions) for row in rows] == [
        ("You confirmed it was you with a code", ["One of your backup codes was used"]),
        ("You signed in with a code", []),
    ]


@pytest.mark.parametrize(
    ("events", "to_person", "to_support"),
    [
        (
            (CODE, TRUST, NEW),
            ["You signed in with a code", "From a new browser", "You trusted this browser"],
            ["Signed in with a code", "From a new browser", "A browser was trusted"],
        ),
        (
            (CODE, "backup_code_used", NEW),
            ["You signed in with a backup code", "From a new browser"],
            ["Signed in with a backup code", "From a new browser"],
        ),
        (
            (CODE, "recovered_by_email"),
            ["You signed in with a code from your email"],
            ["Signed in with a code sent by email"],
        ),
        (
            ("signed_in_without_second_factor", NEW),
            ["You signed in with your password", "From a new browser"],
            ["Signed in with the password", "From a new browser"],
        ),
        ((NEW,), ["You signed in from a new browser"], ["Signed in from a new browser"]),
    ],
)
def test_a_row_says_the_most_telling_first(alice, write, events, to_person, to_support):
    write(*[(kind, 0, ONE) for kind in events])
    (row,) = list_rows(alice.pk, 5).rows
    assert ([row.title, *row.additions], [row.title_for_support, *row.additions_for_support]) == (
        to_person,
        to_support,
    )


# Pages


@pytest.mark.parametrize("size", [1, 2, 3, 5, 50])
@pytest.mark.parametrize("every", [0, 1, 40, 3600], ids="{}s".format)
@pytest.mark.parametrize("device", [(), (ONE,)])
def test_pages_hold_every_row_once_and_whole(alice, write, size, every, device):
    """Also where all happened in one moment, or sign-ins follow each other within the minute."""
    for n in range(12):
        begin = n * every
        write((WRONG, begin), (CODE, begin, *device), (TRUST, begin, *device), (NEW, begin, *device))
    rows = [row for page in all_pages(alice, size) for row in page]
    assert rows == [[CODE, TRUST, NEW], [WRONG]] * 12


@pytest.mark.parametrize("size", [1, 2, 3, 5, 20])
def test_interleaved_sign_ins_are_whole_at_the_end_of_a_page(alice, write, size):
    for n in range(8):
        for kind in (CODE, TRUST, NEW):
            write(*[(kind, n * 50, UUID(int=n * 8 + m)) for m in range(1, 9)])
    rows = [row for page in all_pages(alice, size) for row in page]
    assert rows == [[CODE, TRUST, NEW]] * 64


def test_the_last_page_has_no_next(alice, write):
    write(*[(CODE, n * 3600) for n in range(4)])
    assert [len(page) for page in all_pages(alice, 2)] == [2, 2]


def test_a_row_that_is_written_meanwhile_moves_no_page(alice, write):
    write(*[(CODE, n * 3600) for n in range(4)])
    first = list_rows(alice.pk, 2)
    write((WRONG, 5 * 3600))
    second = list_rows(alice.pk, 2, before=Cursor.from_text(first.next))
    assert [row.event.at for row in second.rows] == [NOW + timedelta(hours=1), NOW]


def test_a_cursor_of_someone_else_shows_own_rows_only(alice, write):
    bob = person("bob@example.com")
    write(*[(CODE, n) for n in range(3)])
    Event.objects.create(user=bob, kind=WRONG, at=NOW)
    cursor = Cursor.of(Event.objects.filter(user=alice).last())
    assert kinds(list_rows(bob.pk, 5, before=cursor).rows) == [[WRONG]]


@pytest.mark.parametrize(
    "text",
    ["", "1", "-", "x-1", "1-x", "-1-1", "1--1", "1-1 ", "１-１", "9" * 18 + "-1", "1-" + "9" * 19, "1-1\n"],
)
def test_what_is_no_cursor_is_none(text):
    assert Cursor.from_text(text) is None


@pytest.mark.parametrize("text", ["0-0", "9" * 17 + "-" + "9" * 18, f"{'0' * 17}-{'0' * 18}"])
def test_any_cursor_can_be_asked_for(alice, write, text):
    write((CODE, 0))
    assert len(list_rows(alice.pk, 5, before=Cursor.from_text(text)).rows) in {0, 1}


def test_a_cursor_is_what_it_was_written_as():
    cursor = Cursor(NOW + timedelta(microseconds=1), 42)
    assert Cursor.from_text(cursor.as_text()) == cursor


# Groups and search


def test_every_kind_is_in_one_group():
    assert sorted(kind for group in GROUPS.values() for kind in group) == sorted(Event.Kind)


def test_all_events_of_a_sign_in_are_in_one_group():
    assert [name for name, group in GROUPS.items() if group & (BEGINS | FOLLOWS)] == ["sign-ins"]
    assert GROUPS["sign-ins"] >= BEGINS | FOLLOWS


@pytest.mark.parametrize(
    ("group", "found"),
    [("sign-ins", [[[CODE, NEW]]] * 3), ("warnings", [[[WRONG]]] * 3), ("account", [[]])],
)
def test_a_group_has_pages_of_its_own(alice, write, group, found):
    for n in range(3):
        write((WRONG, n * 90), (CODE, n * 90 + 1, ONE), (NEW, n * 90 + 1, ONE))
    assert all_pages(alice, 1, group=group) == found


FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
EDGE = "Mozilla/5.0 (Macintosh) AppleWebKit/537.36 Chrome/140.0.0.0 Safari/537.36 Edg/140.0.0.0"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("firefox", [[CODE]]),
        ("FIRE windows", [[CODE]]),
        ("windows 203.0.113", [[CODE]]),
        ("windows 2001", []),
        ("macos", [[WRONG]]),
        ("2001:DB8", [[WRONG]]),
        ("140", [[WRONG], [CODE]]),
        ("chrome", []),  # which Edge says too, and nobody sees
        ("%", []),
        ("_", []),
        ("\0", [[WRONG], [CODE]]),
        ("x" * 5000, []),
        ("203.0.113.7 " * 50, [[CODE]]),
    ],
)
def test_a_search_finds_what_people_see(alice, write, text, found):
    write((CODE, 0), browser=FIREFOX)
    write((WRONG, 1), browser=EDGE, ip_address="2001:db8::1")
    assert kinds(list_rows(alice.pk, 5, search=text).rows) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("GRANDMÈRE", [["device_ended"]]),
        ("tablet windows", [["device_ended"]]),
        ("phone", [["app_added"]]),
        ("work 203.0.113", [["app_added"]]),
        ("work tablet", []),
        ("%", [["app_added"]]),
        ("_", []),
    ],
)
def test_a_search_finds_the_names_of_devices_and_apps(alice, write, text, found):
    write(("app_added", 0), detail={"app": "Work phone (100%)"})
    write(("device_ended", 1), detail={"device": "Tablet of grandmère (Firefox 140 on Windows)"})
    assert kinds(list_rows(alice.pk, 5, search=text).rows) == found


def test_a_search_finds_no_name_that_is_not_shown(alice, write):
    write((CODE, 0), ("app_removed", 1), detail={"app": "Work phone", "method": "totp"})
    found = [kinds(list_rows(alice.pk, 5, search=text).rows) for text in ("work", "totp", "unknown")]
    assert found == [[["app_removed"]], [], []]


def test_a_search_finds_a_device_as_it_is_called_in_the_language_of_the_page(alice, write):
    write(("browser_forgotten", 0), detail={"device": "Firefox 140 on Linux"})
    with translation.override("de"):
        assert kinds(list_rows(alice.pk, 5, search="auf linux").rows) == [["browser_forgotten"]]


@pytest.mark.parametrize("text", ["198.51.100.4", "198", "firefox"])
def test_a_search_does_not_tell_where_support_sits(alice, write, text):
    detail = {"by": "user 999", "reason": "lost", "device": "Tablet (?)"}
    write(("reset_by_support", 0), browser=FIREFOX, ip_address="198.51.100.4", detail=detail)
    assert list_rows(alice.pk, 5, search=text).rows == []


@pytest.mark.parametrize("text", ["support", "tablet", "reset tablet"])
def test_a_search_finds_what_a_row_of_support_shows(alice, write, text):
    write(("device_ended_by_support", 0), detail={"by": "user 999", "device": "Tablet, reset (?)"})
    assert kinds(list_rows(alice.pk, 5, search=text).rows) == [["device_ended_by_support"]]


@pytest.mark.parametrize(
    ("text", "found"),
    [("signed in with a code", [[CODE]]), ("wrong firefox", [["second_factor_refused"]]), ("audit", [])],
)
def test_a_search_finds_what_happened(alice, write, text, found):
    write((CODE, 0), ("second_factor_refused", 600), browser=FIREFOX)
    assert kinds(list_rows(alice.pk, 5, search=text).rows) == found


def test_a_search_finds_a_backup_code_in_the_words_of_its_row(alice, write):
    write((CODE, 0), ("backup_code_used", 1))
    assert list_rows(alice.pk, 5, search="signed backup").rows


def test_a_search_finds_what_staff_did_to_their_own_account(alice, write):
    write(("address_changed", 0), browser=FIREFOX, detail={"by": f"user {alice.pk}"})
    assert kinds(list_rows(alice.pk, 5, search="firefox").rows) == [["address_changed"]]


def test_a_search_finds_no_rows_of_others(alice, write):
    write((CODE, 0), browser=FIREFOX)
    assert list_rows(person("bob@example.com").pk, 5, search="firefox").rows == []


@pytest.mark.parametrize("narrowed", [{}, {"search": "203.0"}, {"group": "sign-ins"}])
def test_a_long_history_costs_no_more_queries(alice, write, narrowed):
    counts = []
    for n in range(2):
        write(*[(CODE, n * 10_000 + m * 40) for m in range(n * 150 + 3)])
        with CaptureQueriesContext(connection) as asked:
            page = list_rows(alice.pk, 2, **narrowed)
            list_rows(alice.pk, 2, before=Cursor.from_text(page.next), **narrowed)
        counts.append(len(asked))
    assert counts == [3 + 2 * ("search" in narrowed)] * 2
