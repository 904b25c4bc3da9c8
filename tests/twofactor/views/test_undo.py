"""Undo, for a browser that was forgotten and for names, until the page is left."""

import re
from datetime import timedelta

import pytest
from django.contrib.messages.storage.base import Message
from django.test import Client, RequestFactory
from django.utils import timezone

from tests.people import add_app, enrol, sign_in
from tests.twofactor.trusted_browsers import forget_url, new_trusted_client, skips_the_code
from twofactor import not_me_links
from twofactor.factors import totp
from twofactor.models import Authenticator, Event, Session, TrustedBrowser
from twofactor.web.undo import offered_by

DEVICES = "/two-factor/devices/"
UNDO = "/two-factor/devices/undo/"


def undo_form(page):
    """The address and the fields of the form in a message, and None if there is none."""
    form = re.search(
        r'<form method="post"\s+action="([^"]*)"(?:(?!</form>).)*>Undo</button>', page, re.DOTALL
    )
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0])) if form else {}
    fields.pop("csrfmiddlewaretoken", None)
    return (form[1], fields) if form else None


def press_undo(client, page):
    return client.post(*undo_form(page), follow=True)


def forget(client):
    """Returns the page that says so."""
    return client.post(forget_url(TrustedBrowser.objects.get()), follow=True).text


# Browsers


def test_a_forgotten_browser_asks_for_the_code(trusted_client, signed_in_client):
    forget(signed_in_client)
    assert not skips_the_code(trusted_client)


def test_undo_trusts_it_again(trusted_client, signed_in_client):
    page = press_undo(signed_in_client, forget(signed_in_client)).text
    assert ("Firefox 140 on Linux is trusted again." in page, skips_the_code(trusted_client)) == (True, True)


def test_it_is_trusted_for_as_long_as_before(trusted_client, signed_in_client, clock):
    before = TrustedBrowser.objects.get().expires_at
    page = forget(signed_in_client)
    clock.shift(60)
    press_undo(signed_in_client, page)
    assert TrustedBrowser.objects.get().expires_at == before


def test_the_audit_log_has_both(trusted_client, signed_in_client):
    press_undo(signed_in_client, forget(signed_in_client))
    kinds = Event.objects.filter(kind__in=["browser_forgotten", "browser_trusted_again"])
    assert [event.detail for event in kinds] == [{"device": "Firefox 140 on Linux"}] * 2


def test_the_page_has_the_button_once(trusted_client, signed_in_client):
    forget(signed_in_client)
    assert undo_form(signed_in_client.get(DEVICES).text) is None


def test_there_is_nothing_left_to_undo_afterwards(trusted_client, signed_in_client):
    assert undo_form(press_undo(signed_in_client, forget(signed_in_client)).text) is None


@pytest.mark.proves("S-08-undo")
def test_one_undo_works_once(trusted_client, signed_in_client, clock):
    first = forget(signed_in_client)
    press_undo(signed_in_client, first)
    clock.shift(1)
    forget(signed_in_client)
    assert (press_undo(signed_in_client, first).status_code, skips_the_code(trusted_client)) == (409, False)


def test_a_browser_of_a_row_of_its_own_is_trusted_again_too(trusted_client, signed_in_client):
    """Nobody is signed in there, and its row goes."""
    Session.objects.filter(trusted_browser_id=TrustedBrowser.objects.get().pk).delete()
    device_id = TrustedBrowser.objects.get().device_id
    page = signed_in_client.post(f"{DEVICES}{device_id}/end/", follow=True).text
    press_undo(signed_in_client, page)
    assert skips_the_code(trusted_client)


def too_late(client, clock, **others):
    clock.shift(3000)
    client.get(DEVICES)
    clock.shift(601)


def other_session(client, clock, phone, **others):
    client.cookies.clear()
    clock.shift(60)
    sign_in(client, phone)


def deleted(client, **others):
    TrustedBrowser.objects.all().delete()


