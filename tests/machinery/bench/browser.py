"""A browser that knows cookies and forms, straight into an application or over HTTP."""

import io
from contextlib import closing
from dataclasses import dataclass
from http.client import HTTPConnection
from urllib.parse import urlencode, urlsplit

from tests.cookies import Cookies

HOST = "testserver"


@dataclass
class Answer:
    status: int
    headers: list
    body: bytes

    @property
    def to(self):
        return next((urlsplit(value).path for name, value in self.headers if name == "Location"), "")


def into(application, address):
    """Calls a WSGI application in the same process."""

    def send(method, path, cookies, body):
        started = []
        path, _, query = path.partition("?")
        environ = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SCRIPT_NAME": "",
            "SERVER_NAME": HOST,
            "SERVER_PORT": "80",
            "SERVER_PROTOCOL": "HTTP/1.1",
            "REMOTE_ADDR": address,
            "HTTP_HOST": HOST,
            "HTTP_COOKIE": cookies,
            "HTTP_USER_AGENT": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "CONTENT_TYPE": "application/x-www-form-urlencoded",
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "wsgi.errors": io.StringIO(),
        }
        with closing(application(environ, lambda *head: started.append(head))) as parts:
            text = b"".join(parts)
        status, headers = started[0][:2]
        return Answer(int(status[:3]), headers, text)

    return send


def over_http(port):
    def send(method, path, cookies, body):
        headers = {
            "Host": HOST,
            "Cookie": cookies,
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        with closing(HTTPConnection("127.0.0.1", port, timeout=60)) as connection:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return Answer(answer.status, answer.getheaders(), answer.read())

    return send


class Unexpected(Exception):
    """An answer that the flow did not expect: the measured step would be another one than the row says."""


class Browser:
    def __init__(self, send, cookies=()):
        self.send, self.cookies = send, Cookies(cookies)

    def get(self, path, expect=200):
        return self.ask("GET", path, b"", expect)

    def post(self, path, form, expect=302):
        fields = {"csrfmiddlewaretoken": self.cookies.get("csrftoken", ""), **form}
        return self.ask("POST", path, urlencode(fields).encode(), expect)

    def ask(self, method, path, body, expect):
        answer = self.send(method, path, str(self.cookies), body)
        for name, value in answer.headers:
            if name == "Set-Cookie":
                self.cookies.keep(value)
        met = {303: 302, 422: 200}.get(answer.status, answer.status)  # 422: the form, with what is wrong
        if met != expect:
            raise Unexpected(f"{method} {path}: {answer.status} {answer.to}\n{answer.body.decode()[:3000]}")
        return answer

    def leave(self):
        """Closes the browser: session cookies go, others stay, as on someone's own machine."""
        for name in ("sessionid", "pending", "twofactor_pending"):
            self.cookies.pop(name, None)
