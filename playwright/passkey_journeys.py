"""Ways through the pages about passkeys, as in journeys.py. All but the last need JavaScript."""

from datetime import timedelta

import time_machine
from actions import (
    create_alice,
    end_step_up,
    enrol,
    enter_code,
    enter_password,
    expect_heading,
    finish_setup,
    follow,
    open_session,
    press,
    session_of,
)
from authenticator import Authenticator, give_key, give_passkey
from django.utils import timezone

from tests.people import PASSWORD, PRINTED_CODES
from twofactor.models import Draft, Passkey

SIGN_IN, SECOND = "Sign in with a passkey", "Use passkey or security key"
STEP_UP, WITH_KEY = "Confirm with your passkey", "Confirm with password and security key"


def create_alice_without_app():
    """Two-factor authentication is on, and there are backup codes."""
    user = create_alice()
    enrol(user, PRINTED_CODES)
    user.authenticators.all().delete()
    return user


def signing_in_with_a_passkey(page):
    user = create_alice_without_app()
    authenticator = Authenticator(page, is_touched=False)
    passkey = give_passkey(user, authenticator)
    page.goto("/accounts/login/")
    press(page, SIGN_IN)
    yield "login-passkey-waiting"
    authenticator.verify_user(is_verified=False)
    authenticator.touch()
    page.goto("/accounts/login/")
    press(page, SIGN_IN)
    yield "login-passkey-cancelled"
    passkey.delete()
    authenticator.verify_user(is_verified=True)
    page.goto("/accounts/login/")  # the list under the field for the name is answered at once
    yield "passkey-refused"


def using_a_passkey_after_the_password(page):
    user = create_alice()
    enrol(user, PRINTED_CODES)
    authenticator = Authenticator(page, is_touched=False)
    give_passkey(user, authenticator, last_used_at=timezone.now())
    enter_password(page)
    yield "verify-passkey"
    press(page, SECOND)
    yield "verify-passkey-waiting"
    authenticator.remove()
    authenticator = Authenticator(page)
    page.goto("/two-factor/verify/")
    press(page, SECOND)
    yield "verify-passkey-cancelled"
    follow(page, "Try another way")
    yield "other-passkey"
    follow(page, "Authenticator app")
    yield "verify-both"
    give_passkey(user, authenticator, name="Phone")
    page.goto("/two-factor/verify/passkey/")
    Passkey.objects.update(sign_count=1000)
    press(page, SECOND)
    yield "verify-passkey-refused"


def setting_up_with_a_passkey(page):
    open_session(page.context, create_alice())
    authenticator = Authenticator(page, is_touched=False)
    page.goto("/two-factor/setup/")
    press(page, "Use a passkey instead")
    yield "setup-passkey-waiting"
    authenticator.touch()
    page.goto("/two-factor/setup/")
    page.evaluate("document.querySelector('[data-passkey]').challenge.value = 'of another form'")
    press(page, "Use a passkey instead")
    yield "setup-passkey-refused"
    Draft.objects.all().delete()
    authenticator.send("clearCredentials")
    page.goto("/two-factor/")
    follow(page, "Add a passkey or security key")
    yield "passkey-add"
    press(page, "Add a passkey")
    yield "passkey-name"
    page.get_by_label("Name").fill("Laptop")
    press(page, "Save")
    yield "settings-passkey-off"
    follow(page, "Add a passkey or security key")
    press(page, "Add a passkey")
    yield "passkey-add-excluded"
    follow(page, "Back to security")
    follow(page, "Turn on two-factor authentication")
    yield "setup-codes-passkey"
    finish_setup(page)
    yield "settings-passkey-on"


def changing_passkeys(page):
    user = create_alice_without_app()
    authenticator = Authenticator(page)
    give_passkey(user, authenticator)
    page.goto("/accounts/login/?next=/two-factor/")
    expect_heading(page, "Security")
    end_step_up(session_of(page))
    follow(page, "Remove Laptop")
    yield "passkey-last"
    follow(page, "Add a passkey")
    yield "confirm-passkey"
    page.goto(page.url)
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        press(page, STEP_UP)
        yield "confirm-passkey-refused"
    key = give_key(user, Authenticator(page, protocol="u2f", transport="usb"))
    page.goto("/two-factor/phone/")
    yield "confirm-key"
    page.get_by_label("Password").fill("not the password")
    press(page, WITH_KEY)
    yield "confirm-key-wrong"
    page.goto("/two-factor/")
    follow(page, "Turn off")
    yield "disable-passkey"
    page.goto("/two-factor/")
    follow(page, "Make new backup codes")
    yield "backup-codes-passkey"
    page.goto("/two-factor/")
    follow(page, "Remove Key")
    yield "passkey-remove"
    page.goto(f"/two-factor/passkeys/{key.pk}/rename/")
    yield "passkey-rename"
    page.goto(f"/two-factor/passkeys/{key.pk}/rename/?added=1")
    yield "key-name"
    page.goto("/two-factor/phone/")
    press(page, STEP_UP)
    expect_heading(page, "Phone number for text messages")
    Passkey.objects.filter(pk=key.pk).update(suspected_at=timezone.now())
    page.goto("/two-factor/")
    yield "settings-suspected"
    follow(page, "See what to do")
    yield "passkey-clear"
    press(page, "It was me. Use it again")
    yield "settings-cleared"
    for number in range(2, 10):
        give_passkey(user, name=f"Phone {number}")
    page.goto("/two-factor/passkeys/add/")
    yield "passkey-full"


def having_a_passkey_and_no_script(page):
    user = create_alice_without_app()
    give_passkey(user)
    enter_password(page)
    yield "verify-passkey-no-script"
    follow(page, "Try another way")
    follow(page, "Backup code")
    enter_code(page, PRINTED_CODES[0])
    expect_heading(page, "Hello, Alice")
    end_step_up(session_of(page))
    page.goto("/two-factor/passkeys/add/")
    yield "confirm-passkey-no-script"
    page.get_by_label("Password").fill(PASSWORD)
    enter_code(page, PRINTED_CODES[1], "Confirm")
    yield "passkey-add-no-script"


PASSKEY_JOURNEYS = [
    signing_in_with_a_passkey,
    using_a_passkey_after_the_password,
    setting_up_with_a_passkey,
    changing_passkeys,
]
