"""The IP address of the client, behind proxies and sockets."""

import logging

import pytest
from django.http import HttpResponse
from django.test import Client

from config import environment
from config.proxy import TrustedProxy
from tests.people import PASSWORD, enrol, give_password, person, signed_in_as
from twofactor.models import Event
from twofactor.web import proxies
from twofactor.web.client_address import client_address, has_address, warn_of_no_address

PROXY, CDN, CLIENT = "10.0.0.5", "10.9.9.9", "203.0.113.9"


@pytest.fixture
def client_address_of(rf, settings):
    """client_address_of(peer, header=value): the client address and scheme that the site determines."""
    settings.TWOFACTOR_TRUSTED_PROXIES = ["10.0.0.0/8", "2001:db8::1"]

    def client_address_of(peer, **headers):
        request = rf.get("/", REMOTE_ADDR=peer, headers=headers)
        TrustedProxy(lambda request: HttpResponse())(request)
        return request.META["REMOTE_ADDR"], request.scheme

    return client_address_of


@pytest.mark.proves("X-07")
@pytest.mark.parametrize("proxy", ["10.0.0.5", "2001:db8::1"])
def test_a_trusted_proxy_tells_address_and_scheme(client_address_of, proxy):
    told = {"X-Real-IP": "203.0.113.9", "X-Forwarded-Proto": "https"}
    assert client_address_of(proxy, **told) == ("203.0.113.9", "https")


@pytest.mark.proves("4.1.3", "X-07")
@pytest.mark.parametrize("stranger", ["198.51.100.7", "2001:db8::2", "127.0.0.1", ""])
def test_a_stranger_tells_nothing(client_address_of, stranger):
    told = {"X-Real-IP": "203.0.113.9", "X-Forwarded-Proto": "https"}
    assert client_address_of(stranger, **told) == (stranger, "http")


@pytest.mark.parametrize("value", ["", "unknown", "203.0.113.9, 198.51.100.7", "203.0.113.9:443"])
def test_an_address_that_is_none_is_not_believed(client_address_of, value):
    assert client_address_of("10.0.0.5", **{"X-Real-IP": value}) == ("10.0.0.5", "http")


# A list of hops


@pytest.mark.proves("X-07")
@pytest.mark.parametrize(
    ("hops", "client"),
    [
        (CLIENT, CLIENT),
        (f"192.0.2.66, {CLIENT}", CLIENT),  # the client wrote the leftmost entry
        (f"192.0.2.66, {CLIENT}, {CDN}", CLIENT),
        (f"{CLIENT}, {CDN},10.1.1.1 ", CLIENT),
        (f"{CLIENT}:50123", CLIENT),
        ("[2001:db8:7::9]:50123", "2001:db8:7::9"),
        ("2001:db8:7::9", "2001:db8:7::9"),
        (f"::ffff:{CLIENT}", CLIENT),
        (f"10.7.7.7, {CDN}", "10.7.7.7"),  # a client inside the network
        ("", PROXY),
        ("unknown", PROXY),
        (f"{CLIENT}, unknown", PROXY),
        (f"{CLIENT}, unknown, {CDN}", CDN),
        (f"{CLIENT}%eth0", PROXY),
        ("fe80::1%eth0", PROXY),
        (",,,", PROXY),
        ("[", PROXY),
        ("\xff" * 9, PROXY),
        (f"{CLIENT}, " * 5000, PROXY),
    ],
    ids=lambda value: value[:40],
)
def test_a_list_of_hops_is_read_from_the_right_past_proxies_of_ours(client_address_of, hops, client):
    assert client_address_of(PROXY, **{"X-Forwarded-For": hops}) == (client, "http")


@pytest.mark.parametrize("stranger", ["198.51.100.7", "2001:db8::2", "127.0.0.1", ""])
def test_a_strangers_list_of_hops_is_not_read(client_address_of, stranger):
    assert client_address_of(stranger, **{"X-Forwarded-For": CLIENT}) == (stranger, "http")


@pytest.mark.parametrize(
    ("alone", "hops", "client"),
    [
        (CLIENT, f"192.0.2.66, {CLIENT}", CLIENT),
        ("192.0.2.66", CLIENT, PROXY),  # a proxy that appends, and a client that writes the other header
        (CLIENT, "192.0.2.66", PROXY),  # or the other way round
        (CDN, f"192.0.2.66, {CLIENT}, {CDN}", CLIENT),
        ("10.7.7.7", CLIENT, PROXY),  # or a client inside that writes the list
        ("10.7.7.7", "192.0.2.66, 10.8.8.8", PROXY),
        ("192.0.2.66", f"{CLIENT}, unix:", PROXY),  # a proxy on a socket that appends
        ("192.0.2.66", f"{CLIENT}, unknown", PROXY),
        ("192.0.2.66", "fe80::1%eth0", PROXY),
        ("unknown", CLIENT, CLIENT),
    ],
)
def test_two_headers_that_disagree_are_not_believed(client_address_of, alone, hops, client):
    assert client_address_of(PROXY, **{"X-Real-IP": alone, "X-Forwarded-For": hops}) == (client, "http")


def test_two_headers_that_disagree_are_told_of_once(client_address_of, caplog):
    proxies.warn_of_two_addresses.cache_clear()
    for n in range(3):
        client_address_of(PROXY, **{"X-Real-IP": f"192.0.2.{n}", "X-Forwarded-For": CLIENT})
    assert [record.levelname for record in caplog.records] == ["WARNING"]


