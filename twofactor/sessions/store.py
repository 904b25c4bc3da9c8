"""Sessions in the database, sealed, under a hash of their key: who reads the table, or a copy, gets nothing.

SESSION_ENGINE = "twofactor.sessions"
"""

import hashlib
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS
from django.utils import timezone
from django.utils.crypto import get_random_string

from twofactor import sealing

PURPOSE = "session"


def row_key(key: str | None) -> str:
    """160 bits of it: as much as the column holds, and as hard to guess as the key."""
    return hashlib.sha256((key or "").encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    is_new = False

    def create(self) -> None:
        """A new key. Its row comes with save(), once: nobody asks whether 165 random bits are taken."""
        self._session_key = get_random_string(32, VALID_KEY_CHARS)
        self.is_new = self.modified = True

    def save(self, must_create: bool = False) -> None:
        if self.session_key is None:
            self.create()
        super().save(must_create or self.is_new)
        self.is_new = False

    def load(self) -> dict[str, Any]:
        found = self.model.objects.filter(
            session_key=row_key(self.session_key), expire_date__gt=timezone.now()
        )
        row = next(iter(found[:1]), None)  # first() would sort the one that there is
        if row is None:
            self._session_key = None
            return {}
        return self.decode(row.session_data)

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Django keeps the token of a password reset in it. Copied into another row, it does not open."""
        return sealing.seal(PURPOSE, row_key(self.session_key), session_dict, timezone.now())

    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        owner = row_key(self.session_key)
        try:
            return dict(sealing.unseal(PURPOSE, owner, str(session_data), timezone.now()))
        except sealing.UnsealError:
            return {}

    def exists(self, session_key: str) -> bool:
        return super().exists(row_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        row.session_key = row_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        self.model.objects.filter(session_key=row_key(session_key or self.session_key)).delete()

    acreate = sync_to_async(cast(Any, create))
    asave = sync_to_async(cast(Any, save))
    aload = sync_to_async(cast(Any, load))
    aexists = sync_to_async(cast(Any, exists))
    acreate_model_instance = sync_to_async(cast(Any, create_model_instance))
    adelete = sync_to_async(cast(Any, delete))
