"""Backup codes: how they are stored, that each works once, and how many are left."""

import pytest
from django.test import Client
from django.utils import timezone

from tests.people import enrol, give_password, person, signed_in_as
from twofactor.factors import backup_codes
from twofactor.models import BackupCode, GuessBudget

BACKUP = "/two-factor/verify/backup/"
NEVER_MADE = "YYYYY-YYYYY-YYYYY"


@pytest.fixture
def pending_client(pending_client, printed_codes):
    """Alice has backup codes, her password was given, and the code is asked for."""
    return pending_client


def test_a_set_has_ten_different_codes():
    assert len(set(backup_codes.generate())) == 10


@pytest.mark.proves("6.5.2", "N-07", "V-09")
def test_codes_are_hashed_with_argon2id(real_hasher, printed_codes):
    assert all(code.digest.startswith("$argon2id$v=19$m=19456,t=2,p=1$") for code in BackupCode.objects.all())


def test_no_code_stands_in_the_database(printed_codes):
    stored = str(list(BackupCode.objects.values()))
    assert not any(code in stored or code.replace("-", "") in stored for code in printed_codes)


def test_a_set_has_one_salt(printed_codes):
    assert len({backup_codes.salt_of(code.digest) for code in BackupCode.objects.all()}) == 1


@pytest.mark.proves("6.5.2")
def test_the_salt_has_128_bits(printed_codes):
    assert len(backup_codes.salt_of(BackupCode.objects.first().digest)) == 16


def test_every_set_has_a_salt_of_its_own(alice):
    sets = [backup_codes.make_rows(alice, ["ABCDEFGHJKMNPQR"]) for _ in range(2)]
    assert sets[0][0].digest != sets[1][0].digest


@pytest.fixture
def computed_hashes(monkeypatch):
    """One entry for each hash that is computed. The hash itself is the real one."""
    count, hash_secret = [], backup_codes.hash_secret
    monkeypatch.setattr(backup_codes, "hash_secret", lambda *a, **k: count.append(a) or hash_secret(*a, **k))
    return count


@pytest.mark.proves("K-07")
@pytest.mark.parametrize("used", [0, 2, 3])
def test_a_wrong_code_costs_one_hash_whatever_is_left(pending_client, computed_hashes, clock, used):
    some = BackupCode.objects.values_list("pk")[:used]
    BackupCode.objects.filter(pk__in=some).update(used_at="2026-01-01T00:00Z")
    pending_client.post(BACKUP, {"code": NEVER_MADE})
    assert len(computed_hashes) == 1


@pytest.mark.proves("K-07")
def test_a_right_code_costs_one_hash(pending_client, computed_hashes, printed_codes):
    pending_client.post(BACKUP, {"code": printed_codes[2]})
    assert len(computed_hashes) == 1


def test_a_code_from_the_authenticator_costs_no_hash(pending_client, computed_hashes):
    pending_client.post("/two-factor/verify/", {"code": "123456"})
    assert computed_hashes == []


def test_a_backup_code_signs_in(pending_client, alice, printed_codes):
    pending_client.post(BACKUP, {"code": printed_codes[0]})
    assert signed_in_as(pending_client) == alice


@pytest.mark.parametrize("place", [0, 1, 2])
def test_codes_can_be_used_in_any_order(pending_client, alice, printed_codes, place):
    pending_client.post(BACKUP, {"code": printed_codes[place]})
    assert signed_in_as(pending_client) == alice


def test_a_backup_code_is_accepted_in_the_authenticators_field(pending_client, alice, printed_codes):
    pending_client.post("/two-factor/verify/", {"code": printed_codes[0]})
    assert signed_in_as(pending_client) == alice


def test_the_session_remembers_that_it_was_a_backup_code(pending_client, printed_codes):
    pending_client.post(BACKUP, {"code": printed_codes[0]})
    assert pending_client.session["twofactor_amr"] == "backup"


@pytest.mark.parametrize("written", ["abcde-fghjk-mnpqr", "ABCDE FGHJK MNPQR", " ABCDEFGHJKMNPQR\n"])
def test_handwriting_is_forgiven(pending_client, alice, written):
    pending_client.post(BACKUP, {"code": written})
    assert signed_in_as(pending_client) == alice


@pytest.mark.parametrize("slip", ["o123456789ABCDE", "OI23456789ABCDE", "0l23456789ABCDE"])
def test_letters_that_look_like_digits_are_forgiven(pending_client, alice, slip):
    pending_client.post(BACKUP, {"code": slip})
    assert signed_in_as(pending_client) == alice


