"""People who enrolled with django-two-factor-auth's own wizard; then the page that leads here is followed."""

import pytest

from tests.docs.blocks import blocks_of
from tests.docs.two_factor_auth import APPS, PAGE, URLS, follow, take_out
from tests.foreign.sites import PASSWORD, RUNSERVER, Site, mounting, served
from tests.foreign.walk import (
    Phone,
    look_around,
    sign_in_with_a_backup_code,
    sign_in_with_the_app,
    turn_off,
    visitor,
)

pytestmark = pytest.mark.foreign
SITE = Site("moving", home="/", home_heading="Home", sign_out="Sign out", people=("ann", "bob"))


def enrol_there(one):
    page = one.page
    page.goto("/account/login/")
    page.locator("[name=auth-username]").fill(one.name)
    page.locator("[name=auth-password]").fill(PASSWORD)
    one.press("Next")
    page.goto("/account/two_factor/setup/")
    one.press("Next")
    one.see("their-wizard")
    one.phone = Phone(page.locator("a[href^=otpauth]").text_content())
    page.locator("[name=generator-token]").fill(one.phone.code())
    one.press("Next")
    page.goto("/account/two_factor/backup/tokens/")
    one.press("Generate Tokens")
    one.backup_codes = page.get_by_role("listitem").all_text_contents()
    one.see("their-tokens")


@pytest.fixture(scope="module")
def moved(tmp_path_factory, installed):
    """The project, after django-two-factor-auth was uninstalled, and what people have from there."""
    there = installed("sms", add=("django-two-factor-auth",))
    project = SITE.start(tmp_path_factory.mktemp("moving"), there, [])
    project.append("mysite/settings.py", APPS)
    project.append("mysite/urls.py", URLS)
    project.run("migrate")
    SITE.create_people(project)
    enrolled = {}
    with served(project, RUNSERVER) as origin:
        for javascript in (True, False):
            with visitor(SITE, origin, javascript=javascript) as one:
                enrol_there(one)
                enrolled[one.name] = one.phone, one.backup_codes, one.seen
    follow(project, [*mounting(), *blocks_of(PAGE)])
    take_out(project)
    project.python = installed().executable
    project.run("check", "--fail-level", "ERROR")
    return project, enrolled


def test_people_from_django_two_factor_auth_sign_in_with_what_they_have(moved, javascript):
    project, enrolled = moved
    with served(project, RUNSERVER) as origin, visitor(SITE, origin, javascript=javascript) as ann:
        ann.phone, ann.backup_codes, ann.seen = enrolled[ann.name]
        sign_in_with_the_app(ann)
        ann.sign_out()
        sign_in_with_a_backup_code(ann)
        look_around(ann)
        turn_off(ann)
