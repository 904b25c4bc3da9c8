"""A client of the JSON API: signs someone in, and keeps the tokens it is given."""

from django.test import Client

from tests.people import PASSWORD


class Program:
    def __init__(self, email="alice@example.com", **extra):
        self.email, self.client = email, Client(raise_request_exception=False, **extra)
        self.access = self.refresh = self.challenge = self.client_token = None

    def post(self, path, body=None, **more):
        return self.call("post", path, data=body or {}, content_type="application/json", **more)

    def get(self, path):
        return self.call("get", path)

    def call(self, method, path, headers=None, **more):
        bearer = {"Authorization": f"Bearer {self.access}"} if self.access else {}
        known = {"X-Client-Token": self.client_token} if self.client_token else {}
        answer = getattr(self.client, method)(
            f"/api/{path}", headers={**bearer, **known, **(headers or {})}, **more
        )
        if answer.status_code < 300 and answer.content:
            self.keep(answer.json())
        return answer

    def keep(self, found):
        self.access = found.get("access", self.access)
        self.refresh = found.get("refresh", self.refresh)
        self.client_token = found.get("client_token", self.client_token)
        self.challenge = found.get("totp_challenge_token", self.challenge)

    def give_password(self, password=PASSWORD):
        return self.post("jwt/create/", {"username": self.email, "password": password})

    def give(self, **code):
        return self.post("jwt/totp/verify/", {"totp_challenge_token": self.challenge, **code})

    def sign_in(self, phone):
        self.give_password()
        self.give(otp_code=phone.code())
        return self

    def send(self, channel="email"):
        return self.post("jwt/totp/send/", {"totp_challenge_token": self.challenge, "channel": channel})

    def renew(self):
        return self.post("jwt/refresh/", {"refresh": self.refresh})

    def is_signed_in(self):
        return self.get("totp/status/").status_code == 200


def status_and_code(answer):
    """The status and the error code of a refusal."""
    return answer.status_code, answer.json()["code"]
