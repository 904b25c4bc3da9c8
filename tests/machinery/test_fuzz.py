"""Input that no person enters and programs send, to every form and to the API.

It must be refused with a clear message or ignored; it never causes an error, and never signs someone in.
Part of make test with few examples; make assurance PART=fuzz tries many more.
"""

from base64 import urlsafe_b64encode
from itertools import product
from urllib.parse import quote_from_bytes, urlencode

import pytest
import time_machine
from django.db import transaction
from django.test import Client
from hypothesis import example, given
from hypothesis import strategies as st

from tests.people import NOW, PASSWORD, PRINTED_CODES, enrol, give_password, person, sign_in, signed_in_as
from tests.savepoints import savepoint
from tests.twofactor.sent_codes import NUMBER, record_text_messages
from twofactor.models import Authenticator

LOGIN, VERIFY, BACKUP, CONFIRM = (
    "/accounts/login/",
    "/two-factor/verify/",
    "/two-factor/verify/backup/",
    "/two-factor/confirm/",
)
PHONE = "/two-factor/phone/"
MIB = 1 << 20
URLENCODED = "application/x-www-form-urlencoded"
DIGITS = "123456"
TEXTS = {
    "empty": "",
    "spaces": " \t\u00a0\u2003",
    "NUL": "\0",
    "NUL among digits": "12\x003456",
    "a megabyte": "1" * MIB,
    "seven digits": "1234567",
    "full width": "".join(chr(0xFF10 + int(d)) for d in DIGITS),
    "superscript": "¹²³⁴⁵⁶",
    "mathematical": "".join(chr(0x1D7CE + int(d)) for d in DIGITS),
    "Arabic": "١٢٣٤٥٦",
    "circled": "①②③④⑤⑥",
    "lines": "123456\r\nSet-Cookie: a=b",
    "a list": "[1,2,3]",
    "JSON": '{"$ne": null}',
    "a negative": "-123456",
    "a fraction": "1e5",
    "right to left": "\u202e654321",
    "half a pair": "\ud800".encode("utf-8", "surrogatepass"),
    "SQL": "' OR 1=1 --",
    "a template": "{{ settings.SECRET_KEY }}{% debug %}",
    "a format": "%s%n%(password)s{0.__class__}",
    "markup": "<img src=x onerror=alert(1)>",
    "true": "true",
}
FORMS = {
    LOGIN: ("username", "password", "next"),
    VERIFY: ("code", "trust_browser"),
    BACKUP: ("code",),
    "/two-factor/verify/send/": ("channel",),
    "/accounts/signup/": ("email", "password"),
    "/accounts/password_reset/": ("email",),
    "/accounts/language/": ("language",),
    "/csp-report/": ("csp-report",),
    "/accounts/reset/MQ/set-password/": ("new_password1",),
}
NEW = "a quiet green harbour"
FORMS_INSIDE = {  # valid values of each form; one field is replaced
    CONFIRM: {"password": PASSWORD, "code": "000000"},
    "/two-factor/backup-codes/": {"password": PASSWORD, "code": "000000"},
    "/two-factor/disable/": {"password": PASSWORD, "code": "000000"},
    PHONE: {"number": NUMBER},
    f"{PHONE}verify/": {"code": "000000"},
    "/two-factor/apps/add/": {"code": "000000", "name": "Tablet"},
    "/two-factor/apps/{app}/rename/": {"name": "Tablet"},
    "/accounts/profile/": {"name": "Alice", "language": "de"},
    "/accounts/password_change/": {
        "old_password": PASSWORD,
        "code": "000000",
        "new_password1": NEW,
        "new_password2": NEW,
    },
    "/accounts/email/change/": {"email": "alice@elsewhere.example"},
    "/admin/accounts/user/{bob}/two-factor/reset/": {"reset-reason": "lost"},
    "/admin/accounts/user/{bob}/two-factor/emergency-code/": {"code-reason": "lost", "code-hours": "1"},
    "/admin/accounts/user/{bob}/two-factor/end-sessions/": {"sessions-reason": "lost"},
}
FREE = {"name", "reset-reason", "code-reason", "sessions-reason"}  # free text
NOTHING = {("language", "empty")}  # is valid
NUMBERS = {"code-hours"}  # where a random digit is valid
HEADERS = {
    "htmx": {"HX-Request": "true", "HX-Current-URL": "http://evil.example/\r\nX: y", "HX-Target": "\0<b>"},
    "htmx, of what is no address": {"HX-Request": "true", "HX-Current-URL": "http://[::1", "HX-Prompt": "é"},
    "htmx, history": {"HX-Request": "true", "HX-History-Restore-Request": "true", "HX-Boosted": "maybe"},
    "htmx, encoded": {
        "HX-Request": "true",
        "HX-Current-URL": "%E0%A4%A",
        "HX-Current-URL-URI-AutoEncoded": "true",
    },
    "languages": {"Accept-Language": "de;q=x,*;q=0,,;;" + "a-" * 2000},
    "another host": {"Host": "evil.example"},
    "no host": {"Host": "\0:99999"},
    "a forwarded host": {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https, http"},
    "forwarded for": {"X-Forwarded-For": "127.0.0.1, ' OR 1", "X-Real-IP": "\0", "Forwarded": "for=_x"},
    "cookies": {
        "Cookie": "sessionid=\x01; twofactor_pending=a.b.c; twofactor_trusted=....; accounts_known=%00;"
        " csrftoken=é; =;;"
    },
    "long cookies": {"Cookie": f"twofactor_pending={'A' * 60000}; sessionid={'9' * 60000}; language=../../x"},
    "a range": {"Range": "bytes=0-0,-1", "If-None-Match": '"', "If-Modified-Since": "yesterday"},
    "methods": {"X-HTTP-Method-Override": "DELETE", "Content-Encoding": "gzip", "Expect": "100-continue"},
    "a referrer": {"Referer": "http://[evil/%zz", "Origin": "null", "User-Agent": "\x00" * 500},
}
BODIES = {
    "half a multipart": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="code"',
    ),
    "no boundary": ("multipart/form-data", b"--x--"),
    "a boundary of nothing": ("multipart/form-data; boundary=", b"--"),
    "a file for a code": (
        "multipart/form-data; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="code"; filename="a\0b"\r\n\r\n1\r\n--x--\r\n',
    ),
    "JSON": ("application/json", b'{"code": ["000000"], "username": {"a": 1}}'),
    "half a JSON": ("application/json", b'{"code": '),
    "deep JSON": ("application/csp-report", b"[" * 4000),
    "XML": ("text/xml", b"<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>"),
    "plain text": ("text/plain", b"code=000000"),
    "no type": ("", b"code=000000"),
    "an unknown charset": ("application/x-www-form-urlencoded; charset=klingon", b"code=000000"),
    "bad percents": (URLENCODED, b"code=%zz%E0%A4&%=&&=&code[]=1"),
    "bytes": (URLENCODED, bytes(range(256))),
    "fields given twice": (
        "application/x-www-form-urlencoded",
        b"code=000000&code=111111&code=",
    ),
    "too many fields": (URLENCODED, b"&".join(b"a=1" for _ in range(1100))),
    "too much": (URLENCODED, b"code=" + b"1" * 3 * MIB),
}
PATHS = [
    "/%00",
    "/%ff%fe/",
    "/%2e%2e/%2e%2e/etc/passwd",
    "/two-factor/%0d%0aX: y/",
    "//evil.example/",
    "/a" * 4000,
]
PATHS += [
    "/accounts/reset/%00/x/",
    "/accounts/email/verify/%F0%9F%92%A9/",
    "/admin/accounts/user/%00/change/",
]
PATHS += [f"/two-factor/browsers/{'9' * 40}/forget/", "/?next=%E0%A4%A"]
PATHS += ["/two-factor/?seen=%00&seen[]=1"]


