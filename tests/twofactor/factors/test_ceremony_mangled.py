"""Answers that nobody would think of: whatever comes, only NotVerified leaves, and never a changed signature.

Right answers are spoiled at random, from the outside in: the text, the bytes that it carries, and the values
in their CBOR.
"""

import json
from contextlib import suppress

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.soft import decoded, encoded
from tests.twofactor.factors.ceremonies import (
    ANNS,
    CHALLENGE,
    SITE,
    Case,
    registered,
    signed,
    verify_assertion,
    verify_registration,
)
from twofactor.factors.ceremony import NotVerified, key_problem

REGISTERED, SIGNED = registered(ANNS), signed()
AUTHENTICATOR_DATA = cbor2.loads(decoded(json.loads(REGISTERED)["response"]["attestationObject"]))["authData"]
often = settings(max_examples=4 * settings.default.max_examples)  # one takes some milliseconds

edits = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 3), st.binary(max_size=6)),
    min_size=1,
    max_size=4,
)
numbers = st.booleans() | st.integers() | st.floats()
simple = st.none() | numbers | st.text(max_size=9) | st.binary(max_size=40)
anything = st.recursive(
    simple, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(simple, inner, max_size=4)
)
in_json = st.recursive(
    st.none() | numbers | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=9), inner, max_size=4),
)


def spoil(data, changes):
    """Each change leaves out some bytes at a place, and puts others there."""
    for place, left_out, put in changes:
        at = int(place * len(data))
        data = data[:at] + put + data[at + left_out :]
    return data


def spoil_carried(text, name, changes):
    answer = json.loads(text)
    answer["response"][name] = encoded(spoil(decoded(answer["response"][name]), changes))
    return json.dumps(answer)


def add(text):
    with suppress(NotVerified):
        return verify_registration(Case("", lambda: text, options={"must_verify": False}))


def use(text):
    with suppress(NotVerified):
        return verify_assertion(Case("", lambda: text, options={"must_verify": False}))


def test_what_is_spoiled_here_was_right():
    assert add(REGISTERED)
    assert use(SIGNED)


@often
@given(edits)
def test_a_spoiled_text(changes):
    for verify, text in [(add, REGISTERED), (use, SIGNED)]:
        verify(spoil(text.encode(), changes).decode(errors="replace"))


@often
@given(st.sampled_from(["id", "rawId", "type", "response", "clientExtensionResults"]), in_json)
@example("id", "\ud800")
def test_another_value_in_the_answer(name, value):
    for verify, text in [(add, REGISTERED), (use, SIGNED)]:
        verify(json.dumps({**json.loads(text), name: value}))


@often
@given(st.sampled_from(["clientDataJSON", "attestationObject", "transports"]), in_json)
def test_another_value_in_the_response_of_a_registration(name, value):
    answer = json.loads(REGISTERED)
    add(json.dumps({**answer, "response": {**answer["response"], name: value}}))


@often
@given(st.sampled_from(["clientDataJSON", "authenticatorData", "signature", "userHandle"]), in_json)
def test_another_value_in_the_response_of_an_assertion(name, value):
    answer = json.loads(SIGNED)
    use(json.dumps({**answer, "response": {**answer["response"], name: value}}))


@often
@given(in_json)
def test_another_value_as_client_data(value):
    for verify, make in [(add, registered), (use, signed)]:
        verify(make(client=lambda _made: value if isinstance(value, dict) else json.dumps(value).encode()))


@often
@given(st.sampled_from(["type", "challenge", "origin", "crossOrigin", "tokenBinding"]), in_json)
def test_another_value_in_the_client_data(name, value):
    for verify, make in [(add, registered), (use, signed)]:
        verify(make(client=lambda made: {**made, name: value}))


@often
@given(st.sampled_from(["clientDataJSON", "attestationObject"]), edits)
def test_spoiled_bytes_of_a_registration(name, changes):
    add(spoil_carried(REGISTERED, name, changes))


@pytest.mark.proves("PK-08")
@often
@given(st.sampled_from(["clientDataJSON", "authenticatorData", "signature"]), edits)
def test_spoiled_bytes_of_an_assertion_are_refused(name, changes):
    spoiled = spoil_carried(SIGNED, name, changes)
    assert use(spoiled) is None or json.loads(spoiled) == json.loads(SIGNED)


@often
@given(edits)
def test_spoiled_authenticator_data(changes):
    add(registered(data=lambda data: spoil(data, changes)))
    use(signed(data=lambda data: spoil(data, changes)))


@often
@given(st.sampled_from(["fmt", "attStmt", "authData"]), anything)
def test_another_value_in_the_attestation_object(name, value):
    add(registered(attestation=lambda made: cbor2.dumps({**cbor2.loads(made), name: value})))


@often
@given(st.sampled_from([1, 3, -1, -2, -3]), anything)
@example(-2, 1 << 70000)
def test_another_value_in_the_key(name, value):
    public_key = cbor2.dumps({**ANNS.public_key, name: value})
    key_problem(public_key)
    add(registered(data=lambda _data: AUTHENTICATOR_DATA[: 37 + 16 + 2 + 32] + public_key))


@often
@given(anything)
def test_anything_as_a_key(value):
    assert key_problem(cbor2.dumps(value)) != "" or value == ANNS.public_key


@often
@given(st.binary(max_size=300))
def test_any_bytes(data):
    key_problem(data)
    add(registered(attestation=lambda _made: data))
    add(registered(data=lambda _data: data))
    use(signed(data=lambda _data: data))
    use(signed(signature=lambda _signature: data))


@often
@given(anything)
def test_any_extensions(value):
    extensions = cbor2.dumps(value)
    for data in [AUTHENTICATOR_DATA[:37], AUTHENTICATOR_DATA]:
        flagged = data[:32] + bytes([data[32] | 128]) + data[33:] + extensions
        add(registered(data=lambda _data, made=flagged: made))
        use(signed(data=lambda _data, made=flagged: made))


@pytest.mark.proves("PK-08")
@often
@given(st.text(max_size=400))
def test_any_text(text):
    assert add(text) is None
    assert use(text) is None


def test_the_challenge_is_the_one_of_these_answers():
    """Or all of the above would be refused for another reason."""
    assert encoded(CHALLENGE) in decoded(json.loads(SIGNED)["response"]["clientDataJSON"]).decode()
    assert SITE.origins == {ANNS.origin}
