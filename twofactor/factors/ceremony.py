"""What we ask a passkey, and whether its answer is right (Web Authentication level 3, sections 7.1 and 7.2).

The library webauthn verifies; here stands what it lets through and we refuse. It is imported with the first
answer, because it takes 7 MiB, and a site without passkeys need not have it. Counters, owners and known
passkeys are a matter of the database, and stand elsewhere.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

ALGORITHMS = [-8, -7, -257]  # EdDSA, ES256, RS256; the first that an authenticator knows is taken
TIMEOUT = 300_000  # milliseconds; the challenge itself lasts longer
MAX_LENGTH = 16 * 1024  # of an answer; one with a long certificate chain has 6 KiB
SHORTEST_CHALLENGE = 16  # bytes, section 13.4.3; an empty one would be met by an empty one
ID_LENGTHS = range(16, 1024)  # bytes, section 4
RSA_BITS = range(2048, 4097)  # a larger key would only cost us time
TRANSPORTS = {"ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"}
NO_MAKER = "00000000-0000-0000-0000-000000000000"
# Authenticator data: a hash, flags, a counter; then a model, the length of the id (2 bytes), the id, the key.
FLAGS, COUNTER_END, ID = 32, 37, 55
HAS_KEY, HAS_EXTENSIONS = 0x40, 0x80
BYTES, TEXT, LIST, MAP, TAG = range(2, 7)  # major types of CBOR
SIZES = {24: 1, 25: 2, 26: 4, 27: 8}  # bytes of a number that does not fit into the first byte of an item
INDEFINITE, BREAK = 31, 0xFF


class NotVerified(Exception):
    """The answer is not accepted. The text says why, for a log, and holds nothing of the answer."""


@dataclass(frozen=True)
class Site:
    domain: str  # the relying party's id
    origins: frozenset[str]  # compared as whole strings
    name: str = ""


@dataclass(frozen=True)
class Person:
    handle: bytes
    name: str
    display_name: str


@dataclass(frozen=True)
class Known:
    """A passkey that a person has, to be asked for or to be left out."""

    credential_id: bytes
    transports: list[str]


@dataclass(frozen=True)
class Registration:
    credential_id: bytes
    public_key: bytes  # in COSE form
    sign_count: int
    transports: list[str]
    aaguid: str | None  # the model of the authenticator; None if it does not say
    discoverable: bool | None  # None if the browser does not say
    verified: bool  # by PIN, finger or face; otherwise only touched
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True)
class Answer:
    """What an assertion says of itself. Nothing of it has been verified."""

    credential_id: bytes
    user_handle: bytes | None
    credential: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class Assertion:
    sign_count: int
    verified: bool
    backup_eligible: bool
    backed_up: bool


def creation_options(
    site: Site, person: Person, challenge: bytes, known: Iterable[Known], *, security_key: bool
) -> dict[str, Any]:
    """For PublicKeyCredential.parseCreationOptionsFromJSON.

    A security key is asked for neither its place nor its PIN, or old ones would refuse.
    """
    wanted = "discouraged" if security_key else "required"
    selection = {"residentKey": wanted, "requireResidentKey": not security_key, "userVerification": wanted}
    return {
        "rp": {"id": site.domain, "name": site.name or site.domain},
        "user": {"id": _encoded(person.handle), "name": person.name, "displayName": person.display_name},
        "challenge": _encoded(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": algorithm} for algorithm in ALGORITHMS],
        "timeout": TIMEOUT,
        "excludeCredentials": _listed(known),
        "authenticatorSelection": (
            {**selection, "authenticatorAttachment": "cross-platform"} if security_key else selection
        ),
        "hints": ["security-key"] if security_key else [],
        "attestation": "none",
        "extensions": {"credProps": True},
    }


def request_options(
    site: Site, challenge: bytes, allowed: Iterable[Known] = (), *, user_verification: str
) -> dict[str, Any]:
    """For PublicKeyCredential.parseRequestOptionsFromJSON. Without a list, any passkey may answer."""
    listed = _listed(allowed)
    return {
        "challenge": _encoded(challenge),
        "timeout": TIMEOUT,
        "rpId": site.domain,
        **({"allowCredentials": listed} if listed else {}),
        "userVerification": user_verification,
    }


def _listed(passkeys: Iterable[Known]) -> list[dict[str, Any]]:
    return [
        {"type": "public-key", "id": _encoded(known.credential_id), "transports": known.transports}
        for known in passkeys
    ]


@contextmanager
def _only_not_verified() -> Iterator[None]:
    """A malformed answer makes the library and Python's own parsers fail in many ways."""
    from webauthn.helpers import exceptions

    errors = (ValueError, LookupError, TypeError, AttributeError, RecursionError)
    try:
        yield
    except (exceptions.InvalidRegistrationResponse, exceptions.InvalidAuthenticationResponse) as error:
        # Between quotation marks stands what came.
        raise NotVerified(re.split(r' ?"|\. See', str(error))[0]) from None
    except (exceptions.WebAuthnException, *errors) as error:
        raise NotVerified(f"malformed: {type(error).__name__}") from None