@pytest.fixture
def password_given(db):
    """Alice's browser after the password. Each request is rolled back."""
    with time_machine.travel(NOW, tick=False):
        enrol(person(), PRINTED_CODES[:1])
        client = Client(raise_request_exception=False)
        give_password(client)
        yield client


@pytest.fixture
def stepped_up(db, settings):
    """Alice's browser after a step-up; she may support Bob, and has started every setup."""
    record_text_messages(settings)
    with time_machine.travel(NOW, tick=False) as clock:
        phone = enrol(person(is_staff=True, is_superuser=True), PRINTED_CODES[:1])
        client = Client(raise_request_exception=False)
        bob = person("bob@example.com")
        enrol(bob)
        client.bob = bob.pk
        sign_in(client, phone)
        clock.shift(60)
        client.post(CONFIRM, {"password": PASSWORD, "code": phone.code()})
        client.post(PHONE, {"number": NUMBER})
        client.get("/two-factor/apps/add/")
        client.app = Authenticator.objects.get(user__email="alice@example.com").pk
        client.user = signed_in_as(client)
        yield client


def tried(client, *request, **more):
    """The response, and who is signed in after it; then everything is rolled back."""
    jar, back = client.cookies.copy(), savepoint()
    answer = client.generic(*request, **more)
    inside = signed_in_as(client)
    transaction.savepoint_rollback(back)
    client.cookies = jar
    return answer, inside


