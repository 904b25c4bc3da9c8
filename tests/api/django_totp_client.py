"""A client written from the published contract of django-totp alone. It knows nothing of this project.

What it must not know: any address, field or status that stands only in our own documentation, other than the
code that disabling and rotating want here.
"""

import base64
import hashlib
import hmac
import json
import re
import struct
import time
from urllib.error import HTTPError
from urllib.request import Request, urlopen


def otp(key, now=None):
    """RFC 6238, as an authenticator app computes it."""
    counter = struct.pack(">Q", int(time.time() if now is None else now) // 30)
    digest = hmac.new(base64.b32decode(key), counter, hashlib.sha1).digest()
    place = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[place : place + 4])[0] & 0x7FFFFFFF) % 10**6:06}"


class TotpClient:
    """Keeps a transcript of its calls, without secrets."""

    def __init__(self, base, username, password):
        self.base, self.credentials = base, {"username": username, "password": password}
        self.access = self.refresh = None
        self.transcript = []

    def call(self, path, expected, body=None):
        headers = {"Content-Type": "application/json"}
        if self.access:
            headers["Authorization"] = f"Bearer {self.access}"
        request = Request(self.base + path, json.dumps(body or {}).encode(), headers, method="POST")  # noqa: S310
        try:
            with urlopen(request, timeout=30) as answer:  # noqa: S310 - our own loopback
                status, text = answer.status, answer.read()
        except HTTPError as refusal:
            status, text = refusal.code, refusal.read()
        found = json.loads(text) if text else {}
        self.transcript.append(f"POST {path} {sorted(body or {})} -> {status} {sorted(found)}")
        assert status == expected, found
        return found

    def login(self, **code):
        """Signs in, with a code if the server asks for one."""
        self.access = self.refresh = None
        answer = self.call("/api/jwt/create/", 200, self.credentials)
        if answer["is_totp_enabled"]:
            body = {"totp_challenge_token": answer["totp_challenge_token"], **code}
            answer = self.call("/api/jwt/totp/verify/", 200, body)
        self.access, self.refresh = answer["access"], answer["refresh"]

    def renew(self):
        answer = self.call("/api/jwt/refresh/", 200, {"refresh": self.refresh})
        self.access, self.refresh = answer["access"], answer["refresh"]

    def is_valid(self):
        return self.call("/api/jwt/verify/", 200, {"token": self.access}) == {}

    def enrol(self, read_qr):
        """The key in the QR code, and the backup codes."""
        svg = self.call("/api/totp/create/", 201)["svg"]
        key = re.search(r"[?&]secret=([A-Z2-7]+)", read_qr(svg))[1]
        codes = self.call("/api/totp/confirm/", 200, {"input_code": otp(key)})["backup_codes"]
        return key, codes

    def rotate(self, **code):
        return self.call("/api/totp/rotate_backup_codes/", 200, code)["backup_codes"]

    def disable(self, **code):
        self.call("/api/totp/disable/", 204, code)
