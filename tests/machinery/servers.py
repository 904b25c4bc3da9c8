"""Small real servers on loopback: mail servers that fail, and one that takes Twilio's requests."""

import json
import threading
from base64 import b64decode
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import BaseRequestHandler, ThreadingTCPServer
from urllib.parse import parse_qs

from tests.mailers import send_mail_with

PATIENCE = 60  # seconds after which a server that never answers ends, so that the test ends too


@contextmanager
def listening(handler):
    """A running server. Tests read in server.visits what its handler recorded."""
    server = ThreadingTCPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.closing, server.visits = threading.Event(), []
    thread = threading.Thread(target=server.serve_forever, args=[0.05])
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def mail_goes_to(settings, server):
    host, port = server.server_address
    send_mail_with(settings, "smtp", host=host, port=port)


class BlackHole(BaseRequestHandler):
    """Takes the connection and never answers."""

    def handle(self):
        self.server.visits.append("")
        self.server.closing.wait(PATIENCE)


class Dripping(BaseRequestHandler):
    """Sends a byte now and then, so that no socket times out."""

    def handle(self):
        self.server.visits.append("")
        while not self.server.closing.wait(0.5):
            self.request.sendall(b"2")


class HangingUp(BaseRequestHandler):
    def handle(self):
        self.server.visits.append("")


class Unwilling(BaseRequestHandler):
    def handle(self):
        self.request.sendall(b"421 4.3.2 come back later\r\n")


class HalfWay(BaseRequestHandler):
    """Answers as it should, and hangs up when the letter is sent."""

    def handle(self):
        self.request.sendall(b"220 hello\r\n")
        for line in self.request.makefile("rb"):
            if line.upper().startswith(b"DATA"):
                return
            self.request.sendall(b"250 fine\r\n")


class Refusing(BaseRequestHandler):
    """Refuses every recipient."""

    def handle(self):
        self.request.sendall(b"220 hello\r\n")
        for line in self.request.makefile("rb"):
            self.request.sendall(b"550 nobody\r\n" if line.upper().startswith(b"RCPT") else b"250 fine\r\n")


class Tarpit(BaseRequestHandler):
    """Takes mails, but never answers about recipients at slow.example."""

    def handle(self):
        self.request.sendall(b"220 hello\r\n")
        lines = iter(self.request.makefile("rb"))
        for line in lines:
            word = line[:4].upper()
            if word == b"RCPT" and b"slow.example" in line:
                self.server.visits.append("slow")
                self.server.closing.wait(PATIENCE)
                return
            if word == b"DATA":
                self.request.sendall(b"354 go on\r\n")
                for text in lines:
                    if text == b".\r\n":
                        break
                self.server.visits.append("taken")
            self.request.sendall(b"250 fine\r\n")


class Twilio(BaseHTTPRequestHandler):
    """POST /2010-04-01/Accounts/…/Messages.json with a form and basic authentication."""

    answer = 201, json.dumps({"sid": "SM1", "status": "queued"})

    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.form = {name: value for name, [value] in parse_qs(self.rfile.read(length).decode()).items()}
        scheme, _, credentials = self.headers["Authorization"].partition(" ")
        self.who = (scheme, b64decode(credentials).decode())
        self.server.visits.append(self)
        status, body = self.answer
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args):
        pass


class Proxy(BaseHTTPRequestHandler):
    """Records where a client wants to connect, and refuses."""

    def do_CONNECT(self):
        self.server.visits.append(self.path)
        self.send_error(403)

    def log_message(self, *args):
        pass


class TwilioRefuses(Twilio):
    answer = 400, json.dumps({"code": 21211, "message": "The 'To' number is not valid.", "status": 400})


class TwilioBroken(Twilio):
    answer = 500, "<h1>Internal Server Error</h1>"


class NotTwilio(Twilio):
    """Answers every request with the same page, as the portal of a hotel does."""

    answer = 200, "<h1>Welcome</h1>"
