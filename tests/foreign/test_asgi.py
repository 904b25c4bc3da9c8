"""Uvicorn, async views that take a code, and a streaming response."""

import pytest
from playwright.sync_api import expect

from tests.foreign.sites import PASSWORD, UVICORN, Site, blocks_under, mounting, served
from tests.foreign.walk import visitor, walk

pytestmark = pytest.mark.foreign
SITE = Site("asgi", home="/", home_heading="Reports", sign_out="Sign out", people=("ann", "bob"))
PAGES = {
    "/reports/": "Reports for ",
    "/stream/": "line 2",
    "/status/": '"verified": true',
}


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed):
    blocks = [*mounting(), *blocks_under("docs/how-to/asgi.md")]
    project = SITE.start(tmp_path_factory.mktemp("asgi"), installed(add=("uvicorn",)), blocks)
    project.run("migrate")
    project.run("check", "--fail-level", "ERROR")
    SITE.create_people(project)
    return project


def open_async_pages(one):
    for path, text in PAGES.items():
        one.page.goto(path)
        expect(one.page.locator("body")).to_contain_text(text)
    one.page.goto("/delete/")
    one.see("confirm")
    one.page.get_by_label("Password", exact=True).fill(PASSWORD)
    one.enter("Code", one.backup_codes.pop())
    expect(one.page.locator("body")).to_have_text("Everything is deleted.")


def test_two_factor_authentication_under_asgi(project, javascript):
    with served(project, UVICORN) as origin, visitor(SITE, origin, javascript=javascript) as ann:
        walk(ann, while_on=open_async_pages)
        ann.page.goto("/reports/")
        ann.expect_heading("Scan the QR code")
