"""python -m tests.machinery.evidence: every requirement, and what proves it. Tests are read, not run."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.machinery.assurance import EXCEPTIONS, REQUIREMENTS

ROOT = Path(__file__).parents[2]
KINDS = "not built yet: ", "fault: "


def marks() -> Iterator[tuple[str, str]]:
    """Each id with the test that is marked with it; a mark of a whole module is that of its file."""
    for file in sorted([*ROOT.glob("tests/**/test_*.py"), *ROOT.glob("playwright/test_*.py")]):
        if "mark.proves" in (text := file.read_text()):
            for node in ast.parse(text).body:
                yield from ((id_, place(file, node)) for id_ in ids_in(node))


def place(file: Path, node: ast.stmt) -> str:
    where = str(file.relative_to(ROOT))
    if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
        return where
    if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
        return f"{where}::{node.name}"
    raise ValueError(f"{where}:{node.lineno} marks no test")


def ids_in(node: ast.stmt) -> Iterator[str]:
    for call in ast.walk(node):
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "pytest.mark.proves":
            yield from map(ast.literal_eval, call.args)


def main() -> None:
    tests: dict[str, list[str]] = {}
    for id_, test in marks():
        tests.setdefault(id_, []).append(test)
    for id_, statement in REQUIREMENTS.items():
        print(id_, statement, ", ".join(tests.get(id_, [])) or EXCEPTIONS.get(id_, "NOTHING"), sep=" | ")
    proven = sum(id_ in tests for id_ in REQUIREMENTS)
    not_built, faults = (sum(why.startswith(kind) for why in EXCEPTIONS.values()) for kind in KINDS)
    print(f"\n{proven} proven, {len(EXCEPTIONS)} excepted: {not_built} not built yet, {faults} known faults.")


if __name__ == "__main__":
    main()
