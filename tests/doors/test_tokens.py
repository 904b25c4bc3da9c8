"""Doors that give a token for a password: DRF's own, SimpleJWT, knox and djoser."""

from dataclasses import dataclass

import pytest
import requests

from tests.doors.projects import PASSWORD, leads_to


@dataclass(frozen=True)
class Door:
    path: str  # where a password is given
    used_at: str  # a view that takes the token
    scheme: str = "Token"
    field: str = "token"  # of the answer
    is_basic: bool = False  # the password goes into a header
    refuses: int = 403  # 303: it calls login(), and is answered with the page for the code

    def open(self, client, person):
        if self.is_basic:
            return client.post(self.path, auth=requests.auth.HTTPBasicAuth(person.name, PASSWORD))
        return client.post(self.path, {"username": person.name, "password": PASSWORD})

    def use(self, client, token):
        return client.get(self.used_at, headers={"Authorization": f"{self.scheme} {token}"})


DRF = Door("/guarded/api/token/", "/me/token/")
JWT = Door("/guarded/api/jwt/", "/me/jwt/", "Bearer", "access", refuses=401)
KNOX = Door("/knox/", "/me/knox/", refuses=303)
GUARDED = {
    "drf": DRF,
    "jwt": JWT,
    "djoser jwt": Door("/djoser/jwt/create/", "/me/jwt/", "Bearer", "access", refuses=401),
    "djoser": Door("/djoser/token/login/", "/me/token/", field="auth_token"),
    "knox": KNOX,
    "knox basic": Door("/knox/basic/", "/me/knox/", is_basic=True),
}
UNGUARDED = {"drf": Door("/token/", "/me/token/"), "jwt": Door("/jwt/", "/me/jwt/", "Bearer", "access")}


@pytest.fixture(params=GUARDED)
def door(request):
    return GUARDED[request.param]


def has_token(answer):
    return any(name in answer.text for name in ("token", "access", "refresh"))


@pytest.mark.proves("V-01", "V-33")
def test_a_password_alone_gives_no_token_to_someone_with_a_factor(client, ann, door):
    answer = door.open(client, ann)
    assert (answer.status_code, has_token(answer)) == (door.refuses, False)
    assert door.refuses == 303 or answer.json()["code"] == "second_factor_needed"


def test_nor_does_it_sign_them_in(client, ann, door):
    door.open(client, ann)
    assert client.who() == ""


def test_a_password_gives_a_token_that_works_to_someone_without(client, new_client, bob, door):
    token = door.open(client, bob).json()[door.field]
    assert door.use(new_client(), token).json() == {"name": bob.name}


def test_a_password_gives_no_token_to_someone_who_must_set_up(client, dora, door):
    answer = door.open(client, dora)
    assert (answer.status_code, has_token(answer)) == (door.refuses, False)
    assert door.refuses == 303 or answer.json()["code"] == "second_factor_needed"


def test_drf_answers_401_where_its_first_authentication_class_has_a_header(client, ann):
    answer = Door("/guarded/api/token/with-header/", "").open(client, ann)
    assert (answer.status_code, answer.json()["code"]) == (401, "second_factor_needed")


def test_a_wrong_password_is_not_told_of_two_factor_authentication(client, ann, door):
    wrong = Door(door.path, "") if not door.is_basic else door
    answer = client.post(wrong.path, {"username": ann.name, "password": "wrong"})
    assert (answer.status_code in {400, 401}, "two-factor" in answer.text) == (True, False)


# With the code


@pytest.mark.parametrize(
    ("path", "door"), [("/tokens/drf/", DRF), ("/tokens/knox/", KNOX), ("/tokens/jwt/", JWT)]
)
def test_a_page_gives_a_token_after_the_code(client, new_client, ann, path, door):
    client.sign_in(ann)
    client.give_code(ann)
    token = client.post(path).json()[door.field]
    assert door.use(new_client(), token).json() == {"name": ann.name}


@pytest.mark.parametrize("path", ["/tokens/drf/", "/tokens/knox/", "/tokens/jwt/"])
def test_a_page_gives_no_token_before_the_code(client, ann, bob, path):
    client.sign_in(ann)
    before = client.post(path)
    client.sign_in(bob)
    assert (before.status_code, leads_to(client.post(path))) == (303, (303, "/two-factor/setup/"))


# Tokens from before


@pytest.mark.proves("V-33")
@pytest.mark.parametrize("door", [DRF, KNOX], ids=["drf", "knox"])
def test_a_token_dies_when_two_factor_authentication_is_turned_on(client, new_client, bob, door):
    token = door.open(new_client(), bob).json()["token"]
    client.sign_in(bob)
    client.set_up()
    assert door.use(new_client(), token).status_code == 401


@pytest.mark.proves("V-33")
def test_a_refresh_token_dies_when_two_factor_authentication_is_turned_on(client, new_client, bob):
    token = JWT.open(new_client(), bob).json()["refresh"]
    client.sign_in(bob)
    client.set_up()
    assert new_client().post("/djoser/jwt/refresh/", {"refresh": token}).status_code == 401


def test_a_guarded_view_takes_no_token_of_someone_with_a_factor(new_client, ann, bob):
    """Not even one that an unguarded view gave."""
    answers = {}
    for person in (ann, bob):
        for name, door in UNGUARDED.items():
            token = door.open(new_client(), person).json()[door.field]
            headers = {"Authorization": f"{door.scheme} {token}"}
            at = door.used_at.replace("/me/", "/me/guarded/")
            answers[person, name] = new_client().get(at, headers=headers).status_code
    assert answers == {(ann, "drf"): 401, (ann, "jwt"): 401, (bob, "drf"): 200, (bob, "jwt"): 200}


# Without tokens


def test_basic_authentication_of_this_app_refuses_someone_with_a_factor(client, ann, bob, dora):
    path = "/me/guarded/basic/"
    assert [client.get(path, auth=(each.name, PASSWORD)).status_code for each in (ann, bob, dora)] == [
        401,
        200,
        401,
    ]


def test_session_authentication_waits_for_the_code(client, ann):
    client.sign_in(ann)
    before = client.get("/me/session/").status_code
    client.give_code(ann)
    assert (before, client.get("/me/session/").status_code) == (403, 200)


def test_the_permission_asks_for_the_factor(client, new_client, ann, bob):
    client.sign_in(ann)
    client.give_code(ann)
    other = new_client()
    other.sign_in(bob)
    assert [each.get("/me/verified/").status_code for each in (client, other, new_client())] == [
        200,
        403,
        403,
    ]


def test_the_check_names_what_is_not_guarded(project):
    project.append(
        "elsewhere/unsilenced.py", "from elsewhere.settings import *\nSILENCED_SYSTEM_CHECKS = []\n"
    )
    said = project.ask("check", "--settings=elsewhere.unsilenced").stderr
    named = [line.partition(": ")[2] for line in said.splitlines() if "twofactor.E02" in line]
    assert "/knox/basic/" in said
    assert ["/me/basic/" in named[0], "/token/, /jwt/" in named[1]] == [True, True]
