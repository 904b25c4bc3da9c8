"""Recovery: signing in with a code sent by email, what that allows, and what it does not."""

from datetime import timedelta

import pytest
from django.core import mail
from django.test import Client

from tests.people import PASSWORD, Phone, give_password, signed_in_as
from tests.twofactor.sent_codes import enter_sent_code, mailed_code, record_text_messages, request_code
from tests.twofactor.setup_steps import ADD, add_app
from twofactor.factors import authenticator_app, enrolled
from twofactor.models import Authenticator, Event, TrustedBrowser
from twofactor.outgoing.outbox import send_due

CONFIRM = "/two-factor/confirm/"
NOTICE = "You signed in with a code from your email"


@pytest.fixture
def recovered_client(client, phone):
    """Alice signed in with a code sent by email."""
    give_password(client)
    request_code(client)
    enter_sent_code(client, mailed_code())
    return client


@pytest.fixture
def setup_client(recovered_client):
    """After recovery, Alice gave her password again to set up a new authenticator."""
    give_password_again(recovered_client, ADD)
    return recovered_client


def give_password_again(client, to, **more):
    return client.post(f"{CONFIRM}?next={to}", {"password": PASSWORD, **more})


def shown_key(client):
    return client.get(ADD).context["draft"].key


def must_confirm(client, path):
    answer = client.get(path)
    return answer.status_code in {302, 303} and answer.url.startswith(CONFIRM)


# What recovery is


def test_a_mailed_code_signs_in(recovered_client, alice):
    assert signed_in_as(recovered_client) == alice


def test_the_session_remembers_that_it_was_recovery(recovered_client):
    assert recovered_client.session["twofactor_amr"] == "recovery"


def test_recovery_is_no_second_factor(recovered_client):
    assert not recovered_client.get("/").wsgi_request.user.is_verified()


@pytest.mark.proves("N-10")
def test_without_the_password_a_code_is_worth_nothing(client, phone):
    """N-10: the password is needed as well."""
    assert (request_code(client).url, mail.outbox) == ("/accounts/login/", [])


def test_recovery_trusts_no_browser(client, phone):
    give_password(client)
    request_code(client)
    client.post("/two-factor/verify/sent/", {"code": mailed_code(), "trust_browser": "on"})
    assert ("twofactor_trusted" in client.cookies, TrustedBrowser.objects.count()) == (False, 0)


def test_the_page_does_not_offer_to_trust(client, phone):
    give_password(client)
    request_code(client)
    assert "trust_browser" not in client.get("/two-factor/verify/sent/").text


def test_recovery_is_no_step_up(recovered_client):
    assert "twofactor_step_up_at" not in recovered_client.session


def test_recovery_is_recorded(recovered_client):
    assert Event.objects.filter(kind="recovered_by_email").count() == 1


@pytest.mark.proves("N-11")
@pytest.mark.django_db(transaction=True)
def test_the_person_is_told(recovered_client):
    send_due()
    assert mail.outbox[-1].subject == "You signed in with a code from your email – Countersign"


@pytest.mark.parametrize("path", ["/", "/two-factor/"])
def test_the_person_is_shown_the_way_back(recovered_client, path):
    page = recovered_client.get(path).text
    assert (NOTICE in page, f'href="{ADD}"' in page) == (True, True)


@pytest.mark.parametrize(("later", "there"), [(599, True), (601, False)])
def test_the_way_back_is_shown_for_ten_minutes(recovered_client, clock, later, there):
    clock.shift(later)
    assert (NOTICE in recovered_client.get("/").text) == there


def test_a_person_who_used_the_authenticator_is_not_shown_it(signed_in_client):
    assert NOTICE not in signed_in_client.get("/").text


# Setting up a new authenticator (S-16)


@pytest.mark.proves("6.4.4")
def test_adding_an_app_asks_for_the_password_first(recovered_client):
    assert must_confirm(recovered_client, ADD)


def test_for_a_new_app_the_password_is_all_that_is_asked(recovered_client):
    assert 'name="code"' not in recovered_client.get(f"{CONFIRM}?next={ADD}").text


def test_a_wrong_password_does_not_open_it(recovered_client):
    recovered_client.post(f"{CONFIRM}?next={ADD}", {"password": "wrong"})
    assert must_confirm(recovered_client, ADD)


def test_with_the_password_it_is_open(setup_client):
    assert setup_client.get(ADD).status_code == 200


def test_a_new_phone_is_bound(setup_client, alice):
    phone = add_app(setup_client, replaces=Authenticator.objects.all())
    authenticator = Authenticator.objects.get()
    assert authenticator_app.find_step(authenticator, phone.code(), authenticator.added_at) is not None


def test_the_new_phone_signs_in(setup_client, alice, clock):
    phone = add_app(setup_client, replaces=Authenticator.objects.all())
    clock.shift(60)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(other) == alice


def test_the_lost_phone_does_not_sign_in(setup_client, phone, clock):
    add_app(setup_client, replaces=Authenticator.objects.all())
    clock.shift(60)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(other) is None


def test_the_old_phone_works_until_the_new_one_is_set_up(setup_client, alice, phone):
    shown_key(setup_client)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(other) == alice


def test_binding_ends_the_way_back(setup_client, clock):
    add_app(setup_client, replaces=Authenticator.objects.all())
    assert must_confirm(setup_client, ADD)


def test_two_factor_was_never_off(setup_client, alice):
    add_app(setup_client, replaces=Authenticator.objects.all())
    kinds = set(Event.objects.values_list("kind", flat=True))
    assert (enrolled.is_on(alice), kinds & {"two_factor_disabled", "two_factor_enabled"}) == (True, set())


