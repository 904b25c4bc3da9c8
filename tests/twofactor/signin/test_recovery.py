"""Back in with a code from one's mail: what that opens, and what it does not."""

import pytest
from django.core import mail
from django.test import Client

from tests.people import PASSWORD, Phone, give_password, signed_in_as
from tests.twofactor.sent_codes import ask, enter, mailed, with_pigeons
from twofactor import enrolment
from twofactor.factors import authenticator_app
from twofactor.models import Authenticator, Draft, Event, TrustedBrowser
from twofactor.outgoing.outbox import send_due

SETUP = "/two-factor/setup/"
STEPS = [SETUP, "/two-factor/setup/verify/", "/two-factor/setup/codes/"]
CONFIRM = "/two-factor/confirm/"
NOTE = "You signed in with a code from your e-mail"


@pytest.fixture
def back(client, phone):
    """Alice's browser, signed in with an e-mailed code."""
    give_password(client)
    ask(client)
    enter(client, mailed())
    return client


@pytest.fixture
def on_the_way(back):
    """She has given her password once more, for set-up."""
    give_password_for(back, SETUP)
    return back


def give_password_for(client, to, **more):
    return client.post(f"{CONFIRM}?next={to}", {"password": PASSWORD, **more})


def key_of(client):
    return client.get(SETUP).context["setup"].key


def bind_new_phone(client):
    """The whole walk; the new phone."""
    phone = Phone(key_of(client))
    client.post(STEPS[1], {"code": phone.code()})
    client.post(STEPS[2], {"saved": "on"})
    return phone


def led_to_confirm(client, path):
    answer = client.get(path)
    return answer.status_code in {302, 303} and answer.url.startswith(CONFIRM)


# What it is


def test_it_signs_in(back, alice):
    assert signed_in_as(back) == alice


def test_the_session_remembers_that_it_was_recovery(back):
    assert back.session["twofactor_amr"] == "recovery"


def test_it_is_no_second_factor(back):
    assert not back.get("/").wsgi_request.user.is_verified()


@pytest.mark.proves("N-10")
def test_without_the_password_a_code_is_worth_nothing(client, phone):
    """N-10: two proofs, not one."""
    assert (ask(client).url, mail.outbox) == ("/accounts/login/", [])


def test_it_trusts_no_browser(client, phone):
    give_password(client)
    ask(client)
    client.post("/two-factor/verify/sent/", {"code": mailed(), "trust_browser": "on"})
    assert ("twofactor_trusted" in client.cookies, TrustedBrowser.objects.count()) == (False, 0)


def test_the_page_does_not_offer_to_trust(client, phone):
    give_password(client)
    ask(client)
    assert "trust_browser" not in client.get("/two-factor/verify/sent/").text


def test_it_is_no_step_up(back):
    assert "twofactor_sudo_at" not in back.session


def test_it_is_remembered(back):
    assert Event.objects.filter(kind="recovered_by_email").count() == 1


@pytest.mark.proves("N-11")
@pytest.mark.django_db(transaction=True)
def test_the_person_is_told(back):
    send_due()
    assert mail.outbox[-1].subject == "Signed in with a code sent by e-mail – Countersign"


@pytest.mark.parametrize("path", ["/", "/two-factor/"])
def test_the_person_is_shown_the_way_back(back, path):
    page = back.get(path).text
    assert (NOTE in page, f'href="{SETUP}"' in page) == (True, True)


@pytest.mark.parametrize(("later", "there"), [(599, True), (601, False)])
def test_the_way_back_is_shown_for_ten_minutes(back, clock, later, there):
    clock.shift(later)
    assert (NOTE in back.get("/").text) == there


def test_whoever_used_the_authenticator_is_not_shown_it(alices):
    assert NOTE not in alices.get("/").text


# The way back (S-16)


@pytest.mark.proves("6.4.4")
def test_set_up_asks_for_the_password_first(back):
    assert led_to_confirm(back, SETUP)


@pytest.mark.parametrize("path", STEPS)
def test_no_step_is_open_before_the_password(back, path):
    assert led_to_confirm(back, path)


def test_for_set_up_the_password_is_all_that_is_asked(back):
    assert 'name="code"' not in back.get(f"{CONFIRM}?next={SETUP}").text


def test_a_wrong_password_does_not_open_it(back):
    back.post(f"{CONFIRM}?next={SETUP}", {"password": "wrong"})
    assert led_to_confirm(back, SETUP)


def test_with_the_password_set_up_is_open(on_the_way):
    assert on_the_way.get(SETUP).status_code == 200


def test_a_new_phone_is_bound(on_the_way, alice):
    phone = bind_new_phone(on_the_way)
    authenticator = Authenticator.objects.get()
    assert authenticator_app.find_step(authenticator, phone.code(), authenticator.enabled_at) is not None


def test_the_new_phone_signs_in(on_the_way, alice, clock):
    phone = bind_new_phone(on_the_way)
    clock.shift(60)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(other) == alice


