"""django-allauth: its pages, and its API for browsers and for apps, by password, mailed code and provider."""

import re
from email import message_from_string, policy
from zlib import crc32

import pytest

from tests.doors.projects import PASSWORD, Client, leads_to, served

VERIFY = (303, "/two-factor/verify/")
SETUP = (303, "/two-factor/setup/")
APP, IN_BROWSER = "/_allauth/app/v1/", "/_allauth/browser/v1/"


def letter_to(project, person):
    """The text of the last one."""
    files = sorted((project.folder / "letters").iterdir(), key=lambda file: file.stat().st_mtime_ns)
    for file in reversed(files):
        for text in reversed(file.read_text().split("-" * 79)):
            letter = message_from_string(text.strip(), policy=policy.default)
            if letter["To"] == f"{person.name}@example.com":
                return letter.get_body(("plain",)).get_content()
    raise AssertionError("no letter")


@pytest.fixture
def read_letter(project):
    return lambda person: letter_to(project, person)


# Pages


def by_password(client, person, _read_letter):
    client.get("/accounts/login/")
    return client.post("/accounts/login/", {"login": person.name, "password": PASSWORD})


def by_mailed_code(client, person, read_letter):
    client.get("/accounts/login/code/")
    client.post("/accounts/login/code/", {"email": f"{person.name}@example.com"})
    client.get("/accounts/login/code/confirm/")
    return client.post("/accounts/login/code/confirm/", {"code": code_in(read_letter(person))})


def by_new_password(client, person, read_letter):
    """With ACCOUNT_LOGIN_ON_PASSWORD_RESET."""
    client.get("/accounts/password/reset/")
    client.post("/accounts/password/reset/", {"email": f"{person.name}@example.com"})
    link = re.search(r"/accounts/password/reset/key/\S+", read_letter(person))[0]
    form = client.get(link).headers["Location"]
    client.get(form)
    return client.post(form, {"password1": "another good one", "password2": "another good one"})


def by_provider(client, person, _read_letter):
    """A social account that brings the address that allauth has confirmed."""
    to = client.get("/accounts/dummy/login/").headers["Location"]
    client.get(to)
    known = {"id": crc32(person.name.encode()), "email": f"{person.name}@example.com", "email_verified": "on"}
    return client.post(to, known)


def code_in(text):
    return re.search(r"^([A-Z0-9]{3,4}-?[A-Z0-9]{3,4})\s*$", text, re.M)[1]


PAGES = pytest.mark.parametrize(
    "sign_in", [by_password, by_mailed_code, by_new_password, by_provider], ids=lambda way: way.__name__
)


@pytest.mark.proves("V-01")
@PAGES
def test_a_page_asks_someone_with_a_factor_for_the_code(client, ann, read_letter, sign_in):
    assert leads_to(sign_in(client, ann, read_letter)) == VERIFY
    assert (client.who(), "sessionid" in client.cookies) == ("", False)
    client.give_code(ann)
    assert client.who() == ann.name


def test_the_page_for_the_code_does_not_say_that_someone_is_signed_in(client, ann):
    by_password(client, ann, None)
    page = client.get("/two-factor/verify/").text
    assert ("One more step" in page, "signed in as" in page) == (True, False)


@PAGES
def test_a_page_hinders_nobody_without_a_factor(client, bob, read_letter, sign_in):
    assert sign_in(client, bob, read_letter).status_code == 302
    assert client.who() == bob.name


@PAGES
def test_a_page_leads_someone_who_must_set_up_there(client, dora, read_letter, sign_in):
    assert leads_to(sign_in(client, dora, read_letter)) == SETUP
    assert leads_to(client.get("/who/")) == SETUP


# Where people without a factor confirm each sign-in with a code


@pytest.fixture(scope="module")
def asking(project):
    with served(project, "wsgi", CODE_WITHOUT_APP="everyone") as (address, _process):
        yield address


