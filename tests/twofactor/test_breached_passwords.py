"""Passwords that are known from breaches: the list that ships, and what people are told."""

import time
from functools import partial

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from accounts import address_links
from tests.accounts.letters import link
from tests.accounts.passwords import ask_for_link, choose_password
from tests.accounts.test_password_change import change_password
from tests.accounts.test_signup import sign_up
from tests.docs.blocks import ROOT
from tests.people import enrol, give_password, open_sessions, person
from twofactor.breached_passwords import common_passwords, is_listed
from twofactor.models import Event, Session

# The start of the list, some of each length that may be chosen, and as people write them.
KNOWN = [
    *("password", "12345678", "qwertyuiop", "iloveyou", "password123", "1q2w3e4r5t", "qwerty123456"),
    *("basketball", "christopher", "liverpool1", "PASSWORD", "Password123", "  iloveyou "),
]
# Long and short phrases, names of places, sentences, invented words, and what managers generate.
GOOD = {
    "en": [
        *("correct horse battery", "a quiet green harbour", "seven tired postmen", "kettles sing at four"),
        *("blue door, third floor", "marmalade-bicycle-pond", "Nobody reads the manual", "wintergarden"),
        *("my sister's red canoe", "rain on the tin roof", "bread and thunder", "old maps lie"),
    ],
    "de": [
        *("Der Nebel kommt um acht", "zwölf müde Gärtner", "Kuchen ohne Rosinen", "Straßenbahnhaltestelle"),
        *("blaue Tür im Hinterhof", "Regenschirmständer", "morgens fährt kein Bus", "Wintergarten"),
        *("drei Äpfel und ein Boot", "Omas rotes Fahrrad", "leise rieselt der Kalk", "Kaffee um halb vier"),
    ],
    "fr": [
        *("le chat dort sous la table", "sept oiseaux fatigués", "un été sans orage", "la clé du jardin"),
        *("pain beurre et confiture", "mon vélo a deux roues", "neige au mois d'août", "la mer à Étretat"),
        *("trois chaises vertes", "il pleut à Brest", "parapluie cassé", "les vieux murs parlent"),
    ],
    "es": [
        *("el perro azul no ladra", "siete cuervos cansados", "una mañana sin café", "llave bajo la maceta"),
        *("mi abuela juega ajedrez", "pan con aceite y sal", "nieve en el mes de julio", "paraguas roto"),
        *("tres sillas verdes", "camino de piedra vieja", "el niño pinta barcos", "lluvia en Santander"),
    ],
    "pt-br": [
        *("o gato dorme na janela", "sete pássaros cansados", "manhã sem café", "a chave embaixo do vaso"),
        *("minha avó joga xadrez", "pão de queijo quente", "neve em fevereiro", "guarda-chuva quebrado"),
        *("três cadeiras verdes", "estrada de pedra", "chuva em Curitiba", "o menino pinta barcos"),
    ],
    "ja": [
        *("青い自転車と古い地図", "朝のコーヒーは苦い", "雨の日の図書館", "ねこがまどでねている"),
        *("七羽の疲れた鳥", "カギは植木鉢の下", "駅前のパン屋さん", "aoi jitensha to chizu"),
        *("neko ga mado de neru", "雪の降る八月の海", "赤い傘をなくした日", "asa no kohi wa nigai"),
    ],
    "ar": [
        *("القطة تنام على النافذة", "سبعة طيور متعبة", "صباح بلا قهوة", "المفتاح تحت المزهرية"),
        *("دراجة زرقاء قديمة", "خبز وزيت وملح", "ثلاثة كراسي خضراء", "مطر في بيروت ليلا"),
        *("جدتي تلعب الشطرنج", "طريق من حجر قديم", "المظلة المكسورة", "الولد يرسم السفن"),
    ],
    "generated": ["xK4#tz9!Lq", "vr8Wmcp2", "0b7e3f9a41dc", "hupsig-Vyczy0-dosgim", "9381750264", "mfk vrz8"],
}
PHRASES = [phrase for phrases in GOOD.values() for phrase in phrases]


# The list that ships


@pytest.mark.proves("6.2.12")
@pytest.mark.parametrize("password", KNOWN)
def test_a_known_password_is_listed(password):
    assert is_listed(password)


@pytest.mark.proves("6.2.12")
@pytest.mark.parametrize("language", GOOD)
def test_no_good_phrase_is_listed(language):
    assert [phrase for phrase in GOOD[language] if is_listed(phrase)] == []


def test_there_are_ten_phrases_in_each_of_seven_languages():
    assert [language for language, phrases in GOOD.items() if len(phrases) >= 10] == list(GOOD)[:7]


@pytest.mark.proves("6.2.12")
def test_the_list_has_three_thousand_passwords_that_are_long_enough():
    """ASVS 6.2.4 wants as many that the rules of the site would else allow."""
    assert len([password for password in common_passwords().passwords if len(password) >= 8]) > 8000


