"""The test vectors of the specification (Web Authentication level 3, section "Test Vectors"), all fifteen.

vectors_of_w3c.json holds the values that a server meets, as the specification prints them, in hex.
"""

import json
from pathlib import Path

import pytest

from tests.soft import encoded
from twofactor.factors.ceremony import NotVerified, Site, read_answer, verify_assertion, verify_registration

VECTORS = json.loads((Path(__file__).parent / "vectors_of_w3c.json").read_text())
SITE = Site("example.org", frozenset({"https://example.org"}))
# What of the specification we refuse, and the word for it in the reason.
REFUSED = {
    'ES256 Credential with "crossOrigin": true in clientDataJSON': "frame",
    'ES256 Credential with "topOrigin" in clientDataJSON': "frame",
    "Packed Attestation with ES384 Credential": "alg",
    "Packed Attestation with ES512 Credential": "alg",
    "Packed Attestation with Ed448 Credential": "alg",
}


def answer(vector, ceremony, names):
    found = vector[ceremony]
    credential_id = text(vector["registration"]["credential_id"])
    response = {name: text(found[name]) for name in names}
    whole = {"id": credential_id, "rawId": credential_id, "type": "public-key", "response": response}
    return json.dumps(whole), bytes.fromhex(found["challenge"])


def text(of_hex):
    return encoded(bytes.fromhex(of_hex))


def register(vector):
    made, challenge = answer(vector, "registration", ["clientDataJSON", "attestationObject"])
    return verify_registration(made, SITE, challenge, must_verify=False)


def test_there_are_fifteen():
    assert len(VECTORS) == 15
    assert REFUSED.keys() < VECTORS.keys()


@pytest.mark.proves("PK-09")
@pytest.mark.parametrize("name", [name for name in VECTORS if name not in REFUSED])
def test_a_vector_registers_and_signs(name):
    """Whatever its attestation: we do not look at it."""
    vector = VECTORS[name]
    registered = register(vector)
    assert registered.credential_id.hex() == vector["registration"]["credential_id"]
    made, challenge = answer(vector, "authentication", ["clientDataJSON", "authenticatorData", "signature"])
    found = read_answer(made)
    assert verify_assertion(found, SITE, challenge, registered.public_key, must_verify=False).sign_count == 0


@pytest.mark.proves("PK-09")
@pytest.mark.parametrize(("name", "reason"), REFUSED.items(), ids=REFUSED.keys())
def test_a_vector_that_we_do_not_take_is_refused(name, reason):
    with pytest.raises(NotVerified, match=reason):
        register(VECTORS[name])
