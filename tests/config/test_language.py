import pytest
from django.conf import settings as site
from django.test import Client

from accounts.models import User
from tests.people import enrol, give_password, sign_in

pytestmark = pytest.mark.django_db


def lang(response):
    return response.text.split("<html ")[1].split(">")[0]


def switch(client, language, on=""):
    headers = {"Referer": on} if on else {}
    return client.post("/accounts/language/", {"language": language}, headers=headers)


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("de", 'lang="de" dir="ltr"'),
        ("ar-EG,ar;q=0.9", 'lang="ar" dir="rtl"'),
        ("pt-BR", 'lang="pt-br" dir="ltr"'),
        ("xx, fr;q=0.5", 'lang="fr" dir="ltr"'),
        ("xx", 'lang="en" dir="ltr"'),
        ("", 'lang="en" dir="ltr"'),
        ("de;q=broken,,;", 'lang="en" dir="ltr"'),
    ],
)
def test_the_page_speaks_what_the_browser_asks_for(client, asked, got):
    assert lang(client.get("/", headers={"Accept-Language": asked})) == got


@pytest.mark.parametrize("language", [code for code, _ in site.LANGUAGES])
def test_the_switch_changes_the_language(client, language):
    switch(client, language)
    assert f'lang="{language}"' in lang(client.get("/"))


def test_the_switch_wins_over_the_browser(client):
    switch(client, "ja")
    assert 'lang="ja"' in lang(client.get("/", headers={"Accept-Language": "de"}))


def test_the_switch_is_kept_for_a_year(client):
    assert switch(client, "de").cookies["language"]["max-age"] == 365 * 24 * 60 * 60


def test_the_switch_goes_back_to_the_page_it_was_on(client):
    response = switch(client, "de", on="http://testserver/accounts/login/?next=/accounts/profile/")
    assert (response.status_code, response["Location"]) == (303, "/accounts/login/?next=/accounts/profile/")


@pytest.mark.parametrize(
    "page", ["//evil.example", "http://evil.example//evil.example", "/\\evil.example", "javascript:x", "a b"]
)
def test_the_switch_never_leads_to_another_site(client, page):
    assert switch(client, "de", on=page)["Location"] == "/"


@pytest.mark.parametrize("next_page", ["foo", "profile", "//evil.example"])
def test_the_switch_goes_nowhere_that_its_form_names(client, next_page):
    response = client.post("/accounts/language/", {"language": "de", "next": next_page})
    assert response["Location"] == "/"


def test_the_switch_goes_home_from_a_browser_that_names_no_page(client):
    assert switch(client, "de")["Location"] == "/"


@pytest.mark.parametrize("language", ["", "xx", "../de", "DE", "de\r\nSet-Cookie: a=b"])
def test_a_language_that_is_not_spoken_here_changes_nothing(client, language):
    assert "language" not in switch(client, language).cookies


def test_reading_the_address_of_the_switch_changes_nothing(client):
    assert client.get("/accounts/language/", {"language": "de"}).cookies.get("language") is None


def test_the_switch_needs_the_token_of_its_page():
    assert switch(Client(enforce_csrf_checks=True), "de").status_code == 403


def test_the_page_shows_which_language_it_is_in(client):
    page = client.get("/", headers={"Accept-Language": "ar"}).text
    assert '<option value="ar" lang="ar" selected>' in page


def test_the_profile_wins_over_browser_and_cookie(as_alice):
    switch(as_alice, "ja")
    User.objects.update(language="ar")
    assert lang(as_alice.get("/", headers={"Accept-Language": "de"})) == 'lang="ar" dir="rtl"'


def test_without_a_choice_in_the_profile_the_browser_decides(as_alice):
    assert 'lang="de"' in lang(as_alice.get("/", headers={"Accept-Language": "de"}))


def test_the_switch_is_kept_with_the_person_who_is_signed_in(as_alice):
    switch(as_alice, "fr")
    assert User.objects.get().language == "fr"


def test_a_language_kept_with_the_person_follows_to_another_browser(as_alice):
    switch(as_alice, "fr")
    other = Client()
    give_password(other)
    assert 'lang="fr"' in lang(other.get("/"))


def test_one_persons_language_is_not_left_to_the_next_request(as_alice):
    User.objects.update(language="ar")
    as_alice.get("/")
    assert 'lang="en"' in lang(Client().get("/"))


def test_the_answer_says_its_language(as_alice):
    User.objects.update(language="ar")
    assert as_alice.get("/").get("Content-Language") == "ar"


def test_the_answer_varies_with_the_language_of_the_browser(client):
    assert "Accept-Language" in client.get("/")["Vary"]


def test_the_administration_speaks_the_language_of_the_profile(client, alice):
    User.objects.update(language="de", is_staff=True, is_superuser=True)
    sign_in(client, enrol(alice))
    assert 'lang="de"' in lang(client.get("/admin/"))
