"""Which test proves which requirement of docs/requirements.md. Tests are read, not run.

make assurance, or python -m tests.machinery.evidence: one line for each requirement, with its tests or the
reason why it has none, and at the end how many there are of each kind.
"""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs" / "requirements.md"
TESTED = "tested"
ROW = re.compile(r"^\| (\S+) \| (.+) \| (.+) \|$", re.MULTILINE)


class Requirement(NamedTuple):
    id: str
    sentence: str
    status: str


def requirements() -> list[Requirement]:
    rows = [Requirement(*row) for row in ROW.findall(DOCUMENT.read_text())]
    return [row for row in rows if row.id != "id"]  # the headings of the tables


def marks() -> Iterator[tuple[str, str]]:
    """Each id with the test that is marked with it; a mark of a whole module counts for its file."""
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
    kinds: Counter[str] = Counter()
    for id_, sentence, status in requirements():
        proof = ", ".join(tests.get(id_, ["NOTHING"])) if status == TESTED else status
        kinds[status.partition(":")[0]] += 1
        print(id_, sentence, proof, sep=" | ")
    print("", ", ".join(f"{count} {kind}" for kind, count in kinds.items()) + ".", sep="\n")


if __name__ == "__main__":
    main()
