"""Emails to people: their contents, and what happens if they cannot be sent."""

import logging
import re
import socket

import pytest
from aiosmtpd.controller import Controller
from django.test import Client
from django.utils import timezone

from accounts import address_links
from accounts.models import User
from config import environment
from tests.accounts.letters import letters
from tests.machinery.smtp_server import running_smtp_server
from tests.mailers import send_mail_with
from tests.people import PASSWORD, give_password, person, sign_up
from twofactor.outgoing.outbox import send_due

pytestmark = pytest.mark.django_db
OLD, NEW = "alice@example.com", "alice@new.example"


# Every letter


def reset(client):
    client.post("/accounts/password_reset/", {"email": OLD})


def change_password(client):
    give_password(client)
    new = {"new_password1": "a quiet green harbour", "new_password2": "a quiet green harbour"}
    client.post("/accounts/password_change/", {"old_password": PASSWORD, **new})


LETTERS = {
    "Confirm your email address for Countersign": sign_up,
    "You already have an account at Countersign": lambda client: sign_up(client, OLD),
    "Reset your password for Countersign": reset,
    "Your password was changed – Countersign": change_password,
    "Confirm your new email address for Countersign": lambda client: address_links.send_link(
        User.objects.get(), NEW, timezone.now()
    ),
}


@pytest.fixture(params=LETTERS.items(), ids=lambda item: item[0])
def subject_and_letter(request, client, alice, django_capture_on_commit_callbacks):
    subject, cause = request.param
    with django_capture_on_commit_callbacks(execute=True):
        cause(client)
    return subject, letters()[0]


@pytest.fixture
def letter(subject_and_letter):
    return subject_and_letter[1]


def test_the_subject_names_the_event_and_the_site(subject_and_letter):
    subject, letter = subject_and_letter
    assert letter.subject == subject


def test_a_letter_is_text_and_html(letter):
    parts = letter.message().get_payload()
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]


def test_both_parts_carry_the_same_link(letter):
    page = letter.alternatives[0].content
    assert [
        link for link in letter.body.split() if link.startswith("http://testserver/") and link not in page
    ] == []


def test_a_letter_says_that_no_person_wrote_it(letter):
    assert letter.message()["Auto-Submitted"] == "auto-generated"


def test_a_letter_goes_to_one_address(letter):
    assert (len(letter.to), letter.cc, letter.bcc) == (1, [], [])


def test_a_letter_comes_from_the_configured_sender(letter):
    assert letter.from_email == "Countersign <no-reply@testserver>"


def test_a_letter_loads_nothing(letter):
    page = letter.alternatives[0].content
    assert [part for part in ("<img", "<script", "<link", "url(", "src=") if part in page] == []


def test_a_letter_holds_no_password(letter):
    assert PASSWORD not in letter.message().as_string()


def test_a_letter_says_what_to_do_if_it_was_someone_else(letter):
    assert re.search("If (it|this) was(n't)? you|If you didn't sign up", letter.body)


def test_a_letter_has_no_gaps(letter):
    assert [gap for gap in ("{{", "{%", "None") if gap in letter.body] == []


def test_an_html_part_says_its_language(client, alice):
    User.objects.update(language="ar")
    reset(client)
    assert '<html lang="ar" dir="rtl">' in letters()[0].alternatives[0].content


def test_a_letter_speaks_the_language_of_its_reader_not_of_the_asker(client, alice):
    User.objects.update(language="ar")
    client.post("/accounts/password_reset/", {"email": OLD}, headers={"Accept-Language": "de"})
    assert '<html lang="ar"' in letters()[0].alternatives[0].content


def test_writing_a_letter_leaves_the_page_in_its_own_language(client, alice):
    User.objects.update(language="ar")
    response = client.post(
        "/accounts/password_reset/", {"email": OLD}, headers={"Accept-Language": "de"}, follow=True
    )
    assert '<html lang="de"' in response.text


def test_an_address_in_html_is_text_and_never_markup(client, db):
    sign_up(client, "a&b@example.com")
    assert "a&amp;b@example.com" in letters()[0].alternatives[0].content


def test_an_address_in_text_is_as_it_is_written(client, db):
    sign_up(client, "a&b@example.com")
    assert "a&b@example.com" in letters()[0].body


# A real server


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def smtp_port(settings, free_port):
    """Mail is sent to this port of loopback."""
    send_mail_with(settings, "smtp", host="127.0.0.1", port=free_port, timeout=0.3)
    return free_port


@pytest.fixture
def smtp_server(settings):
    with running_smtp_server() as server:
        send_mail_with(settings, "smtp", host="127.0.0.1", port=server.port, timeout=5)
        yield server


