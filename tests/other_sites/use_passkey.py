"""Run inside a project with Django's own user model: signs in with a passkey alone, twice."""

import secrets
from datetime import timedelta

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from soft import SoftPasskey, encoded

from twofactor import signals
from twofactor.factors import ceremony, passkeys
from twofactor.factors.challenges import Challenge
from twofactor.factors.passkeys import NewPasskey
from twofactor.sessions import epoch

user, now = User.objects.create_user("ann", password="correct horse battery"), timezone.now()
device, challenge = SoftPasskey("http://localhost"), Challenge(bytes(16), secrets.token_bytes(64))
question = {
    "user": {"id": encoded(challenge.handle)},
    "rp": {"id": "localhost"},
    "challenge": encoded(challenge.value),
}
made = ceremony.verify_registration(
    device.register(question), passkeys.site(), challenge.value, must_verify=True
)
passkeys.keep_handle(user, challenge.handle)
NewPasskey(made, challenge, is_key=False, name="Laptop").row(user, now - timedelta(days=2)).save()


def sign_in():
    """Is the browser signed in at its next request?"""
    browser = Client(HTTP_HOST="localhost")
    asked = browser.get("/two-factor/passkey/challenge/").json()
    form = {"challenge": asked["challenge"], "credential": device.sign(asked["options"])}
    assert browser.post("/two-factor/passkey/", form).status_code == 303
    return browser.get("/two-factor/").status_code == 200


def end_all_sessions(**sent):
    """In another process, as it were: with a user that it has read itself."""
    epoch.end_sessions(User.objects.get())


print("signed in:", sign_in())
signals.second_factor_accepted.connect(end_all_sessions)  # sent after the COMMIT, before login()
print("after all sessions have ended meanwhile:", sign_in())