# IPv4 that is written as IPv6


@pytest.mark.parametrize("written", ["10.0.0.5", "::ffff:10.0.0.5", "::ffff:10.0.0.0/104", "10.0.0.0/8"])
@pytest.mark.parametrize("peer", ["10.0.0.5", "::ffff:10.0.0.5", "::FFFF:A00:5"])
def test_a_proxy_is_known_in_either_spelling(client_address_of, settings, monkeypatch, written, peer):
    monkeypatch.setenv("TRUSTED_PROXIES", written)
    settings.TWOFACTOR_TRUSTED_PROXIES = environment.proxies("TRUSTED_PROXIES")
    assert client_address_of(peer, **{"X-Real-IP": CLIENT}) == (CLIENT, "http")


@pytest.mark.parametrize(
    ("peer", "address"), [(f"::ffff:{CLIENT}", CLIENT), ("fe80::1%eth0", "fe80::1"), ("::1", "::1")]
)
def test_an_address_has_one_spelling_early(client_address_of, peer, address):
    assert client_address_of(peer) == (address, "http")


def give(client, password, email="alice@example.com"):
    return client.post("/accounts/login/", {"username": email, "password": password})


@pytest.mark.django_db
@pytest.mark.parametrize("written", ["::ffff:198.51.100.{}", ""])
def test_strangers_lock_nobody_out_who_only_shares_a_way_of_writing(written):
    alice = person()
    for n in range(55):
        give(Client(REMOTE_ADDR=written.format(n % 11)), "wrong", f"p{n}@example.com")
    innocent = Client(REMOTE_ADDR=written.format(200))
    give(innocent, PASSWORD)
    assert signed_in_as(innocent) == alice


@pytest.mark.django_db
def test_wrong_passwords_are_counted_in_either_spelling_of_an_address():
    person()
    answers = [give(Client(REMOTE_ADDR=CLIENT), "wrong").status_code for _ in range(4)]
    assert (set(answers), give(Client(REMOTE_ADDR=f"::ffff:{CLIENT}"), "wrong").status_code) == ({422}, 429)


@pytest.mark.django_db
def test_a_client_inside_gets_no_new_tries_by_a_list_of_its_own(settings):
    settings.TWOFACTOR_TRUSTED_PROXIES = ["10.0.0.0/8"]
    person()
    inside = Client(REMOTE_ADDR=PROXY, headers={"X-Real-IP": "10.7.7.7"})
    for n in range(5):
        inside.defaults["HTTP_X_FORWARDED_FOR"] = f"198.51.100.{n}"
        answer = give(inside, "wrong")
    assert answer.status_code == 429


# A Unix socket, which has no address


def test_a_socket_has_a_word_of_its_own(client_address_of, settings):
    settings.TWOFACTOR_TRUSTED_PROXIES = ["unix"]
    told = {"X-Real-IP": CLIENT, "X-Forwarded-Proto": "https"}
    assert (client_address_of("", **told), client_address_of("127.0.0.1", **told)) == (
        (CLIENT, "https"),
        ("127.0.0.1", "http"),
    )


def test_nobody_behind_a_socket_can_choose_to_have_no_address(client_address_of, settings):
    """A client that could add a header would have no limit by address."""
    settings.TWOFACTOR_TRUSTED_PROXIES = ["unix"]
    address, _scheme = client_address_of("", **{"X-Real-IP": CLIENT, "X-Forwarded-For": "192.0.2.66"})
    assert has_address(address)


def test_two_headers_that_name_nobody_give_no_common_limit(client_address_of, settings):
    """An inner nginx on a socket sends no address."""
    settings.TWOFACTOR_TRUSTED_PROXIES = ["unix"]
    address, _scheme = client_address_of("", **{"X-Real-IP": "unix:", "X-Forwarded-For": f"{CLIENT}, unix:"})
    assert not has_address(address or "0.0.0.0")  # noqa: S104


def test_an_address_that_is_missing_is_told_of_once(rf, caplog):
    warn_of_no_address.cache_clear()
    for _ in range(3):
        client_address(rf.get("/", REMOTE_ADDR=""))
    assert [record.levelno for record in caplog.records] == [logging.WARNING]


@pytest.mark.django_db
@pytest.mark.parametrize(
    "peer", ["", "unix:", "not an address", "fe80::1%eth0", f"::ffff:{CLIENT}", "1" * 5000]
)
def test_the_audit_log_takes_whatever_a_server_says(peer):
    person()
    give(Client(REMOTE_ADDR=peer), PASSWORD)
    assert Event.objects.get().ip_address in {None, "fe80::1", CLIENT}


@pytest.mark.django_db
def test_without_an_address_a_person_still_has_five_tries(settings):
    person()
    assert [give(Client(REMOTE_ADDR=""), "wrong").status_code for _ in range(5)] == [422] * 4 + [429]


@pytest.mark.django_db
def test_without_an_address_a_code_still_has_five_tries(client):
    enrol(person())
    client = Client(REMOTE_ADDR="")
    give_password(client)
    answers = [client.post("/two-factor/verify/", {"code": "000000"}).status_code for _ in range(6)]
    assert answers == [422] * 5 + [429]
