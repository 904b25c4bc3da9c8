"""docs/reference/commands.md has every action of manage.py twofactor, with its arguments, and no other."""

import re
from datetime import timedelta

import pytest
from django.core.management import load_command_class

from tests.operations.test_doctor import findings
from tests.reference.pages import names, page, rows, sections
from twofactor.clocks import CLOCKS_APART
from twofactor.operations import doctor

PAGE = page("commands")
ACTIONS = {names(row[0])[0]: row[1] for row in rows(PAGE, "action")}
DJANGO = {"-h", "--help", "--version", "-v", "--verbosity", "--settings", "--pythonpath", "--traceback"}
DJANGO |= {"--no-color", "--force-color", "--skip-checks"}


def parsers():
    parser = load_command_class("twofactor", "twofactor").create_parser("manage.py", "twofactor")
    [actions] = [action for action in parser._actions if action.dest == "action"]
    return actions.choices


def arguments(parser):
    """As the page writes them: the options, and a word for each other argument."""
    own = [action for action in parser._actions if not {*action.option_strings} & DJANGO]
    return {action.option_strings[0] if action.option_strings else kind_of(action) for action in own}


def kind_of(argument):
    return "|".join(argument.choices) if argument.choices else argument.dest.upper()


def is_required(argument):
    return argument.required and argument.nargs != "?"


def test_every_action_is_named():
    assert set(ACTIONS) == set(parsers())


@pytest.mark.parametrize("action", ACTIONS)
def test_every_argument_of_it(action):
    told = {text.replace("\\|", "|").strip("[]").partition(" ")[0] for text in names(ACTIONS[action])}
    assert told == arguments(parsers()[action])


@pytest.mark.parametrize("action", ACTIONS)
def test_which_arguments_can_be_left_out(action):
    optional = {text.strip("[]").partition(" ")[0] for text in names(ACTIONS[action]) if text.startswith("[")}
    own = [each for each in parsers()[action]._actions if not {*each.option_strings} & DJANGO]
    left_out = [each for each in own if not is_required(each)]
    assert optional == {each.option_strings[0] if each.option_strings else kind_of(each) for each in left_out}


@pytest.mark.django_db
def test_every_finding_of_the_doctor():
    text = sections(PAGE)["doctor"]
    assert [names(row[0])[0] for row in rows(text, "name")] == list(findings())


def test_the_numbers_of_the_doctor():
    seconds = timedelta(seconds=int(re.search(r"may differ by (\d+) seconds", PAGE)[1]))
    minutes = timedelta(minutes=int(re.search(r"more than (\d+) minutes", PAGE)[1]))
    days = timedelta(days=int(re.search(r"for (\d+) days", PAGE)[1]))
    assert (seconds, minutes, days) == (CLOCKS_APART, doctor.LETTER_WAITS_FOR, doctor.PRUNED_EVERY)
