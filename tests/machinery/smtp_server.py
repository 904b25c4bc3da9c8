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
        self.delivered, self.seconds = [], 0.0  # pairs of receivers and mail
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
        """Waits before it accepts the mail: if the client hangs up before, the mail is not taken."""
        self.reached.set()
        await asyncio.sleep(self.seconds)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        self.delivered.append((envelope.rcpt_tos, mail))
        return "250 OK"

    @property
    def mails(self):
        return [mail for _receivers, mail in self.delivered]

    def times_delivered(self):
        """How often each mail came."""
        return Counter((receivers[0], mail["Message-ID"]) for receivers, mail in list(self.delivered))


@contextmanager
def running_smtp_server():
    smtp_server = RecordingSMTPServer()
    smtp_server.open()
    try:
        yield smtp_server
    finally:
        smtp_server.close()
