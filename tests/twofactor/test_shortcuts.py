"""What a site says of people's addresses, and asks about them."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client, RequestFactory
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from accounts.models import User
from tests.people import give_password, person, signed_in_as
from twofactor import drafts
from twofactor.factors import sent_codes
from twofactor.models import Draft
from twofactor.shortcuts import confirm_address, forget_confirmation, has_two_factor, is_verified
from twofactor.testing import enrol, sign_in_request

pytestmark = pytest.mark.django_db


def test_a_confirmed_address_gets_codes():
    alice = person(email_verified_at=None)
    enrol(alice)
    assert not sent_codes.may_email(alice)
    assert confirm_address(alice)
    assert sent_codes.may_email(alice)
    assert sent_codes.may_email(User.objects.get())


def test_a_new_address_gets_none(alice):
    enrol(alice)
    forget_confirmation(alice)
    assert not sent_codes.may_email(alice)
    assert not sent_codes.may_email(User.objects.get())


def test_an_address_that_has_changed_meanwhile_is_not_confirmed():
    alice = person(email_verified_at=None)
    User.objects.update(email="eve@example.com")
    assert confirm_address(alice) is False
    assert User.objects.get().email_verified_at is None


def test_the_first_confirmation_ends_what_someone_else_has_begun():
    now = timezone.now()
    alice = person(email_verified_at=None, unconfirmed_since=now)
    client = Client()
    give_password(client)
    drafts.start(alice, Draft.Kind.CODES, now)
    assert confirm_address(alice)
    client.get("/")
    assert (signed_in_as(client), Draft.objects.count()) == (None, 0)
    assert (alice.unconfirmed_since, User.objects.get().unconfirmed_since) == (None, None)


def test_the_user_of_a_request_can_be_confirmed(alice):
    lazy = SimpleLazyObject(lambda: alice)
    forget_confirmation(lazy)
    assert (confirm_address(lazy), alice.email_verified_at is None) == (True, False)


def test_a_second_confirmation_ends_no_session(alice):
    client = Client()
    give_password(client)
    assert confirm_address(alice)
    client.get("/")
    assert signed_in_as(client) == alice


def test_who_is_verified(alice):
    request = RequestFactory().get("/")
    assert not is_verified(AnonymousUser())
    assert not is_verified(alice)
    assert is_verified(sign_in_request(request, alice).user)
    assert not is_verified(sign_in_request(request, alice, False).user)
    assert has_two_factor(alice)
