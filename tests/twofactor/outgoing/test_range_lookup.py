"""Asking another server about a password: what it gets, what it may answer, and how long it may take."""

import hashlib
import ipaddress
import ssl
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client

from tests.accounts.test_password_change import change_password
from tests.accounts.test_signup import sign_up
from tests.machinery.servers import BlackHole, Dripping, HangingUp, listening
from tests.people import PASSWORD, give_password, person
from twofactor.outgoing import range_lookup
from twofactor.outgoing.range_lookup import MAX_BYTES, is_known

BREACHED = "eleven quiet herons"  # in no list that ships
DIGEST = hashlib.sha1(BREACHED.encode(), usedforsecurity=False).hexdigest().upper()
OTHERS = [f"{number:035X}:{number + 1}" for number in range(800)]


class Range(BaseHTTPRequestHandler):
    """Knows one password."""

    lines = [*OTHERS, f"{DIGEST[5:]}:3"]
    status, location = 200, ""

    def do_GET(self):
        self.server.visits.append(self)
        self.send_response(self.status)
        if self.location:
            self.send_header("Location", self.location)
        self.end_headers()
        self.write_body()

    def write_body(self):
        self.wfile.write("\r\n".join(self.lines).encode())

    def log_message(self, *args):
        pass


class Padded(Range):
    lines = [*OTHERS, f"{DIGEST[5:]}:0"]


class SmallLetters(Range):
    lines = [line.lower() for line in Range.lines]


class Broken(Range):
    status = 500


class Portal(Range):
    """Answers every request with the same page, as the portal of a hotel does."""

    lines = ["<h1>Welcome</h1>"]


class NotText(Range):
    lines = ["ü" * 40]


class Empty(Range):
    lines = []


