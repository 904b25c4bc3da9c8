"""A shop in Bootstrap 5: its own user model, login view and htmx, and an API with Django REST framework."""

import shutil
from base64 import b64encode
from importlib.metadata import distribution
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from tests.foreign.sites import PASSWORD, RUNSERVER, Site, blocks_under, mounting, served
from tests.foreign.walk import visitor, walk

SITE = Site(
    "bootstrap",
    home="/",
    home_heading="Your orders",
    sign_out="Sign out",
    people=("ann@example.com", "bob@example.com"),
)
BOOTSTRAP = "mkdocs/themes/mkdocs/css/bootstrap.min.css"  # MkDocs has it, so nobody has to fetch it
API = blocks_under("docs/how-to/drf.md", "Sessions", "Basic authentication")
FRAME = blocks_under("docs/how-to/frame.md", "Bootstrap")


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed):
    environment = installed(add=("djangorestframework",))
    project = SITE.start(tmp_path_factory.mktemp("bootstrap"), environment, [*mounting(), *FRAME, *API])
    (project.folder / "static").mkdir()
    shutil.copy(distribution("mkdocs").locate_file(BOOTSTRAP), project.folder / "static")
    project.run("makemigrations", "shop")
    project.run("migrate")
    project.run("check", "--fail-level", "ERROR")
    SITE.create_people(project)
    return project


def status_with_password_alone(one):
    """Of the API, for a program that sends name and password."""
    credentials = b64encode(f"{one.name}:{PASSWORD}".encode()).decode()
    address = one.page.url.removesuffix("/") + "/api/orders/"
    try:
        with urlopen(Request(address, headers={"Authorization": f"Basic {credentials}"})) as answer:  # noqa: S310
            return answer.status
    except HTTPError as refusal:
        return refusal.code


def use_the_api(one):
    assert status_with_password_alone(one) == 403
    one.page.goto("/api/invoices/")
    expect(one.page.locator("body")).to_contain_text('"invoices": []')


def test_two_factor_authentication_in_a_shop_with_bootstrap(project, javascript):
    with served(project, RUNSERVER) as origin, visitor(SITE, origin, javascript=javascript) as ann:
        walk(ann, while_on=use_the_api)
        ann.page.goto("/")
        assert status_with_password_alone(ann) == 200
