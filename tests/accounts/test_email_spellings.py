"""Spellings of an email address: one mailbox is one account, and mail goes to the domain that was entered."""

import time
from html import unescape
from io import StringIO

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from accounts import reset_mail
from accounts.models import User
from config import environment
from tests.accounts.letters import letters
from tests.accounts.wrong_passwords import strangers_have_entered_wrong
from tests.people import PASSWORD, give_password, person, sign_up, signed_in_as
from twofactor import conf
from twofactor.outgoing import mail, outbox
from twofactor.outgoing.email_address import normalise, to_mail

pytestmark = pytest.mark.django_db
SOFT_HYPHEN, JOINER = "\N{SOFT HYPHEN}", "\N{ZERO WIDTH JOINER}"
LOOK_ALIKES = [
    f"carol@exa{SOFT_HYPHEN}mple.com",
    f"carol@exa{JOINER}mple.com",
    f"ca{SOFT_HYPHEN}rol@example.com",
    "carol@example\N{RIGHT-TO-LEFT OVERRIDE}.com",
    "carol@example。com",
    "CAROL@ＥＸＡＭＰＬＥ.com",
]


def give_wrong_password(client, email):
    return client.post("/accounts/login/", {"username": email, "password": "wrong"})


@pytest.mark.parametrize("spelling", LOOK_ALIKES, ids=ascii)
def test_what_looks_like_a_taken_address_is_taken(client, spelling):
    person("carol@example.com")
    sign_up(client, spelling)
    assert (User.objects.count(), letters()[0].to) == (1, ["carol@example.com"])


@pytest.mark.parametrize("spelling", LOOK_ALIKES, ids=ascii)
def test_the_spelling_that_was_typed_signs_in(client, spelling):
    carol = person("carol@example.com")
    give_password(client, spelling)
    assert signed_in_as(client) == carol


@pytest.mark.parametrize(
    ("typed", "mailed"),
    [
        ("carol@straße.de", "carol@xn--strae-oqa.de"),
        ("carol@STRASSE.DE", "carol@strasse.de"),
        ("carol@faß.de", "carol@xn--fa-hia.de"),
        ("carol@bücher.example", "carol@xn--bcher-kva.example"),
        ("carol@xn--bcher-kva.example", "carol@xn--bcher-kva.example"),
        ("carol@نامه\N{ZERO WIDTH NON-JOINER}ای.com", "carol@xn--mgba3gch31f060k.com"),
    ],
)
def test_mail_goes_to_the_domain_that_was_typed(client, typed, mailed):
    sign_up(client, typed)
    assert (User.objects.get().email, letters()[0].to) == (mailed, [mailed])


def test_a_person_who_typed_another_alphabet_signs_in_with_it(client):
    sign_up(client, "carol@straße.de")
    give_password(client, "carol@STRAßE.de")
    assert signed_in_as(client).email == "carol@xn--strae-oqa.de"


def test_every_spelling_of_a_domain_shares_the_letters_of_one_address(client):
    for spelling in LOOK_ALIKES:
        sign_up(client, spelling)
    assert len(letters()) == 3


@pytest.mark.parametrize("address", ["carol@☃.net", "carol@xn--a.example", f"carol@{'ß' * 70}.de"])
def test_a_domain_that_no_mail_can_be_sent_to_is_refused(client, address):
    assert "Check the part after the @. We can't send email to that domain." in unescape(
        sign_up(client, address).text
    )


@pytest.mark.parametrize(
    "address", ["ı@example.com", "jürgen@example.com", "ca\N{CYRILLIC SMALL LETTER ER}ol@b.de"]
)
def test_a_name_of_other_characters_is_refused_with_the_reason(client, address):
    assert "Use only letters a to z, digits and symbols before the @." in sign_up(client, address).text


def test_a_refused_address_makes_nobody(client):
    sign_up(client, "ı@example.com")
    assert (User.objects.count(), letters()) == (0, [])


@pytest.mark.parametrize("address", ["ı@example.com", "carol@☃.net"])
def test_no_other_way_stores_an_address_that_cannot_be_mailed(address):
    with pytest.raises(ValidationError):
        User.objects.create_user(address)


def test_a_command_that_makes_an_administrator_says_what_is_wrong():
    with pytest.raises(CommandError, match="Use only letters a to z"):
        call_command("createsuperuser", "--noinput", "--email", "ı@example.com", stdout=StringIO())


