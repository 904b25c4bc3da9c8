"""Someone with a browser and a phone, over loopback: cookies, forms and real codes."""

import time
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlencode

from tests.cookies import Cookies
from tests.people import PASSWORD

LOGIN = "/accounts/login/"
VERIFY = "/two-factor/verify/"
SETUP = "/two-factor/setup/"
NOBODY = 0  # the status of an answer that never came


@dataclass(frozen=True)
class Answer:
    status: int
    to: str = ""
    body: str = ""
    began: float = 0.0
    seconds: float = 0.0


def credentials(email):
    return {"username": email, "password": PASSWORD}


class Visitor:
    """Asks the ports in turn, as behind a load balancer."""

    def __init__(self, *ports, patience=40, host="127.0.0.1"):
        self.ports, self.patience, self.host, self.asked = ports, patience, host, 0
        self.cookies = Cookies()

    def get(self, path, **headers):
        return self.ask("GET", path, None, headers)

    def post(self, path, form=None, **headers):
        form = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", ""), **(form or {})}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        return self.ask("POST", path, urlencode(form), headers)

    def ask(self, method, path, body, headers):
        port = self.ports[self.asked % len(self.ports)]
        self.asked += 1
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        headers["Host"] = f"{self.host}:{port}"
        if self.cookies:
            headers["Cookie"] = str(self.cookies)
        began = time.monotonic()
        try:
            with closing(HTTPConnection("127.0.0.1", port, timeout=self.patience)) as connection:
                connection.request(method, path, body, headers)
                answer = connection.getresponse()
                text = answer.read().decode()
        except (OSError, HTTPException):
            return Answer(NOBODY, began=began, seconds=time.monotonic() - began)
        for line in answer.headers.get_all("Set-Cookie", []):
            self.cookies.keep(line)
        to = answer.headers.get("Location", "")
        return Answer(answer.status, to, text, began, time.monotonic() - began)

    def second_tab(self):
        other = Visitor(*self.ports, patience=self.patience, host=self.host)
        other.cookies.update(self.cookies)
        return other

    # What people do

    def give_password(self, email):
        self.get(LOGIN)
        return self.post(LOGIN, credentials(email))

    def enter(self, code, path=VERIFY, **headers):
        return self.post(path, {"code": code}, **headers)

    def sign_in(self, email, phone):
        """The last answer: 303 to the first page, or the answer that failed."""
        asked = self.give_password(email)
        return self.enter(phone.code()) if asked.to == VERIFY else asked

    def is_signed_in(self):
        return self.get("/two-factor/").status == 200