def test_the_lost_phone_does_not(on_the_way, phone, clock):
    bind_new_phone(on_the_way)
    clock.shift(60)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(other) is None


def test_until_the_new_phone_is_bound_the_old_one_works(on_the_way, alice, phone):
    key_of(on_the_way)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(other) == alice


def test_binding_ends_the_way_back(on_the_way, clock):
    bind_new_phone(on_the_way)
    assert led_to_confirm(on_the_way, f"{SETUP}?replace=1")


def test_two_factor_was_never_off(on_the_way, alice):
    bind_new_phone(on_the_way)
    kinds = set(Event.objects.values_list("kind", flat=True))
    assert (enrolment.is_on(alice), kinds & {"two_factor_disabled", "two_factor_enabled"}) == (True, set())


@pytest.mark.proves("N-11")
@pytest.mark.django_db(transaction=True)
def test_the_person_is_told_of_the_new_authenticator(on_the_way):
    bind_new_phone(on_the_way)
    send_due()
    assert mail.outbox[-1].subject == "The authenticator app was replaced – Countersign"


@pytest.mark.proves("S-16")
@pytest.mark.parametrize(("later", "open_"), [(599, True), (601, False)])
def test_the_way_is_open_for_ten_minutes_after_signing_in(back, clock, later, open_):
    clock.shift(400)
    give_password_for(back, SETUP)
    clock.shift(later - 400)
    assert (back.get(SETUP).status_code == 200) == open_


def test_after_ten_minutes_the_password_alone_opens_nothing(back, clock):
    clock.shift(601)
    give_password_for(back, SETUP)
    assert led_to_confirm(back, SETUP)


def test_after_ten_minutes_a_code_is_asked_for_again(back, clock):
    clock.shift(601)
    assert 'name="code"' in back.get(f"{CONFIRM}?next={SETUP}").text


def test_a_walk_that_was_begun_in_time_does_not_end_late(on_the_way, clock):
    phone = Phone(key_of(on_the_way))
    clock.shift(601)
    on_the_way.post(STEPS[1], {"code": phone.code()})
    on_the_way.post(STEPS[2], {"saved": "on"})
    assert Draft.objects.filter(confirmed_step=None).count() == 1


def test_looking_around_does_not_prolong_it(on_the_way, clock):
    for _ in range(6):
        clock.shift(101)
        on_the_way.get("/two-factor/")
    assert led_to_confirm(on_the_way, SETUP)


def test_ending_other_sessions_does_not_prolong_it(on_the_way, clock):
    clock.shift(599)
    on_the_way.post("/two-factor/sessions/end/")
    clock.shift(2)
    assert led_to_confirm(on_the_way, SETUP)


def test_the_way_is_not_open_to_other_sessions(on_the_way, alices):
    assert led_to_confirm(alices, SETUP)


# Nothing else


@pytest.mark.proves("S-16")
@pytest.mark.parametrize(
    "path",
    ["/accounts/email/change/", "/two-factor/phone/", "/two-factor/phone/verify/"],
)
def test_the_password_alone_opens_nothing_else(on_the_way, settings, path):
    with_pigeons(settings)
    assert led_to_confirm(on_the_way, path)


@pytest.mark.parametrize("to", ["/accounts/email/change/", "/two-factor/phone/", "/"])
def test_for_anything_else_a_code_is_asked_for(back, to):
    assert 'name="code"' in back.get(f"{CONFIRM}?next={to}").text


@pytest.mark.parametrize(
    "to",
    [
        "/two-factor/setup/../phone/",
        "//two-factor/setup/",
        "/two-factor/setup%2f..%2f",
        "/two-factor/setup/?next=/two-factor/phone/",
    ],
)
def test_no_path_that_only_looks_like_set_up_opens_more(back, settings, to):
    with_pigeons(settings)
    give_password_for(back, to)
    assert led_to_confirm(back, "/two-factor/phone/")


def test_a_password_given_for_set_up_counts_for_nothing_else(on_the_way):
    assert "twofactor_sudo_at" not in on_the_way.session


def test_turning_off_wants_a_real_code(on_the_way, alice):
    on_the_way.post("/two-factor/disable/", {"password": PASSWORD, "code": mailed()})
    assert enrolment.is_on(alice)


def test_new_backup_codes_want_a_real_code(on_the_way):
    form = {"password": PASSWORD, "code": mailed()}
    assert on_the_way.post("/two-factor/backup-codes/", form).status_code == 422


def test_the_mailed_code_does_not_confirm(back):
    give_password_for(back, "/two-factor/phone/", code=mailed())
    assert "twofactor_sudo_at" not in back.session


def test_a_phone_that_turns_up_again_confirms(back, phone):
    give_password_for(back, "/accounts/email/change/", code=phone.code())
    assert back.get("/accounts/email/change/").status_code == 200


def test_wrong_passwords_are_counted_as_at_the_login_page(back):
    answers = [back.post(f"{CONFIRM}?next={SETUP}", {"password": "wrong"}).status_code for _ in range(6)]
    assert answers[-1] == 429
