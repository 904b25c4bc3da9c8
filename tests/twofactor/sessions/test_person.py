"""A person is read in one query with session or apps, where that gives whom Django would find."""

import pytest
from django.contrib.auth import get_user_model
from django.db.models import Manager

from tests.people import client_after_password, person
from twofactor import statements
from twofactor.backends import ModelBackend
from twofactor.users import call_with

pytestmark = pytest.mark.django_db


@pytest.fixture
def hide_alice(alice, monkeypatch):
    """The site hides her from now on, as the manager of a tenant or of deleted people does."""
    people = type(get_user_model()._default_manager)
    shown = Manager.get_queryset
    monkeypatch.setattr(people, "get_queryset", lambda self: shown(self).exclude(pk=alice.pk), raising=False)
    statements.forget_all()
    yield
    monkeypatch.undo()
    statements.forget_all()


def test_nobody_whom_a_manager_hides_is_read_with_their_session(as_alice, hide_alice):
    assert as_alice.get("/accounts/profile/").status_code == 302


def test_nobody_whom_a_manager_hides_gives_a_code(phone, request):
    waiting = client_after_password()
    request.getfixturevalue("hide_alice")
    answer = waiting.post("/two-factor/verify/", {"code": phone.code()})
    assert answer.url.startswith("/accounts/login/")


def test_the_backend_gives_the_person_of_the_session_and_nobody_else(alice):
    other = person("bob@example.com")
    assert call_with(alice, lambda: ModelBackend().get_user(alice.pk)) is alice
    assert call_with(alice, lambda: ModelBackend().get_user(other.pk)) == other


def test_after_the_request_the_person_is_read_anew(as_alice, alice):
    as_alice.get("/accounts/profile/")
    get_user_model().objects.filter(pk=alice.pk).update(name="Alicia")
    assert ModelBackend().get_user(alice.pk).name == "Alicia"


def test_someone_who_was_deactivated_meanwhile_is_signed_out(as_alice, alice):
    get_user_model().objects.filter(pk=alice.pk).update(is_active=False)
    assert as_alice.get("/accounts/profile/").status_code == 302
