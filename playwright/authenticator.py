"""Passkeys and security keys that Chromium simulates."""

import json
from base64 import b64encode

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.conf import settings

from tests.soft import BACKUP_ELIGIBLE
from tests.twofactor.passkeys.browser import new_key, not_synced, store

RECORD_CEREMONIES = """
    window.ceremonies = [];
    for (const kind of ["get", "create"]) {
        const own = CredentialsContainer.prototype[kind];
        CredentialsContainer.prototype[kind] = function (options) {
            ceremonies.push(options.mediation ?? kind);
            console.debug("ceremony");
            const answer = own.call(this, options);
            answer.catch(({ name }) => ceremonies.push(name));
            return answer;
        };
    }
"""


def expect_ceremonies(page, *expected, may_go_on=False):
    """What has begun in this document, and with which errors it has ended. RECORD_CEREMONIES notes it.

    It may go on where the authenticator is still touched when the list is offered again.
    """
    page.wait_for_function(
        "([expected, most]) => JSON.stringify(ceremonies.slice(0, most)) === expected",
        arg=[json.dumps(expected, separators=(",", ":")), len(expected) if may_go_on else 1000],
    )


def give_passkey(user, authenticator=None, name="Laptop", **fields):
    """As if the person had added it long ago; its row. Without an authenticator, it is on another device."""
    made = not_synced(origin=settings.TWOFACTOR_BASE_URL, transports=("internal",))
    return keep(made, user, authenticator, name=name, **fields)


def give_key(user, authenticator=None, name="Key", **fields):
    made = new_key(origin=settings.TWOFACTOR_BASE_URL, transports=("usb",))
    return keep(made, user, authenticator, name=name, **fields)


def keep(made, user, authenticator, **fields):
    row = store(user, made, **fields)
    if authenticator is not None:
        authenticator.keep(made)
    return row


class Authenticator:
    """Answers the ceremonies of one page. Without one, a ceremony of a browser without windows never ends.

    With `is_touched=False` it waits for someone's finger, as the list under a name field does: with True
    that list is answered as soon as it is offered.
    """

    def __init__(self, page, *, is_touched=True, protocol="ctap2", transport="internal", **options):
        self.devtools = page.context.new_cdp_session(page)
        self.devtools.send("WebAuthn.enable")
        is_ctap2 = protocol == "ctap2"
        self.name = self.devtools.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": protocol,
                    "transport": transport,
                    "hasResidentKey": is_ctap2,
                    "hasUserVerification": is_ctap2,
                    "isUserVerified": is_ctap2,
                    "automaticPresenceSimulation": is_touched,
                    **options,
                }
            },
        )["authenticatorId"]

    def send(self, command, **parameters):
        return self.devtools.send(f"WebAuthn.{command}", {"authenticatorId": self.name, **parameters})

    def touch(self, *, is_touched=True):
        """From now on; a ceremony that waits already goes on waiting."""
        self.send("setAutomaticPresenceSimulation", enabled=is_touched)

    def verify_user(self, *, is_verified):
        self.send("setUserVerified", isUserVerified=is_verified)

    def credentials(self):
        return self.send("getCredentials")["credentials"]

    def keep(self, made):
        """A SoftPasskey that has been registered."""
        key = made.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        handle = {"userHandle": as_text(made.handle)} if made.discoverable else {}
        credential = {
            "credentialId": as_text(made.credential_id),
            "isResidentCredential": made.discoverable,
            "rpId": "localhost",
            "privateKey": as_text(key),
            "signCount": made.sign_count,
            "backupEligibility": bool(made.flags & BACKUP_ELIGIBLE),
            **handle,
        }
        self.send("addCredential", credential=credential)

    def remove(self):
        """As if the device were away."""
        self.send("removeVirtualAuthenticator")


def as_text(data):
    return b64encode(data).decode()