def test_what_the_page_advises_is_hardly_ever_listed():
    """A few words in a row: of 20,000 there are three."""
    assert len([password for password in common_passwords().passwords if " " in password]) < 10


def test_looking_one_up_takes_no_millisecond():
    is_listed("read the list")
    began = time.perf_counter()
    for phrase in PHRASES * 10:
        is_listed(phrase)
    assert (time.perf_counter() - began) / len(PHRASES * 10) < 0.001


def test_no_password_is_no_known_one():
    assert not is_listed("")


# Choosing one


@pytest.mark.proves("6.2.12")
@pytest.mark.django_db
@pytest.mark.parametrize("password", ["password123", "Basketball"])
def test_nobody_signs_up_with_a_known_password(client, password):
    response = sign_up(client, password=password)
    assert response.status_code == 422
    assert "This password is in a list of passwords known from data breaches." in response.text


@pytest.mark.proves("6.2.12")
def test_nobody_changes_to_a_known_password(as_alice):
    assert change_password(as_alice, new="password123").status_code == 422


@pytest.mark.proves("6.2.12")
def test_nobody_resets_to_a_known_password(client, alice):
    ask_for_link(client)
    assert choose_password(client, link(), "password123").status_code == 422


@pytest.mark.proves("6.2.12")
def test_an_administrator_gives_nobody_a_known_password():
    with pytest.raises(ValidationError, match="known from data breaches"):
        validate_password("password123")


@pytest.mark.django_db
def test_a_refusal_never_sends_the_password_back(client):
    assert "basketball" not in sign_up(client, password="basketball").text


@pytest.mark.django_db
def test_off_refuses_none(client, settings):
    settings.TWOFACTOR_BREACHED_PASSWORDS = "off"
    assert sign_up(client, password="password123").status_code == 303


# Signing in with one

MENTION = "Your password is in a list of passwords known from data breaches. Change it soon."
LINK = '<a href="/accounts/password_change/">Change password</a>'


@pytest.fixture
def known(alice):
    """Alice's password is a known one: it is from another site, or older than the list."""
    alice.set_password("basketball")
    alice.save()
    return partial(give_password, password="basketball")


@pytest.mark.proves("6.2.12-mark")
def test_who_signs_in_with_a_known_password_is_told(client, known):
    text = client.get(known(client)["Location"]).text
    assert MENTION in text
    assert LINK in text


def test_once(client, known):
    known(client)
    client.get("/")
    assert MENTION not in client.get("/").text


def test_who_signs_in_with_another_password_is_not(client, alice):
    assert MENTION not in client.get(give_password(client)["Location"]).text


def test_a_wrong_password_that_is_known_is_only_wrong(client, alice):
    response = give_password(client, password="basketball")
    assert (response.status_code, MENTION in response.text) == (422, False)


def test_with_a_second_factor_it_is_told_after_the_code(client, alice, known):
    phone = enrol(alice)
    assert MENTION not in client.get(known(client)["Location"]).text
    response = client.post("/two-factor/verify/", {"code": phone.code()})
    assert MENTION in client.get(response["Location"]).text


def test_with_off_nobody_is_told(client, known, settings):
    settings.TWOFACTOR_BREACHED_PASSWORDS = "off"
    known(client)
    assert MENTION not in client.get("/").text


def test_an_administrator_is_told_in_the_administration(client, known, alice):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    client.post("/admin/login/", {"username": alice.email, "password": "basketball"})
    assert MENTION in client.get("/").text


@pytest.mark.django_db
def test_who_confirms_the_address_with_the_password_is_told(client):
    squatted = person(email_verified_at=None)
    squatted.set_password("basketball")
    squatted.save()
    address_links.send_link(squatted, squatted.email, timezone.now())
    response = client.post(link(), {"password": "basketball"})
    assert MENTION in client.get(response["Location"]).text


@pytest.mark.proves("6.2.12-mark")
def test_nothing_that_is_stored_says_whose_password_is_known(client, known, bob):
    known(client)
    with_known = stored()
    Session.objects.all().delete()
    Event.objects.all().delete()
    give_password(Client(), bob.email)
    assert stored() == with_known


def stored():
    """What a sign-in leaves behind, apart from what is another at each: times, names and keys."""
    [session] = open_sessions()
    kinds = sorted(Event.objects.values_list("kind", flat=True))
    return sorted(session), kinds


@pytest.mark.django_db
def test_the_log_has_nothing_of_a_known_password(client, known, caplog):
    caplog.set_level("DEBUG")
    known(client)
    sign_up(Client(), "free@example.com", "basketball")
    assert "basketball" not in caplog.text


def test_the_documentation_tells_how_long_the_list_is():
    page = (ROOT / "docs/how-to/breached-passwords.md").read_text()
    passwords = common_passwords().passwords
    for least in (0, 8, 15):
        assert f"{len([each for each in passwords if len(each) >= least]):,}" in page
