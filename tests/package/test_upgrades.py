"""What those who upgrade rely on: migrations that stay as they are, and a changelog with dates."""

import hashlib
import re
import tomllib

from packaging.version import Version

from tests.wheel import ROOT

RECORDED = ROOT / "tests/package/migrations.sha256"
RECORD = "sha256sum */migrations/0*.py > tests/package/migrations.sha256"
EDITED = (
    "A migration that sites have applied must stay as it is: add a new one."
    f" If it is new, or nothing has been released yet, record it: {RECORD}"
)
HEADING = re.compile(r"^## (\S+)(?: - (\d{4}-\d\d-\d\d))?$", re.MULTILINE)
CHANGELOG = (ROOT / "CHANGELOG.md").read_text()


def test_a_migration_is_never_edited():
    """A site that has applied the old one would never get the change."""
    recorded = dict(line.split()[::-1] for line in RECORDED.read_text().splitlines())
    there = {str(path.relative_to(ROOT)): path for path in ROOT.glob("*/migrations/0*.py")}
    found = {name: hashlib.sha256(path.read_bytes()).hexdigest() for name, path in there.items()}
    assert found == recorded, EDITED


def test_each_version_in_the_changelog_has_its_date_and_the_newest_stands_first():
    versions = HEADING.findall(CHANGELOG)
    assert len(versions) == len(re.findall("^## ", CHANGELOG, re.MULTILINE))
    dated = [(Version(version), date) for version, date in versions if version != "Unreleased"]
    assert all(date for _, date in dated)
    assert dated == sorted(dated, reverse=True)


def test_the_version_is_in_the_changelog_or_still_to_come():
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    newest = HEADING.search(CHANGELOG)[1]
    assert newest in ("Unreleased", version)
