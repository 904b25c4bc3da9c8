"""Every requirement is proven by a test, or says why not."""

from tests.assurance import EXCEPTIONS, REQUIREMENTS
from tests.evidence import marks

PROVEN = {id_ for id_, _test in marks()}


def test_every_requirement_has_a_test_or_a_reason():
    assert [id_ for id_ in REQUIREMENTS if id_ not in PROVEN | EXCEPTIONS.keys()] == []


def test_no_requirement_has_both():
    assert PROVEN & EXCEPTIONS.keys() == set()


def test_every_mark_and_every_exception_names_a_requirement():
    assert (PROVEN | EXCEPTIONS.keys()) - REQUIREMENTS.keys() == set()


def test_every_exception_has_a_reason():
    assert [id_ for id_, reason in EXCEPTIONS.items() if not reason.partition(":")[2].strip()] == []