@_only_not_verified()
def verify_registration(
    text: str, site: Site, challenge: bytes, *, must_verify: bool, must_be_present: bool = True
) -> Registration:
    from webauthn import verify_registration_response
    from webauthn.helpers.structs import CredentialDeviceType

    answer = _read(text)
    response = answer["response"]
    authenticator_data = _authenticator_data(_decoded(response["attestationObject"]))
    _check_client_data(response["clientDataJSON"], challenge)
    found = verify_registration_response(
        credential=_credential(answer, attestationObject=_without_statement(authenticator_data)),
        expected_challenge=challenge,
        expected_rp_id=site.domain,
        expected_origin=[*site.origins],
        require_user_presence=must_be_present,
        require_user_verification=must_verify,
    )
    if found.credential_id != _decoded(answer["rawId"]):
        raise NotVerified("the authenticator names another id than the browser")
    if len(found.credential_id) not in ID_LENGTHS:
        raise NotVerified("the length of the id is out of bounds")
    if problem := key_problem(found.credential_public_key):
        raise NotVerified(problem)
    return Registration(
        credential_id=found.credential_id,
        public_key=found.credential_public_key,
        sign_count=found.sign_count,
        transports=_known_transports(response.get("transports")),
        aaguid=found.aaguid if found.aaguid != NO_MAKER else None,
        discoverable=_discoverable(answer),
        verified=found.user_verified,
        backup_eligible=found.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
        backed_up=found.credential_backed_up,
    )


@_only_not_verified()
def read_answer(text: str) -> Answer:
    answer = _read(text)
    response = answer["response"]
    handle = response.get("userHandle")
    return Answer(
        credential_id=_decoded(answer["rawId"]),
        user_handle=(_decoded(handle) or None) if handle is not None else None,
        credential=_credential(
            answer,
            authenticatorData=response["authenticatorData"],
            signature=response["signature"],
        ),
    )


@_only_not_verified()
def verify_assertion(
    answer: Answer, site: Site, challenge: bytes, public_key: bytes, *, must_verify: bool
) -> Assertion:
    from webauthn import verify_authentication_response
    from webauthn.helpers.structs import CredentialDeviceType

    response = answer.credential["response"]
    authenticator_data = _decoded(response["authenticatorData"])
    if authenticator_data[FLAGS] & HAS_KEY:
        raise NotVerified("an assertion holds no key")
    _without_extensions(authenticator_data)  # checked; but they are signed too
    _decoded(response["signature"])
    _check_client_data(response["clientDataJSON"], challenge)
    found = verify_authentication_response(
        credential=answer.credential,
        expected_challenge=challenge,
        expected_rp_id=site.domain,
        expected_origin=[*site.origins],
        credential_public_key=public_key,
        credential_current_sign_count=0,  # compared by us, once the signature has been verified
        require_user_verification=must_verify,
    )
    return Assertion(
        sign_count=found.new_sign_count,
        verified=found.user_verified,
        backup_eligible=found.credential_device_type == CredentialDeviceType.MULTI_DEVICE,
        backed_up=found.credential_backed_up,
    )


def key_problem(public_key: bytes) -> str:
    """Why no assertion can be verified with this key; "" if one can."""
    try:
        return _key_problem(public_key)
    except NotVerified as refusal:
        return str(refusal)


@_only_not_verified()
def _key_problem(public_key: bytes) -> str:
    """Loads the key, because the library does so at the first sign-in only, which would be too late."""
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    from webauthn.helpers import decode_credential_public_key, decoded_public_key_to_cryptography

    if _end_of_item(public_key, 0) != len(public_key):
        return "bytes after the key"
    decoded = decode_credential_public_key(public_key)
    key = decoded_public_key_to_cryptography(decoded)
    match decoded.alg, key:
        case -8, ed25519.Ed25519PublicKey():
            return ""
        case -7, ec.EllipticCurvePublicKey(curve=ec.SECP256R1()):
            return ""
        case -257, rsa.RSAPublicKey(key_size=bits):
            return "" if bits in RSA_BITS else "the length of the RSA key is out of bounds"
    return "the algorithm is none that we offer, or another than that of the key"


