"""The list of devices over the API, and what a program with a token of its own cannot do there."""

import pytest
from django.test import Client

from tests.accounts.letters import letters, link
from tests.api.program import Program, status_and_code
from tests.people import give_password, person, sign_in, signed_in_as
from twofactor.models import Event, Session, TokenFamily


def end(program, device_id):
    return program.post("devices/end/", {"id": str(device_id)})


def devices_of(program):
    return program.get("devices/").json()["devices"]


@pytest.fixture
def alices_browser(signed_in, phone, clock):
    client = Client()
    sign_in(client, phone)
    clock.shift(60)
    return client


@pytest.fixture
def her_session(alices_browser):
    return Session.objects.get()


def test_the_program_that_asks_comes_first(signed_in, alices_browser):
    listed = [(device["kind"], device["is_this"]) for device in devices_of(signed_in)]
    assert listed == [("api", True), ("session", False)]


def test_a_sign_in_has_the_program_and_the_address_it_came_from(phone, clock):
    program = Program(headers={"User-Agent": "okhttp/4.12.0"}, REMOTE_ADDR="203.0.113.9")
    program.sign_in(phone)
    assert TokenFamily.objects.values_list("browser", "ip_address").get() == ("OkHttp 4", "203.0.113.9")


def test_the_events_of_a_sign_in_name_it(signed_in):
    signed_in.post("totp/disable/", {"otp_code": "000000"})
    named = Event.objects.values_list("kind", "device_id")
    device_id = TokenFamily.objects.get().device_id
    assert list(named) == [("signed_in_with_code", device_id), ("second_factor_refused", device_id)]


def test_a_renewal_stores_where_it_is_now(signed_in, clock):
    clock.shift(60)
    signed_in.client.defaults["REMOTE_ADDR"] = "198.51.100.4"
    signed_in.client.defaults["HTTP_USER_AGENT"] = "curl/8.5.0"
    signed_in.renew()
    assert TokenFamily.objects.values_list("browser", "ip_address").get() == ("curl 8", "198.51.100.4")


def test_a_sign_in_keeps_its_place_when_two_factor_is_set_up(program, alice):
    program.give_password()
    before = TokenFamily.objects.get()
    TokenFamily.objects.update(name="Tablet")
    phone = enrol_over_api(program)
    after = TokenFamily.objects.get()
    assert (phone, after.device_id, after.name, after.pk != before.pk) == (
        True,
        before.device_id,
        "Tablet",
        True,
    )


def enrol_over_api(program):
    from tests.people import Phone

    phone = Phone(program.post("totp/create/").json()["key"])
    return program.post("totp/confirm/", {"input_code": phone.code()}).status_code == 200


def test_a_session_is_ended(signed_in, alices_browser, her_session):
    answer = end(signed_in, her_session.device_id)
    assert (answer.status_code, signed_in_as(alices_browser)) == (204, None)


def test_another_program_is_ended(signed_in, phone, clock):
    other = Program().sign_in(phone)
    end(signed_in, TokenFamily.objects.latest("pk").device_id)
    assert (other.is_signed_in(), signed_in.is_signed_in()) == (False, True)


def test_ending_is_in_the_audit_log(signed_in, her_session):
    end(signed_in, her_session.device_id)
    assert Event.objects.filter(kind="device_ended").count() == 1


def test_the_program_that_asks_signs_out_instead(signed_in):
    answer = end(signed_in, TokenFamily.objects.get().device_id)
    assert (status_and_code(answer), signed_in.is_signed_in()) == ((400, "this_device"), True)


def test_one_that_is_gone_is_a_409(signed_in, her_session):
    end(signed_in, her_session.device_id)
    assert status_and_code(end(signed_in, her_session.device_id)) == (409, "changed")


@pytest.mark.parametrize("value", ["", "1", "x", "3ca65ded-e986-4afd-aa41-fa41355ed73"])
def test_what_is_no_id_is_refused(signed_in, value):
    assert status_and_code(end(signed_in, value)) == (400, "invalid")


@pytest.mark.proves("8.2.1-8.2.3", "8.3.1")
def test_what_is_someone_elses_is_not_there(bobs_program, alices_browser, signed_in, alice):
    ids = [Session.objects.get().device_id, TokenFamily.objects.get(user=alice).device_id]
    answers = [end(bobs_program, device_id).status_code for device_id in ids]
    assert (answers, signed_in_as(alices_browser), signed_in.is_signed_in()) == ([404, 404], alice, True)


def test_only_ones_own_are_listed(bobs_program, alices_browser):
    assert [device["is_this"] for device in devices_of(bobs_program)] == [True]


def test_a_session_is_no_way_to_the_api(alices_browser):
    """The cookie does not stand in for a token."""
    assert alices_browser.get("/api/devices/").status_code == 401


def test_no_hash_and_no_key_is_in_the_answer(signed_in, her_session):
    text = signed_in.get("devices/").text
    secrets = [her_session.session_key, her_session.session_hash, TokenFamily.objects.get().digest]
    assert [secret for secret in secrets if secret in text] == []


def test_a_person_without_two_factor_sees_their_devices(db, clock):
    person("carol@example.com")
    program = Program("carol@example.com")
    program.give_password()
    give_password(Client(), "carol@example.com")
    assert [device["amr"] for device in devices_of(program)] == ["none", "none"]


# This wasn't me


@pytest.fixture
def thiefs_program(signed_in, phone, clock):
    """Signed in as Alice from elsewhere, of which she is told by mail."""
    letters().clear()
    return Program(REMOTE_ADDR="203.0.113.9").sign_in(phone)


def test_the_link_in_the_mail_ends_the_sign_in_over_the_api(thiefs_program, signed_in):
    Client().post(link())
    assert (thiefs_program.is_signed_in(), signed_in.is_signed_in()) == (False, True)


def test_then_no_code_goes_out_by_email_over_the_api(thiefs_program):
    Client().post(link())
    program = Program()
    program.give_password()
    assert status_and_code(program.send()) == (400, "no_such_channel")
