"""docs/reference/public-api.md lists what each module says is public, and nothing else."""

from importlib import import_module

import pytest

from tests.machinery.test_rules import MODULES
from tests.reference.pages import names, page, rows, sections

PUBLIC = sections(page("public-api"))
# Their __all__ is for linters: it says that an import is meant to be there.
INTERNAL = {"twofactor.checks", "twofactor.outgoing.timeout", "twofactor.statements"}


def test_every_module_with_public_names_is_listed():
    with_names = {name for name, file in MODULES.items() if "\n__all__ = [" in file.read_text()}
    assert {name for name in with_names if name.startswith("twofactor.")} - INTERNAL == set(PUBLIC)


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_is_listed(module):
    told = [names(row[0])[0] for row in rows(PUBLIC[module], "name")]
    assert sorted(told) == sorted(import_module(module).__all__)


@pytest.mark.parametrize("module", PUBLIC)
def test_every_public_name_exists(module):
    assert [name for name in import_module(module).__all__ if not hasattr(import_module(module), name)] == []
