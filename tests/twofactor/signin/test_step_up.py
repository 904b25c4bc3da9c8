"""Step-up: password and factor given within the last minutes, at sign-in or again; what that is good for."""

from datetime import timedelta

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model, login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.test import Client
from django.urls import path
from django.utils import timezone

from config.urls import urlpatterns as pages_of_site
from tests.people import PASSWORD, add_app, client_after_password, give_password, sign_in
from tests.twofactor.code_forms import enter_code, enter_password_and_code
from tests.twofactor.sent_codes import (
    add_number,
    enter_sent_code,
    mailed_code,
    record_text_messages,
    request_code,
    texted_code,
)
from tests.twofactor.setup_steps import scan_key, shown_codes
from twofactor.decorators import recently_confirmed
from twofactor.factors import enrolled, totp
from twofactor.models import Authenticator
from twofactor.signin.pending import after_password

CONFIRM = "/two-factor/confirm/"
SETUP = "/two-factor/setup/"
ADD = "/two-factor/apps/add/"
CODES = "/two-factor/backup-codes/"
DISABLE = "/two-factor/disable/"
BACKUP = "/two-factor/verify/backup/"
RECENT = "/recent/"
SAVED = {"saved": "on"}


@recently_confirmed()
def recent(request):
    return HttpResponse("done")


@login_not_required
def sign_in_elsewhere(request):
    """As an app for social sign-in, or one that signs people in after a password reset."""
    login(request, get_user_model().objects.get(), backend="accounts.lockout.Backend")
    return HttpResponse("signed in")


@login_not_required
def sign_in_again(request):
    """A site's own sign-in view, which does not ask who is signed in already."""
    user = get_user_model().objects.get()
    user.backend = "accounts.lockout.Backend"
    return after_password(request, user, "/")


urlpatterns = [
    *pages_of_site,
    path("recent/", recent),
    path("elsewhere/", sign_in_elsewhere),
    path("again/", sign_in_again),
]
pytestmark = pytest.mark.urls(__name__)


def is_stepped_up(client):
    answer = client.get(RECENT)
    assert answer.status_code == 200 or answer.url.startswith(CONFIRM)
    return answer.status_code == 200


def change_session(client, **values):
    session = client.session
    session.update(values)
    session.save()


# What makes a step-up


@pytest.mark.proves("S-10")
def test_signing_in_with_a_code_of_the_app_is_one(client, phone):
    sign_in(client, phone)
    assert is_stepped_up(client)


@pytest.mark.proves("S-10")
def test_signing_in_with_a_backup_code_is_one(client, printed_codes):
    give_password(client)
    enter_code(client, printed_codes[0], BACKUP)
    assert is_stepped_up(client)


def test_signing_in_at_the_administration_is_one(client, alice, phone):
    alice.is_staff = True
    alice.save()
    client.post("/admin/login/", {"username": alice.email, "password": PASSWORD})
    enter_code(client, phone.code())
    assert is_stepped_up(client)


@pytest.mark.proves("S-10")
def test_giving_both_again_is_one(older_client, phone):
    before = is_stepped_up(older_client)
    enter_password_and_code(older_client, CONFIRM, phone.code())
    assert (before, is_stepped_up(older_client)) == (False, True)


def test_someone_without_a_factor_gives_the_password(client, alice):
    give_password(client)
    assert client.post(CONFIRM, {"password": PASSWORD, "next": RECENT}).url == RECENT
    assert is_stepped_up(client)


def test_someone_without_a_factor_is_not_asked_for_a_code(client, alice):
    give_password(client)
    assert b'name="code"' not in client.get(CONFIRM).content


# What makes none


@pytest.mark.proves("S-10-never")
def test_the_password_alone_is_none(client, alice):
    give_password(client)
    assert not is_stepped_up(client)


@pytest.mark.proves("S-10-never", "S-11")
def test_a_trusted_browser_is_none(trusted_client):
    give_password(trusted_client)
    assert (trusted_client.session["twofactor_amr"], is_stepped_up(trusted_client)) == ("trusted", False)


@pytest.mark.proves("S-10-never")
def test_a_code_by_text_message_is_none(pending_client, alice, settings):
    record_text_messages(settings)
    add_number(alice)
    request_code(pending_client, "sms")
    enter_sent_code(pending_client, texted_code())
    assert (pending_client.session["twofactor_amr"], is_stepped_up(pending_client)) == ("sms", False)


