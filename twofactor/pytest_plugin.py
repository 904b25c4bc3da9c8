"""Fixtures for the tests of a site with pytest-django.

Pytest reads this file by itself (pytest11 in pyproject.toml), in every project: so nothing of Django is
imported before a fixture is used.
"""

from typing import Any

import pytest


@pytest.fixture
def two_factor_user(db: None, django_user_model: Any) -> Any:
    """Someone. Where your user model asks for more, write a fixture of this name in your conftest.py."""
    name = "ann@example.com"
    fields = {django_user_model.USERNAME_FIELD: name, django_user_model.get_email_field_name(): name}
    return django_user_model._default_manager.create_user(**fields, password="correct horse battery")  # noqa: S106


@pytest.fixture
def two_factor_phone(two_factor_user: Any) -> Any:
    """The phone of two_factor_user, for whom two-factor authentication is on: two_factor_phone.code()."""
    from twofactor.testing import enrol

    return enrol(two_factor_user)


@pytest.fixture
def verified_client(two_factor_user: Any, two_factor_phone: Any) -> Any:
    """A django.test.Client in which two_factor_user has given password and code."""
    return client_of(two_factor_user)


@pytest.fixture
def verified_admin_client(admin_user: Any) -> Any:
    """As pytest-django's admin_client, and the code was given."""
    return client_of(admin_user)


def client_of(user: Any) -> Any:
    from django.test import Client

    from twofactor.testing import sign_in

    client = Client()
    sign_in(client, user)
    return client