def _encoded(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _decoded(value: str) -> bytes:
    """Only one text stands for some bytes: Python's decoder skips what it does not know."""
    data = urlsafe_b64decode(value + "===")
    if _encoded(data) != value:
        raise NotVerified("not base64url, or not in its one form")
    return data


def _read(text: str) -> dict[str, Any]:
    if len(text) > MAX_LENGTH:
        raise NotVerified("too long")
    answer: dict[str, Any] = json.loads(text)
    return answer


def _credential(answer: dict[str, Any], **response: str) -> dict[str, Any]:
    """For the library, without anything that we do not use. It checks that id is rawId, and the type."""
    client_data = answer["response"]["clientDataJSON"]
    return {
        **{name: answer[name] for name in ("id", "rawId", "type")},
        "response": {"clientDataJSON": client_data, **response},
    }


def _check_client_data(text: str, challenge: bytes) -> None:
    if len(challenge) < SHORTEST_CHALLENGE:
        raise NotVerified("there is no challenge to compare with")
    # Python's parser would also take UTF-16, and the library a challenge in another form.
    client_data = json.loads(_decoded(text).decode("utf-8-sig"))
    if client_data["challenge"] != _encoded(challenge):
        raise NotVerified("another challenge")
    # We allow nobody to show our pages in a frame.
    if client_data.get("crossOrigin", False) is not False or "topOrigin" in client_data:
        raise NotVerified("asked in a frame of another site")


def _authenticator_data(attestation: bytes) -> bytes:
    from webauthn.helpers import parse_cbor

    if _end_of_item(attestation, 0) != len(attestation):
        raise NotVerified("bytes after the attestation object")
    found = parse_cbor(attestation)
    _format, _statement, data = found["fmt"], found["attStmt"], found["authData"]
    return _without_extensions(data)


def _without_statement(authenticator_data: bytes) -> str:
    """We asked for no attestation. Some send one all the same, and who makes the device matters to nobody."""
    from webauthn.helpers import encode_cbor

    return _encoded(encode_cbor({"fmt": "none", "attStmt": {}, "authData": authenticator_data}))


def _without_extensions(authenticator_data: bytes) -> bytes:
    """There is nothing after them, either: the library counts bytes as it would have written them itself."""
    flags, end = authenticator_data[FLAGS], COUNTER_END
    if flags & HAS_KEY:
        length = int.from_bytes(authenticator_data[ID - 2 : ID])
        end = _end_of_item(authenticator_data, ID + length)
    bare = authenticator_data[:FLAGS] + bytes([flags & ~HAS_EXTENSIONS]) + authenticator_data[FLAGS + 1 : end]
    if flags & HAS_EXTENSIONS:
        if authenticator_data[end] >> 5 != MAP:
            raise NotVerified("extensions are no map")
        end = _end_of_item(authenticator_data, end)
    if end != len(authenticator_data):
        raise NotVerified("bytes after the authenticator data")
    return bare


def _end_of_item(data: bytes, start: int) -> int:
    """Where the item of CBOR that starts there ends, if it holds no tags.

    No authenticator writes tags (CTAP 2, section 8). The parser of the library makes a regular expression of
    one, and 11 KB of it take half a minute, before anything has been verified.
    """
    kind, number = data[start] >> 5, data[start] & 31
    end = start + 1
    if kind == TAG:
        raise NotVerified("a tag in CBOR")
    if number == INDEFINITE:
        while data[end] != BREAK:
            end = _end_of_item(data, end)
        return end + 1
    if number in SIZES:
        end += SIZES[number]
        number = int.from_bytes(data[start + 1 : end])
    if kind in (BYTES, TEXT):
        return end + number
    if kind in (LIST, MAP):
        for _ in range(number * 2 if kind == MAP else number):
            end = _end_of_item(data, end)
    return end


def _known_transports(value: object) -> list[str]:
    """In the order they came. They are given back to the browser, so that it knows where to look."""
    came = value if isinstance(value, list) else []
    return [name for name in dict.fromkeys(map(str, came)) if name in TRANSPORTS]


def _discoverable(answer: dict[str, Any]) -> bool | None:
    """What the browser says of it. It is not signed, and decides about the offers on a page only."""
    match answer.get("clientExtensionResults"):
        case {"credProps": {"rk": bool(resident)}}:
            return resident
    return None
