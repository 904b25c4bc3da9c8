"""The code blocks of the documentation, and where each belongs.

A block whose first line is a comment with a file name belongs into that file of a project. Others show by
themselves what they are: settings, URLs, a template, or a module to import. What cannot be run has a comment
before it that says why: <!-- not run: it needs a browser -->
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("docs/**/*.md"), *ROOT.glob("*.md")])
FENCE = re.compile(
    r"(?:^ *<!-- not run: (?P<why>.+?) -->\n)?"
    r"^(?P<indent> *)```(?P<head>[^`\n]*)\n(?P<text>.*?)^(?P=indent)```$",
    re.MULTILINE | re.DOTALL,
)
FILE = re.compile(r"(?:#|{#) ([\w/.-]+\.(?:py|html|txt))(?: #})?\n")
SHELL = {"sh", "console"}
TEMPLATE = {"html", "django"}
OTHERS = {"text", "ini", "nginx", "yaml", "json", "toml", "css", "xml", "http", "sql"}
EXECUTED = {"python", *SHELL, *TEMPLATE}


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    heading: str
    language: str
    text: str
    why_not: str | None

    @property
    def file(self) -> str:
        """Of the project, where it belongs; empty for a module of its own or a part of a template."""
        if named := FILE.match(self.text):
            return named[1]
        if self.language != "python":
            return ""
        tree = ast.parse(self.text)
        if any(name == "urlpatterns" for name in assigned(tree)):
            return "urls.py"
        only_settings = all(isinstance(part, ASSIGNMENTS | IMPORTS) for part in tree.body)
        return "settings.py" if only_settings and any(map(str.isupper, assigned(tree))) else ""

    @property
    def commands(self) -> list[str]:
        """Of a block for the shell. In a console block only lines with a prompt are commands."""
        lines = self.text.replace("\\\n", " ").splitlines()
        if self.language == "console":
            lines = [line[2:] for line in lines if line.startswith("$ ")]
        return [line for line in lines if line.strip() and not line.startswith("#")]


ASSIGNMENTS = ast.Assign | ast.AugAssign | ast.AnnAssign
IMPORTS = ast.Import | ast.ImportFrom


def assigned(tree: ast.Module) -> list[str]:
    """The names that the statements assign to, also through an index or attribute."""
    parts = [part for part in tree.body if isinstance(part, ASSIGNMENTS)]
    targets = [target for part in parts for target in getattr(part, "targets", None) or [part.target]]
    return [name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name)]


def blocks_of(page: Path) -> list[Block]:
    text = page.read_text()
    found = []
    for match in FENCE.finditer(text):
        before = text[: match.start("head")]
        headings = re.findall(r"^#+ (.+)$", re.sub(r"```.*?```", "", before, flags=re.DOTALL), re.MULTILINE)
        language = match["head"].split(" ")[0]
        body = dedent(match["text"])
        line = before.count("\n") + 1
        found.append(Block(page, line, headings[-1] if headings else "", language, body, match["why"]))
    return found


BLOCKS = [block for page in PAGES for block in blocks_of(page)]


def table(page: str, first_heading: str) -> dict[str, str]:
    """Of the table with this heading above its first column: the first two cells of each row."""
    text = (ROOT / page).read_text()
    rows = text.partition(f"\n| {first_heading} |")[2].partition("\n\n")[0]
    return dict(re.findall(r"^\| (.+?) \| (.+?) \|", rows, re.MULTILINE))


def names(cell: str) -> set[str]:
    return set(re.findall("`(.+?)`", cell))
