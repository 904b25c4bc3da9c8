"""Takes each rule out of a copy of ceremony.py and shows which case then ends otherwise.

So that every rule there is needed, and every one is tested.
"""

import importlib.util
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.twofactor.factors.ceremonies import (
    ASSERTIONS,
    REGISTRATIONS,
    STORED_KEYS,
    verify_assertion,
    verify_key,
    verify_registration,
)
from twofactor.factors import ceremony

SOURCE = Path(ceremony.__file__).read_text()
ADD, USE, KEY = "registration", "assertion", "stored key"
BOTH = (ADD, USE)
TABLES = {
    ADD: (verify_registration, {case.name: case for case in REGISTRATIONS}),
    USE: (verify_assertion, {case.name: case for case in ASSERTIONS}),
    KEY: (verify_key, {case.name: case for case in STORED_KEYS}),
}


class Rule(NamedTuple):
    name: str
    text: str
    replacement: str
    case: str  # which ends otherwise
    tables: tuple[str, ...] = BOTH


def no(condition):
    return f"if {condition}:", "if False:"


TAGS_ARE_READ = (
    'raise NotVerified("a tag in CBOR")',
    "return _end_of_item(data, end + SIZES.get(number, 0))",
)
RULES = [
    Rule("an answer is short", *no("len(text) > MAX_LENGTH"), "N-11 17 KiB"),
    Rule("base64url has one form", *no("_encoded(data) != value"), "N-5 rawId padded"),
    Rule(
        "the library gets what we know alone",
        '**{name: answer[name] for name in ("id", "rawId", "type")},',
        "**answer,",
        "N-33 unknown members of the answer",
    ),
    # Client data
    Rule("there is a challenge", *no("len(challenge) < SHORTEST_CHALLENGE"), "N-23 none is expected"),
    Rule(
        "the challenge has one form",
        *no('client_data["challenge"] != _encoded(challenge)'),
        "N-23 challenge padded",
    ),
    Rule("client data are UTF-8", '.decode("utf-8-sig")', "", "N-14 in UTF-16"),
    Rule("a byte order mark is allowed", "utf-8-sig", "utf-8", "N-14 with a byte order mark"),
    Rule(
        "not in a frame",
        'client_data.get("crossOrigin", False) is not False or ',
        "",
        "N-30 crossOrigin",
    ),
    Rule("crossOrigin is a boolean", "is not False", "is True", "N-30 crossOrigin is no boolean"),
    Rule("no top origin", ' or "topOrigin" in client_data', "", "N-31 topOrigin"),
    Rule(
        "the origin is ours",
        "[*site.origins]",
        '[json.loads(_decoded(response["clientDataJSON"]))["origin"]]',
        "N-26 a subdomain",
    ),
    Rule("the domain is ours", "rp_id=site.domain", 'rp_id="org"', "N-35 hash of the parent domain"),
    # Flags
    Rule(
        "a person is present",
        "presence=must_be_present",
        "presence=False",
        "N-36 nobody present",
        (ADD,),
    ),
    Rule(
        "nobody need be present for a quiet one",
        "presence=must_be_present",
        "presence=True",
        "N-36 nobody present, nor required",
        (ADD,),
    ),
    Rule("verified where it is required", "=must_verify", "=False", "N-37 not verified"),
    Rule("not verified elsewhere", "=must_verify", "=True", "N-38 not verified, nor required"),
    Rule(
        "an assertion holds no key",
        *no("authenticator_data[FLAGS] & HAS_KEY"),
        "N-40 a key",
        (USE,),
    ),
    # Bytes
    Rule(
        "extensions are a map",
        *no("authenticator_data[end] >> 5 != MAP"),
        "N-41 a number behind the flag",
    ),
    Rule(
        "nothing after authenticator data",
        *no("end != len(authenticator_data)"),
        "N-42 bytes after half a float",
    ),
    Rule(
        "the library reads no extensions of a registration",
        "[flags & ~HAS_EXTENSIONS]",
        "[flags]",
        "N-41 extensions",
        (ADD,),
    ),
    Rule("no tags", *TAGS_ARE_READ, "N-41 a tag in extensions"),
    Rule("no tags in a statement", *TAGS_ARE_READ, "N-49 a tag in the statement", (ADD,)),
    Rule("no tags in a key", *TAGS_ARE_READ, "N-51 with a tag", (ADD,)),
    Rule("no tags in a stored key", *TAGS_ARE_READ, "a tag", (KEY,)),
    Rule(
        "items of indefinite length are read",
        *no("number == INDEFINITE"),
        "N-49 of indefinite length",
        (ADD,),
    ),
    Rule(
        "nothing after the attestation object",
        *no("_end_of_item(attestation, 0) != len(attestation)"),
        "N-47 bytes after the object",
        (ADD,),
    ),
    Rule("a format is there", 'found["fmt"]', '""', "N-46 fmt missing", (ADD,)),
    Rule("a statement is there", 'found["attStmt"]', '""', "N-46 attStmt missing", (ADD,)),
    Rule(
        "statements are thrown away",
        "attestationObject=_without_statement(authenticator_data)",
        'attestationObject=response["attestationObject"]',
        "N-48 packed, broken",
        (ADD,),
    ),
    # Id and key
    Rule(
        "browser and authenticator name the same id",
        *no('found.credential_id != _decoded(answer["rawId"])'),
        "N-7 the browser names another id",
        (ADD,),
    ),
    Rule(
        "the length of an id has bounds",
        *no("len(found.credential_id) not in ID_LENGTHS"),
        "N-55 15 bytes",
        (ADD,),
    ),
    Rule("an id is long", "range(16, 1024)", "range(1, 1024)", "N-55 15 bytes", (ADD,)),
    Rule("an id is not too long", "range(16, 1024)", "range(16, 1025)", "N-55 1,024 bytes", (ADD,)),
    Rule(
        "a key is loaded",
        "key_problem(found.credential_public_key)",
        '""',
        "N-52 not on the curve",
        (ADD,),
    ),
    Rule("ES256 for elliptic keys", "case -7, ec", "case _, ec", "N-51 elliptic key for RS256", (ADD,)),
    Rule(
        "ES256 is on its curve",
        "(curve=ec.SECP256R1())",
        "()",
        "N-51 another curve for ES256",
        (ADD,),
    ),
    Rule("RS256 for RSA keys", "case -257, rsa", "case _, rsa", "N-51 RSA key for ES256", (ADD,)),
    Rule("an RSA key is long", "range(2048, 4097)", "range(1024, 4097)", "N-54 1,024 bits", (ADD,)),
    Rule("an RSA key is not too long", "range(2048, 4097)", "range(2048, 4098)", "N-54 4,097 bits", (ADD,)),
    Rule(
        "nothing after a stored key",
        *no("_end_of_item(public_key, 0) != len(public_key)"),
        "bytes after the key",
        (KEY,),
    ),
    # Assertions
    Rule("the signature has one form", '_decoded(response["signature"])\n', "\n", "N-67 padded", (USE,)),
    Rule(
        "the handle has one form",
        "(_decoded(handle) or None)",
        "(urlsafe_b64decode(handle + '===') or None)",
        "N-66 handle padded",
        (USE,),
    ),
    Rule(
        "the counter is no matter of the library",
        "current_sign_count=0",
        "current_sign_count=1",
        "N-65 no handle",
        (USE,),
    ),
    # Failures
    Rule("ValueError", "(ValueError, ", "(", "N-1 not JSON"),
    Rule("LookupError", "LookupError, ", "", "N-3 id missing"),
    Rule("TypeError", "TypeError, ", "", "N-2 null"),
    Rule("AttributeError", "AttributeError, ", "", "N-10 response is a list", (USE,)),
    Rule("RecursionError", ", RecursionError)", ",)", "N-49 nested 10,000 deep", (ADD,)),
    Rule(
        "failures of the library",
        "(exceptions.WebAuthnException, *errors)",
        "errors",
        "N-43 backed up, but not eligible",
    ),
]


