"""What a passkey answers is refused, or works, as PASSKEYS says: each case by its number."""

import json
import re

import cbor2
import pytest

from tests.soft import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    EDDSA,
    ES256,
    PRESENT,
    RS256,
    VERIFIED,
    SoftPasskey,
    cose,
    decoded,
)
from tests.twofactor.factors.ceremonies import (
    ANN,
    ANNS,
    ASSERTIONS,
    CHALLENGE,
    REGISTRATIONS,
    SITE,
    STORED_KEYS,
    Case,
    in_response,
    registered,
    rsa_of,
    signed,
    signed_with,
    verify_assertion,
    verify_registration,
    with_,
)
from twofactor.factors import ceremony
from twofactor.factors.ceremony import (
    MAX_LENGTH,
    NotVerified,
    key_problem,
    read_answer,
)


def each(cases, works):
    return pytest.mark.parametrize(
        "case", [pytest.param(case, id=case.name) for case in cases if case.works is works]
    )


@each(REGISTRATIONS, works=False)
def test_a_registration_is_refused(case):
    with pytest.raises(NotVerified):
        verify_registration(case)


@each(REGISTRATIONS, works=True)
def test_a_registration_works(case):
    assert len(verify_registration(case).credential_id) >= 16


@each(ASSERTIONS, works=False)
def test_an_assertion_is_refused(case):
    with pytest.raises(NotVerified):
        verify_assertion(case)


@each(ASSERTIONS, works=True)
def test_an_assertion_works(case):
    assert verify_assertion(case).sign_count == 0


# What the log says of a refusal


def refusals():
    for verify, cases in [(verify_registration, REGISTRATIONS), (verify_assertion, ASSERTIONS)]:
        for case in cases:
            if not case.works:
                with pytest.raises(NotVerified) as raised:
                    verify(case)
                yield raised.value


def test_a_reason_holds_nothing_of_the_answer():
    reasons = {str(refusal) for refusal in refusals()}
    assert {reason for reason in reasons if re.search(r'["{]|b\'|evil|http|\d{3}|[^ -~]', reason)} == set()
    assert max(map(len, reasons)) < 80


def test_a_refusal_drags_no_other_error_into_the_log():
    """Which would quote the answer."""
    assert all(refusal.__suppress_context__ or not refusal.__context__ for refusal in refusals())


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"client": with_(origin="https://evil.net")}, "Unexpected client data origin"),
        ({"client": with_(challenge="AAAA")}, "another challenge"),
        ({"client": with_(crossOrigin=True)}, "asked in a frame of another site"),
        ({"answer": lambda answer: []}, "malformed: TypeError"),
    ],
)
def test_the_reason_names_the_rule(changes, reason):
    for verify, case in [
        (verify_registration, Case("", lambda: registered(**changes))),
        (verify_assertion, Case("", lambda: signed(**changes))),
    ]:
        with pytest.raises(NotVerified) as refusal:
            verify(case)
        assert str(refusal.value) == reason


# What is found in a registration


@pytest.mark.parametrize("algorithm", [ES256, EDDSA, RS256])
def test_a_passkey_of_each_algorithm_is_added_and_used(algorithm):
    passkey = SoftPasskey(algorithm=algorithm)
    found = verify_registration(Case("", lambda: registered(passkey)))
    assert found.credential_id == passkey.credential_id
    assert cbor2.loads(found.public_key) == passkey.public_key
    answer = read_answer(signed(passkey))
    assert answer.credential_id == found.credential_id
    assert use(answer, found.public_key).verified


def use(answer, public_key, must_verify=True):
    return ceremony.verify_assertion(answer, SITE, CHALLENGE, public_key, must_verify=must_verify)


def found_in(passkey=None, must_verify=False, **changes):
    return verify_registration(
        Case("", lambda: registered(passkey, **changes), options={"must_verify": must_verify})
    )


def test_flags_and_counter_are_those_of_the_authenticator():
    synced = found_in(SoftPasskey(flags=PRESENT | VERIFIED | BACKUP_ELIGIBLE | BACKED_UP))
    assert said_by(synced) == (0, True, True, True)
    touched = found_in(SoftPasskey(flags=PRESENT, sign_count=2**32 - 1))
    assert said_by(touched) == (2**32 - 1, False, False, False)


def said_by(found):
    return found.sign_count, found.verified, found.backup_eligible, found.backed_up


