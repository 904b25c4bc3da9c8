"""Passkeys and security keys that Chromium simulates."""


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

    def remove(self):
        """As if the device were away."""
        self.send("removeVirtualAuthenticator")