def test_a_mail_server_gets_the_letter(client, smtp_server):
    sign_up(client)
    ((receivers, letter),) = smtp_server.delivered
    assert (receivers, letter["Subject"]) == (
        ["new@example.com"],
        "Confirm your email address for Countersign",
    )


def test_a_letter_that_nobody_waits_for_reaches_the_mail_server_too(client, alice, smtp_server):
    reset(client)
    send_due()
    assert [receivers for receivers, _ in smtp_server.delivered] == [[OLD]]


def test_an_address_with_a_comma_in_it_is_no_500(client, smtp_server):
    client.raise_request_exception = False
    assert sign_up(client, "a@b.example，eve＠example.com").status_code == 422


# Servers that fail


@pytest.fixture
def nobody_listens(smtp_port):
    pass


@pytest.fixture
def black_hole(smtp_port):
    """A server that accepts the connection and never answers."""
    with socket.socket() as sink:
        sink.bind(("127.0.0.1", smtp_port))
        sink.listen()
        yield


class TemporaryRefusal:
    async def handle_RCPT(self, server, session, envelope, address, options):
        return "451 come back later"


@pytest.fixture
def come_back_later(smtp_port):
    server = Controller(TemporaryRefusal(), hostname="127.0.0.1", port=smtp_port)
    server.start()
    yield
    server.stop()


@pytest.fixture(params=["nobody_listens", "black_hole", "come_back_later"])
def broken_mail_server(request):
    request.getfixturevalue(request.param)


def test_a_sign_up_that_could_not_be_mailed_is_told(client, broken_mail_server):
    response = sign_up(client)
    assert response.status_code == 422
    assert "send the email. Try again in a few minutes." in response.text


def test_a_taken_address_gets_the_same_error_as_a_free_one(client, alice, nobody_listens):
    free, taken = sign_up(Client(), "alike@example.com"), sign_up(Client(), OLD)
    assert [answer.status_code for answer in (free, taken)] == [422, 422]
    assert free.context["form"].errors == taken.context["form"].errors


def test_a_sign_up_that_could_not_be_mailed_keeps_the_address(client, nobody_listens):
    assert 'value="new@example.com"' in sign_up(client).text


def test_signing_up_again_after_a_failed_mail_gets_a_link(client, nobody_listens, settings):
    sign_up(client)
    send_mail_with(settings, "locmem")
    sign_up(client)
    assert "/accounts/email/verify/" in letters()[0].body


def test_a_change_of_address_that_could_not_be_mailed_is_told(as_alice, broken_mail_server):
    as_alice.post("/two-factor/confirm/", {"password": PASSWORD})
    response = as_alice.post("/accounts/email/change/", {"email": NEW})
    assert (response.status_code, "email" in response.context["form"].errors) == (422, True)


def test_a_change_of_address_that_could_not_be_mailed_keeps_the_address(as_alice, nobody_listens):
    as_alice.post("/two-factor/confirm/", {"password": PASSWORD})
    response = as_alice.post("/accounts/email/change/", {"email": NEW})
    assert f'value="{NEW}"' in response.text


def test_a_reset_that_cannot_be_mailed_answers_like_any_other(client, alice, broken_mail_server):
    response = client.post("/accounts/password_reset/", {"email": OLD})
    send_due()
    assert (response.status_code, response["Location"]) == (302, "/accounts/password_reset/done/")


def test_a_link_that_could_not_be_sent_again_is_told(client, nobody_listens):
    person(email_verified_at=None)
    give_password(client)
    page = client.post("/accounts/email/verify/send/", follow=True).text
    assert page.count("send the email. Try again in a few minutes.") == 1


def test_a_new_address_counts_although_nobody_could_be_told(as_alice, alice, nobody_listens):
    address_links.Confirmation(alice, NEW).apply(timezone.now())
    assert User.objects.get().email == NEW


def test_the_log_names_the_failure_and_nobody(client, alice, nobody_listens, caplog):
    with caplog.at_level(logging.ERROR, "countersign.mail"):
        sign_up(client)
    assert [record.getMessage() for record in caplog.records] == ["mail not sent: ConnectionRefusedError"]


@pytest.mark.proves("13.1.3")
def test_a_mail_server_is_not_waited_for_longer_than_five_seconds():
    assert environment.email("smtp://mail.example.com") == environment.mail_settings(
        "smtp",
        host="mail.example.com",
        port=25,
        username="",
        password="",
        use_tls=False,
        use_ssl=False,
        timeout=5,
    )
