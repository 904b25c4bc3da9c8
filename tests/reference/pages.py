"""Reads the tables of docs/reference."""

import re
from pathlib import Path

REFERENCE = Path(__file__).parents[2] / "docs/reference"


def page(name: str) -> str:
    return (REFERENCE / f"{name}.md").read_text()


def rows(text: str, first_heading: str) -> list[list[str]]:
    """The cells of the table with this heading above its first column."""
    _before, found, after = text.partition(f"| {first_heading} |")
    assert found, first_heading
    lines = after.partition("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def sections(text: str) -> dict[str, str]:
    """What stands below each heading of the second level, by the name in it."""
    parts = re.split(r"^## `?(.+?)`?$", text, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def names(cell: str) -> list[str]:
    return re.findall("`(.+?)`", cell)
