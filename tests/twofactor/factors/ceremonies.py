"""Answers of passkeys, right and false, each with its number in the list of what is refused.

As tables, so that test_ceremony.py can try each, and test_ceremony_rules.py all against a ceremony that lacks
a rule.
"""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.soft import (
    BACKED_UP,
    BACKUP_ELIGIBLE,
    EDDSA,
    ES256,
    HAS_EXTENSIONS,
    HAS_KEY,
    PRESENT,
    RS256,
    VERIFIED,
    SoftPasskey,
    as_bytes,
    cose,
    encoded,
    private_key,
)
from twofactor.factors import ceremony
from twofactor.factors.ceremony import Person, Site

SITE = Site("example.org", frozenset({"https://example.org"}), "Example")
ANN = Person(bytes(range(64)), "ann", "Ann Example")
CHALLENGE = bytes(range(100, 132))
CREATION = ceremony.creation_options(SITE, ANN, CHALLENGE, [], security_key=False)
REQUEST = ceremony.request_options(SITE, CHALLENGE, user_verification="required")


class Case(NamedTuple):
    name: str
    make: Callable[[], Any]  # the text that is posted
    works: bool = False
    options: dict[str, Any] = {"must_verify": True}
    challenge: bytes = CHALLENGE


def verify_registration(case, module=ceremony):
    return module.verify_registration(case.make(), SITE, case.challenge, **case.options)


def verify_key(case, module=ceremony):
    """Of keys, what is made are the bytes that are stored."""
    if problem := module.key_problem(case.make()):
        raise module.NotVerified(problem)


def verify_assertion(case, module=ceremony):
    answer = module.read_answer(case.make())
    return module.verify_assertion(answer, SITE, case.challenge, cbor2.dumps(ANNS.public_key), **case.options)


# One passkey signs all assertions, so that its public key is known.
ANNS = SoftPasskey(handle=ANN.handle, credential_id=bytes(range(32)))


def registered(passkey=None, **changes):
    return (passkey or SoftPasskey(credential_id=bytes(range(32)))).register(CREATION, **changes)


def signed(passkey=None, **changes):
    return (passkey or ANNS).sign(REQUEST, **changes)


def signed_with(**attributes):
    return signed(
        SoftPasskey(
            **{"key": ANNS.key, "handle": ANN.handle, "credential_id": ANNS.credential_id, **attributes}
        )
    )


def made(name, works=False, **changes):
    """Twice: a registration and an assertion with the same thing wrong."""
    return (
        Case(name, lambda: registered(**changes), works),
        Case(name, lambda: signed(**changes), works),
    )


def without(name):
    return lambda value: {key: item for key, item in value.items() if key != name}


def with_(**items):
    return lambda value: {**value, **items}


def constant(value):
    return lambda _made: value


def in_response(name, change):
    return lambda answer: {
        **answer,
        "response": {**answer["response"], name: change(answer["response"][name])},
    }


