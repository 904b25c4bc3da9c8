"""Request codes by email and text message, read them, and enter them."""

from django.core import mail
from django.test import Client

from tests.people import give_password
from twofactor.models import Allowance, Phone

SEND = "/two-factor/verify/send/"
SENT = "/two-factor/verify/sent/"
OTHER = "/two-factor/verify/other/"
NUMBER = "+491701234567"


class RecordingGateway:
    """A gateway for text messages that keeps what it was given."""

    messages: list[tuple[str, str]] = []

    def send(self, number: str, text: str) -> None:
        self.messages.append((number, text))


def record_text_messages(settings):
    settings.TWOFACTOR_SMS_GATEWAY = "tests.twofactor.sent_codes.RecordingGateway"
    RecordingGateway.messages.clear()
    return RecordingGateway.messages


def add_number(user, number=NUMBER):
    return Phone.objects.create(user=user, number=number, verified_at=user.date_joined)


def request_code(client, channel="email", **more):
    return client.post(SEND, {"channel": channel}, **more)


def enter_sent_code(client, code):
    return client.post(SENT, {"code": code})


def confirm_sign_in(client, email="alice@example.com"):
    """For someone without a second factor, where the site sends a code to confirm it."""
    give_password(client, email)
    return enter_sent_code(client, mailed_code())


def mailed_code():
    """The code of the newest letter, which its subject begins with."""
    return mail.outbox[-1].subject[:6]


def texted_code():
    return RecordingGateway.messages[-1][1].rpartition("#")[2]


def different_code(code):
    return f"{(int(code) + 1) % 10**6:06}"


def second_tab(client):
    """Another tab of the same browser."""
    tab = Client()
    tab.cookies.load({name: morsel.value for name, morsel in client.cookies.items()})
    return tab


def count_allowances(name):
    """How often something was counted, by the limits whose name begins so."""
    return sum(Allowance.objects.filter(key__startswith=name).values_list("count", flat=True))
