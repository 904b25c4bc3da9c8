"""twofactor.testing in the tests of a site: who is signed in, which codes are accepted, when mail is sent."""

from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from asgiref.sync import async_to_sync
from django.core import mail
from django.test import AsyncClient, Client, RequestFactory, override_settings
from django.test.utils import _TestState

from tests.people import PASSWORD, give_password, person, signed_in_as
from twofactor import testing
from twofactor.factors import enrolled
from twofactor.models import Authenticator, Event
from twofactor.testing import enrol, make_backup_code, sign_in

pytestmark = pytest.mark.django_db
VERIFY, DISABLE, CONFIRM = "/two-factor/verify/", "/two-factor/disable/", "/two-factor/confirm/"

BACKUP_CODE_USED = "One of your backup codes was used – Countersign"


def verify(client, code):
    give_password(client)
    return client.post(VERIFY, {"code": code})


# Signing in


def test_someone_signs_in_with_both(client, alice):
    sign_in(client, alice)
    assert (signed_in_as(client), enrolled.is_on(alice)) == (alice, True)
    assert client.get("/two-factor/devices/").context["user"].is_verified()


def test_someone_signs_in_with_the_password_alone(client, alice):
    sign_in(client, alice, verified=False)
    assert (signed_in_as(client), enrolled.is_on(alice)) == (alice, False)


def test_a_browser_can_be_trusted(client, alice):
    enrol(alice)
    sign_in(client, alice, verified=False)
    page = client.get("/two-factor/devices/")
    assert (page.status_code, page.context["user"].is_verified()) == (200, False)


@pytest.mark.parametrize(("minutes", "leads_to"), [(4, ""), (6, CONFIRM), (61, "/accounts/login/")])
def test_a_sign_in_can_be_some_time_ago(client, alice, minutes, leads_to):
    sign_in(client, alice, ago=timedelta(minutes=minutes))
    answer = client.get("/two-factor/apps/add/")
    assert urlsplit(answer.headers.get("Location", "")).path == leads_to


def test_a_sign_in_survives_the_sign_in_of_someone_else(client, alice, bob):
    sign_in(client, alice)
    sign_in(client, bob)
    assert signed_in_as(client) == bob


def test_the_same_person_can_sign_in_again(client, alice):
    sign_in(client, alice, ago=timedelta(minutes=59))
    sign_in(client, alice)
    assert client.get("/two-factor/devices/").status_code == 200


def test_someone_signs_in_in_an_async_test(alice):
    async def test():
        client = AsyncClient()
        phone = await testing.aenrol(alice)
        await testing.asign_in(client, alice)
        answer = await client.post(DISABLE, {"password": PASSWORD, "code": await phone.acode()})
        return answer.status_code

    assert async_to_sync(test)() == 303


def test_a_request_without_middleware_has_what_the_decorators_ask(alice):
    request = testing.sign_in_request(RequestFactory().get("/"), alice)
    assert (request.user, request.user.is_verified()) == (alice, True)
    assert testing.sign_in_request(RequestFactory().get("/"), alice, False).user.is_verified() is False


# Codes


def test_each_enrolment_has_a_key_of_its_own(alice, bob):
    assert enrol(alice).key != enrol(bob).key


def test_the_newest_phone_replaces_the_one_before(alice):
    first, second = enrol(alice), enrol(alice)
    assert verify(Client(), first.code()).status_code == 422
    assert verify(Client(), second.code()).status_code == 303


def test_a_phone_has_an_accepted_code_at_any_moment(clock, alice):
    """Time stands still, and three people in a row could not do this."""
    phone = enrol(alice)
    for _ in range(3):
        assert verify(Client(), phone.code()).status_code == 303


def test_a_code_works_once(alice):
    code = enrol(alice).code()
    assert [verify(Client(), code).status_code for _ in range(2)] == [303, 422]


@pytest.mark.parametrize("days", [-400, 400])
def test_a_phone_follows_the_time(clock, alice, days):
    phone = enrol(alice)
    clock.shift(timedelta(days=days))
    assert verify(Client(), phone.code()).status_code == 303


def test_backup_codes_work_once_each(alice):
    enrol(alice)
    one, other = make_backup_code(alice), make_backup_code(alice)
    assert [verify(Client(), code).status_code for code in (one, other, one)] == [303, 303, 422]


def test_an_enrolled_person_can_do_everything(client, alice):
    """The phone is none that was added a moment ago."""
    phone = enrol(alice)
    sign_in(client, alice)
    answer = client.post(DISABLE, {"password": PASSWORD, "code": phone.code()})
    assert (answer.status_code, enrolled.is_on(alice)) == (303, False)


def test_a_phone_shows_no_key():
    assert "SECRET" not in repr(testing.Phone(Authenticator(), "SECRET"))


# Mail


def test_mail_waits_for_the_commit_that_a_test_case_never_makes(alice):
    enrol(alice)
    verify(Client(), make_backup_code(alice))
    assert mail.outbox == []
    assert [letter.subject for letter in testing.send_mails()] == [BACKUP_CODE_USED]


@pytest.mark.django_db(transaction=True)
@override_settings(TWOFACTOR_MAIL_SENT_BY="workers")
def test_mail_is_in_the_outbox_when_the_page_is_there(alice):
    enrol(alice)
    verify(Client(), make_backup_code(alice))
    assert [letter.subject for letter in mail.outbox] == [BACKUP_CODE_USED]


# Outside a test run


@pytest.fixture
def no_test_run(monkeypatch):
    """As on a server, one that has sent a mail by the locmem backend, too."""
    monkeypatch.delattr(_TestState, "saved_data")


@pytest.mark.usefixtures("no_test_run")
def test_outside_a_test_run_nobody_is_signed_in(client, alice):
    for forbidden in (
        lambda: sign_in(client, alice),
        lambda: enrol(alice),
        lambda: make_backup_code(alice),
        testing.send_mails,
    ):
        with pytest.raises(RuntimeError, match="unsafe=True"):
            forbidden()
    assert (signed_in_as(client), enrolled.is_on(alice), Event.objects.count()) == (None, False, 0)


@pytest.mark.usefixtures("no_test_run")
def test_a_demonstration_can_have_people(client):
    alice = person()
    sign_in(client, alice, unsafe=True)
    assert signed_in_as(client) == alice
