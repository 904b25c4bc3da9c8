"""The tables of the documentation are right about limits, settings, keys and stored data."""

import ast
import json
import logging
import re
from datetime import timedelta
from importlib import import_module
from uuid import uuid4

import pytest
from django.conf import settings
from django.test import Client

from accounts import address_links, deletion, known_browsers, password_tries
from accounts.password_tries import ADDRESS_LIMIT, COOL_OFF, STRANGERS_LIMIT, TRIES_PER_BROWSER
from config import logs
from tests.docs.blocks import BLOCKS, ROOT, names, table
from tests.people import give_password, person, signed_in_as
from twofactor import clocks, conf, drafts
from twofactor.api import client_tokens, tokens
from twofactor.factors import challenges, enrolled, passkeys, sent_codes
from twofactor.limits import allowances, guesses
from twofactor.limits.allowances import Limit
from twofactor.models import Allowance
from twofactor.operations import prune
from twofactor.recovery import links, requests
from twofactor.sessions import contents
from twofactor.signin import trusted_browsers
from twofactor.web.undo import UNDO_FOR

LIMITS_PAGE = "docs/reference/limits.md"
SETTINGS_PAGE = "docs/reference/settings.md"
KEYS_PAGE = "docs/explanation/keys.md"


def words(span: timedelta) -> str:
    """As the table says it: the longest unit that leaves no rest, and hours for a day."""
    for unit in ("days", "hours", "minutes", "seconds"):
        number, rest = divmod(span, timedelta(**{unit: 1}))
        if number and not rest and (unit, number) != ("days", 1):
            return f"{number} {unit[:-1] if number == 1 else unit}"
    raise ValueError(span)


def times(number: int, window: timedelta) -> str:
    return f"{number} in {words(window)}"


def limits_of_the_code() -> dict[str, str]:
    """Every Limit that a module of ours has, alone or in a list of several windows."""
    found: dict[str, dict[timedelta, int]] = {}
    files = [file for app in ("accounts", "config", "twofactor") for file in (ROOT / app).rglob("*.py")]
    for file in [file for file in files if " Limit(" in file.read_text()]:
        name = ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        module = import_module(name)
        values = [value if isinstance(value, list) else [value] for value in vars(module).values()]
        for limit in [one for value in values for one in value if isinstance(one, Limit)]:
            found.setdefault(limit.name, {})[limit.window] = limit.count
    api = allowances.api_requests()
    found[api.name] = {api.window: api.count}
    return {
        name: ", ".join(times(windows[window], window) for window in sorted(windows))
        for name, windows in found.items()
    }


LIMITS = {
    "wrong passwords for one person from one address": times(TRIES_PER_BROWSER, COOL_OFF),
    "wrong passwords from one address (IPv6: a /64)": times(ADDRESS_LIMIT, COOL_OFF),
    "wrong passwords in a row, from browsers the person has never used": (
        f"{STRANGERS_LIMIT}, then a reset by mail"
    ),
    "wrong passwords in a browser the person has signed in with, wherever it is": (
        f"{times(TRIES_PER_BROWSER, COOL_OFF)};"
        f" after {known_browsers.LAST_TRY} in a row it is one like any other"
    ),
    "a browser stays known after a sign-in or a reset in it": (
        f"{words(known_browsers.AGE)}, or until a new password or signing out everywhere elsewhere"
    ),
    "known browsers of a person, the newest; people that one browser is known for": (
        f"{known_browsers.BROWSERS_PER_PERSON}; {known_browsers.PEOPLE_PER_BROWSER}"
    ),
    "wrong codes of any kind, on pages and over the API": (
        f"{conf.free_guesses()}, then a wait of {words(guesses.FIRST_WAIT)} that doubles up to"
        f" {words(guesses.LONGEST_WAIT)}; {times(conf.guesses_a_day(), clocks.DAY)}"
        f" ({guesses.guesses_a_day(has_many_apps=True)} with {guesses.MANY_APPS} apps or more);"
        f" {guesses.LAST_GUESS} in a row, then a new password, once in {words(guesses.LIFT_EVERY)}"
    ),
    "tries of one sent code": str(sent_codes.MAX_TRIES),
    "codes tried at the key of one setup": str(drafts.GUESSES_PER_KEY),
    "life of a sent code; of a sign-in between password and code": (
        f"{words(conf.sent_code_age())}; {words(conf.sign_in_age())}"
    ),
    "an account that someone signed up for, while nobody confirms its address or signs in": words(
        prune.UNCONFIRMED_KEPT
    ),
    "time between asking for the deletion of an account and the deletion": words(deletion.WAIT),
    "life of an unfinished setup; of a link that confirms an address; of one that resets a password": (
        f"{words(conf.draft_age())}; {words(address_links.LINK_MAX_AGE)};"
        f" {words(timedelta(seconds=settings.PASSWORD_RESET_TIMEOUT))}"
    ),
    "password and code count as just given for": (
        f"{words(conf.step_up_age())}; the password alone, for a first setup, {words(conf.setup_age())}"
    ),
    "a session without a page; in all": f"{words(contents.longest_idle())}; {words(contents.longest_age())}",
    "over the API: a sign-in between password and code; an access token": (
        f"{words(conf.challenge_age())}; {words(tokens.ACCESS_AGE)}"
    ),
    "over the API: a sign-in without renewing; in all": (
        f"{words(tokens.renewable_for())}; {words(contents.longest_age())}"
    ),
    "over the API: a program stays known after its last sign-in": words(client_tokens.MAX_AGE),
    "authenticator apps of a person; passkeys and security keys": (
        f"{enrolled.MAX_APPS}; {passkeys.MAX_PASSKEYS}"
    ),
    "time between the page that asks for a passkey and its answer": words(challenges.MAX_AGE),
    "trusted browsers of a person; trust lasts": (
        f"{trusted_browsers.BROWSERS_PER_PERSON}; {words(conf.trusted_age())}"
    ),
    "a recovery after one that was stopped; the link that finishes one": (
        f"{words(requests.SHUT_FOR)}; {words(links.FINISH_FOR)}"
    ),
    "what Undo takes back, in the same session": words(UNDO_FOR),
}


