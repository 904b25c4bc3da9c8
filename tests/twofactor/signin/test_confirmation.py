"""People without a second factor confirm a sign-in with a code that is sent, where the site asks for it."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.core import mail
from django.test import Client, TestCase, override_settings
from django.utils import timezone
from rest_framework.exceptions import AuthenticationFailed

from tests.mailers import send_mail_to_nobody
from tests.people import PASSWORD, enrol, give_password, open_sessions, person, sign_up, signed_in_as
from tests.twofactor.guarded_pages import DJANGO_LOGIN
from tests.twofactor.sent_codes import (
    NUMBER,
    OTHER,
    SENT,
    add_number,
    different_code,
    enter_sent_code,
    mailed_code,
    record_text_messages,
    request_code,
    second_tab,
    texted_code,
)
from tests.twofactor.test_password_alone import EVERY_FIELD
from tests.twofactor.trusted_browsers import VERIFY, forget_session
from tests.urls_of_site import URLS
from twofactor import drf, factor_changes
from twofactor.factors import methods
from twofactor.limits import guesses
from twofactor.models import Event, SentCode, Session, TrustedBrowser
from twofactor.signals import signed_in_without_second_factor
from twofactor.signin.session import AMR, NONE

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def asked_of_everyone(settings):
    settings.TWOFACTOR_CODE_WITHOUT_APP = "everyone"


@pytest.fixture
def in_new_browsers(settings):
    settings.TWOFACTOR_CODE_WITHOUT_APP = "new-browsers"


@pytest.fixture
def text_messages(settings):
    return record_text_messages(settings)


def test_the_password_alone_opens_no_session(client, alice):
    response = give_password(client)
    assert (response.status_code, response.url) == (303, SENT)
    assert signed_in_as(client) is None
    assert open_sessions() == []


def test_the_code_that_was_mailed_signs_in(client, alice):
    give_password(client, next="/two-factor/activity/")
    response = enter_sent_code(client, mailed_code())
    assert (response.status_code, response.url) == (303, "/two-factor/activity/")
    assert signed_in_as(client) == alice
    assert client.session[AMR] == methods.CONFIRMED
    event = Event.objects.get(kind="sign_in_confirmed")
    assert event.detail == {"method": "confirmed"}
    assert event.device_id == client.session.device_id


def test_the_page_says_where_the_code_went(client, alice):
    give_password(client)
    page = client.get(SENT).content.decode()
    assert "a•••e@example.com" in page
    assert "authenticator app" not in page
    assert "asked again in this browser" not in page


def test_nobody_is_asked_by_default(client, alice, settings):
    del settings.TWOFACTOR_CODE_WITHOUT_APP
    give_password(client)
    assert client.session[AMR] == NONE


def test_a_wrong_code_opens_nothing_and_costs_a_guess(client, alice):
    give_password(client)
    assert enter_sent_code(client, different_code(mailed_code())).status_code == 422
    assert signed_in_as(client) is None
    alice.refresh_from_db()
    assert alice.guess_budget.failures == 1


def test_five_wrong_codes_lock_the_right_one(client, alice):
    give_password(client)
    for _ in range(5):
        enter_sent_code(client, different_code(mailed_code()))
    assert enter_sent_code(client, mailed_code()).status_code == 429
    assert signed_in_as(client) is None


def test_a_code_has_five_tries(client, alice, clock):
    give_password(client)
    for _ in range(5):
        enter_sent_code(client, different_code(mailed_code()))
    clock.shift(60)
    assert "too many times" in enter_sent_code(client, mailed_code()).content.decode()


def test_a_code_expires(client, alice, clock, settings):
    settings.TWOFACTOR_SENT_CODE_AGE = timedelta(minutes=1)
    give_password(client)
    clock.shift(61)
    assert "expired" in enter_sent_code(client, mailed_code()).content.decode()
    assert signed_in_as(client) is None


def test_the_time_for_the_sign_in_runs_out(client, alice, clock):
    give_password(client)
    clock.shift(601)
    assert enter_sent_code(client, mailed_code()).url == "/accounts/login/"
    assert signed_in_as(client) is None


def test_a_code_works_once(client, alice):
    give_password(client)
    other = second_tab(client)
    enter_sent_code(client, mailed_code())
    assert enter_sent_code(other, mailed_code()).status_code == 303
    assert signed_in_as(other) is None
    assert len(open_sessions()) == 1


def test_a_code_of_another_browser_opens_nothing(client, alice, clock):
    give_password(client)
    code, elsewhere = mailed_code(), Client()
    clock.shift(61)
    give_password(elsewhere)
    assert enter_sent_code(elsewhere, code).status_code == 422
    assert signed_in_as(elsewhere) is None


def test_a_code_opens_nothing_without_the_password(client, alice):
    give_password(client)
    stranger = Client()
    assert enter_sent_code(stranger, mailed_code()).url == "/accounts/login/"
    assert signed_in_as(stranger) is None


def test_a_new_password_ends_the_sign_in_that_waits(client, alice):
    give_password(client)
    alice.set_password("a quiet green harbour")
    alice.save()
    assert enter_sent_code(client, mailed_code()).url == "/accounts/login/"
    assert signed_in_as(client) is None


def test_a_person_of_two_tabs_is_the_one_of_the_newer_password(client, alice):
    person("bob@example.com")
    give_password(client)
    give_password(client, "bob@example.com")
    form = {"code": mailed_code(), "signing_in_as": "alice@example.com"}
    assert client.post(SENT, form).url == SENT
    assert signed_in_as(client) is None


def test_the_password_given_again_at_once_goes_on_with_the_same_code(client, alice):
    give_password(client)
    assert give_password(client, next="/two-factor/").url == f"{SENT}?next=%2Ftwo-factor%2F"
    assert len(mail.outbox) == 1
    assert enter_sent_code(client, mailed_code()).url == "/two-factor/"
    assert signed_in_as(client) == alice


def test_who_asks_in_another_browser_at_once_waits(client, alice):
    give_password(client)
    elsewhere = Client()
    page = elsewhere.get(give_password(elsewhere).url, follow=True).text
    assert "You can ask for a code in 60 seconds." in page
    assert len(mail.outbox) == 1


# Which channel


def test_a_text_message_comes_first(client, alice, text_messages):
    add_number(alice)
    give_password(client)
    assert [number for number, _text in text_messages] == [NUMBER]
    assert mail.outbox == []
    enter_sent_code(client, texted_code())
    assert signed_in_as(client) == alice


def test_a_number_that_is_not_confirmed_gets_nothing(client, alice, text_messages):
    phone = add_number(alice)
    phone.verified_at = None
    phone.save()
    give_password(client)
    assert (text_messages, len(mail.outbox)) == ([], 1)


def test_the_code_can_be_had_by_email_instead(client, alice, text_messages):
    add_number(alice)
    give_password(client)
    assert request_code(client, "email").url == SENT
    assert enter_sent_code(client, texted_code()).status_code == 422  # an older one
    enter_sent_code(client, mailed_code())
    assert signed_in_as(client) == alice


def test_a_new_code_makes_the_older_one_void(client, alice, clock):
    give_password(client)
    older = mailed_code()
    clock.shift(61)
    request_code(client)
    assert "newer code" in enter_sent_code(client, older).content.decode()
    enter_sent_code(client, mailed_code())
    assert signed_in_as(client) == alice


def test_six_codes_an_hour_are_sent_again(client, alice, clock):
    answers = []
    for _ in range(7):
        give_password(client)  # ten minutes are over before the seventh
        clock.shift(61)
        answers.append(request_code(client).status_code)
        clock.shift(61)
    assert answers == [303] * 6 + [429]


def test_sign_ins_that_begin_are_counted(alice, clock):
    for _ in range(13):
        browser = Client()
        give_password(browser)
        clock.shift(61)
    assert len(mail.outbox) == 12
    assert browser.get(OTHER).status_code == 200
    assert request_code(browser).status_code == 429


def test_codes_that_confirm_use_up_none_of_the_others(client, alice, clock):
    """So nobody with the password keeps the owner from the way back by mail, once there is a factor."""
    for _ in range(11):
        give_password(client)
        clock.shift(61)
    enrol(alice)
    guesses.remember_proof(alice)
    give_password(client)
    assert request_code(client).status_code == 303


def test_what_closes_mailed_codes_for_people_with_a_factor_is_not_asked(client, settings):
    settings.TWOFACTOR_EMAIL_FALLBACK = "nobody"
    alice = person(is_staff=True)
    give_password(client)
    enter_sent_code(client, mailed_code())
    assert signed_in_as(client) == alice


def test_someone_without_any_channel_is_sent_to_support(client, alice, settings, text_messages):
    settings.TWOFACTOR_HAS_MAIL = False
    give_password(client)
    page = client.get(SENT, follow=True).content.decode()
    assert "no email address or phone number" in page
    assert "/help/" in page
    assert signed_in_as(client) is None


def test_whose_mailbox_is_gone_finds_support(client, alice):
    give_password(client)
    assert "Get help from support" in client.get(SENT).content.decode()


def test_a_mail_that_was_not_sent_is_told_and_tried_again(client, alice, settings):
    with override_settings():
        send_mail_to_nobody(settings)
        page = client.get(give_password(client).url, follow=True)
    assert "send the message" in page.content.decode()
    request_code(client)
    enter_sent_code(client, mailed_code())
    assert signed_in_as(client) == alice


# Whose address


def test_an_address_that_was_never_confirmed_is_confirmed_by_the_code(client, db):
    user = person(email_verified_at=None)
    give_password(client)
    enter_sent_code(client, mailed_code())
    user.refresh_from_db()
    assert user.email_verified_at is not None
    assert signed_in_as(client) == user


def test_who_signed_up_with_the_address_of_another_person_gets_nowhere(client, db):
    """The code is in the mailbox of the owner of the address."""
    user = person(email_verified_at=None, unconfirmed_since=timezone.now())
    give_password(client)
    enter_sent_code(client, "000000")
    user.refresh_from_db()
    assert (user.email_verified_at, signed_in_as(client)) == (None, None)


def test_the_first_confirmation_ends_earlier_sessions_and_begins_one(client, db, settings):
    user = person(email_verified_at=None, unconfirmed_since=timezone.now())
    settings.TWOFACTOR_CODE_WITHOUT_APP = "nobody"
    stranger = Client()
    give_password(stranger)
    settings.TWOFACTOR_CODE_WITHOUT_APP = "everyone"
    give_password(client)
    enter_sent_code(client, mailed_code())
    assert client.get("/accounts/profile/").status_code == 200
    assert stranger.get("/accounts/profile/").url.startswith("/accounts/login/")
    user.refresh_from_db()
    assert user.unconfirmed_since is None


def test_a_code_by_text_message_confirms_no_address(client, db, text_messages):
    user = person(email_verified_at=None)
    add_number(user)
    give_password(client)
    enter_sent_code(client, texted_code())
    user.refresh_from_db()
    assert (user.email_verified_at, signed_in_as(client)) == (None, user)


def test_an_address_that_has_changed_meanwhile_confirms_nothing(client, alice):
    give_password(client)
    get_user_model().objects.update(email="new@example.com", email_verified_at=None)
    assert "expired" in enter_sent_code(client, mailed_code()).content.decode()
    assert signed_in_as(client) is None


def test_the_link_that_confirms_an_address_is_the_code(client, db):
    sign_up(client)
    link = re.search(r"/accounts/email/verify/\S+", mail.outbox[-1].body)[0]
    client.post(link, {"password": PASSWORD})
    assert signed_in_as(client).email == "new@example.com"
    assert SentCode.objects.count() == 0


# Whatever has called login()


@pytest.mark.proves("CS-1")
def test_a_login_view_of_django_opens_no_session(client, alice, guarded_pages):
    form = {"username": alice.email, "password": PASSWORD, "next": "/unguarded/"}
    response = client.post(DJANGO_LOGIN, form)
    assert response.url == f"{SENT}?next=%2Funguarded%2F"
    assert (signed_in_as(client), Session.objects.count()) == (None, 0)
    assert enter_sent_code(client, mailed_code()).url == "/unguarded/"
    assert client.get("/unguarded/").content == b"verified: False"


@pytest.mark.proves("CS-1")
def test_a_session_of_other_code_is_held(client, alice):
    client.force_login(alice)
    assert client.get("/two-factor/").url == f"{SENT}?next=%2Ftwo-factor%2F"
    assert (signed_in_as(client), Session.objects.count()) == (None, 0)


def test_the_administration_opens_no_session(client, alice):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    client.post("/admin/login/", {"username": alice.email, "password": PASSWORD})
    assert (signed_in_as(client), Session.objects.count()) == (None, 0)
    enter_sent_code(client, mailed_code())
    assert signed_in_as(client) == alice


@pytest.mark.proves("CS-1")
def test_the_password_alone_opens_a_session_at_no_url(alice):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    opened = []
    for url in URLS:
        client = Client(raise_request_exception=False)
        client.post(url, EVERY_FIELD)
        opened += [url] * (signed_in_as(client) is not None)
    assert opened == []


def test_a_token_for_the_password_is_refused(client, alice, settings):
    settings.ROOT_URLCONF = "tests.twofactor.test_logins_elsewhere"
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if "LoginRequired" not in name]
    answer = client.post("/tokens/", [alice.email], content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")
    assert "code that we send" in answer.json()["detail"]


def test_a_view_of_drf_that_takes_the_password_alone_refuses(alice):
    with pytest.raises(AuthenticationFailed, match="code that we send"):
        drf.refuse_password_alone(alice)


def test_a_server_that_names_people_sends_one_code(alice, settings):
    place = settings.MIDDLEWARE.index("twofactor.middleware.TwoFactor")
    remote = "django.contrib.auth.middleware.RemoteUserMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE[:place], remote, *settings.MIDDLEWARE[place:]]
    backend = "django.contrib.auth.backends.RemoteUserBackend"
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, backend]
    client = Client(REMOTE_USER="alice@example.com")
    assert client.get("/accounts/profile/").url == f"{SENT}?next=%2Faccounts%2Fprofile%2F"
    assert client.get("/accounts/profile/").url == f"{SENT}?next=%2Faccounts%2Fprofile%2F"
    assert len(mail.outbox) == 1
    assert client.get(SENT).status_code == 200
    enter_sent_code(client, mailed_code())
    assert client.get("/accounts/profile/").status_code == 200


# Never a factor


@pytest.fixture
def confirmed_client(client, alice):
    give_password(client)
    enter_sent_code(client, mailed_code())
    return client


@pytest.mark.proves("CS-3")
def test_a_confirmed_session_is_not_verified(confirmed_client, guarded_pages):
    assert confirmed_client.get("/unguarded/").content == b"verified: False"
    assert confirmed_client.get("/function/").url.startswith("/two-factor/setup/")


@pytest.mark.proves("CS-3")
def test_a_confirmed_sign_in_is_no_step_up(confirmed_client, guarded_pages):
    assert confirmed_client.get("/recent/").url.startswith("/two-factor/confirm/")


@pytest.mark.proves("CS-3")
def test_whoever_must_set_up_is_led_there(client, alice, settings):
    settings.TWOFACTOR_REQUIRED_FOR = "everyone"
    give_password(client)
    enter_sent_code(client, mailed_code())
    assert client.get("/accounts/profile/").url.startswith("/two-factor/setup/")


def test_the_password_counts_for_the_setup_as_long_as_without_a_code(confirmed_client, clock):
    assert confirmed_client.get("/two-factor/setup/").status_code == 200
    clock.shift(601)
    assert confirmed_client.get("/two-factor/setup/").url.startswith("/two-factor/confirm/")


@pytest.mark.proves("CS-4")
def test_who_has_a_factor_is_never_offered_it(client, alice, phone):
    assert give_password(client).url == VERIFY
    assert mail.outbox == []
    client.post(VERIFY, {"code": phone.code()})
    assert client.session[AMR] == methods.TOTP


def test_who_has_got_a_factor_meanwhile_gives_that(client, alice):
    give_password(client)
    enrol(alice)
    assert enter_sent_code(client, mailed_code()).url == "/accounts/login/"
    assert signed_in_as(client) is None


def test_the_pages_for_a_factor_lead_to_the_code(client, alice):
    give_password(client)
    for page in (VERIFY, f"{VERIFY}backup/", f"{VERIFY}passkey/"):
        assert client.get(page).url == SENT


def test_a_site_hears_that_no_factor_was_given(client, alice):
    heard = []

    def hear(sender, user, detail, **kwargs):
        heard.append((user, detail))

    signed_in_without_second_factor.connect(hear)
    try:
        give_password(client)
        with TestCase.captureOnCommitCallbacks(execute=True):
            enter_sent_code(client, mailed_code())
    finally:
        signed_in_without_second_factor.disconnect(hear)
    assert heard == [(alice, {"method": "confirmed"})]


# Browsers that are remembered


@pytest.fixture
def remembered_client(in_new_browsers, confirmed_client):
    forget_session(confirmed_client)
    return confirmed_client


def is_asked(client):
    forget_session(client)
    return give_password(client).url == SENT


def test_a_browser_in_which_it_was_given_is_asked_no_more(remembered_client, alice):
    assert not is_asked(remembered_client)
    assert signed_in_as(remembered_client) == alice
    assert remembered_client.session[AMR] == NONE
    assert is_asked(Client())


def test_the_page_says_for_how_long(client, alice, in_new_browsers):
    give_password(client)
    assert "asked again in this browser for 30 days" in client.get(SENT).content.decode()


def test_where_everyone_is_asked_none_is_remembered(confirmed_client):
    assert TrustedBrowser.objects.count() == 0
    assert is_asked(confirmed_client)


def test_a_remembered_browser_is_asked_when_everyone_is(remembered_client, settings):
    settings.TWOFACTOR_CODE_WITHOUT_APP = "everyone"
    assert is_asked(remembered_client)


def test_another_login_view_knows_the_browser_too(remembered_client, alice, guarded_pages):
    remembered_client.post(DJANGO_LOGIN, {"username": alice.email, "password": PASSWORD})
    assert signed_in_as(remembered_client) == alice


def test_a_browser_is_remembered_for_thirty_days(remembered_client, clock):
    clock.shift(timedelta(days=30, seconds=-1))
    assert not is_asked(remembered_client)
    clock.shift(1)
    assert is_asked(remembered_client)


def test_without_days_no_browser_is_remembered(remembered_client, settings):
    settings.TWOFACTOR_TRUSTED_DAYS = 0
    assert is_asked(remembered_client)


@pytest.mark.proves("CS-5")
def test_a_new_password_ends_it(remembered_client, alice):
    alice.set_password(PASSWORD)
    alice.save()
    assert is_asked(remembered_client)


@pytest.mark.proves("CS-5")
def test_signing_out_everywhere_ends_it(remembered_client, alice):
    alice.end_sessions()
    assert is_asked(remembered_client)


def test_a_remembered_browser_of_one_person_is_new_to_another(remembered_client):
    person("bob@example.com")
    assert give_password(remembered_client, "bob@example.com").url == SENT


@pytest.mark.proves("CS-4")
def test_a_remembered_browser_never_leaves_out_a_factor(remembered_client, alice):
    enrol(alice)
    assert give_password(remembered_client).url == VERIFY


def test_a_browser_that_is_trusted_to_leave_out_a_factor_still_gives_the_code(client, phone, in_new_browsers):
    give_password(client)
    client.post(VERIFY, {"code": phone.code(), "trust_browser": "on"})
    factor_changes.forget_factors(get_user_model().objects.get())  # without ending what hangs on them
    assert TrustedBrowser.objects.count() == 1
    assert is_asked(client)


@pytest.mark.proves("CS-5")
def test_the_list_of_devices_shows_it_and_forgets_it(in_new_browsers, confirmed_client):
    browser = TrustedBrowser.objects.get()
    page = confirmed_client.get("/two-factor/devices/").content.decode()
    assert "Trusted until 31 March 2026" in page
    assert "with the password and a code we sent" in page
    confirmed_client.post(f"/two-factor/browsers/{browser.pk}/forget/")
    assert is_asked(confirmed_client)


def test_forgetting_can_be_undone(in_new_browsers, confirmed_client):
    forget = f"/two-factor/browsers/{TrustedBrowser.objects.get().pk}/forget/"
    page = confirmed_client.post(forget, follow=True).content.decode()
    token = re.search(r'name="undo" value="([^"]+)"', page)[1]
    confirmed_client.post("/two-factor/devices/undo/", {"undo": token})
    assert not is_asked(confirmed_client)


def test_signing_a_device_out_forgets_its_browser(in_new_browsers, confirmed_client, alice, clock):
    device = confirmed_client.session.device_id
    clock.shift(61)
    other = Client()
    give_password(other)
    enter_sent_code(other, mailed_code())
    other.post(f"/two-factor/devices/{device}/end/")
    assert is_asked(confirmed_client)


def test_turning_two_factor_authentication_on_and_off_leaves_none(remembered_client, alice):
    phone = enrol(alice)
    give_password(remembered_client)
    remembered_client.post(VERIFY, {"code": phone.code()})
    factor_changes.turn_off(alice, None)
    assert is_asked(remembered_client)