def test_a_command_that_makes_an_administrator_stores_what_is_mailed(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--noinput", "--email", "root@straße.de", stdout=StringIO())
    assert User.objects.get().email == "root@xn--strae-oqa.de"


@pytest.mark.parametrize(
    "address", ["", "@", "no at", "a@b@c", "a@.", "\N{SOFT HYPHEN}@\N{SOFT HYPHEN}", "a@xn--"]
)
def test_any_text_has_a_spelling_that_is_its_own(address):
    assert normalise(normalise(address)) == normalise(address)


@given(st.text(st.sampled_from(" \t\u3000\u00ad\u200c\u200d\u200e@.aAßİſＡ。-xn") | st.characters()))
def test_a_spelling_has_no_other_spelling(text):
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize("before", ["\u00ad ", "\u200e\u3000", " \u00ad \u200d\t"], ids=ascii)
def test_spaces_between_characters_that_are_not_seen_give_no_new_tries(before):
    person("carol@example.com")
    for _ in range(5):
        give_wrong_password(Client(), "carol@example.com")
    assert give_password(Client(), f"{before}carol@example.com").status_code == 429


def test_the_stop_of_strangers_holds_for_every_spelling():
    person("carol@example.com")
    strangers_have_entered_wrong(90, "carol@example.com")
    for n in range(10):
        browser = Client(REMOTE_ADDR=f"203.0.113.{n}")
        give_password(browser, f"\u00ad{' ' * n}carol@example.com", password="wrong")
    assert give_password(Client(), "carol@example.com").status_code == 429


@pytest.mark.parametrize("address", ["ca rol@example.com", "carol@exam ple.com", "carol\t@example.com"])
def test_space_inside_is_no_address(address):
    with pytest.raises(ValidationError):
        User.objects.create_user(address)


def test_a_wrong_password_for_any_spelling_counts_for_one_person(client):
    person("carol@example.com")
    answers = [
        Client().post("/accounts/login/", {"username": spelling, "password": "wrong"}).status_code
        for spelling in LOOK_ALIKES[:5]
    ]
    assert answers == [422, 422, 422, 422, 429]


# Texts that mail programs read as another address, and hosts without a DNS name

QUOTED = ['"carol"@example.com', '"ca\\rol"@example.com']
NO_DOMAIN = ["carol@[192.0.2.1]", "carol@[IPv6:2001:db8::1]", "carol@localhost", "carol@10.0.0.10"]
ONLY_PLAIN = "Use only letters a to z, digits and symbols before the @."
CODE = {"code": "123456", "max_age": conf.sent_code_age()}
NO_MAIL_THERE = "Check the part after the @. We can't send email to that domain."
REFUSED = [*((address, ONLY_PLAIN) for address in QUOTED), *((one, NO_MAIL_THERE) for one in NO_DOMAIN)]


@pytest.mark.parametrize(("address", "sentence"), REFUSED)
def test_what_is_another_way_to_write_an_address_signs_nobody_up(client, address, sentence):
    page = sign_up(client, address)
    assert (sentence in unescape(page.text), User.objects.count()) == (True, 0)


@pytest.mark.parametrize(("address", "sentence"), REFUSED)
def test_nobody_changes_to_what_is_another_way_to_write_an_address(client, address, sentence):
    person()
    give_password(client)
    client.post("/two-factor/confirm/", {"password": PASSWORD})
    assert sentence in unescape(client.post("/accounts/email/change/", {"email": address}).text)


@pytest.mark.parametrize(("address", "sentence"), REFUSED)
def test_no_administrator_is_made_with_another_way_to_write_an_address(address, sentence):
    with pytest.raises(CommandError, match=sentence[:20]):
        call_command("createsuperuser", "--noinput", "--email", address, stdout=StringIO())


@pytest.mark.parametrize(("address", "sentence"), REFUSED)
def test_the_administration_refuses_another_way_to_write_an_address(address, sentence):
    with pytest.raises(ValidationError, match=sentence[:20]):
        User(email=address, password="x").full_clean()


# Sites that store addresses in another way, and mail to the administrators of this one


def test_mail_to_someone_stored_in_another_spelling_goes_to_the_same_domain():
    mail.send("twofactor/mail/code", "Carol@straße.de", "en", **CODE)
    assert letters()[0].to == ["Carol@xn--strae-oqa.de"]


def test_a_letter_of_the_outbox_goes_to_the_same_domain():
    someone = person()
    outbox.write(reset_mail.TEMPLATE, someone, "Carol@straße.de", "en", state=reset_mail.state_of(someone))
    assert [letter.to for letter in letters()] == [["Carol@xn--strae-oqa.de"]]


def test_a_letter_that_cannot_be_mailed_is_refused_for_itself_alone():
    message = mail.compose("twofactor/mail/code", "carol@☃.net", "en", {**CODE})
    with pytest.raises(mail.NotSent) as refused:
        mail.deliver(message)
    assert refused.value.is_about_the_letter


def test_mail_to_a_domain_that_is_none_is_not_sent():
    assert (mail.send("twofactor/mail/code", "carol@☃.net", "en", **CODE), letters()) == (False, [])


def test_the_sender_and_the_administrators_are_stored_as_mailed(monkeypatch):
    monkeypatch.setenv("ADMINS", "ops@straße.de")
    assert environment.mailboxes("ADMINS") == ["ops@xn--strae-oqa.de"]
    assert environment.sender("Ops <ops@straße.de>") == "Ops <ops@xn--strae-oqa.de>"


@pytest.mark.parametrize("address", ["jürgen@example.com", "carol@☃.net"])
def test_what_no_mail_server_takes_is_refused(address):
    with pytest.raises(ValueError, match="no mail can be sent"):
        to_mail(address)


# 62 kB of text for which NFKC takes seconds
SLOW = "a@b" + "\u0300\u0323" * 15_500 + ".de"


@pytest.mark.parametrize(
    ("path", "field", "status"),
    [
        ("/accounts/login/", "username", 422),
        ("/admin/login/", "username", 200),
        ("/accounts/signup/", "email", 422),
        ("/accounts/password_reset/", "email", 422),
    ],
)
def test_a_long_address_keeps_no_worker_busy(client, path, field, status):
    began = time.process_time()
    answer = client.post(path, {field: SLOW, "password": PASSWORD})
    assert (answer.status_code, time.process_time() - began < 1) == (status, True)


@given(st.text(alphabet="a@.\u0300\u0323\ufdfa\u00ad\u200dＡ。", max_size=400))
def test_a_long_address_that_is_normalised_stays_as_it_is(text):
    assert normalise(normalise(text)) == normalise(text)


def test_a_long_address_is_refused_and_not_cut_to_another(client):
    address = f"carol@example.com{' ' * 400}@evil.example"
    assert (sign_up(client, address).status_code, User.objects.count()) == (422, 0)