def send(client, *request, **more):
    answer, inside = tried(client, *request, **more)
    return answer.status_code, inside


def filled(client, path, field, text, **more):
    """A form inside with one field that nobody would fill in like this: what was answered, in words."""
    others = {name: value for name, value in FORMS_INSIDE[path].items() if name != field}
    body = "&".join([form(field, text), urlencode(others)])
    answer, inside = tried(
        client, "POST", path.format(bob=client.bob, app=client.app), body, URLENCODED, **more
    )
    if inside != client.user:
        return "signed in as someone else"
    if answer.status_code == 422:
        return "refused" if b'class="error' in answer.content else "refused without a word"
    return "done" if answer.status_code in {200, 302, 303} else answer.status_code


def trouble(answers):
    """Requests that caused an error or signed someone in."""
    return {name: answer for name, answer in answers.items() if answer[0] >= 500 or answer[1] is not None}


def form(field, text):
    raw = text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
    return f"{field}={quote_from_bytes(raw)}"


MODES = [{}, {"HX-Request": "true"}]
# Every text goes into every field, plain or with htmx by turns; the other turn takes long. So each text meets
# each field, and each form is sent many times in both modes.
BY_TURNS = pytest.mark.parametrize(
    "turn", [0, pytest.param(1, marks=pytest.mark.long)], ids=["one turn", "the other"]
)


def odd_texts(fields, turn):
    """Each text in each field, and the headers to send it with."""
    for number, (field, (name, text)) in enumerate(product(fields, TEXTS.items()), turn):
        yield field, name, text, MODES[number % 2]


@pytest.mark.proves("2.2.1", "2.2.2", "15.3.7", "V-16")
@BY_TURNS
@pytest.mark.parametrize("path", FORMS)
def test_no_text_in_a_field_breaks_anything_or_lets_anyone_in(password_given, path, turn):
    answers = {
        (field, name): send(password_given, "POST", path, form(field, text), URLENCODED, headers=headers)
        for field, name, text, headers in odd_texts(FORMS[path], turn)
    }
    assert trouble(answers) == {}


@pytest.mark.proves("2.2.1", "2.2.2")
@BY_TURNS
@pytest.mark.parametrize("path", FORMS_INSIDE)
def test_no_text_in_a_form_inside_is_taken_or_refused_without_a_word(stepped_up, path, turn):
    answers = {
        (field, name): filled(stepped_up, path, field, text, headers=headers)
        for field, name, text, headers in odd_texts(FORMS_INSIDE[path], turn)
    }
    for key in answers.keys() & NOTHING:
        assert answers.pop(key) == "done"
    odd = {key: said for key, said in answers.items() if said not in may_be_said(key[0])}
    assert odd == {}


def may_be_said(field):
    return {"refused", "done"} if field in FREE else {"refused"}


@pytest.mark.proves("2.2.1", "R-06")
@pytest.mark.parametrize("name", sorted(TEXTS.keys() - {"a negative", "lines"}))
def test_nothing_but_the_right_digits_is_a_code(password_given, name):
    assert send(password_given, "POST", VERIFY, form("code", TEXTS[name]), URLENCODED)[0] == 422


@pytest.mark.proves("H-06", "4.1.3", "16.5.4")
@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/", LOGIN, VERIFY, "/two-factor/", "/accounts/language/"])
def test_no_header_breaks_anything_or_lets_anyone_in(password_given, path, method):
    answers = {name: send(password_given, method, path, headers=headers) for name, headers in HEADERS.items()}
    assert trouble(answers) == {}


@pytest.mark.proves("16.5.4")
def test_an_old_form_is_refused_whatever_its_headers_say(password_given):
    password_given.handler.enforce_csrf_checks = True
    answers = {
        name: send(password_given, "POST", LOGIN, headers=headers)[0] for name, headers in HEADERS.items()
    }
    assert set(answers.values()) <= {400, 403}


@pytest.mark.proves("15.3.7", "16.5.4")
@pytest.mark.parametrize("path", FORMS)
def test_no_body_breaks_anything_or_lets_anyone_in(password_given, path):
    answers = {name: send(password_given, "POST", path, body, kind) for name, (kind, body) in BODIES.items()}
    assert trouble(answers) == {}


@pytest.mark.proves("16.5.4")
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_address_breaks_anything(password_given, method):
    """As the server hands it over: what is after the percent signs is bytes."""
    assert trouble({path[:60]: send(password_given, method, path) for path in PATHS}) == {}


