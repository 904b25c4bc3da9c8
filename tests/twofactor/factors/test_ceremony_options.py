"""What browsers are asked."""

import pytest

from tests.soft import decoded, encoded
from tests.twofactor.factors.ceremonies import ANN, CHALLENGE, SITE
from twofactor.factors.ceremony import Known, Site, creation_options, request_options

PHONE = Known(b"p" * 20, ["hybrid", "internal"])
STICK = Known(b"s" * 64, ["usb"])


def create(site=SITE, known=(), security_key=False):
    return creation_options(site, ANN, CHALLENGE, known, security_key=security_key)


@pytest.mark.parametrize("security_key", [False, True])
def test_a_new_passkey_is_for_this_site_and_this_person(security_key):
    options = create(security_key=security_key)
    assert options["rp"] == {"id": "example.org", "name": "Example"}
    assert options["user"] == {"id": encoded(ANN.handle), "name": "ann", "displayName": "Ann Example"}
    assert decoded(options["challenge"]) == CHALLENGE
    assert options["timeout"] == 300_000
    assert [wanted["alg"] for wanted in options["pubKeyCredParams"]] == [-8, -7, -257]
    assert options["attestation"] == "none"
    assert options["extensions"] == {"credProps": True}


def test_a_site_without_a_name_is_called_by_its_domain():
    assert create(Site("example.org", frozenset()))["rp"]["name"] == "example.org"


def test_a_passkey_is_to_be_found_without_a_name_and_verifies_who_uses_it():
    options = create()
    assert options["authenticatorSelection"] == {
        "residentKey": "required",
        "requireResidentKey": True,
        "userVerification": "required",
    }
    assert options["hints"] == []


def test_a_security_key_need_do_neither():
    """Old ones would refuse."""
    options = create(security_key=True)
    assert options["authenticatorSelection"] == {
        "residentKey": "discouraged",
        "requireResidentKey": False,
        "userVerification": "discouraged",
        "authenticatorAttachment": "cross-platform",
    }
    assert options["hints"] == ["security-key"]


def test_a_device_that_holds_one_already_is_left_out():
    """A second one there would silently replace the first."""
    assert create(known=[PHONE, STICK])["excludeCredentials"] == [
        {"type": "public-key", "id": encoded(b"p" * 20), "transports": ["hybrid", "internal"]},
        {"type": "public-key", "id": encoded(b"s" * 64), "transports": ["usb"]},
    ]


def test_a_sign_in_without_a_name_is_the_same_for_all():
    assert request_options(SITE, CHALLENGE, user_verification="required") == {
        "challenge": encoded(CHALLENGE),
        "timeout": 300_000,
        "rpId": "example.org",
        "userVerification": "required",
    }


def test_after_the_password_the_passkeys_of_the_person_are_named():
    options = request_options(SITE, CHALLENGE, [STICK], user_verification="discouraged")
    assert options["allowCredentials"] == [
        {"type": "public-key", "id": encoded(b"s" * 64), "transports": ["usb"]}
    ]
    assert options["userVerification"] == "discouraged"