@pytest.mark.proves("S-10-never")
def test_a_code_by_email_is_none(sent_code_client):
    enter_sent_code(sent_code_client, mailed_code())
    assert (sent_code_client.session["twofactor_amr"], is_stepped_up(sent_code_client)) == ("recovery", False)


@pytest.mark.proves("S-10-never")
def test_a_code_in_a_session_that_other_code_has_opened_is_none(client, phone):
    client.get("/elsewhere/")
    enter_code(client, phone.code())
    assert (client.session["twofactor_amr"], is_stepped_up(client)) == ("totp", False)


@pytest.mark.proves("S-10-never")
def test_other_code_that_signs_in_the_same_person_again_makes_none(older_client):
    older_client.get("/elsewhere/")
    assert not is_stepped_up(older_client)


@pytest.mark.proves("S-10-never")
def test_the_method_and_the_time_of_the_sign_in_make_none(older_client, clock):
    change_session(older_client, twofactor_amr="totp", twofactor_auth_at=int(timezone.now().timestamp()))
    assert not is_stepped_up(older_client)


@pytest.mark.proves("S-10-never", "V-14")
def test_the_password_given_before_setup_is_none_after_it(client, alice):
    give_password(client)
    client.post(CONFIRM, {"password": PASSWORD})
    before = is_stepped_up(client)
    phone = scan_key(client)
    enter_code(client, phone.code(), "/two-factor/setup/verify/")
    client.post("/two-factor/setup/codes/", SAVED)
    assert (before, enrolled.is_on(alice), is_stepped_up(client)) == (True, True, False)


@pytest.mark.parametrize("path", ["/two-factor/", "/", RECENT, CODES, CONFIRM])
def test_looking_makes_none(older_client, path):
    older_client.get(path)
    assert not is_stepped_up(older_client)


# How long it lasts


@pytest.mark.proves("S-10")
@pytest.mark.parametrize(("seconds", "lasts"), [(299, True), (300, True), (301, False)])
def test_it_lasts_five_minutes_from_the_sign_in(client, phone, clock, seconds, lasts):
    sign_in(client, phone)
    clock.shift(seconds)
    assert is_stepped_up(client) is lasts


@pytest.mark.proves("S-10")
def test_it_lasts_five_minutes_from_the_password_if_the_code_came_later(client, phone, clock):
    give_password(client)
    clock.shift(240)
    enter_code(client, phone.code())
    before = is_stepped_up(client)
    clock.shift(61)
    assert (before, is_stepped_up(client)) == (True, False)


@pytest.mark.proves("S-10-mark")
def test_using_it_makes_it_no_longer(client, phone, clock):
    sign_in(client, phone)
    client.get(CODES)
    clock.shift(299)
    before = is_stepped_up(client)
    client.post(CODES)
    clock.shift(2)
    assert (before, is_stepped_up(client)) == (True, False)


@pytest.mark.proves("S-10-mark")
def test_one_from_the_future_does_not_count(client, phone, clock):
    sign_in(client, phone)
    clock.shift(-30)
    assert not is_stepped_up(client)


@pytest.mark.proves("S-10-mark")
def test_one_is_good_for_several_changes(client, phone, settings, clock):
    record_text_messages(settings)
    sign_in(client, phone)
    pages = ["/two-factor/phone/", ADD, "/accounts/email/change/", CODES, "/accounts/password_change/"]
    shown = [client.get(page) for page in pages]
    assert [page.status_code for page in shown] == [200] * 5
    assert 'name="password"' not in "".join(page.text for page in shown)


@pytest.fixture
def with_two_apps(client, alice, phone, clock):
    """Alice's browser, signed in with the older of two apps, and that app."""
    add_app(alice, totp.generate_key(), timezone.now(), name="Tablet")
    sign_in(client, phone)
    clock.shift(60)
    return client, phone


def save_new_codes(client, phone):
    client.post(CODES)
    client.post(CODES, SAVED)


def end_other_sessions(client, phone):
    client.post("/two-factor/sessions/end/")


def add_another_app(client, phone):
    new = scan_key(client, ADD)
    client.post(ADD, {"code": new.code(), "name": "New"})


def remove_an_app(client, phone):
    other = Authenticator.objects.get(name="Tablet")
    enter_password_and_code(client, f"/two-factor/apps/{other.pk}/remove/", phone.code())


