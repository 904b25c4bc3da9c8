"""The mailbox page of the development server, which exists only with DEBUG."""

import importlib
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import clear_url_caches

from config import urls
from tests.mailers import send_mail_with

ROOT = Path(__file__).parents[2]
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def mailbox(settings, tmp_path):
    """A site with DEBUG that writes mail to files."""
    settings.DEBUG = True
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    send_mail_with(settings, "filebased", file_path=tmp_path)
    importlib.reload(urls)
    clear_url_caches()
    yield lambda path="": Client().get(f"/mailbox/{path}").text
    settings.DEBUG = False
    importlib.reload(urls)
    clear_url_caches()


def send(subject, body="Hello", at=NOON):
    with time_machine.travel(at):
        mail.send_mail(subject, body, None, ["ann@example.com"])


@pytest.mark.parametrize("path", ["/mailbox/", "/mailbox/0/"])
def test_without_debug_there_is_no_mailbox(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize(("debug", "there"), [("true", "True"), ("false", "False")])
def test_the_mailbox_depends_on_debug_alone(debug, there):
    ask = "import django; django.setup(); from config import urls; print('mailbox' in str(urls.urlpatterns))"
    site = {"DEBUG": debug, "DJANGO_SETTINGS_MODULE": "config.settings", "EMAIL_URL": "console:"}
    site |= {"BASE_URL": "http://testserver", "DATABASE_URL": "sqlite://:memory:"}
    asked = subprocess.run([sys.executable, "-c", ask], cwd=ROOT, env=os.environ | site, capture_output=True)
    assert asked.stdout.decode().strip() == there


def test_an_empty_mailbox_says_so(mailbox):
    assert "Nothing has been sent yet." in mailbox()


def test_mail_is_listed_with_subject_and_receiver(mailbox):
    send("Confirm")
    assert "Confirm</a>" in mailbox()


def test_the_newest_mail_comes_first(mailbox):
    send("The first", at=NOON)
    send("The second", at=NOON + timedelta(seconds=1))
    page = mailbox()
    assert page.index("The second") < page.index("The first")


def test_a_mail_keeps_its_address_when_others_arrive(mailbox):
    send("The first", at=NOON)
    before = mailbox("0/")
    send("The second", at=NOON + timedelta(seconds=1))
    assert before.count("<h1>The first</h1>") == mailbox("0/").count("<h1>The first</h1>") == 1


def test_the_links_of_a_mail_can_be_followed(mailbox):
    send("Confirm", "Open http://testserver/accounts/email/verify/abc/ now")
    assert '<a href="http://testserver/accounts/email/verify/abc/"' in mailbox("0/")


def test_what_stands_in_a_mail_is_text_and_never_markup(mailbox):
    send("<b>Confirm", "<script>alert(1)</script>")
    assert [tag for tag in ("<script>alert", "<b>Confirm") if tag in mailbox("0/")] == []


def test_a_mail_that_was_never_sent_is_not_there(mailbox):
    send("Confirm")
    assert "<h1>Confirm</h1>" not in mailbox("1/")


def test_a_mailbox_without_files_is_empty(mailbox, settings):
    send_mail_with(settings, "console")
    assert "Nothing has been sent yet." in mailbox()
