"""Sessions in the database, sealed, under a hash of their key: who reads the table, or a copy, gets nothing.

SESSION_ENGINE = "twofactor.sessions"

Each row also shows whose session it is, and where and when it was used (models.Session), for the list of
devices. It is written with the session, so that no page costs a query or a write more.
"""

import hashlib
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

from asgiref.sync import sync_to_async
from django.contrib.auth import SESSION_KEY
from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import VALID_KEY_CHARS, UpdateError
from django.db import DatabaseError
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.crypto import get_random_string

from twofactor import sealing, statements
from twofactor.models import Rule, Session
from twofactor.sessions import epoch
from twofactor.sessions.contents import ADDRESS, AMR, AUTH_AT, BROWSER, SEEN_AT, TRUSTED_BROWSER
from twofactor.users import PASSKEY_RULE, may_be_joined

PURPOSE = "session"

# Only the row has these. A request that began before one of them changed must not write the old value back.
IN_ROW_ALONE = {"device_id", "name"}
WRITTEN = [field.attname for field in Session._meta.concrete_fields if field.name not in IN_ROW_ALONE]


def row_key(key: str | None) -> str:
    """160 bits of it: as much as the column holds, and as hard to guess as the key."""
    return hashlib.sha256((key or "").encode()).hexdigest()[:40]


@statements.row
def working_session(key: str, now: datetime) -> Any:
    found = Session.objects.filter(session_key=key, expire_date__gt=now)
    return found.values_list("session_data", "device_id")


@statements.row
def session_with_person(key: str, now: datetime) -> Any:
    """And whether a rule may ask this person for a passkey, so that the pages of other sites ask nothing."""
    of_passkeys = Rule.objects.filter(factor=Rule.Factor.PASSKEY)
    for_many = of_passkeys.filter(scope__in=[Rule.Scope.EVERYONE, Rule.Scope.STAFF, Rule.Scope.GROUP])
    of_person = of_passkeys.filter(scope=Rule.Scope.PERSON, user=OuterRef("user"))
    found = Session.objects.filter(session_key=key, expire_date__gt=now).select_related("user")
    return found.annotate(has_passkey_rule=Exists(for_many) | Exists(of_person))


@statements.update
def write_row(stored_as: str, columns: dict[str, Any]) -> Any:
    return Session.objects.filter(session_key=stored_as), columns


class SessionStore(db.SessionStore):
    stored_as = ""  # the key of the row that there is; save() makes one where this is empty
    row_id: UUID | None = None  # its device_id
    chosen_id: UUID | None = None  # what a new row gets as its device_id
    has_new_key = False
    person: Any = None  # who was read with the row

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    @property
    def device_id(self) -> UUID | None:
        """Names this session in the list of devices, whatever its key. None before anything is kept in it."""
        self.contents()
        return self.row_id if self.session_key else None

    def take_device_id(self, device_id: UUID) -> None:
        """The id that a sign-in was recorded with (device_ids.py). A row that there is keeps its own."""
        if not self.stored_as:
            self.row_id = self.chosen_id = device_id

    def contents(self) -> dict[str, Any]:
        """Reads the row, the first time."""
        return cast(dict[str, Any], cast(Any, self)._session)

    def create(self) -> None:
        """A new key. Its row comes with save(), once: nobody asks whether 165 random bits are taken."""
        self._session_key = get_random_string(32, VALID_KEY_CHARS)
        self.stored_as, self.row_id, self.has_new_key = "", self.chosen_id or uuid4(), False
        self.modified = True

    def cycle_key(self) -> None:
        """A new key for the same row, which moves to it with save(), unless the session has been ended."""
        contents, key, row = self.contents(), self.session_key, (self.stored_as, self.row_id)
        self.create()
        self._session_cache = contents
        if key:
            self.stored_as, self.row_id = row
            self.has_new_key = bool(self.stored_as)

    def flush(self) -> None:
        super().flush()
        self.stored_as, self.row_id = "", None

    def save(self, must_create: bool = False) -> None:
        contents = self.contents()
        if self.session_key is None:
            self.create()
        row = self.create_model_instance(contents)
        if must_create or not self.stored_as:
            statements.insert(row)
        else:
            self.update_row(row)
        self.stored_as, self.has_new_key = row.session_key, False

    def update_row(self, row: Session) -> None:
        """Never makes a row: one that has been deleted meanwhile was ended, and stays so.

        Of two requests that both give it a new key, as a double click does, the later one has it in the end.
        """
        columns = {name: getattr(row, name) for name in WRITTEN}
        try:
            if self.has_new_key:
                same_person = Q() if row.user_id is None else Q(user=None) | Q(user_id=row.user_id)
                is_there = Session.objects.filter(same_person, device_id=row.device_id).update(**columns)
            else:
                is_there = write_row(self.stored_as, columns)
        except DatabaseError as error:
            raise UpdateError from error
        if not is_there:
            raise UpdateError

    def load(self) -> dict[str, Any]:
        key, now = row_key(self.session_key), timezone.now()
        if may_be_joined(Session):
            row = session_with_person(key, now)
            found = row and (row.session_data, row.device_id)
            self.person = row and row.user
            if self.person:
                vars(self.person)[PASSKEY_RULE] = bool(row.has_passkey_rule)
        else:
            found = working_session(key, now)
        if found is None:
            self._session_key = None
            return {}
        self.stored_as, self.row_id = key, found[1]
        return self.decode(found[0])

    def take_person(self) -> Any:
        """Only once: whoever asks again wants to know what has changed."""
        person, self.person = self.person, None
        return person

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

    def create_model_instance(self, data: dict[str, Any]) -> Session:
        row = Session(
            session_key=row_key(self.session_key),
            session_data=self.encode(data),
            expire_date=self.get_expiry_date(),
            device_id=self.row_id or uuid4(),
        )
        if SESSION_KEY in data:
            began_at = data.get(AUTH_AT)
            row.user_id = Session._meta.get_field("user").to_python(data[SESSION_KEY])
            row.method = data.get(AMR, "")
            row.session_hash = epoch.hash_of_session(data)
            row.browser, row.ip_address = data.get(BROWSER, ""), data.get(ADDRESS)
            row.began_at, row.last_used_at = moment(began_at), moment(data.get(SEEN_AT, began_at))
            row.trusted_browser_id = data.get(TRUSTED_BROWSER)
        return row

    def delete(self, session_key: str | None = None) -> None:
        """This session, also if another request has changed its key meanwhile; or the one with that key."""
        this = {"device_id": self.row_id} if self.row_id else {"session_key": row_key(self.session_key)}
        which = {"session_key": row_key(session_key)} if session_key else this
        Session.objects.filter(**which).delete()

    aflush = sync_to_async(cast(Any, flush))
    acreate = sync_to_async(cast(Any, create))
    acycle_key = sync_to_async(cast(Any, cycle_key))
    asave = sync_to_async(cast(Any, save))
    aload = sync_to_async(cast(Any, load))
    aexists = sync_to_async(cast(Any, exists))
    acreate_model_instance = sync_to_async(cast(Any, create_model_instance))
    adelete = sync_to_async(cast(Any, delete))


def moment(seconds: int | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)
