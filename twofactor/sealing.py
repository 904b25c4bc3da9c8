"""Encrypts values so that nobody can read them in a copy of the database, or use them for another owner.

A sealed value begins with the id of its key, so keys can be replaced while the site runs. Each purpose has
a key of its own, and the owner is part of the value: a copy for another row or purpose does not open.
"""

import base64
import hashlib
import hmac
import json
import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from twofactor import conf
from twofactor.conf import KEY_BYTES

SEALED = re.compile(r"([0-9a-f]{8})\.gAAAA[\w-]+={0,2}", re.ASCII)  # an id of a key, and a token of Fernet


class UnsealError(Exception):
    """The value is not ours, of another owner or purpose, too old, or its key is not in TWOFACTOR_KEYS."""


def owner_of(user_id: Any) -> str:
    """The owner of a value that belongs to a user."""
    return str(user_id)


def generate_key() -> str:
    return Fernet.generate_key().decode()


@lru_cache(maxsize=64)
def key_id(key: str) -> str:
    return hashlib.sha256(b"countersign key id" + base64.urlsafe_b64decode(key)).hexdigest()[:8]


@lru_cache(maxsize=64)
def _derive(key: str, purpose: str) -> bytes:
    hkdf = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"countersign/{purpose}/1".encode())
    return hkdf.derive(base64.urlsafe_b64decode(key))


@lru_cache(maxsize=64)
def _fernet(key: str, purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_derive(key, purpose)))


def _find_key(wanted_id: str) -> str:
    for key in conf.sealing_keys():
        if key_id(key) == wanted_id:
            return str(key)
    raise UnsealError


def seal(purpose: str, owner: str, value: Any, now: datetime) -> str:
    key = conf.sealing_keys()[0]
    payload = json.dumps([owner, value], separators=(",", ":")).encode()
    return f"{key_id(key)}.{_fernet(key, purpose).encrypt_at_time(payload, int(now.timestamp())).decode()}"


def unseal(purpose: str, owner: str, token: str, now: datetime, max_age: timedelta | None = None) -> Any:
    sealed_id, _, sealed = token.partition(".")
    fernet = _fernet(_find_key(sealed_id), purpose)
    try:
        if max_age is None:
            payload = fernet.decrypt(sealed)
        else:
            payload = fernet.decrypt_at_time(sealed, int(max_age.total_seconds()), int(now.timestamp()))
    except (InvalidToken, ValueError):  # ValueError: not ASCII
        raise UnsealError from None
    sealed_for, value = json.loads(payload)
    if sealed_for != owner:
        raise UnsealError
    return value


def named_key(token: str) -> str:
    """The id of its key, for people. A stored value that has not our form may be a secret in clear."""
    found = SEALED.fullmatch(token)
    return found[1] if found else "unknown"


def reseal(purpose: str, owner: str, token: str, now: datetime) -> str:
    """The same value sealed with the newest key. Its age stays the same."""
    unseal(purpose, owner, token, now)
    sealed_id, _, sealed = token.partition(".")
    old = _find_key(sealed_id)
    new = conf.sealing_keys()[0]
    both = MultiFernet([_fernet(new, purpose), _fernet(old, purpose)])
    return f"{key_id(new)}.{both.rotate(sealed.encode()).decode()}"


def newest_key(purpose: str) -> tuple[str, bytes]:
    """The id and the bytes of the newest key, for a format that signs by itself, such as JWT."""
    key = conf.sealing_keys()[0]
    return key_id(key), _derive(key, purpose)


def key_by_id(purpose: str, wanted_id: str) -> bytes:
    return _derive(_find_key(wanted_id), purpose)


def fingerprint(purpose: str, text: str) -> str:
    """An HMAC for short codes: without the key nobody can test guesses, as they could with a hash."""
    return _fingerprint(conf.sealing_keys()[0], purpose, text)


def can_check(stored: str) -> bool:
    """Is the key of this fingerprint still in TWOFACTOR_KEYS?"""
    return stored.partition(".")[0] in map(key_id, conf.sealing_keys())


def has_fingerprint(purpose: str, text: str, stored: str) -> bool:
    stored_id = stored.partition(".")[0]
    keys = [key for key in conf.sealing_keys() if key_id(key) == stored_id]
    return any(hmac.compare_digest(_fingerprint(key, purpose, text), stored) for key in keys)


def _fingerprint(key: str, purpose: str, text: str) -> str:
    return f"{key_id(key)}.{hmac.new(_derive(key, purpose), text.encode(), hashlib.sha256).hexdigest()}"
