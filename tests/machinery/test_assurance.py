"""Every requirement is proven by a test, or says why not."""

import ast
import runpy

from tests.machinery.assurance import EXCEPTIONS, REQUIREMENTS
from tests.machinery.evidence import ROOT, marks

OURS = {"accounts", "config", "tests", "twofactor"}
PROVEN = {id_ for id_, _test in marks()}


def test_every_requirement_has_a_test_or_a_reason():
    assert [id_ for id_ in REQUIREMENTS if id_ not in PROVEN | EXCEPTIONS.keys()] == []


def test_no_requirement_has_both():
    assert PROVEN & EXCEPTIONS.keys() == set()


def test_every_mark_and_every_exception_names_a_requirement():
    assert (PROVEN | EXCEPTIONS.keys()) - REQUIREMENTS.keys() == set()


def test_every_exception_has_a_reason():
    assert [id_ for id_, reason in EXCEPTIONS.items() if not reason.partition(":")[2].strip()] == []


# What runs for long, or in a process of its own, is not imported by the tests that always run.


def names_in(module):
    """What a module of ours binds. A settings file that takes all of another binds anything."""
    folder = ROOT.joinpath(*module.split("."))
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    nodes = list(ast.walk(ast.parse(file.read_text()))) if file.exists() else []
    imported = {alias.asname or alias.name for alias in nodes if isinstance(alias, ast.alias)}
    bound = {getattr(node, "name", None) or getattr(node, "id", None) for node in nodes}
    return {path.stem for path in folder.glob("*")} | bound | imported


def imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] in OURS:
            yield from ((node.module, alias.name) for alias in node.names)


def test_what_a_program_imports_is_there():
    files = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("playwright/*.py")]
    imported = {(module, name) for file in files for module, name in imports(file) if name != "*"}
    there = {module: names_in(module) for module, _name in imported}
    assert [pair for pair in imported if not {pair[1], "*"} & there[pair[0]]] == []


def test_what_a_mutation_breaks_is_there():
    mutations = runpy.run_path(str(ROOT / "playwright" / "mutations.py"))["MUTATIONS"]
    changes = [(mutation.name, *change[:2]) for mutation in mutations for change in mutation.changes]
    gone = [
        name
        for name, file, text in changes
        if not (ROOT / file).exists() or text not in (ROOT / file).read_text()
    ]
    assert gone == []
