"""The tokens of a sign-in over the API: an access token for requests, a refresh token for the next pair.

Each kind is signed with its own key and has its own `typ` and audience, so that neither is accepted in place
of the other. A TokenFamily row stands for the sign-in: if it is deleted or out of date, they do not work.
"""

import hashlib
import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import uuid4

import jwt
from django.conf import settings
from django.http import HttpRequest
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext_lazy
from jwt.utils import base64url_decode, base64url_encode
from rest_framework_simplejwt.backends import TokenBackend
from rest_framework_simplejwt.exceptions import TokenBackendError, TokenError
from rest_framework_simplejwt.tokens import Token

from twofactor import conf, events, sealing
from twofactor.models import TokenFamily
from twofactor.sessions import epoch
from twofactor.sessions.contents import longest_age
from twofactor.sessions.device_ids import id_of_device, set_id
from twofactor.users import TwoFactorUser
from twofactor.web.visitor import browser_and_address

ALGORITHM = "HS256"
ID_BYTES = 32
ACCESS_AGE = timedelta(minutes=15)
SIGNED_OUT = gettext_lazy("You were signed out. Sign in to continue.")
CLAIMS = ["exp", "iat", "nbf", "aud", "iss", "sub", "jti", "sid"]


class InvalidToken(Exception):
    """The token is not ours, too old, or used before, or its sign-in has ended."""


class KeyedBackend(TokenBackend):
    """Signs with the newest key of TWOFACTOR_KEYS and names it in `kid`; older keys still verify."""

    def __init__(self, purpose: str, kind: str) -> None:
        super().__init__(ALGORITHM)
        self.purpose = purpose
        self.header_type = f"{kind}+jwt"
        self.path = f"/api/{kind}"

    def token_audience(self) -> str:
        return conf.base_url() + self.path

    def encode(self, payload: dict[str, Any]) -> str:
        key_id, key = sealing.newest_key(self.purpose)
        claims = payload | {"iss": conf.base_url(), "aud": self.token_audience()}
        return jwt.encode(claims, key, ALGORITHM, headers={"typ": self.header_type, "kid": key_id})

    def decode(self, token: Any, verify: bool = True) -> dict[str, Any]:
        if not is_canonical(token):
            raise TokenBackendError("not the spelling that was issued")
        try:
            header = jwt.get_unverified_header(token)
            key = sealing.key_by_id(self.purpose, header.get("kid", ""))
            required: Any = {"require": CLAIMS}
            claims = jwt.decode(
                token, key, [ALGORITHM], required, issuer=conf.base_url(), audience=self.token_audience()
            )
        except (jwt.InvalidTokenError, sealing.UnsealError) as failure:
            raise TokenBackendError(str(failure)) from None
        if header.get("typ") != self.header_type:
            raise TokenBackendError("another kind of token")
        return claims


def is_canonical(token: str) -> bool:
    """PyJWT also decodes other spellings of the same bytes, such as with a "=" at the end."""
    try:
        return all(base64url_encode(base64url_decode(part)).decode() == part for part in token.split("."))
    except ValueError:
        return False


class AccessToken(Token):
    PURPOSE: ClassVar[str] = "access token"
    token_type = "access"  # noqa: S105 - the name of a kind
    lifetime = ACCESS_AGE
    _token_backend = KeyedBackend(PURPOSE, token_type)

    def set_jti(self) -> None:
        self["jti"] = secrets.token_urlsafe(ID_BYTES)


class RefreshToken(AccessToken):
    PURPOSE: ClassVar[str] = "refresh token"
    token_type = "refresh"  # noqa: S105
    _token_backend = KeyedBackend(PURPOSE, token_type)

    def set_exp(
        self, claim: str = "exp", from_time: datetime | None = None, lifetime: timedelta | None = None
    ) -> None:
        super().set_exp(claim, from_time, renewable_for())


def renewable_for() -> timedelta:
    """How long a sign-in lasts without it. Django ends none of a program: its SESSION_COOKIE_AGE counts."""
    return conf.session_idle() or timedelta(seconds=settings.SESSION_COOKIE_AGE)


def issue(
    user: TwoFactorUser,
    method: str,
    request: HttpRequest,
    now: datetime,
    began_at: datetime | None = None,
    **columns: Any,
) -> dict[str, str]:
    """The first pair of a sign-in. `began_at` is given if it continues an earlier sign-in.

    Its id in the list of devices is that of the request, which the sign-in was recorded with.
    `columns` may have those of its step-up, if password and factor have been given, and of the earlier row.
    """
    began_at = began_at or now
    refresh = RefreshToken()
    family = TokenFamily.objects.create(
        user_id=user.pk,
        device_id=id_of_device(request) or uuid4(),
        digest=digest(refresh),
        session_hash=epoch.auth_hash(user),
        method=method,
        began_at=began_at,
        expires_at=min(now + renewable_for(), began_at + longest_age()),
        last_used_at=now,
        **browser_and_address(request),
        **columns,
    )
    return encode_pair(family, refresh)


