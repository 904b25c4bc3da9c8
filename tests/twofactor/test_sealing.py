"""Sealing: encryption for one purpose and one owner, under keys that change."""

import base64
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet

from tests.people import NOW, enrol, person
from twofactor import sealing
from twofactor.conf import parse_keys
from twofactor.factors import authenticator_app
from twofactor.models import Authenticator, Draft
from twofactor.signin.pending import PURPOSE as PENDING
from twofactor.views.drafts import PURPOSE as DRAFT_OWNER


def seal(value="secret", purpose="authenticator", owner="1"):
    return sealing.seal(purpose, owner, value, NOW)


def unseal(token, purpose="authenticator", owner="1", after=0, max_age=None):
    age = None if max_age is None else timedelta(seconds=max_age)
    return sealing.unseal(purpose, owner, token, NOW + timedelta(seconds=after), age)


@pytest.mark.parametrize("value", ["text", "ü日", "", None, 7, ["a", {"b": None}]])
def test_what_was_sealed_comes_out_again(value):
    assert unseal(seal(value)) == value


def test_the_value_does_not_stand_in_the_token():
    token = seal("JBSWY3DPEHPK3PXP")
    assert b"JBSWY3DPEHPK3PXP" not in base64.urlsafe_b64decode(token.partition(".")[2]) + token.encode()


@pytest.mark.proves("11.3.4")
def test_the_same_value_is_never_sealed_the_same_way_twice():
    assert len({seal() for _ in range(1000)}) == 1000


@pytest.mark.proves("K-02")
def test_a_token_does_not_open_for_another_owner():
    with pytest.raises(sealing.UnsealError):
        unseal(seal(owner="1"), owner="2")


def test_a_token_does_not_open_for_another_purpose():
    with pytest.raises(sealing.UnsealError):
        unseal(seal(purpose="authenticator"), purpose="draft-setup")


def test_a_token_for_nobody_does_not_open_for_someone():
    with pytest.raises(sealing.UnsealError):
        unseal(seal(owner=""), owner="1")


@pytest.mark.proves("K-03")
def test_every_purpose_of_ours_has_a_key_of_its_own():
    purposes = [
        Authenticator.PURPOSE,
        f"{Draft.PURPOSE}-setup",
        f"{Draft.PURPOSE}-codes",
        PENDING,
        DRAFT_OWNER,
    ]
    tokens = {purpose: seal(purpose=purpose) for purpose in purposes}
    assert [opens(tokens[sealed], tried) for sealed in purposes for tried in purposes if sealed != tried] == (
        [False] * len(purposes) * (len(purposes) - 1)
    )


def opens(token, purpose):
    try:
        return bool(unseal(token, purpose=purpose))
    except sealing.UnsealError:
        return False


@pytest.mark.proves("11.2.1-11.2.3")
def test_a_token_names_the_key_that_sealed_it(settings):
    assert seal().partition(".")[0] == sealing.key_id(settings.TWOFACTOR_KEYS[0])


def test_the_name_of_a_key_says_nothing_about_it(settings):
    settings.TWOFACTOR_KEYS = [key := sealing.generate_key()]
    assert sealing.key_id(key) not in key + base64.urlsafe_b64decode(key).hex()


@pytest.mark.proves("11.2.1-11.2.3")
def test_a_token_opens_after_a_newer_key_came(settings):
    token = seal("kept")
    settings.TWOFACTOR_KEYS = [sealing.generate_key(), *settings.TWOFACTOR_KEYS]
    assert unseal(token) == "kept"


def test_the_newest_key_seals(settings):
    settings.TWOFACTOR_KEYS = [newest := sealing.generate_key(), *settings.TWOFACTOR_KEYS]
    assert seal().startswith(sealing.key_id(newest) + ".")


def test_a_token_does_not_open_once_its_key_is_gone(settings):
    token = seal()
    settings.TWOFACTOR_KEYS = [sealing.generate_key()]
    with pytest.raises(sealing.UnsealError):
        unseal(token)


