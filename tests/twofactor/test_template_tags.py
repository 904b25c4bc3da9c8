"""The tag {% keep %}: what is the same on every page is rendered once, and not stored in the site's cache."""

from datetime import timedelta

import pytest
from django.template import Context, Template
from django.test import Client

FILES = "django.core.cache.backends.filebased.FileBasedCache"


@pytest.fixture
def render():
    """Render the tag for a language; its content counts how often it is rendered."""
    template = Template("{% load two_factor %}{% keep language %}{{ draw }}{% endkeep %}")
    times = []

    def draw():
        times.append(1)
        return f"text {len(times)}"

    return lambda language: template.render(Context({"language": language, "draw": draw}))


@pytest.mark.django_db
def test_a_page_puts_nothing_into_the_cache_of_the_site(settings, tmp_path):
    """The cache may outlive a release, and would name static files of the old one."""
    settings.CACHES = {"default": {"BACKEND": FILES, "LOCATION": tmp_path}}
    assert "/static/twofactor/app" in Client().get("/accounts/login/").text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.django_db
def test_a_page_is_shown_when_the_cache_of_the_site_is_away(settings, tmp_path):
    (tmp_path / "file").touch()
    settings.CACHES = {"default": {"BACKEND": FILES, "LOCATION": tmp_path / "file" / "folder"}}
    assert Client().get("/accounts/login/").status_code == 200


def test_a_kept_part_is_rendered_once(clock, render):
    assert [render("en"), render("en")] == ["text 1", "text 1"]


def test_each_language_has_its_own(clock, render):
    assert [render("en"), render("de"), render("en")] == ["text 1", "text 2", "text 1"]


def test_a_kept_part_is_rendered_again_after_a_minute(clock, render):
    render("en")
    clock.shift(timedelta(seconds=61))
    assert render("en") == "text 2"


@pytest.mark.django_db
def test_a_page_is_in_the_language_that_was_asked_for():
    texts = [Client(headers={"Accept-Language": tag}).get("/accounts/login/").text for tag in ("de", "fr")]
    assert ['lang="de" selected' in text for text in texts] == [True, False]
