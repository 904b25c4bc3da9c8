"""A passkey in software: it answers the options of our pages as a browser and an authenticator do.

SoftPasskey(origin).register(options) and .sign(options) return the JSON text that the script posts. What it
says can be false: its attributes can be changed, and each step takes a function that changes what was made.
"""

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256

ES256, EDDSA, RS256 = -7, -8, -257
PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, HAS_KEY, HAS_EXTENSIONS = 1, 4, 8, 16, 64, 128
rsa_key = cache(lambda: rsa.generate_private_key(65537, 2048))  # takes a tenth of a second


def encoded(data):
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(text):
    return urlsafe_b64decode(text + "===")


def private_key(algorithm):
    if algorithm == ES256:
        return ec.generate_private_key(ec.SECP256R1())
    return ed25519.Ed25519PrivateKey.generate() if algorithm == EDDSA else rsa_key()


def cose(key):
    """The public key as authenticators write it."""
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return {1: 1, 3: EDDSA, -1: 6, -2: key.public_key().public_bytes_raw()}
    numbers = key.public_key().public_numbers()
    if isinstance(key, rsa.RSAPrivateKey):
        return {1: 3, 3: RS256, -1: as_bytes(numbers.n), -2: as_bytes(numbers.e)}
    return {1: 2, 3: ES256, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}


def as_bytes(number):
    return number.to_bytes((number.bit_length() + 7) // 8)


def unchanged(value):
    return value


@dataclass
class SoftPasskey:
    origin: str = "https://example.org"
    algorithm: int = ES256
    flags: int = PRESENT | VERIFIED | BACKUP_ELIGIBLE | BACKED_UP  # of a synced passkey
    sign_count: int = 0  # of the next answer; synced passkeys do not count
    aaguid: bytes = bytes(16)
    transports: tuple = ("hybrid", "internal")
    discoverable: bool = True
    extensions: bytes = b""
    rp_id: str | None = None  # None: that of the options
    handle: bytes | None = None  # that of the options it was registered with
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: Any = None
    public_key: Any = None  # a COSE map; None: that of the key

    def __post_init__(self):
        self.key = self.key or private_key(self.algorithm)
        self.public_key = cose(self.key) if self.public_key is None else self.public_key

    def register(self, options, client=unchanged, data=unchanged, attestation=unchanged, answer=unchanged):
        """client, data, attestation and answer change what has been made, if it is to be false."""
        self.handle = decoded(options["user"]["id"])
        made = cbor2.dumps(self.public_key)
        attested = self.aaguid + len(self.credential_id).to_bytes(2) + self.credential_id + made
        authenticator_data = data(self.data(options["rp"]["id"], HAS_KEY, attested))
        response = {
            "clientDataJSON": encoded(self.client_data("webauthn.create", options, client)),
            "attestationObject": encoded(
                attestation(cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": authenticator_data}))
            ),
            "transports": [*self.transports],
        }
        return self.text(response, answer, {"credProps": {"rk": self.discoverable}})

    def sign(self, options, client=unchanged, data=unchanged, signature=unchanged, answer=unchanged):
        client_data = self.client_data("webauthn.get", options, client)
        authenticator_data = data(self.data(options["rpId"]))
        signed = self.signature(authenticator_data + hashlib.sha256(client_data).digest())
        response = {
            "clientDataJSON": encoded(client_data),
            "authenticatorData": encoded(authenticator_data),
            "signature": encoded(signature(signed)),
            "userHandle": encoded(self.handle) if self.handle and self.discoverable else None,
        }
        return self.text(response, answer, {})

    def client_data(self, kind, options, client):
        made = {
            "type": kind,
            "challenge": options["challenge"],
            "origin": self.origin,
            "crossOrigin": False,
        }
        changed = client(made)
        return changed if isinstance(changed, bytes) else json.dumps(changed).encode()

    def data(self, rp_id, more_flags=0, attested=b""):
        flags = self.flags | more_flags | (HAS_EXTENSIONS if self.extensions else 0)
        rp_id_hash = hashlib.sha256((self.rp_id or rp_id).encode()).digest()
        return rp_id_hash + bytes([flags]) + self.sign_count.to_bytes(4) + attested + self.extensions

    def signature(self, message):
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(message)
        if isinstance(self.key, rsa.RSAPrivateKey):
            return self.key.sign(message, PKCS1v15(), SHA256())
        return self.key.sign(message, ec.ECDSA(SHA256()))

    def text(self, response, answer, extension_results):
        """As PublicKeyCredential.toJSON() writes it."""
        name = encoded(self.credential_id)
        made = {
            "id": name,
            "rawId": name,
            "type": "public-key",
            "authenticatorAttachment": "platform",
            "response": response,
            "clientExtensionResults": extension_results,
        }
        changed = answer(made)
        return changed if isinstance(changed, str) else json.dumps(changed)
