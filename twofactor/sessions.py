"""Sessions in the database under a hash of their key: who reads the table, or a copy of it, can open none.

SESSION_ENGINE = "twofactor.sessions"
"""

import hashlib
from typing import Any, cast

from asgiref.sync import sync_to_async
from django.contrib.sessions.backends import db
from django.utils import timezone


def row_key(key: str | None) -> str:
    """160 bits of it: as much as the column holds, and as hard to guess as the key."""
    return hashlib.sha256((key or "").encode()).hexdigest()[:40]


class SessionStore(db.SessionStore):
    def load(self) -> dict[str, Any]:
        found = self.model.objects.filter(
            session_key=row_key(self.session_key), expire_date__gt=timezone.now()
        )
        row = found.first()
        if row is None:
            self._session_key = None
            return {}
        return self.decode(row.session_data)

    def exists(self, session_key: str) -> bool:
        return super().exists(row_key(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        row.session_key = row_key(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        self.model.objects.filter(session_key=row_key(session_key or self.session_key)).delete()

    aload = sync_to_async(cast(Any, load))
    aexists = sync_to_async(cast(Any, exists))
    acreate_model_instance = sync_to_async(cast(Any, create_model_instance))
    adelete = sync_to_async(cast(Any, delete))