def encode_pair(family: TokenFamily, refresh: RefreshToken) -> dict[str, str]:
    pair: dict[str, Token] = {"access": AccessToken(), "refresh": refresh}
    for token in pair.values():
        token["sub"], token["sid"] = str(family.user_id), str(family.pk)
        token["nbf"], token["auth_time"] = token["iat"], int(family.began_at.timestamp())
        token["amr"] = [family.method]
        token["exp"] = min(token["exp"], int((family.began_at + longest_age()).timestamp()))
    return {name: str(token) for name, token in pair.items()}


def digest(token: Token) -> str:
    return hashlib.sha256(token["jti"].encode()).hexdigest()


def parse(kind: type[AccessToken], text: str) -> AccessToken:
    try:
        return kind(text)  # type: ignore[arg-type]  # simplejwt says Token where it takes text
    except TokenError:
        raise InvalidToken from None


def find_family(token: AccessToken, now: datetime) -> TokenFamily:
    """One query, with the user. Raises InvalidToken if anything has ended the user's sessions since."""
    family = TokenFamily.objects.filter(pk=token["sid"], expires_at__gt=now).select_related("user").first()
    if family is None or not family.user.is_active:
        raise InvalidToken
    if not constant_time_compare(family.session_hash, epoch.auth_hash(family.user)):
        raise InvalidToken
    return family


def find_by_access_token(text: str, now: datetime) -> TokenFamily:
    return find_family(parse(AccessToken, text), now)


def renew(text: str, request: HttpRequest, now: datetime) -> dict[str, str]:
    """A new pair. One UPDATE decides whether this is the first use of the token; if not, the sign-in ends."""
    old = parse(RefreshToken, text)
    family = find_family(old, now)
    new = RefreshToken()
    unused = TokenFamily.objects.filter(pk=family.pk, digest=digest(old))
    ends_at = min(now + renewable_for(), family.began_at + longest_age())
    seen = {"last_used_at": now, **browser_and_address(request)}
    if not unused.update(digest=digest(new), expires_at=ends_at, **seen):
        set_id(request, family.device_id)
        with events.atomic():
            if end_sign_in(family):
                events.record("token_reused", family.user, request)
        raise InvalidToken
    return encode_pair(family, new)


def end_sign_in(family: TokenFamily) -> bool:
    """False if someone else has ended it first."""
    return bool(TokenFamily.objects.filter(pk=family.pk).delete()[0])


def log_out(text: str, now: datetime) -> None:
    """Any refresh token of the sign-in will do, even a used one."""
    end_sign_in(find_family(parse(RefreshToken, text), now))


def check(text: str, now: datetime) -> None:
    """Takes either kind of token, and raises InvalidToken unless it works now."""
    try:
        refresh = parse(RefreshToken, text)
    except InvalidToken:
        find_by_access_token(text, now)
        return
    if not constant_time_compare(find_family(refresh, now).digest, digest(refresh)):
        raise InvalidToken


def ended_once(family: TokenFamily) -> bool:
    """Were the user's sessions ended exactly once since the family was read?

    The caller has just done that itself; if it happened twice, something else wants this sign-in to end, too.
    """
    return constant_time_compare(family.session_hash, epoch.auth_hash(family.user, epochs_back=1))


def keep_sign_in(family: TokenFamily, method: str) -> None:
    """Let this sign-in alone survive the change that ended all sessions."""
    if ended_once(family):
        session_hash = epoch.auth_hash(family.user)
        TokenFamily.objects.filter(pk=family.pk).update(session_hash=session_hash, method=method)


def record_step_up(family: TokenFamily, method: str, factor: str, at: datetime) -> None:
    """The same that step_up.record_step_up() writes into a session."""
    family.method, family.stepped_up_with, family.stepped_up_at = method, factor, at
    TokenFamily.objects.filter(pk=family.pk).update(method=method, stepped_up_with=factor, stepped_up_at=at)


def reissue(family: TokenFamily, method: str, request: HttpRequest, now: datetime) -> dict[str, str]:
    """New tokens after setup, because those that were issued for the password alone must stop working.

    The new sign-in keeps the start of the old one, so that it ends when the old one would have, and its
    place in the list of devices.
    """
    if not end_sign_in(family) or not ended_once(family):
        raise InvalidToken
    return issue(family.user, method, request, now, family.began_at, name=family.name)


def rebind_to_new_hash(family: TokenFamily, password: str) -> None:
    """When authenticate() has hashed the same password anew: the sign-in is bound to the hash."""
    before = family.session_hash
    if constant_time_compare(before, epoch.auth_hash(family.user)):
        family.user.password = password
        family.session_hash = epoch.auth_hash(family.user)
        TokenFamily.objects.filter(pk=family.pk, session_hash=before).update(session_hash=family.session_hash)
