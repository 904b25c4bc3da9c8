"""htmx gets a part of a page, everyone else a whole one, and some redirects load a new document."""

import json
import re
from html import unescape
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import django_htmx
import pytest
import time_machine
from django.contrib.staticfiles.finders import find
from django.test import Client
from django.urls import reverse

from tests.people import NOW, PASSWORD, enrol, give_password, person, sign_in
from twofactor.sessions.contents import longest_idle
from twofactor.web.htmx import HTMX_CONFIG

pytestmark = pytest.mark.django_db
FOR_ALL = ["home", "help", "login", "signup", "signup_sent", "password_reset", "password_reset_done"]
BEHIND = ["profile", "email_change", "password_change", "twofactor:settings"]
PAGES = pytest.mark.parametrize("name", [*FOR_ALL, *BEHIND])


@pytest.fixture
def visitor(client, alice, request):
    """A browser that is signed in, except for the pages that are for people who are not."""
    if request.getfixturevalue("name") in {"home", *BEHIND}:
        give_password(client)
        client.post("/two-factor/confirm/", {"password": PASSWORD})
    return client


def plain_next(response):
    return parse_qs(urlsplit(response["HX-Redirect"]).query)["next"]


# A part or a page


@pytest.mark.proves("3.2.1")
@PAGES
def test_a_browser_gets_a_whole_document(visitor, name):
    page = visitor.get(reverse(name)).text
    assert (page.startswith("<!doctype html>"), page.count('<main id="tf-main"')) == (True, 1)


@PAGES
def test_htmx_gets_what_stands_in_main(visitor, htmx, name):
    part = visitor.get(reverse(name), headers=htmx()).text
    assert [tag for tag in ("<!doctype", "<html", "<body", "<main", "<nav", "<script") if tag in part] == []


@PAGES
def test_the_part_and_the_page_are_the_same_panel(visitor, htmx, panel, name):
    page, part = visitor.get(reverse(name)), visitor.get(reverse(name), headers=htmx())
    assert panel(part).endswith(panel(page))


@PAGES
def test_a_part_brings_the_title_of_its_page(visitor, htmx, name):
    page, part = visitor.get(reverse(name)), visitor.get(reverse(name), headers=htmx())
    titles = [re.search("<title>.*?</title>", answer.text)[0] for answer in (page, part)]
    assert titles[0] == titles[1] != "<title> – Countersign</title>"


@pytest.mark.proves("H-02")
@PAGES
def test_history_gets_a_whole_document(visitor, htmx, name):
    page = visitor.get(reverse(name), headers=htmx(**{"HX-History-Restore-Request": "true"}))
    assert page.content.startswith(b"<!doctype html>")


@pytest.mark.proves("14.2.2", "H-02")
@PAGES
@pytest.mark.parametrize("mode", ["page", "htmx"])
def test_a_page_is_never_stored_and_varies_with_htmx(visitor, htmx, name, mode):
    response = visitor.get(reverse(name), headers=htmx() if mode == "htmx" else {})
    assert {"no-store", "private"} <= set(response["Cache-Control"].split(", "))
    assert "HX-Request" in response["Vary"]


@pytest.mark.parametrize("path", ["/accounts/profile/", "/no-such-page/", "/admin/", "/healthz/live"])
@pytest.mark.parametrize("mode", ["page", "htmx"])
def test_of_redirects_and_pages_of_others_only_those_for_htmx_vary(client, htmx, path, mode):
    """So that public pages of a site stay in shared caches."""
    response = client.get(path, headers=htmx() if mode == "htmx" else {})
    varies = "HX-Request" in response.headers.get("Vary", "")
    assert (varies, "no-store" in response["Cache-Control"]) == (mode == "htmx", True)


@pytest.mark.parametrize("value", ["false", "1", "TRUE", ""])
def test_only_the_word_true_asks_for_a_part(client, value):
    assert client.get("/help/", headers={"HX-Request": value}).content.startswith(b"<!doctype html>")


@pytest.mark.proves("7.4.4")
@pytest.mark.parametrize("name", BEHIND)
def test_every_page_behind_sign_in_offers_to_sign_out(visitor, name):
    assert 'action="/accounts/logout/"' in visitor.get(reverse(name)).text


