"""The pages to look things up in have what the code has, and nothing that it has not."""

import os
import re
import subprocess
import sys

from config import environment
from tests.docs.blocks import ROOT, names, table
from tests.docs.projects import OURS
from twofactor.factors import methods
from twofactor.signin.session import HELD, NONE, TRUSTED, is_factor
from twofactor.urls import PAGES as URLS

CHECKS_PAGE = "docs/reference/checks.md"
SITE_PAGE = "docs/how-to/the-site.md"
# What a browser fetches by itself: scripts, styles, pictures, fonts.
LOADS = re.compile(r"<(?:script|img|link)\b[^>]*?(?:src|href)=\"?([^\"\s>]+)")
LOADS_IN_CSS = re.compile(r"url\([\"']?(?!data:)([^)\"']+)")


def test_every_check_is_explained():
    sources = [ROOT / "twofactor/conf.py", *(ROOT / "twofactor/checks").glob("*.py")]
    in_code = {found for file in sources for found in re.findall(r"twofactor\.[EWI]\d{3}", file.read_text())}
    page = (ROOT / CHECKS_PAGE).read_text()
    assert set(re.findall(r"^\| `(twofactor\.[EWI]\d{3})` \|", page, re.MULTILINE)) == in_code


def test_every_check_has_a_remedy():
    rows = re.findall(r"^\| `twofactor.*?\|(.*?)\|(.*)\|$", (ROOT / CHECKS_PAGE).read_text(), re.MULTILINE)
    assert all(found.strip() and remedy.strip() for found, remedy in rows)


def test_every_url_is_named():
    rows = table("docs/reference/urls.md", "address")
    told = {name.strip("`"): address.strip("`") for address, name in rows.items()}
    assert told == {f"twofactor:{name}": route or "(nothing)" for route, _view, name in URLS}


def test_every_variable_of_the_site_is_named():
    page = (ROOT / SITE_PAGE).read_text()
    rows = page.partition("\n| variable |")[2].partition("\n\n")[0]
    assert environment.names_read - names(rows) == set()
    read = "".join(file.read_text() for file in (ROOT / "config").glob("*.py"))
    first_cells = {name for row in rows.splitlines()[2:] for name in names(row.split(" | ")[0])}
    assert {name for name in first_cells if f'"{name}"' not in read} == set()


def test_every_method_of_a_session_is_explained():
    page = (ROOT / "docs/explanation/sessions.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| .+? \| (yes|no) \|$", page, re.MULTILINE)
    every = {NONE, TRUSTED, HELD, *methods.FACTORS, *methods.SENT, *methods.CONFIRMING}
    assert dict(rows) == {method: "yes" if is_factor(method) else "no" for method in every}


def versions(topic: str) -> list[str]:
    start = f"{topic} :: "
    return re.findall(rf"{re.escape(start)}(\d\.\d+)", "\n".join(OURS["classifiers"]))


def test_the_supported_versions_are_those_of_the_package():
    for page, heading in {"docs/index.md": "\n| | |\n|---|---|\n| Python", "SECURITY.md": "| Django"}.items():
        text = (ROOT / page).read_text()
        rows = text[text.index(heading) :].partition("\n\n")[0]
        for topic, name in {
            "Framework :: Django": "Django",
            "Programming Language :: Python": "Python",
        }.items():
            row = re.search(rf"\| {name} \| (.+?)[;(|]", rows)[1]
            assert re.findall(r"\d\.\d+", row) == versions(topic), (page, name)


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 150


def test_every_link_of_the_readme_leads_somewhere():
    """MkDocs looks at those of docs/ only."""
    for page in ROOT.glob("*.md"):
        links = re.findall(r"\]\(([^)#]+)", page.read_text()) + re.findall(
            r'src\w*="(.+?)"', page.read_text()
        )
        missing = [link for link in links if "://" not in link and not (ROOT / link).exists()]
        assert missing == [], page


def test_the_built_pages_load_nothing_from_another_site(tmp_path):
    mkdocs = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path]
    subprocess.run(mkdocs, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, check=True)
    loaded = [
        address
        for pattern, loads in {"*.html": LOADS, "*.css": LOADS_IN_CSS}.items()
        for file in tmp_path.rglob(pattern)
        for address in loads.findall(file.read_text())
    ]
    assert loaded
    assert [address for address in loaded if "//" in address] == []
