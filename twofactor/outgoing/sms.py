"""Text messages: what a gateway is, the gateways that are included, and how numbers are parsed."""

import logging
from functools import partial
from typing import Protocol

from django.utils.module_loading import import_string

from twofactor import conf
from twofactor.outgoing.timeout import PAGE_SECONDS, run_within

__all__ = ["Console", "Gateway", "NotSent", "Twilio"]

log = logging.getLogger("countersign.sms")

TWILIO_SECONDS = 5  # for one response


class NotSent(Exception):
    """The gateway did not take the message."""


class Gateway(Protocol):
    """TWOFACTOR_SMS_GATEWAY may be the dotted path of a class like this one."""

    def send(self, number: str, text: str) -> None:
        """Hand the text over for a number like +491701234567, or raise NotSent."""


class Console:
    """For development: prints the message to the server's output."""

    def send(self, number: str, text: str) -> None:
        print(f"Text message to {number}:\n{text}\n")


class Twilio:
    """Needs the `sms` extra, and TWILIO_ACCOUNT_SID, TWILIO_AUTH_TOKEN, TWILIO_FROM."""

    def send(self, number: str, text: str) -> None:
        from requests import RequestException
        from twilio.base.exceptions import TwilioException
        from twilio.http.http_client import TwilioHttpClient
        from twilio.rest import Client

        # Twilio's own logger would write the body, which contains the code.
        http = TwilioHttpClient(
            timeout=TWILIO_SECONDS, max_retries=0, logger=logging.Logger("unread", logging.CRITICAL)
        )
        client = Client(conf.read("TWILIO_ACCOUNT_SID"), conf.read("TWILIO_AUTH_TOKEN"), http_client=http)
        client.api.base_url = conf.read("TWILIO_URL")
        try:
            client.messages.create(to=number, from_=conf.read("TWILIO_FROM"), body=text)
        except (TwilioException, RequestException) as failure:
            raise NotSent(type(failure).__name__) from None


def is_configured() -> bool:
    return bool(conf.sms_gateway())


def gateway() -> Gateway:
    name = conf.sms_gateway()
    instance: Gateway = import_string(conf.GATEWAYS.get(name, name))()
    return instance


def send(number: str, text: str) -> None:
    """Hand the message to the gateway, or raise NotSent, whatever the gateway does."""
    try:
        run_within(PAGE_SECONDS, partial(gateway().send, number, text))
    except NotSent:
        raise
    except Exception as failure:
        log.error("text message not sent: %s", type(failure).__name__)
        raise NotSent from None


def parse_number(text: str) -> str | None:
    """As + and digits. None if it is no number, or has no country code."""
    import phonenumbers

    try:
        number = phonenumbers.parse(text, None)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))
