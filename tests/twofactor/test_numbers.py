"""The numbers in the texts of the package are those of the code, and change with it in every language."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.conf import settings as site
from django.core import mail
from django.utils import translation

from tests.people import PASSWORD, person, sign_in
from tests.people import enrol as enrol_person
from tests.twofactor.sent_codes import NUMBER, SENT, mailed_code, record_text_messages, request_code
from twofactor import adminsite, conf
from twofactor.factors import backup_codes, code_text, sent_codes, totp
from twofactor.limits import guesses
from twofactor.models import GuessBudget
from twofactor.web.kept_html import forget_texts

LANGUAGES = [code for code, _name in site.LANGUAGES]
VERIFY = "/two-factor/verify/"
SETTINGS = "/two-factor/"
SEVEN_MINUTES = timedelta(minutes=7)


def words_of(text):
    return " ".join(unescape(re.sub(r"<[^>]*>", " ", text)).split())


def has_number(text, number):
    return bool(re.search(rf"(?<!\d){re.escape(str(number))}(?!\d)", words_of(text)))


@pytest.fixture
def follows(monkeypatch, settings):
    """With another constant or setting, the number is in the text in every language, and not before."""

    def check(read, number, *changes, **new_settings):
        assert not has_number(read("en"), number)
        for module, name, value in changes:
            monkeypatch.setattr(module, name, value)
        for name, value in new_settings.items():
            setattr(settings, name, value)
        forget_texts()  # a constant does not change while a server runs
        assert [language for language in LANGUAGES if not has_number(read(language), number)] == []

    yield check
    monkeypatch.undo()
    forget_texts()


def page(client, path):
    return lambda language: client.get(path, headers={"accept-language": language}).text


def refused(client, path, **data):
    return lambda language: client.post(path, data, headers={"accept-language": language}).text


# Signing in


def test_days_that_a_browser_is_trusted(follows, pending_client):
    follows(page(pending_client, VERIFY), 17, TWOFACTOR_TRUSTED_DAYS=17)


@pytest.mark.parametrize("path", [VERIFY, f"{VERIFY}other/"])
def test_digits_of_a_code_of_the_app(follows, pending_client, path):
    follows(page(pending_client, path), 8, (totp, "DIGITS", 8))


def test_digits_of_a_code_that_was_sent(follows, pending_client):
    request_code(pending_client)
    follows(page(pending_client, SENT), 8, (sent_codes, "DIGITS", 8))


def test_letters_of_a_backup_code(follows, pending_client):
    asked_for = refused(pending_client, f"{VERIFY}backup/", code="x")
    follows(asked_for, 20, (code_text, "BACKUP_LENGTH", 20))


SAMPLE = "ABCDE-12345-FGHJK-67890"


def test_the_sample_of_a_backup_code_where_one_is_refused(follows, pending_client):
    read = refused(pending_client, f"{VERIFY}backup/", code="x")
    follows(read, SAMPLE, (code_text, "BACKUP_LENGTH", 20))


def test_seconds_of_the_first_wait(follows, pending_client):
    def last_free_guess(language):
        GuessBudget.objects.update(failures=conf.free_guesses() - 2, locked_until=None)
        return refused(pending_client, VERIFY, code="000000")(language)

    follows(last_free_guess, 17, (guesses, "FIRST_WAIT", timedelta(seconds=17)))


def test_minutes_in_which_a_mailed_code_works(follows, alice):
    def letter(language):
        with translation.override(language):
            sent_codes.deliver(alice, sent_codes.Channel(sent_codes.EMAIL, alice.email), "123456")
        return mail.outbox[-1].body + mail.outbox[-1].alternatives[0][0]

    follows(letter, 7, TWOFACTOR_SENT_CODE_AGE=SEVEN_MINUTES)


def test_minutes_in_which_setup_takes_the_password_alone(follows, pending_client):
    request_code(pending_client)
    pending_client.post(SENT, {"code": mailed_code()})
    follows(page(pending_client, SETTINGS), 7, TWOFACTOR_SETUP_AGE=SEVEN_MINUTES)
    assert has_number(page(pending_client, "/")("en"), 7)


# Settings and setup


@pytest.fixture
def signed_in(signed_in_client, phone, clock):
    """Alice's browser, after a step-up."""
    signed_in_client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    clock.shift(60)
    return signed_in_client


def test_how_many_backup_codes_there_will_be(follows, signed_in):
    follows(page(signed_in, "/two-factor/backup-codes/"), 17, TWOFACTOR_BACKUP_CODES=17)


def test_minutes_in_which_a_code_to_a_new_number_works(follows, signed_in, settings):
    record_text_messages(settings)
    signed_in.post("/two-factor/phone/", {"number": NUMBER})
    follows(page(signed_in, "/two-factor/phone/verify/"), 7, TWOFACTOR_SENT_CODE_AGE=SEVEN_MINUTES)


@pytest.mark.parametrize(("name", "value"), [("DIGITS", 8), ("PERIOD", 19)])  # no key has such digits
def test_what_an_app_is_told_about_its_codes(follows, signed_in, name, value):
    follows(page(signed_in, "/two-factor/apps/add/"), value, (totp, name, value))


# The administration


@pytest.fixture
def admin(db, client, clock):
    """A superuser's browser, after a step-up."""
    phone = enrol_person(person("root@example.com", is_staff=True, is_superuser=True))
    sign_in(client, phone, "root@example.com")
    clock.shift(60)
    client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    return client


@pytest.mark.parametrize(("module", "name"), [(adminsite, "DAYS"), (backup_codes, "FEW_LEFT")])
def test_numbers_of_the_chart_page(follows, admin, module, name):
    follows(page(admin, "/admin/two-factor/"), 97, (module, name, 97))


def test_wrong_codes_after_which_a_person_needs_a_new_password(follows, admin, alice, phone):
    GuessBudget.objects.update(failures=117)
    read = page(admin, f"/admin/accounts/user/{alice.pk}/two-factor/")
    follows(read, 117, (guesses, "LAST_GUESS", 117))
