"""The base template of a site, and links to its pages. playwright/test_frames.py walks it in a browser."""

import re

import pytest
from django.template import Context, Template

from tests.htmx import HTMX
from tests.twofactor.setup_steps import ADD, CODES, SETUP, confirm_key
from tests.twofactor.test_checks import check_ids
from twofactor.web.frame import policy

BACKUP_CODES = "/two-factor/backup-codes/"


@pytest.fixture
def frame(settings, tmp_path):
    """Call frame(text) to make the text the base template of the site."""

    def make(text):
        (tmp_path / f"{abs(hash(text))}.html").write_text(text)
        settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": [*settings.TEMPLATES[0]["DIRS"], tmp_path]}]
        settings.TWOFACTOR_BASE_TEMPLATE = f"{abs(hash(text))}.html"

    return make


SHOP = (
    "<title>{% block title %}{% endblock %}</title>Shop "
    "{% block main %}{% block content %}{% endblock %}{% endblock %}"
)


def test_a_page_stands_in_the_block_and_its_title_in_the_title(no_factor_client, frame):
    frame(SHOP)
    page = no_factor_client.get("/two-factor/").text
    assert page.startswith("<title>Security – Countersign</title>Shop")
    assert (page.count("<h1"), page.count('id="tf-main"')) == (1, 1)


def test_a_message_is_shown_once_by_us(no_factor_client, frame):
    frame("{% for message in messages %}THEIRS {{ message }}{% endfor %}" + SHOP)
    no_factor_client.post("/two-factor/setup/cancel/")
    page = no_factor_client.get("/two-factor/").text
    assert ("THEIRS" in page, "Setup cancelled." in page) == (False, True)


def test_a_key_stands_in_our_own_frame_with_our_own_policy(no_factor_client, frame):
    frame(SHOP)
    answer = no_factor_client.get(SETUP)
    assert ("Shop" in answer.text, answer.text.count("<script")) == (False, 1)
    assert answer["Content-Security-Policy"] == f"{policy()}; frame-ancestors 'none'"
    assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store, private", "same-origin")


def test_who_must_set_up_can_sign_out_of_our_own_frame(no_factor_client, frame, settings):
    frame(SHOP)
    offered = [no_factor_client.get(SETUP).text]
    settings.TWOFACTOR_REQUIRED_FOR = "everyone"
    offered.append(no_factor_client.get(SETUP).text)
    settings.TWOFACTOR_LINKS = {"sign_out": ""}
    offered.append(no_factor_client.get(SETUP).text)
    assert ["Cancel setup" in page for page in offered] == [True, False, True]
    assert ['action="/accounts/logout/"' in page for page in offered] == [False, True, False]


@pytest.mark.parametrize("headers", [HTMX, {"Sec-Fetch-Dest": "empty"}, {"Sec-Fetch-Dest": "iframe"}])
def test_no_script_of_a_site_gets_a_key(no_factor_client, frame, headers):
    frame(SHOP)
    for ask in (no_factor_client.get, no_factor_client.post):
        answer = ask(SETUP, headers=headers)
        assert (answer["HX-Redirect"], answer.content) == (SETUP, b"")


@pytest.mark.parametrize("page", [BACKUP_CODES, ADD])
def test_no_form_that_htmx_sends_is_answered_with_a_key_or_codes(signed_in_client, frame, page):
    frame(SHOP)
    signed_in_client.post(page)  # in another tab
    answer = signed_in_client.post(page, headers=HTMX)
    assert (answer["HX-Redirect"], answer.content) == (page, b"")


def test_no_refused_step_of_setup_is_answered_with_codes(no_factor_client, frame):
    frame(SHOP)
    confirm_key(no_factor_client)
    answer = no_factor_client.post(CODES, headers=HTMX)
    assert (answer["HX-Redirect"], answer.content) == (CODES, b"")


def test_a_browser_gets_the_document_with_a_key(no_factor_client, frame):
    frame(SHOP)
    assert "<svg" in no_factor_client.get(SETUP, headers={"Sec-Fetch-Dest": "document"}).text


def test_in_our_own_frame_htmx_swaps_the_page_with_a_key(no_factor_client):
    assert "<svg" in no_factor_client.get(SETUP, headers={**HTMX, "Sec-Fetch-Dest": "empty"}).text


def test_a_policy_names_the_host_of_the_static_files(settings):
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage",
            "OPTIONS": {"base_url": "https://cdn.example.com/static/"},
        },
    }
    assert "script-src https://cdn.example.com;" in policy()


@pytest.mark.parametrize(
    ("text", "block", "named"),
    [
        (SHOP, "content", False),
        (SHOP, "body", True),
        ("{% block content", "content", True),
        ('{% extends "twofactor/layout/page.html" %}', "main", False),
    ],
)
def test_a_block_that_is_not_there_is_named(settings, frame, text, block, named):
    frame(text)
    settings.TWOFACTOR_BASE_BLOCK = block
    assert ("twofactor.E022" in check_ids()) is named


def test_class_names_of_the_site_are_used_in_its_frame_only(no_factor_client, frame, settings):
    settings.TWOFACTOR_CSS_CLASSES = {"primary": "btn"}
    own = no_factor_client.get("/two-factor/").text
    frame(SHOP)
    theirs = no_factor_client.get("/two-factor/").text
    assert ('class="button primary"' in own, 'class="button primary btn"' in theirs) == (True, True)


def test_a_list_to_choose_from_has_a_class_name_of_its_own(signed_in_client, frame, settings):
    frame(SHOP)
    settings.TWOFACTOR_CSS_CLASSES = "bootstrap"
    page = signed_in_client.get("/two-factor/activity/").text
    assert re.findall(r"<(input|select)[^>]* class=\"([^\"]*)\"", page) == [
        ("select", "form-select"),
        ("input", "form-control"),
    ]


LINK = Template('{% load two_factor %}{% link_to "help" %}|{% absolute_link_to "help" %}')


@pytest.mark.parametrize(
    ("links", "shown"),
    [
        ({}, "/help/|http://testserver/help/"),
        ({"help": "login"}, "/accounts/login/|http://testserver/accounts/login/"),
        ({"help": "https://help.example.com/"}, "https://help.example.com/|https://help.example.com/"),
        ({"help": ""}, "|"),
        ({"help": "no_such_name"}, "|"),
    ],
)
def test_a_link_leads_where_the_site_says(settings, links, shown):
    settings.TWOFACTOR_LINKS = links
    assert LINK.render(Context()) == shown
    assert ("twofactor.W006" in check_ids()) is ("no_such_name" in links.values())