def without(rule, folder):
    """A module like ceremony.py, but for the rule."""
    assert SOURCE.count(rule.text) in (1, len(rule.tables))
    file = folder / "ceremony_without_a_rule.py"
    file.write_text(SOURCE.replace(rule.text, rule.replacement))
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outcome(verify, case, module):
    try:
        verify(case, module)
    except module.NotVerified:
        return "refused"
    except Exception:
        return "failed"
    return "works"


@pytest.mark.proves("PK-07")
@pytest.mark.parametrize("rule", [pytest.param(rule, id=rule.name) for rule in RULES])
def test_a_case_shows_that_the_rule_is_missing(rule, tmp_path):
    broken = without(rule, tmp_path)
    for table in rule.tables:
        verify, cases = TABLES[table]
        case = cases[rule.case]
        assert outcome(verify, case, ceremony) == ("works" if case.works else "refused")
        assert outcome(verify, case, broken) != outcome(verify, case, ceremony)


def test_every_condition_of_the_ceremony_is_among_the_rules():
    """A new rule comes with the case that needs it."""
    lines = [line.strip() for line in SOURCE.splitlines()]
    refusals = [" ".join(pair) for pair in pairwise(lines) if pair[1].startswith('raise NotVerified("')]
    assert len(refusals) > 10
    assert [found for found in refusals if not any(rule.text in found for rule in RULES)] == []