@pytest.mark.proves("N-11")
@pytest.mark.django_db(transaction=True)
def test_the_person_is_told_of_the_new_authenticator(setup_client):
    add_app(setup_client, replaces=Authenticator.objects.all())
    send_due()
    assert mail.outbox[-1].subject == "Your authenticator app was replaced – Countersign"


@pytest.mark.proves("S-16")
@pytest.mark.parametrize(("later", "open_"), [(599, True), (601, False)])
def test_the_way_is_open_for_ten_minutes_after_signing_in(recovered_client, clock, later, open_):
    clock.shift(400)
    give_password_again(recovered_client, ADD)
    clock.shift(later - 400)
    assert (recovered_client.get(ADD).status_code == 200) == open_


def test_after_ten_minutes_the_password_alone_opens_nothing(recovered_client, clock):
    clock.shift(601)
    give_password_again(recovered_client, ADD)
    assert must_confirm(recovered_client, ADD)


def test_after_ten_minutes_a_code_is_asked_for_again(recovered_client, clock):
    clock.shift(601)
    assert 'name="code"' in recovered_client.get(f"{CONFIRM}?next={ADD}").text


def test_what_was_begun_in_time_must_also_end_in_time(setup_client, clock):
    phone = Phone(shown_key(setup_client))
    clock.shift(601)
    setup_client.post(ADD, {"code": phone.code(), "name": "New"})
    assert Authenticator.objects.count() == 1


def test_the_apps_that_may_be_lost_are_ticked(setup_client):
    assert [box.value() for box in setup_client.get(ADD).context["form"].boxes] == [True]


def test_an_old_app_is_kept_if_its_box_is_not_ticked(setup_client, alice, phone):
    add_app(setup_client)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/", {"code": phone.code(off=1)})
    assert (Authenticator.objects.count(), signed_in_as(other)) == (2, alice)


@pytest.mark.proves("MF-4")
def test_an_app_added_then_removes_no_older_one(setup_client, clock):
    """A thief of the mailbox could have added it."""
    [old] = Authenticator.objects.all()
    new = add_app(setup_client)
    clock.shift(timedelta(days=30))
    give_password(setup_client)
    setup_client.post("/two-factor/verify/", {"code": new.code()})
    clock.shift(60)
    setup_client.post(f"/two-factor/apps/{old.pk}/remove/", {"password": PASSWORD, "code": new.code()})
    assert Authenticator.objects.count() == 2


def test_looking_around_does_not_prolong_it(setup_client, clock):
    for _ in range(6):
        clock.shift(101)
        setup_client.get("/two-factor/")
    assert must_confirm(setup_client, ADD)


def test_ending_other_sessions_does_not_prolong_it(setup_client, clock):
    clock.shift(599)
    setup_client.post("/two-factor/sessions/end/")
    clock.shift(2)
    assert must_confirm(setup_client, ADD)


def test_the_way_is_not_open_to_other_sessions(setup_client, older_client):
    assert must_confirm(older_client, ADD)


# Everything else is closed


@pytest.mark.proves("S-16")
@pytest.mark.parametrize(
    "path",
    ["/accounts/email/change/", "/two-factor/phone/", "/two-factor/phone/verify/"],
)
def test_the_password_alone_opens_nothing_else(setup_client, settings, path):
    record_text_messages(settings)
    assert must_confirm(setup_client, path)


@pytest.mark.parametrize("to", ["/accounts/email/change/", "/two-factor/phone/", "/"])
def test_for_anything_else_a_code_is_asked_for(recovered_client, to):
    assert 'name="code"' in recovered_client.get(f"{CONFIRM}?next={to}").text


@pytest.mark.parametrize(
    "to",
    [
        "/two-factor/apps/add/../../phone/",
        "//two-factor/apps/add/",
        "/two-factor/apps/add%2f..%2f",
        "/two-factor/apps/add/?next=/two-factor/phone/",
    ],
)
def test_no_path_that_only_looks_like_set_up_opens_more(recovered_client, settings, to):
    record_text_messages(settings)
    give_password_again(recovered_client, to)
    assert must_confirm(recovered_client, "/two-factor/phone/")


def test_a_password_given_for_set_up_counts_for_nothing_else(setup_client):
    assert "twofactor_step_up_at" not in setup_client.session


def test_turning_off_wants_a_real_code(setup_client, alice):
    setup_client.post("/two-factor/disable/", {"password": PASSWORD, "code": mailed_code()})
    assert enrolled.is_on(alice)


def test_new_backup_codes_want_a_real_code(setup_client):
    form = {"password": PASSWORD, "code": mailed_code()}
    assert setup_client.post("/two-factor/backup-codes/", form).status_code == 422


def test_the_mailed_code_does_not_confirm(recovered_client):
    give_password_again(recovered_client, "/two-factor/phone/", code=mailed_code())
    assert "twofactor_step_up_at" not in recovered_client.session


def test_a_phone_that_turns_up_again_confirms(recovered_client, phone):
    give_password_again(recovered_client, "/accounts/email/change/", code=phone.code())
    assert recovered_client.get("/accounts/email/change/").status_code == 200


def test_wrong_passwords_are_counted_as_at_the_login_page(recovered_client):
    answers = [
        recovered_client.post(f"{CONFIRM}?next={ADD}", {"password": "wrong"}).status_code for _ in range(6)
    ]
    assert answers[-1] == 429
