"""Accounts by email address at django-allauth's own pages, and its headless client for apps."""

import json
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import expect

from tests.foreign.sites import PASSWORD, RUNSERVER, Site, blocks_under, mounting, served
from tests.foreign.walk import set_up, visitor, walk

pytestmark = pytest.mark.foreign
SITE = Site(
    "allauth",
    home="/",
    home_heading="Home",
    sign_out="Sign out",
    people=("ann@example.com", "bob@example.com"),
)
PACKAGES = ["django-allauth[headless,socialaccount]"]
ALLAUTH = blocks_under("docs/how-to/allauth.md", "django-allauth")
CONFIRMED_ADDRESS = blocks_under("docs/how-to/sso.md", "The confirmed address")[0]
APP_SIGN_IN = "/_allauth/app/v1/auth/login"


@pytest.fixture
def project(tmp_path, installed):
    project = SITE.start(tmp_path, installed(add=PACKAGES), [*mounting(), *ALLAUTH, CONFIRMED_ADDRESS])
    project.run("migrate")
    project.run("check", "--fail-level", "ERROR")
    SITE.create_people(project)
    script = Path(__file__).with_name("confirm_addresses.py").read_text()
    project.run("shell", "--no-imports", text=script)
    return project


def sign_in_as_app(origin, email):
    data = json.dumps({"email": email, "password": PASSWORD}).encode()
    try:
        with urlopen(Request(origin + APP_SIGN_IN, data, {"Content-Type": "application/json"})) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except HTTPError as refusal:
        return refusal.code, refusal.read().decode()


def look_for_the_confirmed_address(one):
    one.page.goto("/two-factor/")
    expect(one.page.get_by_text("We can send codes to")).to_be_visible()


def test_two_factor_authentication_with_the_pages_of_allauth(project, javascript):
    with served(project, RUNSERVER) as origin, visitor(SITE, origin, javascript=javascript) as ann:
        walk(ann, while_on=look_for_the_confirmed_address)


def test_an_app_does_not_sign_in_with_the_password_alone(project):
    with served(project, RUNSERVER) as origin, visitor(SITE, origin, javascript=False) as ann:
        assert sign_in_as_app(origin, ann.name)[0] == 200
        ann.give_password()
        set_up(ann)
        status, text = sign_in_as_app(origin, ann.name)
        assert (status, "second_factor_needed" in text) == (403, True)
