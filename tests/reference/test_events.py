"""docs/reference/events.md and signals.md say what the code does with each event."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.reference.pages import names, page, rows
from twofactor import events, signals
from twofactor.event_kinds import ABOUT_PASSKEYS, GROUP_OF, OF_SECURITY_KEY, EventKind

ROOT = Path(__file__).parents[2]
FILES = [file for app in ("accounts", "twofactor") for file in sorted((ROOT / app).rglob("*.py"))]

KEY_OR_NOT = {"passkey", "security_key"}
# Where the first argument of events.record() is no name: which events it can be, and what stands in its `**`.
CHOSEN = {
    "WITHOUT_A_CODE[method]": {"signed_in_without_second_factor": set(), "signed_in_trusted": set()},
    "self.recorded_as": {
        "signed_in_with_code": {"app"},
        "second_factor_accepted": {"app"},
        "sign_in_confirmed": set(),
    },
    "recorded_as": dict.fromkeys(("signed_in_with_passkey", "confirmed_with_passkey"), KEY_OR_NOT),
    "what": {"rule_made": {"reason"}, "rule_changed": {"reason"}},
    "'rule_removed'": {"rule_removed": {"reason"}},
    "self.code.notice": {"backup_code_used": set(), "recovered_by_email": set()},
    "kind": {"second_factor_refused": set(), "second_factor_locked": set()},
    "kind or own_kind": {
        "device_ended": set(),
        "browser_forgotten": set(),
        "device_ended_by_support": {"reason", "by"},
    },
    "'authenticator_replaced' if is_replaced else 'app_added'": {
        "authenticator_replaced": set(),
        "app_added": set(),
    },
    **{f"'{kind}'": {kind: KEY_OR_NOT} for kind in ABOUT_PASSKEYS},
    "'deletion_stopped'": {"deletion_stopped": {"reason", "by"}},
    "'not_me'": {"not_me": {"about", "device"}},
    "'recovery_finished' if claim_recovery else 'two_factor_enabled'": {
        "recovery_finished": set(),
        "two_factor_enabled": set(),
    },
    "kind or 'recovery_stopped'": {"recovery_stopped": set(), "recovery_refused": {"reason", "by"}},
    "'recovery_shortened'": {"recovery_shortened": {"reason", "by"}},
}


@cache
def details_of_the_code():
    """What each event can have in its detail, of all calls of events.record()."""
    found = {}
    for node in [node for file in FILES for node in ast.walk(ast.parse(file.read_text()))]:
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "events.record":
            kind = node.args[0]
            named = {keyword.arg for keyword in node.keywords} - {None, "also_to"}
            is_plain = isinstance(kind, ast.Constant) and ast.unparse(kind) not in CHOSEN
            chosen = {kind.value: set()} if is_plain else CHOSEN[ast.unparse(kind)]
            for name, more in chosen.items():
                found.setdefault(name, set()).update(named | more)
    return found


def signal_of(kind):
    signal = events.AUDIENCES.get(kind, events.Audience()).signal
    return next((name for name in signals.__all__ if getattr(signals, name) is signal), None)


EVENTS = {names(row[0])[0]: row for row in rows(page("events"), "event")}
SIGNALS = {names(row[0])[0]: row for row in rows(page("signals"), "signal")}


def test_every_event_is_named():
    assert list(EVENTS) == EventKind.values


@pytest.mark.parametrize("kind", EventKind)
def test_what_a_person_reads_of_it_and_where(kind):
    _name, told, group, *_rest = EVENTS[kind]
    assert (told, names(group)) == (str(kind.to_person or kind.label), [GROUP_OF[kind]])


@pytest.mark.parametrize("kind", OF_SECURITY_KEY)
def test_what_a_person_reads_of_a_security_key(kind):
    [told] = [row[1] for row in rows(page("events"), "event, with a security key") if names(row[0]) == [kind]]
    assert told == str(OF_SECURITY_KEY[kind][0])


@pytest.mark.parametrize("kind", EventKind)
def test_what_stands_in_its_detail(kind):
    assert set(names(EVENTS[kind][3])) == details_of_the_code().get(kind, set())


@pytest.mark.parametrize("kind", EventKind)
def test_who_hears_of_it(kind):
    audience = events.AUDIENCES.get(kind, events.Audience())
    _name, _told, _group, _detail, mail, signal = EVENTS[kind]
    assert (mail == "yes", names(signal)) == (audience.mail, [signal_of(kind)] if audience.signal else [])


def test_every_signal_is_named():
    assert set(SIGNALS) == set(signals.__all__)


@pytest.mark.parametrize("name", sorted({*signals.__all__} - {"signed_in_over_api"}))
def test_for_which_events_a_signal_is_sent(name):
    assert set(names(SIGNALS[name][1])) == {kind.value for kind in EventKind if signal_of(kind) == name}