@pytest.mark.hypothesis
@pytest.mark.proves("2.2.1", "16.5.4")
@pytest.mark.parametrize("path", [VERIFY, BACKUP, LOGIN])
def test_whatever_is_typed_is_refused(password_given, path):
    field = FORMS[path][0]

    @given(st.text(max_size=80) | st.from_regex(r"[\d\s\-]{1,20}", fullmatch=True) | st.binary(max_size=40))
    def refused(text):
        status, inside = send(password_given, "POST", path, form(field, text), URLENCODED)
        assert (status in {400, 422, 429}, inside) == (True, None)

    refused()


@pytest.mark.hypothesis
@pytest.mark.proves("2.2.1", "16.5.4")
@pytest.mark.parametrize(
    ("path", "field"),
    [
        (path, field)
        for path, fields in FORMS_INSIDE.items()
        for field in fields
        if field not in FREE | NUMBERS
    ],
)
def test_whatever_is_typed_inside_is_refused_in_words(stepped_up, path, field):
    @given(st.text(max_size=80) | st.binary(max_size=40))
    def refused(text):
        text = text or "x"  # an empty value is valid for some
        assert filled(stepped_up, path, field, text) == "refused"

    refused()


@pytest.mark.hypothesis
@pytest.mark.proves("H-06", "4.1.3", "16.5.4")
@pytest.mark.parametrize("path", ["/", LOGIN, VERIFY, "/two-factor/", "/accounts/language/"])
def test_whatever_a_header_says_breaks_nothing_and_lets_nobody_in(password_given, path):
    names = sorted({name for headers in HEADERS.values() for name in headers})
    values = st.text(st.characters(max_codepoint=255), max_size=60)  # what a server hands over: bytes

    @given(st.sampled_from(["GET", "POST"]), st.dictionaries(st.sampled_from(names), values, max_size=5))
    def harmless(method, headers):
        status, inside = send(password_given, method, path, headers=headers)
        assert (status < 500, inside) == (True, None)

    harmless()


def like_a_token(real):
    """Tokens that name a key of ours: with random contents, or sealed ones with one wrong character."""
    shaped = st.binary(max_size=120).map(lambda junk: urlsafe_b64encode(b"\x80" + junk).decode())
    characters = st.text("ABCabc019-_=.", max_size=120)
    place = st.integers(len(real) // 3, len(real) - 5)  # the last ones hold bits that mean nothing
    changed = place.map(lambda at: real[:at] + ("A" if real[at] != "A" else "B") + real[at + 1 :])
    named = (shaped | characters | st.text(max_size=20)).map(lambda rest: real.partition(".")[0] + "." + rest)
    return (named | changed).map(lambda text: text.encode("utf-8", "surrogatepass").decode("latin-1"))


@pytest.mark.hypothesis
@pytest.mark.proves("V-16", "V-17", "16.5.4")
@pytest.mark.parametrize("path", ["/", LOGIN, VERIFY, BACKUP])
@pytest.mark.parametrize("name", ["twofactor_pending", "accounts_known"])
def test_a_cookie_that_only_looks_like_ours_is_none(password_given, name, path):
    """Even with the right code in the same request."""
    real = {each: password_given.cookies[each].value for each in password_given.cookies}
    sealed = real.get(name) or real["twofactor_pending"]

    @example(
        sealed.partition(".")[0] + ".\u00c3\u00a9", "POST"
    )  # a letter that no token has, in its two bytes
    @given(like_a_token(sealed), st.sampled_from(["GET", "POST"]))
    def nobody(token, method):
        jar = "; ".join(f"{each}={value}" for each, value in {**real, name: token}.items())
        body = f"code={PRINTED_CODES[0]}" if name == "twofactor_pending" else "code=000000"
        status, inside = send(password_given, method, path, body, URLENCODED, headers={"Cookie": jar})
        assert (status < 500, inside) == (True, None)

    nobody()


@pytest.mark.hypothesis
@pytest.mark.proves("V-25", "3.7.2")
def test_whatever_next_says_leads_to_a_page_of_ours(password_given):
    fields = {"username": "bob@example.com", "password": PASSWORD}
    person("bob@example.com")

    @given(st.text("/\\:@.#?%\t\r\n \0evil", max_size=24))
    def ours(to):
        back = savepoint()
        location = Client().post(LOGIN, {**fields, "next": to}).headers["Location"]
        transaction.savepoint_rollback(back)
        assert location.startswith("/")
        assert location[1:2] not in {"/", "\\"}

    ours()
