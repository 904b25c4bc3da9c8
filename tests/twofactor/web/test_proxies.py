"""The address of the client behind the proxies of docs/how-to/proxies.md, with the settings of that page."""

import ast
import re
from pathlib import Path

import pytest
from django.test import Client

from tests.people import PASSWORD, person
from twofactor.models import Event
from twofactor.web.client_address import client_address, remote_address

PAGE = (Path(__file__).parents[3] / "docs/how-to/proxies.md").read_text()
CLIENT, FORGED = "203.0.113.9", "192.0.2.66"
CLOUDFLARE = "172.68.1.2"


def settings_of(heading):
    """The list in each block of Python under that heading."""
    section = PAGE.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return [
        ast.literal_eval(block)
        for block in re.findall(r"TWOFACTOR_TRUSTED_PROXIES = (\[.*?\])", section, re.S)
    ]


NGINX, NGINX_ON_A_SOCKET = settings_of("nginx")
(AWS,) = settings_of("AWS")
(HEROKU,) = settings_of("Heroku")
(BEHIND_CLOUDFLARE,) = settings_of("Cloudflare")
BOTH = {"X-Real-IP": CLIENT, "X-Forwarded-For": CLIENT}  # as nginx sets them


def hops(*addresses, **others):
    return {"X-Forwarded-For": ", ".join(addresses), **others}


CASES = {
    "nginx": (NGINX, "127.0.0.1", BOTH, CLIENT),
    "nginx on a socket": (NGINX_ON_A_SOCKET, "", BOTH, CLIENT),
    "past nginx": (NGINX, CLIENT, hops(FORGED, **{"X-Real-IP": FORGED}), CLIENT),
    "AWS": (AWS, "10.0.3.7", hops(CLIENT), CLIENT),
    "AWS, forged": (AWS, "10.0.3.7", hops(FORGED, CLIENT), CLIENT),
    "AWS, forged as a proxy": (AWS, "10.0.3.7", hops(FORGED, "10.0.3.8", CLIENT), CLIENT),
    "AWS, with the port": (AWS, "10.0.3.7", hops(FORGED, f"{CLIENT}:50123"), CLIENT),
    "AWS, X-Real-IP forged": (AWS, "10.0.3.7", hops(CLIENT, **{"X-Real-IP": FORGED}), "10.0.3.7"),
    "past AWS": (AWS, CLIENT, hops(FORGED), CLIENT),
    "Heroku": (HEROKU, "10.1.23.4", hops(CLIENT), CLIENT),
    "Heroku, forged": (HEROKU, "10.1.23.4", hops(FORGED, CLIENT), CLIENT),
    "Heroku, IPv6": (HEROKU, "10.1.23.4", hops(FORGED, "2001:db8::9"), "2001:db8::9"),
    "Cloudflare": (BEHIND_CLOUDFLARE, CLOUDFLARE, hops(CLIENT), CLIENT),
    "Cloudflare, forged": (BEHIND_CLOUDFLARE, CLOUDFLARE, hops(FORGED, CLIENT), CLIENT),
    "past Cloudflare": (BEHIND_CLOUDFLARE, CLIENT, hops(FORGED, CLOUDFLARE), CLIENT),
    "Cloudflare and Heroku": (
        [*BEHIND_CLOUDFLARE, *HEROKU],
        "10.1.23.4",
        hops(FORGED, CLIENT, CLOUDFLARE),
        CLIENT,
    ),
    "Heroku without Cloudflare": (
        [*BEHIND_CLOUDFLARE, *HEROKU],
        "10.1.23.4",
        hops(FORGED, CLOUDFLARE, CLIENT),
        CLIENT,
    ),
    "no proxy is trusted": ([], "10.0.3.7", hops(CLIENT, **{"X-Real-IP": CLIENT}), "10.0.3.7"),
}


@pytest.mark.proves("4.1.3", "X-07")
@pytest.mark.parametrize(("proxies", "peer", "headers", "client"), CASES.values(), ids=CASES)
def test_the_client_is_known_and_cannot_make_up_another(rf, settings, proxies, peer, headers, client):
    settings.TWOFACTOR_TRUSTED_PROXIES = proxies
    assert str(remote_address(rf.get("/", REMOTE_ADDR=peer, headers=headers))) == client


@pytest.mark.django_db
def test_the_audit_log_has_the_address_of_the_client(settings):
    """Without the middleware of our own site, too, which puts it into REMOTE_ADDR."""
    person()
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != "config.proxy.TrustedProxy"]
    settings.TWOFACTOR_TRUSTED_PROXIES = AWS
    browser = Client(REMOTE_ADDR="10.0.3.7", headers=hops(FORGED, CLIENT))
    browser.post("/accounts/login/", {"username": "alice@example.com", "password": PASSWORD})
    assert Event.objects.get().ip_address == CLIENT


def from_their_header(request):
    return request.headers.get("X-Their-Client", "")


def test_a_function_of_the_site_decides_alone(rf, settings):
    settings.TWOFACTOR_TRUSTED_PROXIES = AWS
    settings.TWOFACTOR_CLIENT_ADDRESS = f"{__name__}.from_their_header"
    headers = {"X-Their-Client": f"::ffff:{CLIENT}", "X-Forwarded-For": FORGED}
    assert client_address(rf.get("/", REMOTE_ADDR="10.0.3.7", headers=headers)) == CLIENT