def change_the_password(client, phone):
    new = "a quiet green harbour"
    form = {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    assert client.post("/accounts/password_change/", form).status_code == 302


CHANGES = [save_new_codes, end_other_sessions, add_another_app, remove_an_app, change_the_password]


@pytest.mark.proves("S-10-mark", "S-08")
@pytest.mark.parametrize("change", CHANGES)
def test_own_changes_keep_it(with_two_apps, change):
    change(*with_two_apps)
    assert is_stepped_up(with_two_apps[0])


@pytest.mark.proves("S-10-mark")
@pytest.mark.parametrize("change", CHANGES)
def test_own_changes_make_it_no_longer(with_two_apps, clock, change):
    clock.shift(200)
    change(*with_two_apps)
    clock.shift(41)
    assert not is_stepped_up(with_two_apps[0])


def test_turning_off_keeps_it_and_turning_on_again_makes_none(signed_in_client, phone, clock):
    enter_password_and_code(signed_in_client, DISABLE, phone.code())
    assert is_stepped_up(signed_in_client)
    clock.shift(300)
    new = scan_key(signed_in_client)
    enter_code(signed_in_client, new.code(), "/two-factor/setup/verify/")
    signed_in_client.post("/two-factor/setup/codes/", SAVED)
    assert not is_stepped_up(signed_in_client)


# Whose it is


@pytest.mark.proves("S-10-mark")
def test_it_is_not_one_for_other_sessions(older_client, phone, clock):
    other = Client()
    sign_in(other, phone)
    clock.shift(301)
    enter_password_and_code(older_client, CONFIRM, phone.code())
    assert [is_stepped_up(each) for each in (older_client, other)] == [True, False]


@pytest.mark.proves("S-10-mark")
def test_it_ends_with_the_session(signed_in_client, trusted_client):
    before = is_stepped_up(signed_in_client)
    signed_in_client.post("/accounts/logout/")
    signed_in_client.cookies.update(trusted_client.cookies)
    give_password(signed_in_client)
    assert (before, is_stepped_up(signed_in_client)) == (True, False)


@pytest.mark.proves("S-10-mark")
def test_a_new_sign_in_begins_without_the_one_before(trusted_client, phone):
    give_password(trusted_client)
    enter_password_and_code(trusted_client, CONFIRM, phone.code())
    before = is_stepped_up(trusted_client)
    trusted_client.get("/again/")
    assert (before, is_stepped_up(trusted_client)) == (True, False)


@pytest.mark.proves("S-02", "S-10-mark")
def test_a_session_that_was_planted_with_one_has_none_after_the_sign_in(client, alice, clock):
    """Session fixation: the key is new, and the mark is gone."""
    client.get("/accounts/login/")
    now = int(timezone.now().timestamp())
    change_session(client, twofactor_step_up_at=now, twofactor_step_up_with="backup")
    client.cookies[settings.SESSION_COOKIE_NAME] = planted = client.session.session_key
    give_password(client)
    assert (client.session.session_key != planted, is_stepped_up(client)) == (True, False)


@pytest.mark.proves("S-10-mark")
def test_one_of_another_person_ends_when_someone_else_signs_in(signed_in_client, bob):
    signed_in_client.get("/two-factor/")
    signed_in_client.post("/accounts/logout/")
    give_password(signed_in_client, bob.email)
    assert not is_stepped_up(signed_in_client)


# What is asked for all the same


@pytest.mark.proves("S-10-fresh", "V-14", "7.5.1")
def test_turning_off_always_asks(client, phone, alice):
    sign_in(client, phone)
    assert (client.post(DISABLE).status_code, enrolled.is_on(alice)) == (422, True)


@pytest.mark.proves("S-10-fresh", "7.5.1")
def test_removing_an_app_always_asks(with_two_apps):
    client, _phone = with_two_apps
    other = Authenticator.objects.get(name="Tablet")
    assert client.post(f"/two-factor/apps/{other.pk}/remove/").status_code == 422


# New backup codes


@pytest.mark.proves("S-10-codes")
def test_after_a_sign_in_with_the_app_new_codes_take_one_press(client, phone):
    sign_in(client, phone)
    page = client.get(CODES).text
    assert ('name="password"' in page, 'name="code"' in page) == (False, False)
    assert (client.post(CODES).status_code, len(shown_codes(client, CODES))) == (303, 10)


@pytest.mark.proves("S-10-codes")
@pytest.mark.parametrize(("seconds", "status"), [(299, 303), (301, 422)])
def test_for_new_codes_it_lasts_five_minutes_too(client, phone, clock, seconds, status):
    sign_in(client, phone)
    clock.shift(seconds)
    assert client.post(CODES).status_code == status


@pytest.fixture
def opened_with_backup_code(client, printed_codes):
    give_password(client)
    enter_code(client, printed_codes[0], BACKUP)
    return client


@pytest.mark.proves("S-10-codes")
def test_where_a_backup_code_opened_the_session_new_ones_take_the_app(opened_with_backup_code, phone):
    page = opened_with_backup_code.get(CODES).text
    assert ('name="code"' in page, opened_with_backup_code.post(CODES).status_code) == (True, 422)
    assert enter_password_and_code(opened_with_backup_code, CODES, phone.code()).status_code == 303


@pytest.mark.proves("S-10-codes")
def test_where_a_backup_code_was_given_last_new_ones_take_the_app(signed_in_client, printed_codes):
    enter_password_and_code(signed_in_client, CONFIRM, printed_codes[0])
    assert signed_in_client.post(CODES).status_code == 422


@pytest.mark.parametrize("sent", [{"password": "wrong"}, {"code": "000000"}, {"code": ""}])
def test_a_proof_that_is_sent_though_none_is_needed_is_checked(client, phone, sent):
    sign_in(client, phone)
    assert client.post(CODES, sent).status_code == 422


def test_a_sign_in_elsewhere_makes_no_new_codes(client, phone):
    client.get("/elsewhere/")
    enter_code(client, phone.code())
    assert client.post(CODES).status_code == 422


# The first setup


@pytest.mark.proves("S-10-setup")
@pytest.mark.parametrize(("seconds", "status"), [(599, 200), (601, 303)])
def test_the_first_setup_takes_a_sign_in_of_the_last_ten_minutes(client, alice, clock, seconds, status):
    give_password(client)
    clock.shift(seconds)
    assert client.get(SETUP).status_code == status


@pytest.mark.proves("S-10-setup")
def test_another_app_takes_a_step_up(older_client, phone):
    assert older_client.get(ADD).url.startswith(CONFIRM)
    enter_password_and_code(older_client, CONFIRM, phone.code())
    assert older_client.get(ADD).status_code == 200


# The confirm page


def test_confirming_leads_on(signed_in_client, phone):
    assert enter_password_and_code(signed_in_client, CONFIRM, phone.code(), next=ADD).url == ADD


@pytest.mark.parametrize(
    "to", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", ""]
)
def test_confirming_leads_nowhere_else(signed_in_client, phone, to):
    assert enter_password_and_code(signed_in_client, CONFIRM, phone.code(), next=to).url == "/"


@pytest.mark.parametrize("to", ["//evil.example", "https://evil.example", "javascript:alert(1)"])
def test_the_page_does_not_carry_a_foreign_address_along(signed_in_client, to):
    assert f'value="{to}"' not in signed_in_client.get(CONFIRM, {"next": to}).text


@pytest.mark.proves("S-02")
def test_confirming_gives_the_session_a_new_key(signed_in_client, phone):
    before = signed_in_client.session.session_key
    enter_password_and_code(signed_in_client, CONFIRM, phone.code())
    assert signed_in_client.session.session_key != before


@pytest.mark.proves("7.2.4")
def test_confirming_ends_the_old_key(signed_in_client, phone):
    session = signed_in_client.session
    enter_password_and_code(signed_in_client, CONFIRM, phone.code())
    assert not session.exists(session.session_key)


def test_confirming_accepts_a_backup_code(signed_in_client, printed_codes):
    assert enter_password_and_code(signed_in_client, CONFIRM, printed_codes[0]).status_code == 303


def test_a_pending_sign_in_gives_no_step_up_to_the_session_beside_it(older_client, phone):
    """The password in another browser, and the code for it."""
    other = client_after_password()
    enter_code(other, phone.code())
    assert [is_stepped_up(each) for each in (other, older_client)] == [True, False]


# As the site wants it


@pytest.mark.parametrize(("seconds", "counts"), [(119, True), (121, False)])
def test_a_site_may_let_it_end_earlier(client, phone, clock, settings, seconds, counts):
    settings.TWOFACTOR_STEP_UP_AGE = timedelta(minutes=2)
    sign_in(client, phone)
    clock.shift(seconds)
    assert is_stepped_up(client) is counts
