"""Ask another server whether a password is known from breaches, without telling it which password.

The server gets the first five characters of a hash, which millions of passwords share, and answers with every
hash that it knows and that begins with them. This is the protocol of Have I Been Pwned.

No answer in time counts as no: otherwise nobody could choose a password while that server is down.
"""

import hashlib
import logging
import re
import socket
import ssl
import time
from contextlib import closing, suppress
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

from twofactor import conf
from twofactor.outgoing.timeout import run_within

log = logging.getLogger("countersign.passwords")

SECONDS = 1  # for all of it: the name, the connection, and an answer that comes byte by byte
PAUSE = 30  # seconds after a failure in which nobody waits for that server again
MAX_BYTES = 1_000_000  # an answer has about 40,000
SENT_CHARACTERS = 5
LINE = re.compile(r"([0-9A-F]{35}):([0-9]{1,12})", re.IGNORECASE)

paused_until: dict[str, float] = {}  # by address, in time.monotonic()


class UnusableAnswer(Exception):
    """The server did answer."""


class Lookup:
    """One request. stop() ends it from another thread."""

    def __init__(self, url: str) -> None:
        self.url = urlsplit(url)
        self.socket: socket.socket | None = None
        self.is_stopped = False

    def read(self) -> bytes:
        is_encrypted = self.url.scheme == "https"
        host, port = self.url.hostname or "", self.url.port or (443 if is_encrypted else 80)
        tls = ssl.create_default_context() if is_encrypted else None
        connection = HTTPConnection(host, port)
        with closing(connection):
            connection.sock = self.keep(socket.create_connection((host, port), SECONDS))
            if tls:
                encrypted = tls.wrap_socket(
                    connection.sock, server_hostname=host, do_handshake_on_connect=False
                )
                connection.sock = self.keep(encrypted)
                encrypted.do_handshake()
            headers = {"Host": self.url.netloc, "User-Agent": "Countersign", "Add-Padding": "true"}
            connection.request("GET", self.url.path, headers=headers | {"Connection": "close"})
            with connection.getresponse() as response:
                if response.status != 200:  # a redirect is not followed: it may lead to any place
                    raise UnusableAnswer(f"status {response.status}")
                return response.read(MAX_BYTES + 1)

    def keep(self, opened: socket.socket) -> socket.socket:
        self.socket = opened
        if self.is_stopped:
            self.stop()
        return opened

    def stop(self) -> None:
        self.is_stopped = True
        with suppress(OSError):  # it is closed already
            if self.socket:
                self.socket.shutdown(socket.SHUT_RDWR)


def is_known(password: str) -> bool:
    address = conf.breached_passwords_url()
    if time.monotonic() < paused_until.get(address, 0):
        return False
    digest = sha1(password)
    lookup = Lookup(address + digest[:SENT_CHARACTERS])
    try:
        return digest[SENT_CHARACTERS:] in parse(run_within(SECONDS, lookup.read))
    except (OSError, HTTPException, ValueError, UnusableAnswer) as failure:
        paused_until[address] = time.monotonic() + PAUSE
        reason = failure if isinstance(failure, UnusableAnswer) else type(failure).__name__
        log.warning("no look-up of breached passwords for %d seconds: %s", PAUSE, reason)
        return False
    finally:
        lookup.stop()


def sha1(password: str) -> str:
    """In capital letters, as the protocol has it. Nothing is protected by this hash."""
    text = password.encode(errors="surrogatepass")  # half a character, which JSON can hold
    return hashlib.sha1(text, usedforsecurity=False).hexdigest().upper()  # noqa: TID251


def parse(answer: bytes) -> set[str]:
    """The hashes without what was sent. Those with a count of 0 are padding, and mean nothing."""
    if len(answer) > MAX_BYTES:
        raise UnusableAnswer("the answer is too long")
    known = set()
    lines = answer.decode("ascii").splitlines()
    for line in lines:
        found = LINE.fullmatch(line)
        if not found:
            raise UnusableAnswer("the answer is no list of hashes")
        if int(found[2]):
            known.add(found[1].upper())
    if not lines:
        raise UnusableAnswer("the answer is empty")
    return known
