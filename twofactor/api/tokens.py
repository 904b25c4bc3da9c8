"""What somebody holds who has signed in over the API: an access token for requests, a refresh token for more.

Each kind has its own key, its own type in the header and its own audience, so that neither is ever taken for
the other. Both are good only as long as the row of their sign-in says so, whatever stands in them.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar

import jwt
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from jwt.utils import base64url_decode, base64url_encode
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
from rest_framework_simplejwt.tokens import Token

from twofactor import events, sealing
from twofactor.models import TokenFamily
from twofactor.outgoing import mail
from twofactor.sessions import epoch
from twofactor.signin.session import ABSOLUTE, IDLE

ALGORITHM = "HS256"
ID_BYTES = 32
ACCESS_AGE = timedelta(minutes=15)
CLAIMS = ["exp", "iat", "nbf", "aud", "iss", "sub", "jti", "sid"]


class Dead(Exception):
    """Not a token of ours, too old, used before, or its sign-in is over."""


class Signature(TokenBackend):
    def __init__(self, purpose: str, kind: str) -> None:
        super().__init__(ALGORITHM)
        self.purpose = purpose
        self.header_type = f"{kind}+jwt"
        self.path = f"/api/{kind}"

    def who_may_read(self) -> str:
        return mail.base_url() + self.path

    def encode(self, payload: dict[str, Any]) -> str:
        named, key = sealing.newest_key(self.purpose)
        claims = payload | {"iss": mail.base_url(), "aud": self.who_may_read()}
        return jwt.encode(claims, key, ALGORITHM, headers={"typ": self.header_type, "kid": named})

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        if not is_as_written(token):
            raise TokenBackendError("another spelling of a token")
        try:
            header = jwt.get_unverified_header(token)
            key = sealing.key_named(self.purpose, header.get("kid", ""))
            required: Any = {"require": CLAIMS}
            claims = jwt.decode(
                token, key, [ALGORITHM], required, issuer=mail.base_url(), audience=self.who_may_read()
            )
        except (jwt.InvalidTokenError, sealing.Unopenable) as failure:
            raise TokenBackendError(str(failure)) from None
        if header.get("typ") != self.header_type:
            raise TokenBackendError("another kind of token")
        return claims


def is_as_written(token: str) -> bool:
    """PyJWT reads more spellings of the same bytes than the one we wrote, such as one with "=" at its end."""
    try:
        return all(base64url_encode(base64url_decode(part)).decode() == part for part in token.split("."))
    except ValueError:
        return False


class Access(Token):
    PURPOSE: ClassVar[str] = "access token"
    token_type = "access"  # noqa: S105 - the name of a kind
    lifetime = ACCESS_AGE
    _token_backend = Signature(PURPOSE, token_type)

    def set_jti(self) -> None:
        self["jti"] = secrets.token_urlsafe(ID_BYTES)


class Refresh(Access):
    PURPOSE: ClassVar[str] = "refresh token"
    token_type = "refresh"  # noqa: S105
    lifetime = IDLE
    _token_backend = Signature(PURPOSE, token_type)


def issue(user: Any, method: str, now: datetime, began_at: datetime | None = None) -> dict[str, str]:
    """The first two of a new sign-in, or of one that goes on under a new name."""
    began_at = began_at or now
    refresh = Refresh()
    family = TokenFamily.objects.create(
        user=user,
        digest=digest(refresh),
        session_hash=epoch.auth_hash(user),
        method=method,
        began_at=began_at,
        expires_at=min(now + IDLE, began_at + ABSOLUTE),
    )
    return signed(family, refresh)


def signed(family: TokenFamily, refresh: Refresh) -> dict[str, str]:
    both: dict[str, Token] = {"access": Access(), "refresh": refresh}
    for token in both.values():
        token["sub"], token["sid"] = str(family.user_id), str(family.pk)
        token["nbf"], token["auth_time"] = token["iat"], int(family.began_at.timestamp())
        token["amr"] = [family.method]
        token["exp"] = min(token["exp"], int((family.began_at + ABSOLUTE).timestamp()))
    return {name: str(token) for name, token in both.items()}


def digest(token: Token) -> str:
    return hashlib.sha256(token["jti"].encode()).hexdigest()


def opened(kind: type[Access], text: str) -> Access:
    try:
        return kind(text)  # type: ignore[arg-type]  # simplejwt says Token where it takes text
    except TokenError:
        raise Dead from None


def family_of(token: Access, now: datetime) -> TokenFamily:
    """In one query, with its user; Dead as soon as anything has ended their sessions."""
    family = TokenFamily.objects.filter(pk=token["sid"], expires_at__gt=now).select_related("user").first()
    if family is None or not family.user.is_active:
        raise Dead
    if not constant_time_compare(family.session_hash, epoch.auth_hash(family.user)):
        raise Dead
    return family


def bearer(text: str, now: datetime) -> TokenFamily:
    return family_of(opened(Access, text), now)


def renew(text: str, request: HttpRequest, now: datetime) -> dict[str, str]:
    """Two new ones. One UPDATE decides whether the old one is used for the first time; if not, all die."""
    old = opened(Refresh, text)
    family = family_of(old, now)
    new = Refresh()
    unused = TokenFamily.objects.filter(pk=family.pk, digest=digest(old))
    ends_at = min(now + IDLE, family.began_at + ABSOLUTE)
    if not unused.update(digest=digest(new), expires_at=ends_at):
        with events.with_change():
            if end(family):
                events.record("token_reused", family.user, request)
        raise Dead
    return signed(family, new)


def end(family: TokenFamily) -> bool:
    return bool(TokenFamily.objects.filter(pk=family.pk).delete()[0])


def close(text: str, now: datetime) -> None:
    """Signing out, with any refresh token of the sign-in."""
    end(family_of(opened(Refresh, text), now))


def check(text: str, now: datetime) -> None:
    """Of either kind, or Dead."""
    try:
        refresh = opened(Refresh, text)
    except Dead:
        bearer(text, now)
        return
    if not constant_time_compare(family_of(refresh, now).digest, digest(refresh)):
        raise Dead


def goes_on(family: TokenFamily) -> bool:
    """After a change of theirs that ended every sign-in: did nothing else end it too?"""
    return constant_time_compare(family.session_hash, epoch.auth_hash(family.user, epochs_back=1))


def keep(family: TokenFamily, method: str) -> None:
    if goes_on(family):
        mine = TokenFamily.objects.filter(pk=family.pk)
        mine.update(session_hash=epoch.auth_hash(family.user), method=method)


def replace(family: TokenFamily, method: str, now: datetime) -> dict[str, str]:
    """What was given for less is dead; its successor is as old as it was."""
    end(family)
    if not goes_on(family):
        raise Dead
    return issue(family.user, method, now, family.began_at)


def follow(family: TokenFamily, password: str) -> None:
    """The same password was hashed anew on the way, which the sign-in is bound to."""
    before = family.session_hash
    if constant_time_compare(before, epoch.auth_hash(family.user)):
        family.user.password = password
        family.session_hash = epoch.auth_hash(family.user)
        TokenFamily.objects.filter(pk=family.pk, session_hash=before).update(session_hash=family.session_hash)