@pytest.mark.parametrize("sign_in", [by_password, by_provider], ids=lambda way: way.__name__)
def test_a_page_asks_someone_without_a_factor_for_the_code_that_was_sent(asking, bob, read_letter, sign_in):
    client = Client(asking)
    assert leads_to(sign_in(client, bob, read_letter)) == (303, "/two-factor/verify/sent/")
    assert (client.who(), "sessionid" in client.cookies) == ("", False)
    code = re.search(r"\b\d{6}\b", read_letter(bob))[0]
    client.get("/two-factor/verify/sent/")
    client.post("/two-factor/verify/sent/", {"code": code})
    assert client.who() == bob.name


# The API for browsers


def post(client, path, **data):
    return client.post(path, json=data)


def log_in(client, at, person):
    return post(client, f"{at}auth/login", username=person.name, password=PASSWORD)


@pytest.mark.proves("V-01")
def test_the_browser_api_asks_for_the_code(client, ann):
    client.get(f"{IN_BROWSER}config")
    assert leads_to(log_in(client, IN_BROWSER, ann)) == VERIFY
    before = client.get(f"{IN_BROWSER}auth/session").status_code
    client.give_code(ann)
    assert (before, client.get(f"{IN_BROWSER}auth/session").status_code) == (401, 200)


def test_the_browser_api_hinders_nobody_without_a_factor(client, bob):
    client.get(f"{IN_BROWSER}config")
    assert log_in(client, IN_BROWSER, bob).json()["meta"]["is_authenticated"]


def test_the_browser_api_leads_someone_who_must_set_up_there(client, dora):
    client.get(f"{IN_BROWSER}config")
    assert leads_to(log_in(client, IN_BROWSER, dora)) == SETUP


# The API for apps, whose session key travels in a header


def mailed_code_of_app(client, person, read_letter):
    asked = post(client, f"{APP}auth/code/request", email=f"{person.name}@example.com").json()
    token = {"X-Session-Token": asked["meta"]["session_token"]}
    code = code_in(read_letter(person))
    answer = client.post(f"{APP}auth/code/confirm", json={"code": code}, headers=token)
    return answer, token


def password_of_app(client, person, _read_letter):
    return log_in(client, APP, person), {}


APPS = pytest.mark.parametrize("sign_in", [password_of_app, mailed_code_of_app])


@pytest.mark.proves("V-01", "V-33")
@APPS
def test_the_app_api_refuses_someone_with_a_factor(client, ann, read_letter, sign_in):
    answer, token = sign_in(client, ann, read_letter)
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")
    assert client.get(f"{APP}auth/session", headers=token).status_code in {401, 410}


@APPS
def test_the_app_api_refuses_someone_who_must_set_up(client, dora, read_letter, sign_in):
    answer, token = sign_in(client, dora, read_letter)
    assert (answer.status_code, "session_token" in answer.text) == (403, False)
    assert client.get(f"{APP}auth/session", headers=token).status_code in {401, 410}


@APPS
def test_the_app_api_hinders_nobody_without_a_factor(client, bob, read_letter, sign_in):
    answer, _token = sign_in(client, bob, read_letter)
    token = {"X-Session-Token": answer.json()["meta"]["session_token"]}
    assert client.get(f"{APP}auth/session", headers=token).status_code == 200


def test_the_cookie_of_a_waiting_sign_in_is_no_session_token(client, ann):
    log_in(client, IN_BROWSER, ann)
    for cookie in client.session.cookies:
        answer = client.get(f"{APP}account/email", headers={"X-Session-Token": cookie.value})
        assert answer.status_code in {401, 410}


def test_a_session_token_from_before_dies_when_two_factor_authentication_is_turned_on(
    client, new_client, bob
):
    answer = log_in(new_client(), APP, bob)
    token = {"X-Session-Token": answer.json()["meta"]["session_token"]}
    client.sign_in(bob)
    client.set_up()
    assert new_client().get(f"{APP}account/email", headers=token).status_code in {401, 410}