def test_flags_and_counter_of_an_assertion_are_those_of_the_authenticator():
    """N-69 to N-72: the counter is compared where the last one is stored."""
    case = Case("", lambda: signed_with(flags=PRESENT, sign_count=7), options={"must_verify": False})
    assert said_by(verify_assertion(case)) == (7, False, False, False)
    assert said_by(verify_assertion(Case("", signed))) == (0, True, True, True)


def test_n_75_a_key_that_was_only_touched_is_not_enough_where_verification_is_required():
    only_touched = Case("", lambda: signed_with(flags=PRESENT))
    with pytest.raises(NotVerified):
        verify_assertion(only_touched)
    assert not verify_assertion(only_touched._replace(options={"must_verify": False})).verified


def test_the_model_of_the_authenticator_is_known_if_it_says_so():
    model = bytes.fromhex("fdb141b25d84443e8a354698c205a502")
    assert found_in(SoftPasskey(aaguid=model)).aaguid == "fdb141b2-5d84-443e-8a35-4698c205a502"
    assert found_in(SoftPasskey(aaguid=bytes(16))).aaguid is None


@pytest.mark.parametrize(
    ("came", "kept"),
    [
        (["hybrid", "internal"], ["hybrid", "internal"]),
        (["usb", "nfc", "usb", "smoke", 7, None, ["usb"]], ["usb", "nfc"]),
        (["x" * 1000], []),
        ("usb", []),
        (None, []),
    ],
)
def test_known_transports_are_kept(came, kept):
    changed = in_response("transports", lambda _transports: came)
    assert found_in(answer=changed).transports == kept


@pytest.mark.parametrize(
    ("results", "discoverable"),
    [
        ({"credProps": {"rk": True}}, True),
        ({"credProps": {"rk": False}}, False),
        ({"credProps": {}}, None),
        ({"credProps": {"rk": "yes"}}, None),
        ({}, None),
        ("credProps", None),
    ],
)
def test_whether_it_is_discoverable_is_what_the_browser_says(results, discoverable):
    assert found_in(answer=with_(clientExtensionResults=results)).discoverable is discoverable


def test_an_answer_of_the_greatest_length_works():
    text = registered()
    longest = text[:-1] + ', "more": "' + "x" * (MAX_LENGTH - len(text) - 12) + '"}'
    assert len(longest) == MAX_LENGTH
    assert verify_registration(Case("", lambda: longest)).verified
    with pytest.raises(NotVerified, match="too long"):
        verify_registration(Case("", lambda: longest + " "))


# What an assertion says of itself


def test_an_answer_says_which_passkey_and_whose():
    answer = read_answer(signed())
    assert (answer.credential_id, answer.user_handle) == (ANNS.credential_id, ANN.handle)


@pytest.mark.parametrize("handle", [None, ""])
def test_n_65_an_answer_need_not_say_whose(handle):
    assert read_answer(signed(answer=in_response("userHandle", lambda _handle: handle))).user_handle is None


def test_the_repr_of_an_answer_holds_no_signature():
    text = signed()
    assert json.loads(text)["response"]["signature"] not in repr(read_answer(text))


def test_the_signature_is_verified_with_the_key_that_is_given():
    """N-64: whose passkeys are tried is decided by who calls."""
    answer = read_answer(signed())
    assert use(answer, cbor2.dumps(ANNS.public_key)).verified
    with pytest.raises(NotVerified):
        use(answer, cbor2.dumps(cose(SoftPasskey().key)))


@pytest.mark.parametrize("public_key", [b"", b"\xff", b"\x04", cbor2.dumps({}), cbor2.dumps([1])])
def test_a_key_that_was_spoiled_in_the_database_verifies_nothing(public_key):
    with pytest.raises(NotVerified):
        use(read_answer(signed()), public_key)


# Stored keys, looked at again


@each(STORED_KEYS, works=True)
def test_a_key_in_use_has_no_problem(case):
    assert key_problem(case.make()) == ""


@each(STORED_KEYS, works=False)
def test_a_key_with_a_problem_is_told(case):
    assert key_problem(case.make()) != ""


def test_what_is_wrong_with_a_key_is_said():
    assert key_problem(cbor2.dumps(rsa_of(1024))) == "the length of the RSA key is out of bounds"
    assert key_problem(b"") == "malformed: IndexError"


def test_what_could_not_be_registered_has_a_problem():
    for case in REGISTRATIONS:
        if case.name.startswith(("N-50", "N-51", "N-52", "N-53", "N-54")) and not case.works:
            assert key_problem(key_of(case)), case.name


def key_of(case):
    attestation = cbor2.loads(decoded(json.loads(case.make())["response"]["attestationObject"]))
    return attestation["authData"][37 + 16 + 2 + 32 :]
