"""Login views that open a session: Django's own, those of admin sites, one of the site, and login() alone."""

import pytest

from tests.doors.projects import PASSWORD, leads_to

VERIFY = (303, "/two-factor/verify/")
SETUP = (303, "/two-factor/setup/")
VIEWS = ["/login/", "/admin/login/", "/office/login/", "/sign-in/", "/alogin/", "/force-login/"]
ADMIN_SITES = ["/admin/", "/office/"]


@pytest.fixture(params=VIEWS)
def sign_in(request, client):
    """Call it with a person, to give their password."""

    def sign_in(person):
        client.get("/login/")  # the CSRF token
        return client.post(request.param, {"username": person.name, "password": PASSWORD})

    return sign_in


@pytest.mark.proves("V-01")
def test_someone_with_a_factor_is_asked_for_the_code(client, ann, sign_in):
    assert leads_to(sign_in(ann)) == VERIFY
    assert (client.who(), "sessionid" in client.cookies) == ("", False)
    client.give_code(ann)
    assert client.who() == ann.name


def test_nobody_without_a_factor_is_hindered(client, bob, sign_in):
    sign_in(bob)
    assert client.who() == bob.name


def test_someone_who_must_set_up_is_led_there(client, dora, sign_in):
    sign_in(dora)
    assert leads_to(client.get("/who/")) == SETUP


@pytest.mark.parametrize("path", ["/logout/", "/admin/logout/", "/office/logout/", "/accounts/logout/"])
def test_someone_who_must_set_up_can_sign_out(client, dora, path):
    client.sign_in(dora)
    client.get("/two-factor/setup/")  # the CSRF token
    client.post(path)
    assert (client.get("/who/").text, "sessionid" in client.cookies) == ("", False)


# Admin sites


@pytest.mark.parametrize("site", ADMIN_SITES)
def test_an_admin_site_opens_with_the_code(client, ann, site):
    client.sign_in(ann)
    before = client.get(site).status_code
    client.give_code(ann)
    assert (before, client.get(site).status_code) == (302, 200)


def test_an_admin_site_of_this_app_opens_to_nobody_without_a_factor(client, bob):
    client.sign_in(bob)
    assert [client.get(site).status_code for site in ADMIN_SITES] == [200, 302]
    assert leads_to(client.get("/office/login/")) == SETUP


def test_an_admin_site_leads_to_its_own_first_page(client, ann):
    assert leads_to(client.get("/office/login/")) == (303, "/accounts/login/")
    client.get("/login/")  # the CSRF token
    client.post("/office/login/", {"username": ann.name, "password": PASSWORD})
    assert leads_to(client.give_code(ann)) == (303, "/office/")


@pytest.mark.parametrize("to", ["//evil.example/", "https://evil.example/", "/\\evil.example"])
def test_the_login_view_of_the_documentation_leads_to_no_other_site(client, bob, to):
    client.get("/sign-in/")
    answer = client.post(f"/sign-in/?next={to}", {"username": bob.name, "password": PASSWORD})
    assert leads_to(answer) == (303, "/who/")
