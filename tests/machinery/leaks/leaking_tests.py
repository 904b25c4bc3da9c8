"""Each test leaves one secret behind, in another place or spelling: hunter.py has to find every one.

Only test_leaks.py runs this file.
"""

import logging
from base64 import b32decode, b64encode

from django.contrib.auth.tokens import default_token_generator
from django.core import mail
from django.http import HttpRequest
from django.utils import timezone

from accounts import address_links
from config.environment import admins
from tests.accounts.letters import link
from tests.people import NOW, PASSWORD, enrol, give_password, person
from twofactor.api import tokens
from twofactor.factors import authenticator_app, backup_codes, code_text, sent_codes, totp
from twofactor.models import Allowance, Authenticator, Event
from twofactor.sessions.store import SessionStore
from twofactor.signin.pending import PendingSignIn

SECURITY = logging.getLogger("countersign.security")


def leave(text):
    """In a table."""
    Allowance.objects.create(key=text[:64], count=1, began_at=timezone.now())


# In each place


def test_log():
    SECURITY.error("here: %s", totp.generate_key())


def test_error_mail(settings):
    settings.ADMINS = admins(["ops@example.com"])
    mail.mail_admins("oh", code_text.generate_backup_code())


def test_letter():
    code = code_text.generate_backup_code()
    mail.send_mail("oh", code_text.format_backup_code(code), None, ["a@b.example"])


def test_address(client, db):
    page = f"http://testserver/help/?code={enrol(person()).code()}"
    client.post("/accounts/language/", {"language": "de"}, headers={"Referer": page})


def test_table(db):
    leave(totp.generate_key())


def test_detail(db):
    code = enrol(person()).code()
    Event.objects.create(kind="code_sent", at=timezone.now(), detail={"code": code})


def test_session(db):
    session = SessionStore()
    session["key"] = totp.generate_key()
    session.save()


def test_own_data(client, db):
    """As it would be if a person had given a key as their name."""
    alice = person(name=totp.generate_key())
    give_password(client)
    client.post("/two-factor/confirm/", {"password": PASSWORD})
    client.get("/accounts/export/")
    type(alice).objects.update(name="")


# Of each kind


def test_password(db):
    leave(PASSWORD)


def test_new_password(db):
    person().set_password("a quiet green harbour")
    leave("a quiet green harbour")


def test_session_key(client, db):
    give_password(client, person().email)
    leave(client.cookies["sessionid"].value)


def test_sent_code(db):
    sent_codes.deliver(person(), sent_codes.Channel("email", "a@b.example"), "314159")
    SECURITY.error("sent 314159")


def test_trusted_browser(client, db):
    phone = enrol(person())
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    leave(client.cookies["twofactor_trusted"].value)


def test_second_person_of_a_trusted_browser(client, db):
    """Two tokens are in one cookie."""
    for email in ("alice@example.com", "bob@example.com"):
        phone = enrol(person(email))
        give_password(client, email)
        client.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
        client.post("/accounts/logout/")
    leave(client.cookies["twofactor_trusted"].value.split(".")[0])


def test_pending_note(client, db):
    enrol(person())
    give_password(client)
    SECURITY.error("pending: %s", client.cookies["twofactor_pending"].value)


def test_challenge(db):
    alice = person()
    alice.backend = "accounts.lockout.Backend"
    SECURITY.error("%s", {"challenge": PendingSignIn.start(alice, "/", timezone.now()).to_token()})


def test_known_browser(client, db):
    give_password(client, person().email)
    SECURITY.error("known: %s", client.cookies["accounts_known"].value)


def test_access_token(db):
    SECURITY.error("Bearer %s", tokens.issue(person(), "totp", HttpRequest(), timezone.now())["access"])


def test_refresh_token(db):
    SECURITY.error("%s", tokens.issue(person(), "totp", HttpRequest(), timezone.now())["refresh"])


def test_link_to_a_new_password(db):
    leave(default_token_generator.make_token(person()))


def test_link_to_an_address(db):
    alice = person()
    address_links.send_link(alice, alice.email, timezone.now())
    SECURITY.error("no page at %s", link())


def test_code_brought_along(db):
    """A code of another app, in its own spelling."""
    backup_codes.make_rows(person(), ["Blue7Tree"], imported=True)
    leave("Blue7Tree")


def test_key_brought_along(db):
    authenticator_app.seal_key(Authenticator(user=person()), "jbswy3dpehpk3pxpjbswy3dpehpk3pxp", NOW)
    leave("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")


def test_key_of_the_site(settings):
    SECURITY.error("sealed with %s", settings.TWOFACTOR_KEYS[0])


# In each spelling


def shown(db):
    return enrol(person()).code()


def test_after_a_colon(db):
    SECURITY.error("code:%s", shown(db))


def test_after_an_underscore(db):
    SECURITY.error("code_%s", shown(db))


def test_after_a_dot():
    SECURITY.error("otp.%s", totp.generate_key())


def test_within_a_word():
    SECURITY.error("key%skey", totp.generate_key())


def test_on_a_line_of_its_own(db):
    SECURITY.error("you typed\n%s\nwhich is wrong", shown(db))


def test_in_quotes_within_quotes(db):
    SECURITY.error("%r", {"body": repr(["\t" + shown(db)])})


def test_lower_case(db):
    leave(totp.generate_key().lower())


def test_groups(db):
    key = totp.generate_key()
    leave(" ".join(key[start : start + 4] for start in range(0, 32, 4)))


def test_groups_with_hyphens(db):
    leave(code_text.format_backup_code(totp.generate_key()).lower())


def test_hex(db):
    leave(b32decode(totp.generate_key()).hex().upper())


def test_hex_of_the_letters(db):
    leave(totp.generate_key().encode().hex())


def test_base64(db):
    leave(b64encode(b32decode(totp.generate_key())).decode())


def test_base64_of_the_letters(db):
    leave(b64encode(totp.generate_key().encode()).decode())


def test_base64_within_more(db):
    leave(b64encode(b'["' + totp.generate_key().encode() + b'"]').decode())


def test_base64_of_a_code(db):
    SECURITY.error("%s", b64encode(f"code={shown(db)}&next=/".encode()).decode())


def test_base64_in_lines(db):
    mail.send_mail("oh", "\n".join(b64encode(totp.generate_key().encode()).decode()), None, ["a@b.example"])


def test_in_an_address():
    SECURITY.error("GET /?password=correct+horse+battery")


# None


def test_nothing(client, db):
    """Six digits within a longer number, a hash or a time are no code."""
    code = enrol(person()).code()
    give_password(client)
    SECURITY.error("1%s, %s1, a%sb, 12:00:00.%s", code, code, code, code)
