"""A client written for django-totp works with this API, over a real socket."""

import re
import time

import pytest
import zxingcpp
from PIL import Image, ImageDraw

from tests.api.django_totp_client import TotpClient, otp
from tests.people import PASSWORD, person


def read_qr(svg):
    """Draws the QR code from its SVG path, ten pixels a module, and reads it."""
    size = int(re.search(r'viewBox="0 0 (\d+)', svg)[1])
    image = Image.new("L", (size * 10, size * 10), 255)
    draw = ImageDraw.Draw(image)
    x = y = 0.0
    stroke = re.search(r'stroke="#000" d="([^"]+)"', svg) or re.search(r' d="(M[^"]+m[^"]+)"', svg)
    for command, numbers in re.findall(r"([Mmh])([-\d. ]+)", stroke[1]):
        found = [float(number) for number in numbers.split()]
        if command == "h":
            draw.rectangle((x * 10, (y - 0.5) * 10, (x + found[0]) * 10 - 1, (y + 0.5) * 10 - 1), fill=0)
            x += found[0]
        else:
            x, y = (found[0], found[1]) if command == "M" else (x + found[0], y + found[1])
    return zxingcpp.read_barcode(image).text


def next_code(key):
    """Each code works once, so after setup the code of the next step is used."""
    return otp(key, time.time() + 30)


def a_new_step():
    """A code at least one step past every one that was used."""
    time.sleep(30)


@pytest.mark.long
def test_the_client_enrols_signs_in_uses_a_backup_code_rotates_and_disables(
    live_server, transactional_db, capsys
):
    person("ann@example.com")
    client = TotpClient(live_server.url, "ann@example.com", PASSWORD)
    client.login()
    key, codes = client.enrol(read_qr)
    client.login(otp_code=next_code(key))
    client.renew()
    assert client.is_valid()
    client.login(backup_code=codes[0])
    a_new_step()
    new = client.rotate(otp_code=next_code(key))
    assert not {*codes} & {*new}
    client.login(backup_code=new[0])
    client.disable(backup_code=new[1])
    client.login()
    with capsys.disabled():
        print("", *client.transcript, sep="\n")