@pytest.mark.proves("S-08-undo")
@pytest.mark.parametrize("meanwhile", [too_late, other_session, deleted])
def test_undo_is_refused(trusted_client, signed_in_client, meanwhile, clock, phone):
    page = forget(signed_in_client)
    meanwhile(signed_in_client, clock=clock, phone=phone)
    answer = press_undo(signed_in_client, page)
    assert (answer.status_code, skips_the_code(trusted_client)) == (409, False)


@pytest.mark.proves("S-08-undo")
def test_undo_brings_nothing_back_that_has_ended_meanwhile(trusted_client, signed_in_client, phone):
    """Signing out everywhere else keeps this session, and would keep a proof of it."""
    page = forget(signed_in_client)
    signed_in_client.post("/two-factor/sessions/end/")
    assert press_undo(signed_in_client, page).status_code == 409


@pytest.mark.proves("S-08-undo")
def test_undo_is_refused_to_someone_else(trusted_client, signed_in_client, bob, client):
    page = forget(signed_in_client)
    sign_in(client, enrol(bob), bob.email)
    assert (press_undo(client, page).status_code, skips_the_code(trusted_client)) == (409, False)


def test_an_undo_of_an_app_is_none_of_a_device(signed_in_client):
    app = Authenticator.objects.get()
    page = signed_in_client.post(f"/two-factor/apps/{app.pk}/rename/", {"name": "Old"}, follow=True).text
    _to, fields = undo_form(page)
    assert signed_in_client.post(UNDO, fields).status_code == 409


@pytest.mark.parametrize("tag", ["", "x", "tf-undo-", "tf-undo-0123456789abcdef"])
def test_undo_takes_no_other_tag(trusted_client, signed_in_client, tag):
    forget(signed_in_client)
    assert signed_in_client.post(UNDO, {"undo": tag}).status_code == 409


def test_looking_trusts_nothing_again(trusted_client, signed_in_client):
    forget(signed_in_client)
    assert (signed_in_client.get(UNDO).url, skips_the_code(trusted_client)) == (DEVICES, False)


def test_undo_trusts_no_browser_again_whose_time_is_over(trusted_client, signed_in_client):
    TrustedBrowser.objects.update(expires_at=timezone.now() + timedelta(seconds=60))
    page = forget(signed_in_client)
    TrustedBrowser.objects.update(expires_at=timezone.now() - timedelta(days=1))
    answer = press_undo(signed_in_client, page)
    assert (answer.status_code, Event.objects.filter(kind="browser_trusted_again").count()) == (409, 0)


def test_undo_does_nothing_for_someone_who_may_trust_none_now(trusted_client, signed_in_client, alice):
    page = forget(signed_in_client)
    type(alice).objects.update(is_staff=True)
    assert press_undo(signed_in_client, page).status_code == 409


def test_undo_keeps_to_ten_browsers(trusted_client, signed_in_client, phone, clock):
    page = forget(signed_in_client)
    for _ in range(10):
        clock.shift(30)
        new_trusted_client(phone)
    answer = press_undo(signed_in_client, page)
    assert (answer.status_code, TrustedBrowser.objects.count()) == (409, 10)
    assert not skips_the_code(trusted_client)


def test_all_that_were_forgotten_are_trusted_again(trusted_client, signed_in_client, phone):
    other = new_trusted_client(phone)
    page = signed_in_client.post("/two-factor/browsers/forget/", follow=True).text
    press_undo(signed_in_client, page)
    assert (skips_the_code(trusted_client), skips_the_code(other)) == (True, True)


def test_without_our_sessions_undo_belongs_to_one_session_too(alice, phone, clock, settings):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    trusted, first, second = new_trusted_client(phone), Client(), Client()
    for client in (first, second):
        clock.shift(60)
        sign_in(client, phone)
    page = forget(first)
    assert (press_undo(second, page).status_code, skips_the_code(trusted)) == (409, False)


