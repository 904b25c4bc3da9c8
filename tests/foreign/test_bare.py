"""What startproject makes, and README's lines. People sign in at the admin, or at a page with passkeys."""

import pytest

from tests.foreign.sites import RUNSERVER, Site, blocks_under, mounting, served
from tests.foreign.walk import (
    Laptop,
    add_a_passkey,
    sign_in_with_password_and_passkey,
    sign_in_with_the_passkey,
    visitor,
    walk,
)

SITE = Site(
    "bare",
    home="/admin/",
    home_heading="Site administration",
    sign_out="Log out",
    people=("ann", "bob"),
)
SIGN_IN_PAGE = blocks_under("docs/how-to/passkeys.md", "Your own sign-in page")
ITS_SETTINGS = """
import os
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
TWOFACTOR_BASE_URL = os.environ.get("ORIGIN", "http://localhost:8000")
"""
ITS_URL = """
urlpatterns += [path("accounts/", include("django.contrib.auth.urls"))]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed):
    project = SITE.start(tmp_path_factory.mktemp("bare"), installed(), mounting())
    project.run("migrate")
    project.run("check", "--fail-level", "ERROR")
    SITE.create_people(project)
    return project


def test_two_factor_authentication_in_a_bare_site(project, javascript):
    with served(project, RUNSERVER) as origin, visitor(SITE, origin, javascript=javascript) as ann:
        walk(ann)


@pytest.fixture
def with_passkeys(tmp_path, installed):
    """And the sign-in page of the documentation, beside that of the admin."""
    project = SITE.start(tmp_path, installed("passkeys"), [*mounting(), *SIGN_IN_PAGE])
    project.append("mysite/settings.py", ITS_SETTINGS)
    project.append("mysite/urls.py", ITS_URL)
    project.run("migrate")
    project.run("check", "--fail-level", "ERROR")
    SITE.create_people(project)
    return project


def test_passkeys_in_a_bare_site(with_passkeys):
    with served(with_passkeys, RUNSERVER) as origin, visitor(SITE, origin, javascript=True) as bob:
        laptop = Laptop(bob.page)
        bob.give_password()
        add_a_passkey(bob, laptop)
        bob.sign_out()
        sign_in_with_the_passkey(bob, laptop, f"/accounts/login/?next={SITE.home}")
        bob.sign_out()
        sign_in_with_password_and_passkey(bob, laptop)