# A refused form


REFUSED = pytest.mark.parametrize("name", ["login", "signup", "password_reset"])


@REFUSED
def test_a_refused_form_is_422_in_both_modes(client, htmx, name):
    answers = client.post(reverse(name)), client.post(reverse(name), headers=htmx())
    assert [answer.status_code for answer in answers] == [422, 422]


@REFUSED
def test_a_refused_form_is_the_same_panel_in_both_modes(client, htmx, panel, name):
    page, part = client.post(reverse(name)), client.post(reverse(name), headers=htmx())
    assert panel(part).endswith(panel(page))


@REFUSED
def test_a_refused_form_is_no_step_in_the_history(client, htmx, name):
    assert client.post(reverse(name), headers=htmx())["HX-Push-Url"] == "false"


@pytest.mark.parametrize("path", ["/no-such-page/", "/two-factor/browsers/1/forget/"])
def test_no_error_is_a_step_in_the_history(client, htmx, alice, path):
    """The URL of a form without a page of its own cannot show what was refused."""
    give_password(client)
    page = "http://testserver/two-factor/devices/"
    answer = client.post(path, headers=htmx(**{"HX-Current-URL": page}))
    assert (answer.status_code >= 400, answer["HX-Push-Url"]) == (True, "false")


def test_a_form_of_another_tab_is_no_step_in_the_history(alice, htmx):
    answer = Client(enforce_csrf_checks=True).post("/accounts/login/", headers=htmx())
    assert (answer.status_code, answer["HX-Push-Url"]) == (403, "false")


def test_an_error_that_shows_another_page_has_its_address(client, htmx, alice):
    give_password(client)
    here = {"HX-Current-URL": "http://testserver/two-factor/disable/"}
    answer = client.post("/two-factor/disable/", {"password": PASSWORD}, headers=htmx(**here))
    assert (answer.status_code, answer["HX-Push-Url"]) == (409, "/two-factor/")


@pytest.mark.parametrize(
    "path", ["/two-factor/nudge/dismiss/", "/two-factor/sessions/end/", "/accounts/profile/"]
)
def test_a_plain_form_of_an_ended_session_leads_back_to_its_page(client, path):
    answer = client.post(path, headers={"Referer": "http://testserver/?tab=1"})
    assert answer.url == "/accounts/login/?next=%2F%3Ftab%3D1"


@pytest.mark.parametrize(
    "page", ["", "https://evil.example/", "http://testserver//evil.example/", "http://["]
)
def test_without_a_page_of_ours_it_leads_to_what_was_asked_for(client, page):
    answer = client.post("/accounts/profile/", headers={"Referer": page})
    assert answer.url == "/accounts/login/?next=%2Faccounts%2Fprofile%2F"


@REFUSED
def test_without_htmx_a_refused_form_says_nothing_about_history(client, name):
    assert "HX-Push-Url" not in client.post(reverse(name))


@REFUSED
def test_the_title_of_a_refused_form_begins_with_error(client, htmx, name):
    assert b"<title>Error: " in client.post(reverse(name), headers=htmx()).content


# Where a form leads


def test_a_step_inside_a_flow_stays_a_plain_redirect(client, htmx):
    data = {"email": "new@example.com", "password": PASSWORD}
    response = client.post("/accounts/signup/", data, headers=htmx("/accounts/signup/"))
    assert (response.status_code, "HX-Redirect" in response) == (303, False)


def test_from_the_password_to_the_code_stays_a_plain_redirect(client, alice, htmx):
    enrol(alice)
    data = {"username": alice.email, "password": PASSWORD}
    response = client.post("/accounts/login/", data, headers=htmx("/accounts/login/"))
    assert (response.status_code, response.get("Location")) == (303, "/two-factor/verify/")


@pytest.mark.proves("H-05")
def test_signing_in_loads_a_new_document(client, alice, htmx):
    data = {"username": alice.email, "password": PASSWORD, "next": "/accounts/profile/"}
    response = client.post("/accounts/login/", data, headers=htmx("/accounts/login/"))
    assert (response.status_code, response.get("HX-Redirect")) == (200, "/accounts/profile/")