class Endless(Range):
    lines = Range.lines * (MAX_BYTES // 30_000)


class DrippingBody(Range):
    def write_body(self):
        for line in self.lines:
            if self.server.closing.wait(0.3):
                return
            self.wfile.write(f"{line}\r\n".encode())


class DrippingHeaders(Range):
    def do_GET(self):
        self.server.visits.append(self)
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX: ")
        while not self.server.closing.wait(0.3):
            self.wfile.write(b"x")


FAILING = [
    BlackHole,
    Dripping,
    DrippingHeaders,
    DrippingBody,
    HangingUp,
    Broken,
    Portal,
    NotText,
    Empty,
    Endless,
]
SLOW = [BlackHole, Dripping, DrippingHeaders, DrippingBody]


@contextmanager
def asking(settings, handler, scheme="http"):
    range_lookup.paused_until.clear()  # a port of an earlier test may come again
    with listening(handler) as server:
        settings.TWOFACTOR_BREACHED_PASSWORDS = "range"
        settings.TWOFACTOR_BREACHED_PASSWORDS_URL = f"{scheme}://127.0.0.1:{server.server_address[1]}/range/"
        yield server


# What is asked


def test_the_server_gets_five_characters_of_the_hash(settings):
    with asking(settings, Range) as server:
        is_known(BREACHED)
    assert [visit.path for visit in server.visits] == [f"/range/{DIGEST[:5]}"]


def test_nothing_else_of_the_password_or_the_person_is_sent(settings):
    with asking(settings, Range) as server:
        is_known(BREACHED)
    [visit] = server.visits
    assert {name.lower() for name in visit.headers} == {
        *("host", "accept-encoding", "user-agent", "add-padding", "connection")
    }


def test_the_server_is_asked_for_padding(settings):
    """Otherwise the length of the encrypted answer would tell which part of the hash was asked for."""
    with asking(settings, Range) as server:
        is_known(BREACHED)
    assert server.visits[0].headers["Add-Padding"] == "true"


def test_half_a_character_of_unicode_can_be_asked_about(settings):
    with asking(settings, Range) as server:
        assert not is_known("\ud83d herons")
    assert len(server.visits) == 1


# What is answered


@pytest.mark.proves("6.2.12-range")
@pytest.mark.parametrize("handler", [Range, SmallLetters])
def test_a_password_that_the_server_knows_is_known(settings, handler):
    with asking(settings, handler):
        assert is_known(BREACHED)


def test_another_password_is_not(settings):
    with asking(settings, Range):
        assert not is_known("twelve quiet herons")


@pytest.mark.proves("6.2.12-range")
def test_padding_means_nothing(settings):
    with asking(settings, Padded):
        assert not is_known(BREACHED)


@pytest.mark.proves("6.2.12-open")
@pytest.mark.parametrize("handler", FAILING)
def test_what_is_no_answer_counts_as_no_and_takes_a_second_at_most(settings, handler, caplog):
    with asking(settings, handler) as server:
        began = time.perf_counter()
        assert not is_known(BREACHED)
        took = time.perf_counter() - began
    assert len(server.visits) == 1
    assert took < 1.2
    [record] = caplog.records
    assert record.getMessage().startswith("no look-up of breached passwords for 30 seconds: ")


@pytest.mark.parametrize(
    ("handler", "reason"),
    [
        (Broken, "status 500"),
        (Portal, "the answer is no list of hashes"),
        (Empty, "the answer is empty"),
        (Endless, "the answer is too long"),
        (BlackHole, "TimeoutError"),
    ],
)
def test_the_log_says_why(settings, handler, reason, caplog):
    with asking(settings, handler):
        is_known(BREACHED)
    assert caplog.records[0].getMessage().endswith(f": {reason}")


@pytest.mark.parametrize("handler", FAILING)
def test_the_log_has_nothing_of_the_password(settings, handler, caplog):
    caplog.set_level("DEBUG")
    with asking(settings, handler):
        is_known(BREACHED)
    told = caplog.text.upper()
    assert [secret for secret in (BREACHED.upper(), DIGEST[:5], DIGEST[5:]) if secret in told] == []


def test_a_redirect_is_not_followed(settings):
    with listening(Range) as other, asking(settings, Range) as server:
        host, port = other.server_address
        server.RequestHandlerClass = type(
            "Moved", (Range,), {"status": 302, "location": f"http://{host}:{port}/range/{DIGEST[:5]}"}
        )
        assert not is_known(BREACHED)
    assert other.visits == []


@pytest.mark.proves("6.2.12-open")
@pytest.mark.parametrize("handler", SLOW)
def test_the_thread_that_asks_ends_with_the_second(settings, handler):
    with asking(settings, handler):
        is_known(BREACHED)
        [asking_thread] = [thread for thread in threading.enumerate() if "(run)" in thread.name] or [None]
        if asking_thread:  # it may have ended by now
            asking_thread.join(0.2)
            assert not asking_thread.is_alive()


@pytest.mark.proves("6.2.12-open")
def test_after_a_failure_nobody_waits_for_the_server_for_a_while(settings):
    with asking(settings, BlackHole) as server:
        is_known(BREACHED)
        began = time.perf_counter()
        assert not is_known(BREACHED)
        assert time.perf_counter() - began < 0.1
    assert len(server.visits) == 1


def test_then_it_is_asked_again(settings):
    with asking(settings, Range):
        address = settings.TWOFACTOR_BREACHED_PASSWORDS_URL
        range_lookup.paused_until[address] = time.monotonic() - 0.001
        assert is_known(BREACHED)


# Encryption


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Of 127.0.0.1, signed by itself."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "range")])
    built = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = tmp_path_factory.mktemp("certificate") / "both.pem"
    encoding, private = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
    file.write_bytes(
        built.public_bytes(encoding) + key.private_bytes(encoding, private, serialization.NoEncryption())
    )
    return file


@contextmanager
def asking_encrypted(settings, certificate):
    with asking(settings, Range, "https") as server:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        yield server


def test_a_server_with_a_certificate_is_asked(settings, certificate, monkeypatch):
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with asking_encrypted(settings, certificate):
        assert is_known(BREACHED)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_server_with_a_certificate_of_nobody_is_not_believed(settings, certificate, caplog):
    with asking_encrypted(settings, certificate) as server:
        server.handle_error = lambda request, address: None
        assert not is_known(BREACHED)
    assert caplog.records[0].getMessage().endswith("SSLCertVerificationError")


@pytest.mark.proves("6.2.12-open")
def test_a_server_that_never_begins_to_encrypt_is_waited_for_a_second(settings):
    with asking(settings, BlackHole, "https"):
        began = time.perf_counter()
        assert not is_known(BREACHED)
        assert time.perf_counter() - began < 1.2


# On the pages


@pytest.mark.proves("6.2.12-range")
@pytest.mark.django_db
def test_a_new_account_is_refused_a_password_that_the_server_knows(settings):
    with asking(settings, Range) as server:
        response = sign_up(Client(), password=BREACHED)
    assert (response.status_code, len(server.visits)) == (422, 1)
    assert "known from data breaches" in response.text


@pytest.mark.proves("6.2.12-range")
@pytest.mark.django_db
def test_so_is_a_changed_one(settings, as_alice):
    with asking(settings, Range) as server:
        assert change_password(as_alice, new=BREACHED).status_code == 422
        change_password(as_alice, new="twelve quiet herons")
    assert len(server.visits) == 2


@pytest.mark.django_db
def test_a_password_of_the_list_that_ships_is_refused_without_asking(settings):
    with asking(settings, Range) as server:
        assert sign_up(Client(), password="password123").status_code == 422
    assert server.visits == []


@pytest.mark.proves("6.2.12-open")
@pytest.mark.django_db
def test_while_the_server_does_not_answer_passwords_are_chosen_all_the_same(settings):
    with asking(settings, BlackHole):
        assert sign_up(Client(), password=BREACHED).status_code == 303


@pytest.mark.django_db
@pytest.mark.parametrize("password", [PASSWORD, "wrong"])
def test_signing_in_asks_nobody(settings, password):
    person()
    with asking(settings, Range) as server:
        give_password(Client(), password=password)
    assert server.visits == []


@pytest.mark.django_db
def test_a_look_up_that_is_not_wanted_does_not_happen(settings):
    with asking(settings, Range) as server:
        settings.TWOFACTOR_BREACHED_PASSWORDS = "common"
        assert sign_up(Client(), password=BREACHED).status_code == 303
    assert server.visits == []
