"""docs/requirements.md and the tests agree: every requirement is tested, or says why it is not.

Tests name what they prove with `@pytest.mark.proves("L-4")`. Run by pytest; `make assurance` prints the list.
"""

from tests.machinery.evidence import TESTED, marks, requirements

REQUIREMENTS = requirements()
IDS = [requirement.id for requirement in REQUIREMENTS]
TESTED_IDS = {requirement.id for requirement in REQUIREMENTS if requirement.status == TESTED}
PROVEN = {id_ for id_, _test in marks()}


def test_every_row_of_the_document_is_read():
    assert len(REQUIREMENTS) > 200
    assert len(set(IDS)) == len(IDS)


def test_every_requirement_has_a_test_or_a_reason():
    assert [id_ for id_ in IDS if id_ in TESTED_IDS - PROVEN] == []


def test_no_requirement_has_both():
    assert PROVEN & (set(IDS) - TESTED_IDS) == set()


def test_every_mark_names_a_requirement():
    assert [id_ for id_ in PROVEN if id_ not in IDS] == []


def test_every_exception_has_a_reason():
    exceptions = [requirement for requirement in REQUIREMENTS if requirement.status != TESTED]
    assert [each.id for each in exceptions if not each.status.partition(":")[2].strip()] == []
