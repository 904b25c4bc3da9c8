"""What startproject makes, and README's lines. People sign in at the admin."""

import pytest

from tests.foreign.sites import RUNSERVER, Site, mounting, served
from tests.foreign.walk import visitor, walk

SITE = Site(
    "bare",
    home="/admin/",
    home_heading="Site administration",
    sign_out="Log out",
    people=("ann", "bob"),
)


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
