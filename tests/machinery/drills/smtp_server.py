"""A mail server on loopback that remembers what it took, and can be slow or away."""

import asyncio
import socket
import threading
from collections import Counter
from contextlib import closing, contextmanager
from email import message_from_bytes, policy

from aiosmtpd.controller import Controller


class RecordingSMTPServer:
    def __init__(self):
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self.address = f"smtp://127.0.0.1:{self.port}"
        self.taken, self.seconds, self.lock = [], 0.0, threading.Lock()
        self.reached = threading.Event()
        self.controller = None

    def open(self):
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port)
        self.controller.start()

    def close(self):
        if self.controller:
            self.controller.stop()
        self.controller = None

    async def handle_DATA(self, server, session, envelope):
        """Waits before it accepts the letter: if the client hangs up before, the letter is not taken."""
        self.reached.set()
        await asyncio.sleep(self.seconds)
        letter = message_from_bytes(envelope.content, policy=policy.default)
        with self.lock:
            self.taken.append((envelope.rcpt_tos[0], letter["Message-ID"]))
        return "250 OK"

    def letters(self):
        """How often each letter arrived."""
        with self.lock:
            return Counter(self.taken)


@contextmanager
def running_smtp_server():
    smtp_server = RecordingSMTPServer()
    smtp_server.open()
    try:
        yield smtp_server
    finally:
        smtp_server.close()
