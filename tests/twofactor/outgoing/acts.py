"""What a person does, or someone who knows their password, that a letter reports; and its subject."""

from django.test import Client

from tests.accounts.letters import letters, link
from tests.people import FIREFOX, PASSWORD, give_password, sign_in
from tests.twofactor.code_forms import step_up
from tests.twofactor.sent_codes import enter_sent_code, mailed_code, request_code, texted_code
from tests.twofactor.setup_steps import add_app, set_up
from twofactor.models import Authenticator

VERIFY = "/two-factor/verify/"
NEW_ADDRESS = "alice@new.example"


def turn_off(firefox_client, phone, clock, printed_codes):
    firefox_client.post("/two-factor/disable/", {"password": PASSWORD, "code": phone.code()})


def turn_on(firefox_client, phone, clock, printed_codes):
    turn_off(firefox_client, phone, clock, printed_codes)
    letters().clear()
    set_up(firefox_client)


def add_another_app(firefox_client, phone, clock, printed_codes):
    step_up(firefox_client, phone)
    clock.shift(60)
    add_app(firefox_client)


def remove_app(firefox_client, phone, clock, printed_codes):
    add_another_app(firefox_client, phone, clock, printed_codes)
    letters().clear()
    new = Authenticator.objects.last()
    clock.shift(60)
    form = {"password": PASSWORD, "code": phone.code()}
    firefox_client.post(f"/two-factor/apps/{new.pk}/remove/", form)


def make_new_codes(firefox_client, phone, clock, printed_codes):
    firefox_client.post("/two-factor/backup-codes/", {"password": PASSWORD, "code": phone.code()})
    firefox_client.post("/two-factor/backup-codes/", {"saved": "on"})


def back_at_password(firefox_client):
    firefox_client.post("/accounts/logout/")
    give_password(firefox_client)
    return firefox_client


def use_backup_code(firefox_client, phone, clock, printed_codes):
    back_at_password(firefox_client).post("/two-factor/verify/backup/", {"code": printed_codes[0]})


def sign_in_by_mail(firefox_client, phone, clock, printed_codes):
    request_code(back_at_password(firefox_client))
    enter_sent_code(firefox_client, mailed_code())
    del letters()[0]


def replace(firefox_client, phone, clock, printed_codes):
    sign_in_by_mail(firefox_client, phone, clock, printed_codes)
    letters().clear()
    add = "/two-factor/apps/add/"
    firefox_client.post(f"/two-factor/confirm/?next={add}", {"password": PASSWORD, "next": add})
    add_app(firefox_client, replaces=Authenticator.objects.all())


def trust_browser(firefox_client, phone, clock, printed_codes):
    back_at_password(firefox_client).post(VERIFY, {"code": phone.code(), "trust_browser": "on"})


def enter_wrong_codes(firefox_client, phone, clock, printed_codes):
    for _ in range(3):
        back_at_password(firefox_client).post(VERIFY, {"code": "000000"})


def enter_right_code_after_wrong_ones(firefox_client, phone, clock, printed_codes):
    enter_wrong_codes(firefox_client, phone, clock, printed_codes)
    letters().clear()
    firefox_client.post(VERIFY, {"code": phone.code()})


def replay_from_elsewhere(firefox_client, phone, clock, printed_codes):
    back_at_password(firefox_client).post(VERIFY, {"code": phone.code()}, REMOTE_ADDR="203.0.113.9")
    thief = Client(HTTP_USER_AGENT=FIREFOX)
    give_password(thief)
    thief.post(VERIFY, {"code": phone.code()})


def sign_in_from_new_browser(firefox_client, phone, clock, printed_codes):
    sign_in(Client(HTTP_USER_AGENT=FIREFOX), phone)


def change_number(firefox_client, phone, clock, printed_codes):
    step_up(firefox_client, phone)
    clock.shift(60)
    firefox_client.post("/two-factor/phone/", {"number": "+49 170 1234567"})
    firefox_client.post("/two-factor/phone/verify/", {"code": texted_code()})


def change_password(firefox_client, phone, clock, printed_codes):
    new = {"new_password1": "a quiet green harbour", "new_password2": "a quiet green harbour"}
    firefox_client.post("/accounts/password_change/", {"old_password": PASSWORD, "code": phone.code(), **new})


def change_address(firefox_client, phone, clock, printed_codes):
    step_up(firefox_client, phone)
    clock.shift(60)
    firefox_client.post("/accounts/email/change/", {"email": NEW_ADDRESS})
    path = link()
    letters().clear()
    firefox_client.post(path)


ACTS = {
    "Two-factor authentication was turned on": turn_on,
    "Two-factor authentication was turned off": turn_off,
    "Your authenticator app was replaced": replace,
    "You added an authenticator app": add_another_app,
    "You removed an authenticator app": remove_app,
    "New backup codes were made": make_new_codes,
    "One of your backup codes was used": use_backup_code,
    "You signed in with a code from your email": sign_in_by_mail,
    "You trusted a browser": trust_browser,
    "Someone who knows your password entered wrong codes": enter_wrong_codes,
    "A code was accepted after several wrong ones": enter_right_code_after_wrong_ones,
    "A used code was entered again from a different IP address": replay_from_elsewhere,
    "You signed in from a new browser": sign_in_from_new_browser,
    "Your phone number for text messages was changed": change_number,
    "Your password was changed": change_password,
    "Your email address was changed": change_address,
}
