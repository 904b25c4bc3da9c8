"""A field that is sent twice is refused, whichever of the two is right (ASVS 15.3.7)."""

import pytest

from tests.people import PASSWORD, signed_in_as
from twofactor.models import Authenticator, GuessBudget

VERIFY = "/two-factor/verify/"


def right_and_wrong(right, name="code"):
    """The right value and a wrong one, in either order."""
    return [{name: [right, "000000"]}, {name: ["000000", right]}]


@pytest.mark.proves("15.3.7")
def test_two_codes_are_refused(pending_client, phone):
    statuses = [pending_client.post(VERIFY, body).status_code for body in right_and_wrong(phone.code())]
    assert (statuses, signed_in_as(pending_client)) == ([400, 400], None)


def test_two_codes_cost_no_guess(pending_client, phone, alice):
    pending_client.post(VERIFY, right_and_wrong(phone.code())[0])
    assert GuessBudget.objects.get(user=alice).failures == 0


def test_two_backup_codes_are_refused(pending_client, printed_codes):
    statuses = [
        pending_client.post(f"{VERIFY}backup/", body).status_code
        for body in right_and_wrong(printed_codes[0])
    ]
    assert (statuses, signed_in_as(pending_client)) == ([400, 400], None)


@pytest.mark.parametrize("path", ["/accounts/login/", "/admin/login/"])
def test_two_passwords_are_refused(client, alice, path):
    alice.is_staff = True
    alice.save()
    named = {"username": alice.email}
    statuses = [
        client.post(path, {**named, **body}).status_code for body in right_and_wrong(PASSWORD, "password")
    ]
    assert (statuses, signed_in_as(client)) == ([400, 400], None)


@pytest.mark.parametrize("name", ["password", "code"])
@pytest.mark.parametrize("path", ["/two-factor/disable/", "/two-factor/confirm/"])
def test_two_proofs_are_refused(signed_in_client, phone, path, name):
    right = {"password": PASSWORD, "code": phone.code()}
    statuses = [
        signed_in_client.post(path, {**right, **body}).status_code
        for body in right_and_wrong(right[name], name)
    ]
    assert (statuses, Authenticator.objects.count()) == ([400, 400], 1)


def test_two_channels_are_refused(pending_client):
    assert pending_client.post(f"{VERIFY}send/", {"channel": ["sms", "email"]}).status_code == 400
