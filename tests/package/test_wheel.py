"""What is in the wheel, and what it asks for."""

import json
import re
import tarfile
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.settings import TWOFACTOR_KEYS
from tests.wheel import ROOT, build, metadata

IMPORTS = Path(__file__).with_name("import_everything.py")
API = {"drf_spectacular", "jwt", "rest_framework", "rest_framework_simplejwt"}
SMS = {"phonenumbers", "requests", "twilio"}
PASSKEYS = {"webauthn"}
# Django brings the first one. The others are for sites that have them: they are imported nowhere else.
BROUGHT = {"asgiref", "pytest"}
OF_SITES = {"allauth", "hijack"}


def names_in(wheel: Path) -> set[str]:
    return {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}


def files_of_app() -> set[str]:
    found = {path for path in (ROOT / "twofactor").rglob("*") if path.is_file()}
    return {str(path.relative_to(ROOT)) for path in found if path.suffix not in {".pyc", ".po"}}


def test_it_holds_the_app_with_what_it_shows_and_nothing_else(wheel):
    """No tests, no site, and no .po files, which only translators read."""
    assert names_in(wheel) == files_of_app()


def test_it_can_be_built_from_the_source_distribution(wheel, tmp_path):
    with tarfile.open(build(tmp_path, "sdist")) as archive:
        archive.extractall(tmp_path, filter="data")
    again = build(tmp_path / "again", source=next(tmp_path.glob("*/pyproject.toml")).parent)
    assert names_in(again) == names_in(wheel)


@pytest.fixture(scope="module")
def imports(installed):
    @cache
    def missing_with(*extras):
        """Each module of twofactor, and each package that it imports, with what is missing for it."""
        return json.loads(installed(*extras).python("-W", "error", IMPORTS, *TWOFACTOR_KEYS))

    return missing_with


@pytest.mark.parametrize(
    ("extras", "packages", "rooms"),
    # twilio brings jwt, too.
    [
        ([], API | SMS | PASSKEYS, {"api", "drf"}),
        (["api"], SMS | PASSKEYS, set()),
        (["sms"], API - {"jwt"} | PASSKEYS, {"api", "drf"}),
        (["passkeys"], API | SMS, {"api", "drf"}),
    ],
)
def test_nothing_is_missing_but_what_an_extra_brings(imports, extras, packages, rooms):
    failed = [name.split(".") for name, missing in imports(*extras).items() if missing]
    assert {name[0] for name in failed} - {"twofactor", *BROUGHT, *OF_SITES} == packages
    assert {name[1] for name in failed if name[0] == "twofactor"} - {"pytest_plugin"} == rooms


def test_it_asks_for_what_it_imports_and_nothing_else(imports, wheel):
    packages = [name for name in imports() if not name.startswith("twofactor") and name not in OF_SITES]
    imported = {canonicalize_name(packages_distributions()[name][0]) for name in packages}
    asked = {canonicalize_name(Requirement(line).name) for line in metadata(wheel).requires}
    assert asked == imported - BROUGHT


def test_what_the_package_index_shows_leads_to_files_of_the_source(wheel):
    """There a relative link or picture would lead nowhere."""
    about = metadata(wheel).metadata
    links = re.findall(r'\]\((.+?)\)|(?:href|src|srcset)="(.+?)"', about.get_payload())
    of_source = re.compile(r"Source, (.+)").search("\n".join(about.get_all("Project-URL")))[1]
    in_tree = re.compile(rf"{re.escape(of_source)}/(?:blob|raw)/main/([^#]+)")
    leads_to = {link: in_tree.match(link) for link in map("".join, links)}
    outside = {link for link, found in leads_to.items() if not found}
    assert outside == {"https://htmx.org"}
    assert [link for link, found in leads_to.items() if found and not (ROOT / found[1]).exists()] == []


@pytest.mark.parametrize("version", ["5.2", "6.0", "6.1.3", "7.0"])
def test_it_replaces_no_newer_django(wheel, version):
    django = next(one for one in map(Requirement, metadata(wheel).requires) if one.name == "django")
    assert django.specifier.contains(version)
