"""Views that are coroutines: they are guarded like any other, and waiting in one takes no thread."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.doors.projects import PASSWORD, Client, leads_to, served

GUARDED = [f"/async/{name}/" for name in ("function", "class", "mixin", "dispatch", "method")]
FROM_THE_DOCUMENTATION = {
    "/async/reports/": "Reports for",
    "/async/export/": "a,b,c",
    "/async/status/": '"verified": true',
}
WAITING = 30


@pytest.mark.parametrize("path", [*GUARDED, "/async/recent/"])
def test_a_guarded_view_leads_strangers_to_sign_in(client, path):
    assert leads_to(client.get(path)) == (303, "/accounts/login/")


@pytest.mark.parametrize("path", GUARDED)
def test_a_guarded_view_leads_people_without_a_factor_to_set_up(client, bob, path):
    client.sign_in(bob)
    assert leads_to(client.get(path)) == (303, "/two-factor/setup/")


@pytest.mark.parametrize("path", GUARDED)
def test_a_guarded_view_opens_with_a_factor(client, ann, path):
    client.sign_in(ann)
    client.give_code(ann)
    assert client.get(path).text == f"{ann.name} True"


@pytest.mark.parametrize("path", GUARDED)
def test_a_guarded_view_shows_a_held_session_nothing(client, ann, path):
    client.sign_in(ann)
    assert ann.name not in client.get(path).text


def test_a_view_that_asks_for_step_up_leads_to_the_confirm_page(client, ann):
    client.sign_in(ann)
    client.give_code(ann)  # after a login() of other code, which is no step-up
    assert leads_to(client.get("/async/recent/")) == (303, "/two-factor/confirm/")


def test_auser_says_who_has_given_no_factor(client, bob):
    client.sign_in(bob)
    assert client.get("/async/who/").text == f"{bob.name} False"


def test_auser_says_who_is_a_stranger(client):
    assert client.get("/async/who/").text == " False"


def test_the_views_of_the_documentation_open_with_a_factor(client, ann):
    client.sign_in(ann)
    client.give_code(ann)
    for path, said in FROM_THE_DOCUMENTATION.items():
        assert said in client.get(path).text
    assert leads_to(client.get("/async/delete/")) == (303, "/two-factor/confirm/")


def test_the_views_of_the_documentation_open_to_no_stranger(client):
    for path in ("/async/reports/", "/async/export/", "/async/delete/"):
        assert leads_to(client.get(path)) == (303, "/accounts/login/")
    assert '"verified": false' in client.get("/async/status/").text


# Signing in and out with coroutines


def give_password(client, person):
    return client.post("/alogin/", {"username": person.name, "password": PASSWORD})


@pytest.mark.proves("V-01")
def test_alogin_asks_for_the_code(client, ann):
    assert leads_to(give_password(client, ann)) == (303, "/two-factor/verify/")
    assert (client.who(), "sessionid" in client.cookies) == ("", False)
    client.give_code(ann)
    assert client.who() == ann.name


def test_alogin_hinders_nobody_without_a_factor(client, bob):
    assert give_password(client, bob).text == f"welcome {bob.name}"
    assert client.who() == bob.name


def test_alogin_takes_the_place_of_someone_else(client, people):
    for person in (people.take("without_factor"), people.take("without_factor")):
        give_password(client, person)
        assert client.who() == person.name


def test_alogout_signs_out(client, bob):
    give_password(client, bob)
    client.get("/alogout/")
    assert (client.who(), "sessionid" in client.cookies) == ("", False)


# What waiting costs


def threads_while_waiting(address, client):
    """How many threads the server has while many requests wait in an async view."""

    def wait(_number):
        return int(client.get("/async/wait/?seconds=2").text)

    with ThreadPoolExecutor(WAITING) as waiting:
        return max(waiting.map(wait, range(WAITING)))


def test_waiting_takes_no_more_threads_than_without_the_middleware(project, asgi, bob):
    client = Client(asgi)
    client.sign_in(bob)
    with_it = threads_while_waiting(asgi, client)
    with served(project, "asgi", WITHOUT_TWOFACTOR="yes") as (other, _process):
        client.address = other
        assert with_it <= threads_while_waiting(other, client) + 2
