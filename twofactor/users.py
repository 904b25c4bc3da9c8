"""Reads a user of any user model."""

from collections.abc import Callable, Iterable
from contextvars import ContextVar
from datetime import datetime
from typing import Any, Literal, Protocol, TypeGuard, TypeVar, cast

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser
from django.db import router
from django.db.models import Model, QuerySet
from django.http import HttpRequest

from twofactor import conf, statements
from twofactor.models import SecurityMixin

T = TypeVar("T")
User = TypeVar("User", bound=AbstractBaseUser)


class TwoFactorUser(Protocol):
    """A row of AUTH_USER_MODEL. Not every model has is_staff: see is_staff()."""

    pk: Any  # of whatever type the site has chosen
    password: str
    last_login: datetime | None
    is_active: bool
    backend: str  # Django's authenticate() sets it

    @property
    def is_authenticated(self) -> Literal[True]: ...

    def get_username(self) -> str: ...

    def has_usable_password(self) -> bool: ...

    def get_session_auth_hash(self) -> str: ...

    def get_session_auth_fallback_hash(self) -> Iterable[str]: ...

    @classmethod
    def get_email_field_name(cls) -> str: ...


def is_verified(user: User | AnonymousUser) -> TypeGuard[User]:
    """Has this session given a second factor? The same as user.is_verified(), for type checkers.

    False where the middleware has not seen the user.
    """
    answer = getattr(user, "is_verified", None)
    return bool(user.is_authenticated and answer and answer())


def signed_in_user(request: HttpRequest) -> SecurityMixin:
    """For views that only people who are signed in reach."""
    return cast(SecurityMixin, request.user)


@statements.row
def person_by_key(pk: Any) -> Any:
    return get_user_model()._default_manager.filter(pk=pk)


READ_BEFORE: ContextVar[Any] = ContextVar("READ_BEFORE", default=None)


# The attribute of a person for whether a rule may ask them for a passkey, if it was read with the session.
PASSKEY_RULE = "_twofactor_passkey_rule"


def may_be_joined(model: type[Model]) -> bool:
    """May people be read in one query with rows of the model? Not past a manager that hides some of them."""
    people = get_user_model()
    same_database = router.db_for_write(model) == router.db_for_write(people)
    return same_database and not statements.has_own_managers(people)


def find_person(pk: Any) -> Any:
    """Who was read before, together with the session, or the row."""
    person = READ_BEFORE.get()
    return person if person is not None and person.pk == pk else person_by_key(pk)


def call_with(person: Any, act: Callable[[], T]) -> T:
    """Whoever looks for this person meanwhile gets them without a query."""
    token = READ_BEFORE.set(person)
    try:
        return act()
    finally:
        READ_BEFORE.reset(token)


def has_column(name: str) -> bool:
    """A user model may have an attribute of that name without a column."""
    return any(field.name == name for field in get_user_model()._meta.concrete_fields)


def has_relation(name: str) -> bool:
    return any(field.name == name for field in get_user_model()._meta.many_to_many)


def only_active(rows: QuerySet[Any], user: str = "") -> QuerySet[Any]:
    """Leaves the rows as they are where is_active is no column: then it has to be asked of each person."""
    return rows.filter(**{f"{user}is_active": True}) if has_column("is_active") else rows


def is_staff(user: TwoFactorUser) -> bool:
    return bool(getattr(user, "is_staff", False))


def email_of(user: TwoFactorUser) -> str:
    return getattr(user, user.get_email_field_name(), "") or ""


def sign_in_name(user: TwoFactorUser) -> str:
    """What the person types to sign in, and so what pages call them, also before the code.

    Where allauth signs people in by their address alone, it has made up a username that they have never seen.
    Where it takes several names, the one that was not typed must not be shown to whoever has the password.
    """
    return (only_email_signs_in() and email_of(user)) or user.get_username()


def only_email_signs_in() -> bool:
    if not apps.is_installed("allauth.account"):
        return False
    from allauth.account import app_settings  # here, because the site may not have it

    return bool(getattr(app_settings, "LOGIN_METHODS", ()) == {"email"})  # allauth 65.4 and later


def email_for_codes(user: TwoFactorUser) -> str:
    """As TWOFACTOR_EMAIL_OF has it, which finds confirmed addresses only; else the same."""
    find = conf.confirmed_email()
    return (find(user) or "") if find else email_of(user)


def names_of(cls: Any) -> list[str]:
    """Of the class and its base classes; recognises a package's class without importing the package."""
    return [f"{each.__module__}.{each.__qualname__}" for each in getattr(cls, "__mro__", ())]
