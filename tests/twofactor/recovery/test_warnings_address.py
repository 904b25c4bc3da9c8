"""The second address: confirmed by a code, only for warnings, and never a way to sign in."""

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from tests.people import add_app, give_password, sign_in
from tests.twofactor.recovery.walk import letters_to
from tests.twofactor.sent_codes import OTHER, different_code, mailed_code
from twofactor import events
from twofactor.factors import sent_codes, totp
from twofactor.models import Event, WarningsAddress
from twofactor.outgoing.outbox import send_due

pytestmark = pytest.mark.django_db
PAGE = "/two-factor/warnings/"
VERIFY = "/two-factor/warnings/verify/"
SECOND = "second@example.net"
CHANGED = "Your address for warnings was changed"


def subjects_to(address):
    return [letter.subject.partition(" – ")[0] for letter in letters_to(address)]


@pytest.fixture
def client(client, phone):
    sign_in(client, phone)
    return client


@pytest.fixture
def confirmed(client):
    client.post(PAGE, {"address": SECOND})
    client.post(VERIFY, {"code": mailed_code()})
    send_due()
    mail.outbox.clear()
    return client


@pytest.mark.proves("RE-11")
def test_it_counts_once_the_code_that_was_sent_there_is_entered(client, alice):
    assert client.post(PAGE, {"address": SECOND}).url == VERIFY
    assert mail.outbox[-1].to == [SECOND]
    assert events.warnings_address(alice) == []
    assert client.post(VERIFY, {"code": different_code(mailed_code())}).status_code == 422
    assert client.post(VERIFY, {"code": mailed_code()}).url == "/two-factor/"
    assert events.warnings_address(alice) == [SECOND]
    assert SECOND in client.get("/two-factor/").text


def test_the_own_address_is_refused(client):
    response = client.post(PAGE, {"address": "ALICE@example.com"})
    assert response.status_code == 422
    assert "Enter another one" in response.text


@pytest.mark.parametrize("address", ["", "nobody", "a@b c", "x@-example-.com"])
def test_no_mail_address_is_refused(client, address):
    assert client.post(PAGE, {"address": address}).status_code == 422


def test_warnings_go_to_both_and_nothing_else_does(confirmed, alice):
    events.record("password_changed", alice, None)
    events.record("phone_changed", alice, None)
    assert subjects_to(SECOND) == ["Your password was changed"]
    assert len(letters_to()) == 2


@pytest.mark.proves("RE-11")
def test_a_change_is_told_to_the_address_before(confirmed):
    confirmed.post(PAGE, {"address": "third@example.net"})
    confirmed.post(VERIFY, {"code": mailed_code()})
    assert subjects_to(SECOND) == [CHANGED]
    assert letters_to("third@example.net")


def test_removing_it_is_told_there_one_last_time(confirmed, alice):
    confirmed.post("/two-factor/warnings/remove/")
    assert not WarningsAddress.objects.exists()
    assert subjects_to(SECOND) == [CHANGED]
    assert Event.objects.filter(kind="warnings_address_changed").count() == 2


@pytest.mark.proves("RE-11")
def test_nobody_who_signs_in_sees_it(confirmed):
    other = Client()
    give_password(other)
    for page in ("/two-factor/verify/", OTHER, "/two-factor/recovery/", "/two-factor/verify/backup/"):
        assert "second@" not in other.get(page, follow=True).text
        assert "example.net" not in other.get(page, follow=True).text


def test_no_code_for_signing_in_goes_there(confirmed, alice):
    assert SECOND not in [channel.target for channel in sent_codes.find_channels(alice)]


@pytest.mark.proves("RE-11")
def test_an_app_that_was_added_recently_does_not_change_it(client, alice, clock):
    young = add_app(alice, totp.generate_key(), timezone.now(), "Thief")
    other = Client()
    give_password(other)
    clock.shift(60)
    other.post("/two-factor/verify/", {"code": young.code()})
    assert other.post(PAGE, {"address": SECOND}).url.startswith("/two-factor/confirm/")
    assert not WarningsAddress.objects.exists()


def test_where_a_site_has_no_mail_there_is_none(client, settings):
    settings.TWOFACTOR_HAS_MAIL = False
    assert client.get(PAGE).status_code == 404
    assert "address for warnings" not in client.get("/two-factor/").text
