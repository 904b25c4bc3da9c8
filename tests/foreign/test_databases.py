"""People in a second database, sessions in a cache as well, ATOMIC_REQUESTS, and two workers of gunicorn."""

import pytest

from tests.foreign.sites import GUNICORN, Site, blocks_under, mounting, served
from tests.foreign.walk import visitor, walk

pytestmark = pytest.mark.foreign
SITE = Site("databases", home="/", home_heading="Shop", sign_out="Sign out", people=("ann", "bob"))


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed):
    blocks = [*mounting(), *blocks_under("docs/how-to/databases.md", "Several databases")]
    project = SITE.start(tmp_path_factory.mktemp("databases"), installed(add=("gunicorn",)), blocks)
    project.run("makemigrations", "shop")
    for database in ("default", "people"):
        project.run("migrate", "--database", database)
    project.run("check", "--fail-level", "ERROR", "--database", "default", "--database", "people")
    SITE.create_people(project, "--database", "people")
    return project


def test_two_factor_authentication_with_people_in_a_second_database(project, javascript):
    with served(project, GUNICORN) as origin, visitor(SITE, origin, javascript=javascript) as ann:
        walk(ann)