def test_a_navigation_keeps_the_cookies_of_the_answer(client, alice, htmx):
    data = {"username": alice.email, "password": PASSWORD}
    client.post("/accounts/login/", data, headers=htmx("/accounts/login/"))
    assert client.get("/accounts/profile/").status_code == 200


def test_a_navigation_is_empty_and_no_redirect(client, alice, htmx):
    data = {"username": alice.email, "password": PASSWORD}
    response = client.post("/accounts/login/", data, headers=htmx("/accounts/login/"))
    assert (response.content, "Location" in response) == (b"", False)


def test_the_code_loads_a_new_document(client, alice, htmx):
    phone = enrol(alice)
    give_password(client)
    response = client.post("/two-factor/verify/", {"code": phone.code()}, headers=htmx("/two-factor/verify/"))
    assert response["HX-Redirect"] == "/"


def test_signing_out_loads_a_new_document(as_alice, htmx):
    assert as_alice.post("/accounts/logout/", headers=htmx())["HX-Redirect"] == "/accounts/login/"


def test_a_changed_password_is_shown_in_place(as_alice, htmx):
    new = "a quiet green harbour"
    data = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    response = as_alice.post("/accounts/password_change/", data, headers=htmx())
    assert (response.status_code, "HX-Redirect" in response) == (302, False)


def test_the_form_that_chooses_the_language_loads_a_new_document(as_alice):
    page = as_alice.get("/accounts/profile/").text
    form = re.search('<form[^>]*action="/accounts/profile/"[^>]*>', page)[0]
    assert "hx-" not in form


def test_someone_elses_layout_is_loaded_as_a_document(client, htmx):
    root = person("root@example.com", is_staff=True, is_superuser=True)
    sign_in(client, enrol(root), root.email)
    response = client.get("/admin/accounts/user/?q=a%20b", headers=htmx())
    assert (response.content, response["HX-Redirect"]) == (b"", "/admin/accounts/user/?q=a%20b")


# Someone else has signed in, in another tab


def headers_of(page):
    """The headers that htmx sends with each request of this document."""
    return json.loads(unescape(re.search(r'<body[^>]* hx-headers="(.*?)">', page)[1]))


@pytest.fixture
def tab(as_alice, htmx):
    """Alice's settings page, opened before Bob signed in: sends requests as htmx does."""
    document = headers_of(as_alice.get("/two-factor/").text)
    as_alice.post("/accounts/logout/")
    person("bob@example.com")
    give_password(as_alice, "bob@example.com")
    return lambda path: as_alice.get(path, headers=htmx("/two-factor/?tab=1#main", **document))


def test_a_link_in_the_tab_of_someone_else_loads_a_new_document(tab):
    answer = tab("/two-factor/setup/?next=/")
    assert (answer.status_code, answer["HX-Redirect"]) == (200, "/two-factor/setup/?next=/")


def test_a_part_in_the_tab_of_someone_else_loads_its_whole_page(tab):
    assert tab("/two-factor/?seen=1")["HX-Redirect"] == "/two-factor/?tab=1"


def test_a_page_from_before_someone_signed_in_loads_a_new_document(client, alice, htmx):
    document = headers_of(client.get("/accounts/login/").text)
    give_password(client)
    answer = client.get("/two-factor/setup/", headers=htmx("/accounts/login/", **document))
    assert answer["HX-Redirect"] == "/two-factor/setup/"


def test_a_link_in_ones_own_tab_is_answered_with_a_part(as_alice, htmx):
    document = headers_of(as_alice.get("/two-factor/").text)
    answer = as_alice.get("/two-factor/setup/", headers=htmx("/two-factor/", **document))
    assert ("HX-Redirect" in answer, "<title>" in answer.text) == (False, True)


def test_the_form_of_someone_elses_tab_is_still_told_that_it_is_out_of_date(alice, htmx):
    browser = Client(enforce_csrf_checks=True)
    answer = browser.post("/accounts/profile/", headers=htmx(**{"X-Page-Of": "7"}))
    assert (answer.status_code, "HX-Redirect" in answer) == (403, False)