def test_a_token_under_another_keys_name_does_not_open(settings):
    settings.TWOFACTOR_KEYS = [first := sealing.generate_key(), second := sealing.generate_key()]
    with pytest.raises(sealing.UnsealError):
        unseal(seal().replace(sealing.key_id(first), sealing.key_id(second)))


@pytest.mark.proves("K-04")
def test_a_new_secret_key_opens_what_the_old_one_sealed(settings):
    token = seal("kept")
    settings.SECRET_KEY = sealing.generate_key()
    assert unseal(token) == "kept"


@pytest.mark.parametrize("after", [0, 599, 600])
def test_a_token_opens_while_it_is_young_enough(after):
    assert unseal(seal(), after=after, max_age=600) == "secret"


def test_a_token_that_is_too_old_does_not_open():
    with pytest.raises(sealing.UnsealError):
        unseal(seal(), after=601, max_age=600)


def test_a_token_without_an_age_opens_for_ever():
    assert unseal(seal(), after=10 * 365 * 86400) == "secret"


@pytest.mark.proves("11.3.1-11.3.3")
@pytest.mark.parametrize("place", [0, 3, 9, 20, 60, -5])
def test_a_token_with_one_character_changed_does_not_open(place):
    token = list(seal())
    token[place] = "A" if token[place] != "A" else "B"
    with pytest.raises(sealing.UnsealError):
        unseal("".join(token))


@pytest.mark.proves("11.2.5")
@pytest.mark.parametrize("rest", ["", ".", "AAAA", "=", " ", "gAAAAA==", "\0", "x" * 10_000])
@pytest.mark.parametrize("max_age", [None, 600])
def test_rubbish_under_our_keys_name_does_not_open(settings, rest, max_age):
    with pytest.raises(sealing.UnsealError):
        unseal(f"{sealing.key_id(settings.TWOFACTOR_KEYS[0])}.{rest}", max_age=max_age)


@pytest.mark.parametrize("token", ["", ".", "é", "x", "........"])
def test_rubbish_does_not_open(token):
    with pytest.raises(sealing.UnsealError):
        unseal(token)


def test_a_plain_fernet_token_of_the_same_key_does_not_open(settings):
    key = settings.TWOFACTOR_KEYS[0]
    plain = Fernet(key).encrypt(b'["1","secret"]').decode()
    with pytest.raises(sealing.UnsealError):
        unseal(f"{sealing.key_id(key)}.{plain}")


@pytest.mark.parametrize("text", ["", " , ", "short", "é" * 43, "A" * 20])
def test_what_is_no_list_of_keys_is_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011 - whichever the decoder raises
        parse_keys(text)


def test_keys_are_read_newest_first():
    keys = [sealing.generate_key(), sealing.generate_key()]
    assert parse_keys(f" {keys[0]} , {keys[1]},") == keys


# In the database


@pytest.mark.proves("K-02")
def test_a_key_moved_to_another_person_is_nobodys(db):
    alice, bob = person(), person("bob@example.com")
    phone, _ = enrol(alice), enrol(bob)
    moved = Authenticator.objects.get(user=alice).sealed_key
    Authenticator.objects.filter(user=bob).update(sealed_key=moved)
    with pytest.raises(sealing.UnsealError):
        authenticator_app.find_step(Authenticator.objects.get(user=bob), phone.code(NOW), NOW)


def test_the_key_stands_nowhere_in_the_row(db):
    phone = enrol(person())
    assert phone.key not in str(Authenticator.objects.values().get())


@pytest.mark.parametrize("rest", ["é", "日本"])
def test_a_token_with_characters_of_another_alphabet_does_not_open(settings, rest):
    token = f"{sealing.key_id(settings.TWOFACTOR_KEYS[0])}.{rest}"
    with pytest.raises(sealing.UnsealError):
        sealing.unseal("pending sign-in", "", token, NOW)