def test_this_wasnt_me_forgets_what_could_be_trusted_again(trusted_client, signed_in_client, phone):
    page = forget(signed_in_client)
    event = Event.objects.get(kind="browser_trusted")
    Client().post(not_me_links.make(event, event.user, timezone.now()), {})
    assert press_undo(signed_in_client, page).status_code == 409


def test_this_wasnt_me_of_an_undo_is_about_that_browser(trusted_client, signed_in_client):
    press_undo(signed_in_client, forget(signed_in_client))
    event = Event.objects.get(kind="browser_trusted_again")
    assert event.trusted_browser_id == TrustedBrowser.objects.get().pk


# The message


def test_a_message_has_nothing_among_its_tags_that_a_site_should_not_print(trusted_client, signed_in_client):
    signed_in_client.post(forget_url(TrustedBrowser.objects.get()))
    message = next(iter(signed_in_client.get(DEVICES).context["messages"]))
    assert re.fullmatch(r"(tf-(device|undo)-[0-9a-f-]+ ?)+", message.extra_tags)


@pytest.mark.parametrize("tags", ["alert alert-danger", "safe toast-3", "tf-undo-0123456789abcdef"])
def test_tags_of_the_site_are_no_undo(signed_in_client, tags):
    request = RequestFactory().get("/")
    request.session = signed_in_client.session
    assert offered_by(request, Message(20, "Order saved.", tags)) is None


def test_after_signing_out_there_is_no_undo(trusted_client, signed_in_client):
    signed_in_client.post(forget_url(TrustedBrowser.objects.get()))
    page = signed_in_client.post("/accounts/logout/", follow=True).text
    assert undo_form(page) is None


# Names


def test_undo_gives_a_device_its_name_back(signed_in_client):
    device = Session.objects.get()
    rename = f"{DEVICES}{device.device_id}/rename/"
    signed_in_client.post(rename, {"name": "Laptop & co"}, follow=True)
    page = signed_in_client.post(rename, {"name": "Mistake"}, follow=True).text
    press_undo(signed_in_client, page)
    assert Session.objects.get().name == "Laptop & co"


def test_undo_takes_the_first_name_of_a_device_away(signed_in_client):
    page = signed_in_client.post(
        f"{DEVICES}{Session.objects.get().device_id}/rename/", {"name": "Mistake"}, follow=True
    ).text
    press_undo(signed_in_client, page)
    assert Session.objects.get().name == ""


def test_undo_gives_an_app_its_name_back(signed_in_client, alice):
    add_app(alice, totp.generate_key(), timezone.now(), name="Tablet")
    app = Authenticator.objects.get(name="Tablet")
    page = signed_in_client.post(f"/two-factor/apps/{app.pk}/rename/", {"name": "Mistake"}, follow=True).text
    press_undo(signed_in_client, page)
    assert Authenticator.objects.get(pk=app.pk).name == "Tablet"


def test_undo_overwrites_no_newer_name(signed_in_client):
    rename = f"{DEVICES}{Session.objects.get().device_id}/rename/"
    page = signed_in_client.post(rename, {"name": "Mistake"}, follow=True).text
    signed_in_client.post(rename, {"name": "Newer"})
    assert (press_undo(signed_in_client, page).status_code, Session.objects.get().name) == (409, "Newer")


def test_a_name_that_was_saved_as_it_was_has_no_undo(signed_in_client):
    rename = f"{DEVICES}{Session.objects.get().device_id}/rename/"
    assert undo_form(signed_in_client.post(rename, {"name": ""}, follow=True).text) is None


def test_what_has_ended_has_no_undo(signed_in_client, phone, clock):
    sign_in(Client(), phone)
    other = Session.objects.latest("began_at")
    page = signed_in_client.post(f"{DEVICES}{other.device_id}/end/", follow=True).text
    assert ("was signed out." in page, undo_form(page)) == (True, None)