# The session is over


@pytest.mark.proves("H-04")
def test_a_lost_session_leads_to_sign_in_and_back_to_the_page(client, htmx):
    response = client.get("/accounts/password_change/", headers=htmx("/accounts/profile/?tab=2"))
    assert (response.status_code, response["HX-Redirect"].partition("?")[0]) == (200, "/accounts/login/")
    assert plain_next(response) == ["/accounts/profile/?tab=2"]


def test_a_lost_session_leads_a_form_back_to_its_page_too(client, htmx):
    response = client.post("/accounts/email/change/", headers=htmx("/accounts/email/change/"))
    assert plain_next(response) == ["/accounts/email/change/"]


def test_a_lost_session_is_told_once(client, htmx):
    to = client.get("/accounts/profile/", headers=htmx())["HX-Redirect"]
    pages = [client.get(to).text for _ in range(2)]
    assert [page.count("You were signed out.") for page in pages] == [1, 0]


def test_a_form_without_htmx_is_told_of_a_lost_session_too(client, db):
    page = client.post("/accounts/profile/", {"name": "Alice"}, follow=True).content.decode()
    assert page.count("You were signed out. Sign in to continue.") == 1


def test_a_link_without_htmx_is_not(client, db):
    assert b"You were signed out." not in client.get("/accounts/profile/", follow=True).content


def test_after_signing_in_again_the_page_is_there(client, alice, htmx):
    to = client.get("/accounts/profile/", headers=htmx("/accounts/profile/"))["HX-Redirect"]
    response = client.post(to, {"username": alice.email, "password": PASSWORD})
    assert response["Location"] == "/accounts/profile/"


def test_a_session_that_was_idle_too_long_leads_back_to_the_page(client, alice, htmx):
    with time_machine.travel(NOW):
        give_password(client)
    with time_machine.travel(NOW + longest_idle()):
        response = client.get("/accounts/password_change/", headers=htmx("/accounts/profile/"))
    assert plain_next(response) == ["/accounts/profile/"]


def test_a_session_that_was_idle_too_long_is_told_once(client, alice, htmx):
    with time_machine.travel(NOW):
        give_password(client)
    with time_machine.travel(NOW + longest_idle()):
        to = client.get("/accounts/profile/", headers=htmx())["HX-Redirect"]
        assert client.get(to).text.count("Your session timed out") == 1


# Headers are untrusted input


@pytest.mark.proves("H-06")
@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/accounts/",
        "https://testserver/accounts/",
        "http://testserver:81/accounts/",
        "//evil.example/",
        "javascript:alert(1)",
        "http://testserver@evil.example/",
        "evil.example",
        "",
    ],
)
def test_a_page_of_another_origin_is_not_led_back_to(client, htmx, url):
    response = client.get("/accounts/profile/", headers=htmx(**{"HX-Current-URL": url}))
    assert plain_next(response) == ["/"]


@pytest.mark.proves("H-06")
@pytest.mark.parametrize("header", ["HX-Current-URL", "HX-Target", "HX-Trigger", "HX-Prompt"])
@pytest.mark.parametrize("auto", ["true", "false"])
def test_a_header_never_breaks_into_the_answer(client, htmx, header, auto):
    text = "http://testserver/%0d%0aSet-Cookie:a=b" if auto == "true" else "http://testserver/\r\nX-Evil: 1"
    headers = htmx(**{header: text, f"{header}-URI-AutoEncoded": auto})
    response = client.get("/accounts/profile/", headers=headers)
    assert not [value for value in response.headers.values() if "\r" in value or "\n" in value]


def test_a_path_that_looks_like_a_host_is_not_followed_after_signing_in(client, alice, htmx):
    to = client.get("/accounts/profile/", headers=htmx("//evil.example/"))["HX-Redirect"]
    assert client.post(to, {"username": alice.email, "password": PASSWORD})["Location"] == "/"


@pytest.mark.proves("H-01")
@pytest.mark.parametrize("path", ["/accounts/profile/", "/two-factor/", "/accounts/email/change/"])
def test_asking_for_a_part_gives_no_access(client, htmx, path):
    assert "HX-Redirect" in client.get(path, headers=htmx())


