"""Malformed bodies are refused in JSON, without a server error and without repeating the input."""

import pytest

from tests.api.paths import OPEN, SIGNED_IN_ONLY

pytestmark = pytest.mark.usefixtures("no_throttle")

POSTS = [*OPEN, "register/", *(path for method, path in SIGNED_IN_ONLY if method == "post")]
FIELDS = ["username", "email", "password", "totp_challenge_token", "otp_code", "backup_code", "sent_code"]
FIELDS += ["channel", "refresh", "token", "input_code"]
DEEP = '{"a":' * 3000 + "1" + "}" * 3000
EVIL = {
    "half a character": r'"\ud800"',
    "the other half": r'"\udfff x"',
    "halves the wrong way": r'"\udc00\ud800"',
    "nul": r'"1\u00002"',
    "a long text": '"' + "x" * 15_000 + '"',
    "a deep list": "[" * 3000 + "]" * 3000,
    "a deep object": DEEP,
    "a huge number": "9" * 5000,
    "a number without an end": "1e999",
    "true": "true",
    "nothing": "null",
    "a list": '["123456"]',
    "an object": '{"$ne": ""}',
}


def send(program, path, text):
    bearer = {"Authorization": f"Bearer {program.access}"} if program.access else {}
    return program.client.post(f"/api/{path}", text, content_type="application/json", headers=bearer)


def is_refusal(answer):
    return 400 <= answer.status_code < 500 and set(answer.json()) >= {"detail", "code"}


@pytest.mark.proves("V-16", "16.5.4")
@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_no_value_in_any_field_breaks_anything(signed_in, evil):
    everything = ", ".join(f'"{name}": {evil}' for name in FIELDS)
    assert [path for path in POSTS if not is_refusal(send(signed_in, path, f"{{{everything}}}"))] == []


@pytest.mark.proves("V-16", "16.5.4")
@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
@pytest.mark.parametrize("field", ["channel", "otp_code", "backup_code", "sent_code"])
def test_no_value_beside_a_real_challenge_breaks_anything(password_given, field, evil):
    path = "jwt/totp/send/" if field == "channel" else "jwt/totp/verify/"
    body = f'{{"totp_challenge_token": "{password_given.challenge}", "{field}": {evil}}}'
    assert is_refusal(send(password_given, path, body))


@pytest.mark.parametrize("evil", EVIL.values(), ids=EVIL)
def test_no_name_of_a_field_breaks_anything(program, db, evil):
    name = evil if evil.startswith('"') else '"x"'
    assert is_refusal(send(program, "jwt/create/", f"{{{name}: {evil}}}"))


def test_a_channel_that_is_none_is_not_repeated(password_given):
    assert "pigeon" not in password_given.send("pigeon").text
