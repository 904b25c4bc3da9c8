"""What is said of a security key, which people do not call a passkey: to them, by mail, and to support."""

import pytest

from tests.accounts.letters import html_part, letters
from tests.people import enrol, person
from tests.twofactor.passkeys.browser import Browser, forms_of, new_key, new_passkey, next_use, store
from tests.twofactor.passkeys.refusals import ADD
from twofactor import events
from twofactor.activity import list_rows
from twofactor.event_kinds import OF_SECURITY_KEY
from twofactor.models import Event, Passkey


@pytest.fixture
def key(alice, phone):
    """Alice's security key, beside her app."""
    made = new_key()
    store(alice, made, name="Yubi")
    return made


def titles(user):
    return [row.title for row in list_rows(user.pk, 20).rows]


def newest(kind):
    return Event.objects.filter(kind=kind).latest("pk")


def test_signing_in_with_one(alice, key, laptop):
    form = laptop.give_password()
    laptop.use(form, next_use(key))
    event = newest("signed_in_with_passkey")
    assert (event.title, event.get_kind_display()) == (
        "You signed in with a security key",
        "Signed in with a security key",
    )
    assert event.detail == {"method": "key", "security_key": "Yubi"}


def test_a_passkey_that_was_only_touched_is_none(alice, phone, passkey, laptop):
    passkey.flags = new_key().flags | passkey.flags & ~4
    laptop.use(laptop.give_password(), passkey)
    event = newest("signed_in_with_passkey")
    assert (event.detail["method"], event.title) == ("key", "You signed in with a passkey")


@pytest.mark.parametrize(("n", "word"), [(0, "passkey"), (1, "security key")])
def test_adding_and_removing_one(alice, phone, passkey, laptop, n, word):
    laptop.sign_in(passkey)
    laptop.use(forms_of(laptop.get(ADD))[n], new_passkey() if n == 0 else new_key())
    row = Passkey.objects.latest("pk")
    laptop.use(forms_of(laptop.get(f"/two-factor/passkeys/{row.pk}/remove/"))[0], passkey)
    subjects = [letter.subject for letter in letters()]
    for did in ("added", "removed"):
        assert f"You {did} a {word}" in titles(alice)
        assert any(subject.startswith(f"You {did} a {word} – ") for subject in subjects)


@pytest.mark.parametrize("part", [lambda letter: letter.body, html_part], ids=["text", "html"])
@pytest.mark.parametrize("kind", ["passkey_added", "passkey_copied"])
def test_a_letter_about_one_calls_it_so_throughout(alice, part, kind):
    events.record(kind, alice, None, security_key="Yubi")
    [letter] = letters()
    assert "security key" in letter.subject
    assert ("Yubi" in part(letter), "Security key" in part(letter)) == (True, True)
    assert "passkey" not in (letter.subject + part(letter)).lower()


def test_support_reads_it_too(alice, key):
    boss = person("boss@example.com", is_staff=True, is_superuser=True)
    phone = enrol(boss)
    events.record("passkey_added", alice, None, security_key="Yubi")
    events.record("passkey_added", alice, None, passkey="Laptop")
    browser = Browser()
    browser.post("/accounts/login/", {"username": boss.email, "password": "correct horse battery"})
    browser.post("/two-factor/verify/", {"code": phone.code()})
    log = browser.get("/admin/twofactor/event/").text
    assert ("A security key was added" in log, "security key: Yubi" in log) == (True, True)
    assert ("A passkey was added" in log, "passkey: Laptop" in log) == (True, True)


@pytest.mark.parametrize(
    ("search", "found"), [("added security key", ["Yubi"]), ("added passkey", ["Laptop"]), ("yubi", ["Yubi"])]
)
def test_it_is_found_by_what_people_read(alice, search, found):
    events.record("passkey_added", alice, None, security_key="Yubi")
    events.record("passkey_added", alice, None, passkey="Laptop")
    assert [row.event.named_factor for row in list_rows(alice.pk, 5, search=search).rows] == found


@pytest.mark.parametrize("kind", OF_SECURITY_KEY)
def test_no_sentence_about_one_says_passkey(kind):
    assert [sentence for sentence in OF_SECURITY_KEY[kind] if "passkey" in str(sentence)] == []