def test_a_part_needs_the_token_too(alice, htmx):
    browser = Client(enforce_csrf_checks=True)
    assert browser.post("/accounts/login/", headers=htmx()).status_code == 403


@pytest.mark.proves("H-01")
@pytest.mark.parametrize("mode", ["page", "htmx"])
def test_wrong_passwords_are_counted_in_both_modes(client, alice, htmx, mode):
    headers = htmx("/accounts/login/") if mode == "htmx" else {}
    data = {"username": alice.email, "password": "wrong"}
    answers = [client.post("/accounts/login/", data, headers=headers).status_code for _ in range(5)]
    assert answers == [422, 422, 422, 422, 429]


# Messages


def save_profile(client, headers):
    return client.post("/accounts/profile/", {"name": "Alice", "language": ""}, headers=headers)


def test_a_message_is_in_the_part_as_a_notice_and_as_a_status(as_alice, htmx):
    save_profile(as_alice, htmx("/accounts/profile/"))
    part = as_alice.get("/accounts/profile/", headers=htmx("/accounts/profile/")).text
    status, notice = (
        part.split("<section")[0].split("hx-swap-oob", 2)[1],
        part.count('class="notice success"'),
    )
    assert ("Your profile has been saved." in status, notice) == (True, 1)


def test_a_message_shown_in_a_part_is_not_shown_again(as_alice, htmx):
    save_profile(as_alice, htmx())
    as_alice.get("/accounts/profile/", headers=htmx())
    assert "Your profile has been saved." not in as_alice.get("/").text


def test_a_message_waits_over_a_navigation(as_alice, htmx):
    save_profile(as_alice, htmx())
    as_alice.post("/accounts/logout/", headers=htmx())
    assert "Your profile has been saved." in as_alice.get("/accounts/login/").text


# The configuration


@pytest.mark.parametrize("version", [2, 4])
def test_a_page_configures_the_htmx_that_it_loads(client, settings, version):
    settings.TWOFACTOR_HTMX = version
    content = re.search("<meta name=\"htmx-config\" content='(.*?)'>", client.get("/help/").text)[1]
    assert json.loads(content) == HTMX_CONFIG[version]


@pytest.mark.parametrize("version", [2, 4])
def test_our_htmx_is_the_file_of_django_htmx(version):
    """So that it follows when the lock does. It needs no django_htmx in INSTALLED_APPS."""
    theirs = Path(django_htmx.__file__).parent / f"static/django_htmx/htmx-{version}.min.js"
    assert Path(find(f"twofactor/htmx-{version}.min.js")).read_bytes() == theirs.read_bytes()


def test_a_site_may_have_the_middleware_of_django_htmx_too(client, htmx, settings):
    settings.MIDDLEWARE = ["django_htmx.middleware.HtmxMiddleware", *settings.MIDDLEWARE]
    assert client.get("/help/", headers=htmx()).text.lstrip().startswith("<title>")


# Pages of the site, which may have htmx for itself


def test_a_page_of_ours_is_no_part_of_another_page(client, htmx):
    answer = client.get("/accounts/login/?next=/", headers=htmx(**{"HX-Target": "content"}))
    assert (answer["HX-Redirect"], answer.content) == ("/accounts/login/?next=/", b"")


def test_a_document_that_another_page_swaps_is_left_as_it_is(client, htmx):
    root = person("root@example.com", is_staff=True, is_superuser=True)
    sign_in(client, enrol(root), root.email)
    boosted = htmx(**{"HX-Target": "body", "HX-Boosted": "true"})
    answer = client.get("/admin/accounts/user/", headers=boosted)
    assert (answer.content[:9], "HX-Redirect" in answer) == (b"<!DOCTYPE", False)


def test_a_lost_session_of_another_page_leads_to_sign_in_too(client, htmx):
    answer = client.get("/accounts/profile/", headers=htmx("/accounts/profile/", **{"HX-Target": "content"}))
    assert plain_next(answer) == ["/accounts/profile/"]