@pytest.mark.parametrize("name", limits_of_the_code())
def test_the_key_of_a_limit_fits_its_column(name):
    """Also in a site whose people have UUIDs, over the API."""
    key = Limit(name, 1, clocks.DAY).key(f"confirm:user:{uuid4()}")
    assert len(key) <= Allowance._meta.get_field("key").max_length


@pytest.mark.proves("6.1.1", "7.1.1")
def test_every_limit_is_that_of_the_code():
    assert table(LIMITS_PAGE, "what") == LIMITS | limits_of_the_code()


def rows_of_settings() -> dict[str, list[str]]:
    """Of all tables of the page but the last: type, default, since, and what it does."""
    tables = (ROOT / SETTINGS_PAGE).read_text().partition("\n## Where each is read")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.+) \|$", tables, re.MULTILINE)
    return {name: cells.split(" | ") for name, cells in rows}


def test_every_setting_is_named_with_its_default():
    defaults = {
        name: None if default == "required" else eval(default.strip("`"), {"timedelta": timedelta})  # noqa: S307
        for name, (_type, default, _since, _what) in rows_of_settings().items()
    }
    assert defaults == {name: setting.default for name, setting in conf.SETTINGS.items()} | {
        "TWOFACTOR_KEYS": None
    }


def functions_that_read(setting: str) -> list[str]:
    """Of conf.py."""
    tree = ast.parse((ROOT / "twofactor/conf.py").read_text())
    functions = [part for part in tree.body if isinstance(part, ast.FunctionDef)]
    return [each.name for each in functions if f"read('{setting}')" in ast.unparse(each)]


@pytest.mark.parametrize("setting", conf.SETTINGS)
def test_every_setting_is_named_with_its_readers(setting):
    calls = [f"conf.{function}(" for function in functions_that_read(setting)]
    readers = {
        ".".join(file.relative_to(ROOT / "twofactor").with_suffix("").parts)
        for file in (ROOT / "twofactor").rglob("*.py")
        if any(text in file.read_text() for text in [*calls, f'conf.read("{setting}")'])
    }
    assert names(table(SETTINGS_PAGE, "name")[f"`{setting}`"]) == readers


@pytest.mark.proves("7.1.2")
def test_any_number_of_sessions_may_run_side_by_side(db):
    person()
    browsers = [Client(), Client()]
    for browser in browsers:
        give_password(browser)
    assert all(signed_in_as(browser) for browser in browsers)
    assert "Any number of sessions may run side by side" in (ROOT / LIMITS_PAGE).read_text()


@pytest.mark.proves("11.1.1", "11.1.2")
def test_every_use_of_the_keys_is_named():
    sources = "".join(
        file.read_text() for app in ("twofactor", "accounts") for file in (ROOT / app).rglob("*.py")
    )
    used = re.findall(r"PURPOSE(?:: ClassVar\[str\])? = \"(.+?)\"|fingerprint\(['\"](.+?)['\"]", sources)
    assert names(table(KEYS_PAGE, "key")["`TWOFACTOR_KEYS`"]) == {"".join(use) for use in used}


@pytest.mark.proves("16.1.1")
def test_every_trace_is_named_with_its_time():
    traces = table(KEYS_PAGE, "trace")
    line = json.loads(logs.JsonFormatter().format(logging.makeLogRecord({"msg": "something"})))
    assert names(traces["standard error"]) == {*line, *logs.FIELDS}
    kept = [words(span) for span in (prune.EVENTS_KEPT, password_tries.KEPT)]
    page = (ROOT / KEYS_PAGE).read_text()
    assert re.findall(r"(\d+ days) \|$", page, re.MULTILINE)[-2:] == kept


def test_every_nginx_sets_both_headers_that_tell_an_address():
    blocks = [block.text for block in BLOCKS if block.language == "nginx"]
    told = ("X-Real-IP $remote_addr;", "X-Forwarded-For $remote_addr;")
    assert blocks
    assert all(f"proxy_set_header {header}" in block for block in blocks for header in told)