def use_code(printed_codes):
    client = Client()
    give_password(client)
    return client.post(BACKUP, {"code": printed_codes})


@pytest.mark.proves("6.5.1")
def test_a_used_code_does_not_sign_in_again(pending_client, printed_codes, clock):
    use_code(printed_codes[0])
    clock.shift(1)
    give_password(pending_client)
    pending_client.post(BACKUP, {"code": printed_codes[0]})
    assert signed_in_as(pending_client) is None


def test_a_used_code_says_that_it_was_used(pending_client, printed_codes, clock):
    use_code(printed_codes[0])
    clock.shift(1)
    give_password(pending_client)
    assert (
        b"You&#x27;ve already used that backup code"
        in pending_client.post(BACKUP, {"code": printed_codes[0]}).content
    )


def test_a_used_code_costs_no_guess(pending_client, printed_codes, clock):
    use_code(printed_codes[0])
    clock.shift(1)
    give_password(pending_client)
    pending_client.post(BACKUP, {"code": printed_codes[0]})
    assert GuessBudget.objects.get().failures == 0


@pytest.mark.proves("N-07")
def test_a_code_is_spent_once(alice, printed_codes, clock):
    code = BackupCode.objects.first()
    assert [backup_codes.spend(code, timezone.now()) for _ in range(2)] == [True, False]


def test_using_one_code_leaves_the_others(pending_client, alice, printed_codes):
    pending_client.post(BACKUP, {"code": printed_codes[0]})
    assert backup_codes.count_unused(alice) == 2


def test_a_wrong_code_says_so(pending_client):
    assert b"The backup code is not correct" in pending_client.post(BACKUP, {"code": NEVER_MADE}).content


def test_a_wrong_code_costs_a_guess(pending_client):
    pending_client.post(BACKUP, {"code": NEVER_MADE})
    assert GuessBudget.objects.get().failures == 1


@pytest.mark.proves("N-07")
def test_wrong_codes_of_both_kinds_are_counted_together(pending_client):
    for _ in range(3):
        pending_client.post(BACKUP, {"code": NEVER_MADE})
        pending_client.post("/two-factor/verify/", {"code": "000000"})
    assert pending_client.post(BACKUP, {"code": NEVER_MADE}).status_code == 429


def test_what_is_no_backup_code_costs_no_guess(pending_client):
    pending_client.post(BACKUP, {"code": "ABCDE-12345"})
    assert GuessBudget.objects.get().failures == 0


def test_what_is_no_backup_code_is_kept(pending_client):
    assert b'value="ABCDE-12345"' in pending_client.post(BACKUP, {"code": "ABCDE-12345"}).content


def test_an_authenticators_code_is_not_taken_for_a_backup_code(pending_client, phone):
    pending_client.post(BACKUP, {"code": phone.code()})
    assert signed_in_as(pending_client) is None


def test_someone_elses_code_is_wrong(pending_client, printed_codes, alice):
    enrol(person("bob@example.com"))
    give_password(pending_client, "bob@example.com")
    pending_client.post(BACKUP, {"code": printed_codes[0]})
    assert signed_in_as(pending_client) is None


def test_a_person_without_codes_is_told_the_same(client, alice, phone):
    give_password(client)
    assert b"The backup code is not correct" in client.post(BACKUP, {"code": NEVER_MADE}).content


LEFT = [
    (5, "You have 4 backup codes left."),
    (4, "You have 3 backup codes left. Make new ones soon."),
    (2, "You have 1 backup code left. Make new ones soon."),
    (1, "That was your last backup code. Make new ones now."),
]


@pytest.mark.parametrize(("before", "said"), LEFT)
def test_the_next_page_says_how_many_are_left(pending_client, alice, before, said):
    first, *more = backup_codes.generate()[:before]
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, [first, *more]))
    assert said in pending_client.post(BACKUP, {"code": first}, follow=True).text


def test_four_left_are_no_reason_to_make_new_ones(pending_client, alice):
    first, *more = backup_codes.generate()[:5]
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, [first, *more]))
    assert b"Make new ones" not in pending_client.post(BACKUP, {"code": first}, follow=True).content


def test_no_pages_offer_backup_codes_to_someone_who_has_none(client, alice, phone):
    give_password(client)
    assert BACKUP.encode() not in client.get("/two-factor/verify/other/").content


def test_try_another_way_offers_backup_codes(pending_client):
    assert BACKUP.encode() in pending_client.get("/two-factor/verify/other/").content