def other_spelling(text):
    """The same bytes for a decoder that does not look at the spare bits of the last character."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) ^ 1]


OTHER_ID = encoded(bytes(32))
SHAPE = [
    made("N-1 not JSON", answer=constant("{")),
    made("N-1 nothing", answer=constant("")),
    made("N-2 a list", answer=constant("[]")),
    made("N-2 a number", answer=constant("7")),
    made("N-2 null", answer=constant("null")),
    made("N-2 a text", answer=constant('"response"')),
    made("N-3 id missing", answer=without("id")),
    made("N-4 id is a number", answer=with_(id=7)),
    made("N-5 id padded", answer=lambda a: {**a, "id": a["id"] + "="}),
    made("N-5 rawId padded", answer=lambda a: {**a, "rawId": a["rawId"] + "="}),
    made("N-5 rawId with a foreign character", answer=lambda a: {**a, "rawId": a["rawId"] + "!"}),
    made("N-5 rawId in standard base64", answer=with_(rawId="++//" * 8)),
    made("N-5 rawId in another spelling", answer=lambda a: {**a, "rawId": other_spelling(a["rawId"])}),
    made("N-5 client data padded", answer=in_response("clientDataJSON", lambda text: text + "===")),
    made("N-6 rawId missing", answer=without("rawId")),
    made("N-7 another id", answer=with_(id=OTHER_ID)),
    made("N-7 another rawId", answer=with_(rawId=OTHER_ID)),
    made("N-8 type missing", answer=without("type")),
    made("N-9 another type", answer=with_(type="public_key")),
    made("N-10 response missing", answer=without("response")),
    made("N-10 response is a list", answer=with_(response=[])),
    made("N-10 response is empty", answer=with_(response={})),
    made("N-11 17 KiB", answer=with_(more="x" * 17 * 1024)),
    made("N-12 2,000 brackets", answer=constant("[" * 2000 + "]" * 2000)),
]


def look_alike(origin):
    return made(f"N-27 {origin}", client=with_(origin=origin))


CLIENT_DATA = [
    made("N-13 empty", client=constant(b"")),
    made("N-13 no object", client=constant(b"[]")),
    made("N-14 in UTF-16", client=lambda data: json.dumps(data).encode("utf-16")),
    made("N-14 in Latin-1", client=lambda data: json.dumps(data).encode()[:-1] + b', "more": "\xe4"}'),
    made("N-14 with a byte order mark", works=True, client=lambda data: json.dumps(data).encode("utf-8-sig")),
    (
        Case("N-15 type of the other ceremony", lambda: registered(client=with_(type="webauthn.get"))),
        Case("N-15 type of the other ceremony", lambda: signed(client=with_(type="webauthn.create"))),
    ),
    made("N-15 type missing", client=without("type")),
    made("N-16 another challenge", client=with_(challenge=encoded(bytes(32)))),
    made("N-16 challenge missing", client=without("challenge")),
    made("N-23 challenge empty", client=with_(challenge="")),
    made("N-23 challenge padded", client=with_(challenge=encoded(CHALLENGE) + "=")),
    made("N-23 challenge in another spelling", client=with_(challenge=other_spelling(encoded(CHALLENGE)))),
    (
        Case("N-23 none is expected", lambda: registered(client=with_(challenge="")), challenge=b""),
        Case("N-23 none is expected", lambda: signed(client=with_(challenge="")), challenge=b""),
    ),
    made("N-24 another scheme", client=with_(origin="http://example.org")),
    made("N-25 another port", client=with_(origin="https://example.org:8443")),
    made("N-26 a subdomain", client=with_(origin="https://shop.example.org")),
    look_alike("https://evilexample.org"),
    look_alike("https://example.org.evil.net"),
    look_alike("https://evil.net/https://example.org"),
    made("N-28 slash at the end", client=with_(origin="https://example.org/")),
    made("N-28 upper case", client=with_(origin="https://Example.org")),
    made("N-29 origin null", client=with_(origin="null")),
    made("N-29 origin is no text", client=with_(origin=None)),
    made("N-29 origin missing", client=without("origin")),
    made("N-30 crossOrigin", client=with_(crossOrigin=True)),
    made("N-30 crossOrigin is no boolean", client=with_(crossOrigin="false")),
    made("N-30 crossOrigin missing", works=True, client=without("crossOrigin")),
    made("N-31 topOrigin", client=with_(topOrigin="https://example.org")),
    made("N-31 topOrigin null", client=with_(topOrigin=None)),
    made("N-32 tokenBinding", works=True, client=with_(tokenBinding={"status": "present", "id": "x"})),
    made("N-32 tokenBinding is a text", works=True, client=with_(tokenBinding="unused")),
    made("N-33 unknown members", works=True, client=with_(extraData="x", more=[{}])),
    made("N-33 unknown members of the answer", works=True, answer=with_(more=1, authenticatorAttachment="x")),
]


def flagged(name, flags, works=False, **options):
    options = {"must_verify": True, **options}
    present = {"must_verify": options["must_verify"]}  # an assertion must always be
    return (
        Case(name, lambda: registered(SoftPasskey(flags=flags)), works, options),
        Case(name, lambda: signed_with(flags=flags), works, present),
    )


def extended(name, extensions, works=False):
    return (
        Case(name, lambda: registered(SoftPasskey(extensions=extensions)), works),
        Case(name, lambda: signed_with(extensions=extensions), works),
    )


def for_domain(name, rp_id):
    return (
        Case(name, lambda: registered(SoftPasskey(rp_id=rp_id))),
        Case(name, lambda: signed_with(rp_id=rp_id)),
    )


def set_flag(flag):
    return lambda data: data[:32] + bytes([data[32] | flag]) + data[33:]


def without_key(data):
    return data[:32] + bytes([data[32] & ~HAS_KEY]) + data[33:37]


def with_key(data):
    attested = bytes(16) + len(ANNS.credential_id).to_bytes(2) + ANNS.credential_id
    return set_flag(HAS_KEY)(data) + attested + cbor2.dumps(ANNS.public_key)


HALF_FLOAT = bytes.fromhex("a16161f93e00")  # {"a": 1.5}, six bytes shorter than the library would write it
AUTHENTICATOR_DATA = [
    made("N-34 36 bytes", data=lambda data: data[:36]),
    made("N-34 nothing", data=constant(b"")),
    for_domain("N-35 hash of the parent domain", "org"),
    for_domain("N-35 hash of a subdomain", "shop.example.org"),
    flagged("N-36 nobody present", VERIFIED),
    flagged("N-37 not verified", PRESENT),
    flagged("N-38 not verified, nor required", PRESENT, works=True, must_verify=False),
    made("N-41 nothing behind the flag", data=set_flag(HAS_EXTENSIONS)),
    extended("N-41 garbage behind the flag", b"\xff"),
    extended("N-41 a number behind the flag", cbor2.dumps(1)),
    extended("N-41 extensions", cbor2.dumps({"credProtect": 2}), works=True),
    extended("N-41 extensions with half a float", HALF_FLOAT, works=True),
    extended("N-41 a tag in extensions", cbor2.dumps({"a": cbor2.CBORTag(35, "a+")})),
    extended("N-42 bytes after extensions", cbor2.dumps({"credProtect": 2}) + b"x"),
    extended("N-42 bytes after half a float", HALF_FLOAT + b"123456"),
    made("N-42 bytes left over", data=lambda data: data + b"x"),
    flagged("N-43 backed up, but not eligible", PRESENT | VERIFIED | BACKED_UP),
    flagged("N-44 eligible, not backed up", PRESENT | VERIFIED | BACKUP_ELIGIBLE, works=True),
]


def attested(name, change, works=False):
    """change: what becomes of the attestation object, as bytes."""
    return Case(name, lambda: registered(attestation=change), works)


def object_with(**items):
    return lambda attestation: cbor2.dumps({**cbor2.loads(attestation), **items})


def object_without(name):
    return lambda attestation: cbor2.dumps(without(name)(cbor2.loads(attestation)))


def twice(attestation):
    """The map of three with a fourth pair, whose key is there already."""
    return b"\xa4" + attestation[1:] + cbor2.dumps("fmt") + cbor2.dumps("none")


CERTIFICATE = {"alg": -7, "sig": b"signature", "x5c": [b"certificate"]}
TPM = {**CERTIFICATE, "ver": "2.0", "certInfo": b"info", "pubArea": b"area"}
ATTESTATION = [
    attested("N-45 not CBOR", constant(b"\xff\xff")),
    attested("N-45 JSON", constant(b"{}")),
    attested("N-45 empty", constant(b"")),
    attested("N-45 a list", constant(cbor2.dumps([]))),
    attested("N-46 fmt missing", object_without("fmt")),
    attested("N-46 attStmt missing", object_without("attStmt")),
    attested("N-46 authData missing", object_without("authData")),
    attested("N-46 authData a number", object_with(authData=2**20)),
    attested("N-46 authData a text", object_with(authData="a" * 200)),
    attested("N-47 bytes after the object", lambda attestation: attestation + b"x"),
    attested("N-47 another object after it", lambda attestation: attestation * 2),
    attested("N-48 packed, broken", object_with(fmt="packed", attStmt=CERTIFICATE), works=True),
    attested("N-48 packed, empty", object_with(fmt="packed", attStmt={}), works=True),
    attested("N-48 tpm", object_with(fmt="tpm", attStmt=TPM), works=True),
    attested("N-48 apple", object_with(fmt="apple", attStmt={"x5c": [b"certificate"]}), works=True),
    attested("N-48 fido-u2f", object_with(fmt="fido-u2f", attStmt=CERTIFICATE), works=True),
    attested("N-48 of a format to come", object_with(fmt="new", attStmt={"a": [1]}), works=True),
    attested("N-48 none, with a statement", object_with(attStmt=CERTIFICATE), works=True),
    attested("N-49 duplicate keys", twice),
    attested("N-49 of indefinite length", lambda a: b"\xbf" + a[1:] + b"\xff", works=True),
    attested("N-49 of indefinite length, without end", lambda a: b"\xbf" + a[1:]),
    attested("N-49 a tag in the statement", object_with(attStmt={"a": cbor2.CBORTag(35, "a+")})),
    attested("N-49 nested 10,000 deep", constant(b"\x81" * 10000)),
]


def keyed(name, public_key, works=False):
    return Case(name, lambda: registered(SoftPasskey(public_key=public_key)), works)


ELLIPTIC, EDWARDS = cose(private_key(ES256)), cose(private_key(EDDSA))
ON_P384 = ec.generate_private_key(ec.SECP384R1()).public_key().public_numbers()
P384 = {1: 2, 3: -35, -1: 2, -2: as_bytes(ON_P384.x), -3: as_bytes(ON_P384.y)}


def rsa_of(bits, exponent=65537, algorithm=RS256):
    """Nobody looks for the primes of a public key."""
    return {1: 3, 3: algorithm, -1: as_bytes((1 << (bits - 1)) | 1), -2: as_bytes(exponent)}


KEYS = [
    keyed("N-50 ES384", P384),
    keyed("N-50 ES512 on the right curve", {**ELLIPTIC, 3: -36}),
    keyed("N-50 RS1", rsa_of(2048, algorithm=-65535)),
    keyed("N-50 RS512", rsa_of(2048, algorithm=-259)),
    keyed("N-50 PS256", rsa_of(2048, algorithm=-37)),
    keyed("N-50 ML-DSA", {1: 7, 3: -48, -1: bytes(1312)}),
    keyed("N-50 unknown", {**ELLIPTIC, 3: -99999}),
    keyed("N-50 no algorithm", without(3)(ELLIPTIC)),
    keyed("N-51 elliptic key for RS256", {**ELLIPTIC, 3: RS256}),
    keyed("N-51 elliptic key for EdDSA", {**ELLIPTIC, 3: EDDSA}),
    keyed("N-51 Edwards key for ES256", {**EDWARDS, 3: ES256}),
    keyed("N-51 RSA key for ES256", rsa_of(2048, algorithm=ES256)),
    keyed("N-51 RSA key for EdDSA", rsa_of(2048, algorithm=EDDSA)),
    keyed("N-51 elliptic key that says RSA", {**ELLIPTIC, 1: 3}),
    keyed("N-51 another curve for ES256", {**P384, 3: ES256}),
    keyed("N-51 with a tag", {**ELLIPTIC, 99: cbor2.CBORTag(35, "a+")}),
    keyed("N-51 with more than we need", {**ELLIPTIC, 99: [1, {2: 3}]}, works=True),
    Case("N-51 bytes after the key", lambda: registered(data=lambda data: data + b"x")),
    keyed("N-51 no map", [1, 2]),
    keyed("N-51 an empty map", {}),
    keyed("N-52 not on the curve", {**ELLIPTIC, -3: bytes(31) + b"\1"}),
    keyed("N-52 at infinity", {**ELLIPTIC, -2: bytes(32), -3: bytes(32)}),
    keyed("N-52 no coordinates", {**ELLIPTIC, -2: b"", -3: b""}),
    keyed("N-52 larger than the field", {**ELLIPTIC, -2: b"\xff" * 33}),
    keyed("N-53 31 bytes", {**EDWARDS, -2: EDWARDS[-2][:31]}),
    keyed("N-54 1,024 bits", rsa_of(1024)),
    keyed("N-54 2,047 bits", rsa_of(2047)),
    keyed("N-54 4,096 bits", rsa_of(4096), works=True),
    keyed("N-54 4,097 bits", rsa_of(4097)),
    keyed("N-54 exponent 1", rsa_of(2048, exponent=1)),
    keyed("N-54 exponent 2", rsa_of(2048, exponent=2)),
    keyed("N-54 exponent of 3,000 bits", rsa_of(2048, exponent=(1 << 3000) | 1)),
]


def identified(name, length, works=False):
    return Case(name, lambda: registered(SoftPasskey(credential_id=b"i" * length)), works)


def lying(name, length):
    """The field before the id says another length."""
    return Case(name, lambda: registered(data=lambda data: data[:53] + length.to_bytes(2) + data[55:]))


def named_otherwise(answer):
    return {**answer, "id": OTHER_ID, "rawId": OTHER_ID}


REGISTRATION_ONLY = [
    Case("N-39 no key", lambda: registered(data=without_key)),
    Case("N-39 no key behind the flag", lambda: registered(data=lambda data: data[:37])),
    Case(
        "N-36 nobody present, nor required",
        lambda: registered(SoftPasskey(flags=0)),
        works=True,
        options={"must_verify": False, "must_be_present": False},
    ),
    Case(
        "N-37 not verified, though nobody need be present",
        lambda: registered(SoftPasskey(flags=0)),
        options={"must_verify": True, "must_be_present": False},
    ),
    identified("N-55 0 bytes", 0),
    identified("N-55 15 bytes", 15),
    identified("N-55 16 bytes", 16, works=True),
    identified("N-55 1,023 bytes", 1023, works=True),
    identified("N-55 1,024 bytes", 1024),
    lying("N-55 length field too large", 33),
    lying("N-55 length field too small", 31),
    lying("N-55 length field beyond the end", 65535),
    Case(
        "N-45 attestation object padded",
        lambda: registered(answer=in_response("attestationObject", lambda text: text + "=")),
    ),
    Case("N-7 the browser names another id", lambda: registered(answer=named_otherwise)),
]


def raw(signature):
    """r and s one after the other, as other protocols want them."""
    return b"".join(number.to_bytes(32) for number in decode_dss_signature(signature))


def flip(signature):
    return signature[:-1] + bytes([signature[-1] ^ 1])


ASSERTION_ONLY = [
    Case("N-40 a key", lambda: signed(data=with_key)),
    Case(
        "N-34 authenticator data padded",
        lambda: signed(answer=in_response("authenticatorData", lambda text: text + "=")),
    ),
    Case("N-64 signed by another passkey", lambda: signed_with(key=private_key(ES256))),
    Case("N-65 no handle", lambda: signed(answer=in_response("userHandle", constant(None))), works=True),
    Case("N-66 handle is a number", lambda: signed(answer=in_response("userHandle", constant(7)))),
    Case("N-66 handle padded", lambda: signed(answer=in_response("userHandle", lambda text: text + "=="))),
    Case("N-67 empty", lambda: signed(signature=constant(b""))),
    Case("N-67 flipped", lambda: signed(signature=flip)),
    Case("N-67 of another message", lambda: signed(signature=constant(ANNS.signature(b"another")))),
    Case("N-67 r and s without DER", lambda: signed(signature=raw)),
    Case("N-67 padded", lambda: signed(answer=in_response("signature", lambda text: text + "="))),
    Case(
        "N-67 missing",
        lambda: signed(answer=lambda a: {**a, "response": without("signature")(a["response"])}),
    ),
    Case("N-68 RSA signature for an elliptic key", lambda: signed_with(key=private_key(RS256))),
    Case("N-68 Edwards signature for an elliptic key", lambda: signed_with(key=private_key(EDDSA))),
]
BOTH = [*SHAPE, *CLIENT_DATA, *AUTHENTICATOR_DATA]
REGISTRATIONS = [*[pair[0] for pair in BOTH], *ATTESTATION, *KEYS, *REGISTRATION_ONLY]
ASSERTIONS = [*[pair[1] for pair in BOTH], *ASSERTION_ONLY]


def stored(name, public_key, works=False):
    return Case(name, lambda: public_key, works)


STORED_KEYS = [
    stored("ES256", cbor2.dumps(ELLIPTIC), works=True),
    stored("EdDSA", cbor2.dumps(EDWARDS), works=True),
    stored("RS256", cbor2.dumps(rsa_of(2048)), works=True),
    stored("nothing", b""),
    stored("not CBOR", b"\xff"),
    stored("cut", cbor2.dumps(ELLIPTIC)[:-1]),
    stored("bytes after the key", cbor2.dumps(ELLIPTIC) + b"x"),
    stored("a tag", cbor2.dumps({**ELLIPTIC, 99: cbor2.CBORTag(35, "a+")})),
    stored("as U2F has it, without an algorithm", b"\x04" + ELLIPTIC[-2] + ELLIPTIC[-3]),
    stored("no coordinates", cbor2.dumps({1: 2, 3: -7})),
    stored("RS1", cbor2.dumps(rsa_of(2048, algorithm=-65535))),
    stored("RSA of 1,024 bits", cbor2.dumps(rsa_of(1024))),
]
