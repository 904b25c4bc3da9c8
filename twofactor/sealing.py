"""Everything that must not be read from a copy of the database, or carried from one owner to another.

A sealed value names the key that sealed it, so keys can be replaced while people sign in. Each purpose has
a key of its own, and the owner stands inside: a token moved to another row or another use does not open.
"""

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from twofactor import conf
from twofactor.conf import KEY_BYTES


class Unopenable(Exception):
    """Not ours, not for this owner or purpose, too old, or sealed with a key we no longer have."""


def owner_of(user_id: Any) -> str:
    """What stands inside everything sealed for a person."""
    return str(user_id)


def generate_key() -> str:
    return Fernet.generate_key().decode()


@lru_cache(maxsize=64)
def key_id(key: str) -> str:
    return hashlib.sha256(b"countersign key id" + base64.urlsafe_b64decode(key)).hexdigest()[:8]


@lru_cache(maxsize=64)
def _derived(key: str, purpose: str) -> bytes:
    derive = HKDF(SHA256(), KEY_BYTES, salt=None, info=f"countersign/{purpose}/1".encode())
    return derive.derive(base64.urlsafe_b64decode(key))


@lru_cache(maxsize=64)
def _lock(key: str, purpose: str) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(_derived(key, purpose)))


def _named(named: str) -> str:
    for key in conf.sealing_keys():
        if key_id(key) == named:
            return str(key)
    raise Unopenable


def seal(purpose: str, owner: str, value: Any, now: datetime) -> str:
    key = conf.sealing_keys()[0]
    payload = json.dumps([owner, value], separators=(",", ":")).encode()
    return f"{key_id(key)}.{_lock(key, purpose).encrypt_at_time(payload, int(now.timestamp())).decode()}"


def unseal(purpose: str, owner: str, token: str, now: datetime, max_age: timedelta | None = None) -> Any:
    named, _, sealed = token.partition(".")
    lock = _lock(_named(named), purpose)
    try:
        if max_age is None:
            payload = lock.decrypt(sealed)
        else:
            payload = lock.decrypt_at_time(sealed, int(max_age.total_seconds()), int(now.timestamp()))
    except (InvalidToken, ValueError):  # ValueError: letters that no token has
        raise Unopenable from None
    sealed_for, value = json.loads(payload)
    if sealed_for != owner:
        raise Unopenable
    return value


def reseal(purpose: str, owner: str, token: str, now: datetime) -> str:
    """The same value, with the age it had, under the newest key."""
    unseal(purpose, owner, token, now)
    named, _, sealed = token.partition(".")
    old = _named(named)
    new = conf.sealing_keys()[0]
    locks = MultiFernet([_lock(new, purpose), _lock(old, purpose)])
    return f"{key_id(new)}.{locks.rotate(sealed.encode()).decode()}"


def newest_key(purpose: str) -> tuple[str, bytes]:
    """For a format of somebody else's that does its own signing: the key, and the id it goes by."""
    key = conf.sealing_keys()[0]
    return key_id(key), _derived(key, purpose)


def key_named(purpose: str, named: str) -> bytes:
    return _derived(_named(named), purpose)


def fingerprint(purpose: str, text: str) -> str:
    """For short codes: worthless without the key, however many of them somebody copies."""
    return _fingerprint(conf.sealing_keys()[0], purpose, text)


def can_check(stored: str) -> bool:
    """Do we still have the key that a fingerprint was made with?"""
    return stored.partition(".")[0] in map(key_id, conf.sealing_keys())


def has_fingerprint(purpose: str, text: str, stored: str) -> bool:
    named = stored.partition(".")[0]
    keys = [key for key in conf.sealing_keys() if key_id(key) == named]
    return any(hmac.compare_digest(_fingerprint(key, purpose, text), stored) for key in keys)


def _fingerprint(key: str, purpose: str, text: str) -> str:
    return f"{key_id(key)}.{hmac.new(_derived(key, purpose), text.encode(), hashlib.sha256).hexdigest()}"
