"""One secret left behind in each place: what the hunter has to find. Run by test_leaks.py alone."""

import logging

from django.core import mail
from django.utils import timezone

from tests.people import enrol, give_password, person
from twofactor import alphabet, delivery, totp
from twofactor.models import Allowance, Event
from twofactor.sessions import SessionStore


def test_log():
    logging.getLogger("countersign").error("here: %s", totp.generate_key())


def test_error_mail(settings):
    settings.ADMINS = [("", "ops@example.com")]
    mail.mail_admins("oh", alphabet.backup_code())


def test_letter():
    mail.send_mail("oh", alphabet.grouped(alphabet.backup_code()), None, ["a@b.example"])


def test_address(client, db):
    page = f"http://testserver/help/?code={enrol(person()).code()}"
    client.post("/accounts/language/", {"language": "de"}, headers={"Referer": page})


def test_table(db):
    Allowance.objects.create(key=totp.generate_key(), count=1, began_at=timezone.now())


def test_detail(db):
    code = enrol(person()).code()
    Event.objects.create(kind="code_sent", at=timezone.now(), detail={"code": code})


def test_password(db):
    Allowance.objects.create(key="correct horse battery", count=1, began_at=timezone.now())


def test_session(db):
    session = SessionStore()
    session["key"] = totp.generate_key()
    session.save()


def test_session_key(client, db):
    give_password(client, person().email)
    Allowance.objects.create(key=client.cookies["sessionid"].value, count=1, began_at=timezone.now())


def test_sent_code(db, caplog):
    delivery.deliver(person(), delivery.Channel("email", "a@b.example"), "314159")
    logging.getLogger("countersign").info("sent 314159")


def test_nothing(client, db):
    give_password(client, person().email)
