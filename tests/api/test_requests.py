"""What the API reads from a request, and what every response has: JSON, no cookies, no caching."""

import json

import pytest

from tests.api.paths import OPEN, SIGNED_IN_ONLY
from tests.api.program import Program, status_and_code
from tests.people import PASSWORD, Phone, give_password, sign_in, signed_in_as
from twofactor.models import TokenFamily

# Requests


@pytest.mark.proves("3.5.2")
@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data"])
@pytest.mark.parametrize("path", [*OPEN, "register/"])
def test_what_a_form_of_another_site_can_send_is_not_read(program, alice, path, kind):
    body = json.dumps({"username": alice.email, "password": PASSWORD})
    answer = program.client.generic("POST", f"/api/{path}", body, content_type=kind)
    assert status_and_code(answer) == (415, "unsupported_media_type")


def test_someone_who_knows_the_password_does_not_see_the_key_of_a_program(bobs_program, client):
    bobs_program.post("totp/create/")
    give_password(client, "bob@example.com")
    family = TokenFamily.objects.get()
    ways = []
    for guess in (f"tokens {family.pk}", str(family.pk), family.digest):
        client.cookies["twofactor_draft"] = guess
        ways.append(client.get("/two-factor/setup/codes/").url)
    assert ways == ["/two-factor/setup/"] * 3


def test_a_renewed_sign_in_goes_on_with_its_set_up(bobs_program):
    key = bobs_program.post("totp/create/").json()["key"]
    bobs_program.renew()
    assert bobs_program.post("totp/confirm/", {"input_code": Phone(key).code()}).status_code == 200


@pytest.mark.proves("3.5.2")
@pytest.mark.parametrize(("method", "path"), SIGNED_IN_ONLY)
def test_a_session_of_the_pages_opens_nothing(phone, client, method, path):
    sign_in(client, phone)
    answer = getattr(client, method)(f"/api/{path}", content_type="application/json")
    assert status_and_code(answer) == (401, "not_authenticated")


def test_a_call_leaves_the_session_of_the_pages_alone(alice, client):
    give_password(client)
    client.post("/api/jwt/create/", {"username": "x", "password": "y"}, content_type="application/json")
    assert signed_in_as(client) == alice


@pytest.mark.proves("7.6.2", "V-01", "S-04")
def test_no_call_sets_a_cookie(password_given, phone):
    password_given.give(otp_code=phone.code())
    password_given.renew()
    password_given.get("totp/status/")
    assert password_given.client.cookies == {}


@pytest.mark.proves("15.3.5", "2.2.1", "V-16")
@pytest.mark.parametrize("value", [492039, True, None, ["492039"], {"a": 1}, 1.5])
@pytest.mark.parametrize("field", ["otp_code", "backup_code", "sent_code", "totp_challenge_token"])
def test_a_field_that_is_not_text_is_refused(password_given, field, value):
    code = {"otp_code": "492039"} if field == "totp_challenge_token" else {}
    body = {"totp_challenge_token": password_given.challenge, **code, field: value}
    assert status_and_code(password_given.post("jwt/totp/verify/", body)) == (400, "invalid")


@pytest.mark.proves("15.3.5", "2.2.1", "2.2.2", "X-06")
@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"{", b"[]", b'"x"', b"null", b"NaN", b'{"username": NaN}', b"[" * 9000, b"\xff\xfe{}"),
        b'{"username": "\\u0000", "password": "x"}',
        b'{"username": "\\ud800", "password": "x"}',
        b'{"username": "a@b.example", "password": "' + b"x" * 20_000 + b'"}',
        b'{"username": "' + b"x" * 300 + b'", "password": "x"}',
    ],
)
def test_nonsense_is_400(program, db, body):
    answer = program.client.generic("POST", "/api/jwt/create/", body, content_type="application/json")
    assert answer.status_code == 400
    assert answer.json().keys() >= {"detail", "code"}


@pytest.mark.proves("15.3.7")
def test_a_name_given_twice_is_refused(program, alice):
    body = f'{{"username": "x", "username": "{alice.email}", "password": "{PASSWORD}"}}'
    answer = program.client.generic("POST", "/api/jwt/create/", body, content_type="application/json")
    assert status_and_code(answer) == (400, "parse_error")


@pytest.mark.proves("15.3.3")
def test_nobody_makes_themselves_staff(program, db, django_user_model):
    body = {"email": "eve@example.com", "password": "a quiet green harbour"}
    program.post("register/", {**body, "is_staff": True, "email_verified_at": "2026-01-01"})
    found = django_user_model.objects.get()
    assert (found.is_staff, found.email_verified_at) == (False, None)


# Responses


@pytest.mark.proves("14.2.2", "3.4.2")
@pytest.mark.parametrize("path", ["jwt/create/", "totp/create/", "nowhere/"])
def test_no_answer_is_kept_or_shared(program, db, path):
    headers = program.post(path, {}, headers={"Origin": "https://other.example"}).headers
    assert headers["Cache-Control"] == "no-store, private"
    assert "Access-Control-Allow-Origin" not in headers


@pytest.mark.proves("14.2.2")
def test_a_site_without_middleware_keeps_no_answer_either(settings, db):
    settings.MIDDLEWARE = []
    assert Program().post("jwt/create/").headers["Cache-Control"] == "no-store, private"


@pytest.mark.proves("16.5.4")
@pytest.mark.parametrize("accept", ["text/html", "application/xml", "image/png"])
def test_every_answer_is_json(program, db, accept):
    for path in ("jwt/create/", "nowhere/", "totp/status/"):
        answer = program.post(path, headers={"Accept": accept})
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.json().keys() >= {"detail", "code"}


@pytest.mark.proves("3.5.3")
@pytest.mark.parametrize("path", [*OPEN, "register/"])
@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options", "trace"])
def test_a_url_takes_post_only(program, db, path, method):
    assert getattr(program.client, method)(f"/api/{path}").status_code == 405


@pytest.mark.parametrize(("method", "path"), SIGNED_IN_ONLY)
def test_without_a_token_a_person_is_asked_for_one(program, db, method, path):
    answer = getattr(program, method)(path)
    assert status_and_code(answer) == (401, "not_authenticated")
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_a_sentence_is_in_the_language_that_was_asked_for(program, alice):
    body = {"username": alice.email, "password": "x"}
    answer = program.post("jwt/create/", body, headers={"Accept-Language": "de"})
    assert answer.json()["detail"] == "E-Mail-Adresse oder Passwort stimmt nicht."
