"""Nobody with a second factor gets past the gate without it, whichever door opened the session."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings as site
from django.contrib.auth import get_user_model, login
from django.contrib.auth.signals import user_logged_in
from django.contrib.auth.views import LoginView
from django.contrib.sessions.models import Session
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from tests.addresses import ADDRESSES
from tests.people import PASSWORD, enrol, give_password, person, sign_in, signed_in_as
from tests.twofactor.sent_codes import ask, enter, has_number, texted, with_pigeons
from twofactor import sealing
from twofactor.decorators import OTPRequiredMixin, otp_required, recently_confirmed
from twofactor.models import Authenticator, Event
from twofactor.signin.session import is_factor

HTMX = {"HX-Request": "true"}
VERIFY = "/two-factor/verify/"
SETUP = "/two-factor/setup/"
CONFIRM = "/two-factor/confirm/"
ADMIN_LOGIN = "/admin/login/"
README = (Path(__file__).parents[2] / "README.md").read_text()


# Every address there is (V-01)


EVERY_FIELD = {
    "username": "alice@example.com",
    "email": "alice@example.com",
    "login": "alice@example.com",
    "password": PASSWORD,
    "next": "/two-factor/",
    "this_is_the_login_form": "1",
}


def test_the_list_of_addresses_is_not_empty():
    assert {"/accounts/login/", ADMIN_LOGIN, VERIFY} <= set(ADDRESSES)


@pytest.mark.proves("6.3.4", "V-01", "H-01")
@pytest.mark.parametrize("headers", [{}, HTMX], ids=["plain", "htmx"])
@pytest.mark.parametrize("kind", ["form", "json"])
def test_the_password_alone_opens_a_session_nowhere(alice, phone, headers, kind):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    sort = {"content_type": "application/json"} if kind == "json" else {}
    opened = []
    for address in ADDRESSES:
        client = Client(raise_request_exception=False)
        client.post(address, EVERY_FIELD, headers=headers, **sort)
        opened += [address] * (signed_in_as(client) is not None)
    assert opened == []


@pytest.mark.proves("6.1.3")
def test_the_readme_names_every_door(alice):
    get_user_model().objects.update(is_staff=True)
    doors = set()
    for address in ADDRESSES:
        client = Client(raise_request_exception=False)
        client.post(address, EVERY_FIELD)
        doors |= {address} if signed_in_as(client) else set()
    named = README.partition("### Every way to sign in")[2].partition("###")[0]
    assert doors == set(re.findall(r"^\| `(/[a-z/]+)` \|", named, re.MULTILINE))


@pytest.mark.proves("2.3.1", "V-13")
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_pending_sign_in_opens_nothing_but_its_own_pages(alice, phone, method):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    client = Client()
    give_password(client)
    inside = [a for a in ADDRESSES if a.startswith(("/two-factor/", "/admin/", "/accounts/profile/"))]
    own = ("/two-factor/verify/", "/admin/login/", "/admin/jsi18n/")
    answers = {a: getattr(client, method)(a).status_code for a in inside if not a.startswith(own)}
    assert {a: status for a, status in answers.items() if status not in {302, 303}} == {}


# Sessions that another door opened


DOOR = "/door/"  # Django's own sign-in, of which ours knows nothing


@pytest.fixture
def through_the_door(client, phone, developers):
    """The answer to Alice's password at another door."""
    form = {"username": "alice@example.com", "password": PASSWORD, "next": "/said/"}
    return lambda **changes: client.post(DOOR, {**form, **changes})


def test_another_door_leads_to_the_code(through_the_door):
    assert through_the_door().url.partition("?")[0] == VERIFY


@pytest.mark.proves("V-01")
def test_another_door_opens_no_session(client, through_the_door):
    through_the_door()
    assert (signed_in_as(client), Session.objects.count()) == (None, 0)


def test_after_the_code_the_way_goes_on(client, phone, through_the_door):
    through_the_door()
    assert client.post(VERIFY, {"code": phone.code()}, follow=True).content == b"verified: True"


def test_the_way_from_another_door_leads_to_no_other_site(client, phone, through_the_door):
    through_the_door(next="//evil.example")
    assert "evil" not in client.post(VERIFY, {"code": phone.code()}).url


def test_the_administration_opens_with_both_factors(client, alice, phone):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    sign_in(client, phone)
    assert client.get("/admin/").status_code == 200


def test_the_administration_is_closed_with_the_password_alone(client, alice, phone):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    give_password(client)
    assert client.get("/admin/").status_code == 302


def test_a_session_opened_by_other_code_is_held(client, alice, phone):
    client.force_login(alice)
    assert client.get("/two-factor/").url.partition("?")[0] == VERIFY


def test_a_held_session_is_gone(client, alice, phone):
    client.force_login(alice)
    client.get("/two-factor/")
    assert (signed_in_as(client), Session.objects.count()) == (None, 0)


@pytest.mark.proves("V-35")
@pytest.mark.parametrize("method", ["get", "post"])
@pytest.mark.parametrize("address", ["/", "/accounts/profile/", "/two-factor/disable/", "/admin/", SETUP])
def test_a_held_session_shows_no_page(client, alice, phone, method, address):
    client.force_login(alice)
    response = getattr(client, method)(address)
    assert (response.status_code, response.url.partition("?")[0]) == (303, VERIFY)


def test_a_held_session_changes_nothing(client, alice, phone):
    client.force_login(alice)
    client.post("/accounts/profile/", {"name": "Mallory", "language": ""})
    alice.refresh_from_db()
    assert alice.name == ""


def test_a_held_session_goes_on_where_it_was_going(client, alice, phone):
    client.force_login(alice)
    client.get("/accounts/profile/?x=1")
    assert client.post(VERIFY, {"code": phone.code()}).url == "/accounts/profile/?x=1"


def test_a_held_session_says_what_is_missing(client, alice, phone):
    client.force_login(alice)
    assert b"One more step: enter your code." in client.get("/two-factor/", follow=True).content


def test_a_held_session_authenticates_nobody_whoever_loads_it(client, alice, phone):
    client.force_login(alice)
    assert signed_in_as(client) is None


def test_a_held_session_is_no_sign_in_yet(client, alice, phone):
    client.force_login(alice)
    alice.refresh_from_db()
    assert alice.last_login is None


def test_a_held_session_goes_nowhere_after_the_password_has_changed(client, alice, phone):
    client.force_login(alice)
    alice.set_password("another good one")
    alice.save()
    assert client.get("/accounts/profile/").url == "/accounts/login/"


def test_whoever_has_given_the_code_stays_signed_in_through_another_door(alices, developers):
    alices.post(DOOR, {"username": "alice@example.com", "password": PASSWORD, "next": "/said/"})
    assert alices.get("/said/").content == b"verified: True"


def test_a_code_counts_for_nobody_else_in_the_same_request(client, phone, alice):
    bob = person("bob@example.com")
    enrol(bob)

    def become_bob(sender, request, user, **kwargs):
        if user == alice:
            become.append(request)

    become = []
    user_logged_in.connect(become_bob)
    sign_in(client, phone)
    user_logged_in.disconnect(become_bob)
    login(become[0], bob, backend="accounts.lockout.Backend")
    assert become[0].session["twofactor_amr"] == "held"


def test_a_session_of_somebody_without_a_factor_is_not_held(client, alice):
    client.force_login(alice)
    assert client.get("/two-factor/").status_code == 200


def unmarked(client, user):
    """As it was before this app was installed."""
    client.force_login(user)
    session = client.session
    session.update(session.pop("twofactor_held_login", {}))
    for mark in ("twofactor_amr", "twofactor_auth_at", "twofactor_password_at"):
        session.pop(mark, None)
    session.save()


def test_a_session_without_a_mark_is_held(client, alice, phone):
    unmarked(client, alice)
    assert client.get("/two-factor/").url.partition("?")[0] == VERIFY


def test_a_session_without_a_mark_goes_on_without_a_factor(client, alice):
    unmarked(client, alice)
    assert client.get("/two-factor/").status_code == 200


def test_a_session_without_a_mark_is_asked_about_once(client, alice, django_assert_num_queries):
    unmarked(client, alice)
    client.get("/help/")
    with django_assert_num_queries(2):  # the session, and whose it is
        client.get("/help/")


# What it costs


@pytest.fixture
def without_gate(settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != "twofactor.middleware.TwoFactor"]


def queries(client, address="/help/"):
    with CaptureQueriesContext(connection) as captured:
        client.get(address)
    return len(captured)


@pytest.mark.proves("S-06")
def test_with_a_factor_an_ordinary_page_costs_no_query_more(alices, request):
    alices.get("/help/")
    with_gate = queries(alices)
    request.getfixturevalue("without_gate")
    assert with_gate == queries(alices) == 2


def test_without_a_factor_an_ordinary_page_costs_no_query_more(client, alice, request):
    give_password(client)
    with_gate = queries(client)
    request.getfixturevalue("without_gate")
    assert with_gate == queries(client) == 2


def test_a_stranger_costs_no_query(client, db):
    assert queries(client) == 0


def test_a_page_within_the_same_minute_writes_nothing(alices, clock):
    alices.get("/help/")
    clock.shift(59)
    assert queries(alices) == 2


# How long a session lasts


@pytest.mark.proves("7.3.1", "N-13", "S-09")
@pytest.mark.parametrize(("minutes", "open_"), [(59, True), (60, False)])
def test_an_hour_without_a_page_ends_a_session(alices, clock, minutes, open_):
    alices.get("/help/")
    clock.shift(timedelta(minutes=minutes))
    assert (alices.get("/two-factor/").status_code == 200) is open_


def test_a_session_that_is_too_old_is_gone(alices, clock):
    clock.shift(timedelta(minutes=61))
    alices.get("/two-factor/")
    assert Session.objects.count() == 0


def test_whoever_was_away_is_told(alices, clock):
    clock.shift(timedelta(minutes=61))
    assert b"You were signed out after a while" in alices.get("/two-factor/", follow=True).content


def test_whoever_was_away_comes_back_to_their_page(alices, clock):
    clock.shift(timedelta(minutes=61))
    assert alices.get("/accounts/profile/").url == "/accounts/login/?next=%2Faccounts%2Fprofile%2F"


def busy(client, clock, hours):
    """A page every half hour."""
    for _ in range(hours * 2):
        clock.shift(timedelta(minutes=30))
        status = client.get("/two-factor/").status_code
    return status


def test_steady_work_keeps_a_session_open(alices, clock):
    assert busy(alices, clock, 23) == 200


@pytest.mark.proves("7.3.2", "N-13", "S-09")
def test_a_day_ends_a_session_whatever_happens(alices, clock):
    assert busy(alices, clock, 24) == 303


def test_confirming_does_not_make_a_session_longer(alices, phone, clock):
    busy(alices, clock, 23)
    alices.post(CONFIRM, {"password": PASSWORD, "code": phone.code()})
    clock.shift(timedelta(minutes=59))
    assert alices.get("/two-factor/").status_code == 303


@pytest.mark.proves("7.4.2")
def test_a_deactivated_persons_session_is_over(alices):
    get_user_model().objects.update(is_active=False)
    assert alices.get("/two-factor/").url.startswith("/accounts/login/")


@pytest.mark.proves("7.4.2")
def test_a_session_stays_over_when_its_person_is_let_in_again(alices, alice):
    for alice.is_active in (False, True):
        alice.save()
    assert alices.get("/two-factor/").url.startswith("/accounts/login/")


def test_a_deleted_persons_session_is_over(alices, alice):
    alice.delete()
    assert alices.get("/two-factor/").url.startswith("/accounts/login/")


def test_signing_out_ends_a_session_on_the_server(alices):
    thief = Client()
    thief.cookies.load({site.SESSION_COOKIE_NAME: alices.cookies[site.SESSION_COOKIE_NAME].value})
    alices.post("/accounts/logout/")
    assert thief.get("/two-factor/").url.startswith("/accounts/login/")


@pytest.mark.proves("7.6.2")
def test_looking_at_pages_makes_no_session(client, db):
    for address in ADDRESSES:
        client.get(address)
    assert Session.objects.count() == 0


# The epoch, and keys that change (S-07)


def change_secret_key(settings, fallbacks=True):
    old = settings.SECRET_KEY
    settings.SECRET_KEY = sealing.generate_key()
    settings.SECRET_KEY_FALLBACKS = [old] if fallbacks else []


def test_a_bump_of_the_epoch_ends_a_session(alices, alice):
    alice.end_sessions()
    assert alices.get("/two-factor/").status_code == 302


def test_a_new_password_bumps_the_epoch(alice):
    alice.set_password(PASSWORD)
    alice.save()
    assert alice.security_epoch == 1


@pytest.mark.proves("S-07")
def test_a_session_goes_on_under_a_new_secret_key(alices, settings):
    change_secret_key(settings)
    assert alices.get("/two-factor/").status_code == 200


def test_a_session_goes_on_when_the_old_secret_key_is_gone_later(alices, settings):
    change_secret_key(settings)
    alices.get("/two-factor/")
    settings.SECRET_KEY_FALLBACKS = []
    assert alices.get("/two-factor/").status_code == 200


def test_without_a_fallback_a_new_secret_key_ends_a_session(alices, settings):
    change_secret_key(settings, fallbacks=False)
    assert alices.get("/two-factor/").status_code == 302


@pytest.mark.proves("S-07")
def test_a_fallback_does_not_bring_an_old_epoch_back(alices, alice, settings):
    alice.end_sessions()
    change_secret_key(settings)
    assert alices.get("/two-factor/").status_code == 302


def test_a_fallback_does_not_bring_an_old_password_back(alices, alice, settings):
    alice.set_password("another good password")
    alice.save()
    change_secret_key(settings)
    assert alices.get("/two-factor/").status_code == 302


def test_a_session_moved_to_a_new_secret_key_still_has_its_factor(alices, settings):
    change_secret_key(settings)
    alices.get("/two-factor/")
    assert alices.session["twofactor_amr"] == "totp"


# For developers


def said(request):
    return HttpResponse(f"verified: {request.user.is_verified()}")


class Page(View):
    get = staticmethod(said)


@method_decorator(otp_required, name="dispatch")
class Decorated(Page):
    pass


class Mixed(OTPRequiredMixin, Page):
    pass


urlpatterns = [
    path("said/", said),
    path("door/", LoginView.as_view()),
    path("function/", otp_required(said)),
    path("method/", Decorated.as_view()),
    path("mixin/", Mixed.as_view()),
    path("recent/", recently_confirmed()(said)),
    path("long/", recently_confirmed(max_age=timedelta(hours=1))(said)),
    path("", include("config.urls")),
]


@pytest.fixture
def developers(settings):
    settings.ROOT_URLCONF = __name__


GUARDED = ["/function/", "/method/", "/mixin/"]


@pytest.mark.parametrize("address", GUARDED)
def test_a_guarded_page_opens_with_a_factor(alices, developers, address):
    assert alices.get(address).content == b"verified: True"


@pytest.fixture
def trusting(alices, phone):
    """Alice's browser, which she trusts, signed in with the password alone."""
    alices.post("/accounts/logout/")
    give_password(alices)
    alices.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    alices.post("/accounts/logout/")
    give_password(alices)
    return alices


@pytest.mark.proves("D-2", "S-11")
def test_a_trusted_browser_is_no_factor(trusting, developers):
    assert (trusting.session["twofactor_amr"], trusting.get("/said/").content) == (
        "trusted",
        b"verified: False",
    )


@pytest.mark.parametrize("address", GUARDED)
def test_a_guarded_page_asks_a_trusted_browser_for_the_factor(trusting, developers, address, phone, clock):
    clock.shift(60)
    to = trusting.get(address).url
    assert to.startswith("/two-factor/confirm/")
    trusting.post(to, {"password": PASSWORD, "code": phone.code()})
    assert trusting.get(address).content == b"verified: True"


@pytest.mark.proves("D-2")
def test_a_code_by_text_message_is_no_factor(asked, alice, developers, settings):
    with_pigeons(settings)
    has_number(alice)
    ask(asked, "sms")
    enter(asked, texted())
    assert (asked.session["twofactor_amr"], asked.get("/said/").content) == ("sms", b"verified: False")


@pytest.mark.parametrize("method", ["", "tOTP", "something new"])
def test_a_method_that_nobody_named_is_no_factor(method):
    assert not is_factor(method)


@pytest.mark.parametrize("address", GUARDED)
def test_a_guarded_page_leads_people_without_a_factor_to_set_up(client, alice, developers, address):
    give_password(client)
    assert client.get(address).url == f"{SETUP}?next={address.replace('/', '%2F')}"


@pytest.mark.parametrize("address", GUARDED)
def test_a_guarded_page_leads_strangers_to_sign_in(client, db, developers, address):
    assert client.get(address).url.startswith("/accounts/login/?next=")


@pytest.mark.parametrize("address", GUARDED)
def test_a_guarded_page_asks_a_foreign_session_for_its_code(client, alice, phone, developers, address):
    client.force_login(alice)
    assert client.get(address).url.partition("?")[0] == VERIFY


def test_a_session_without_a_factor_says_so(client, alice, developers):
    give_password(client)
    assert client.get("/said/").content == b"verified: False"


def test_a_person_without_a_session_is_not_verified(alice):
    assert alice.is_verified() is False


def test_a_session_that_used_a_backup_code_is_verified(client, paper, developers):
    give_password(client)
    client.post("/two-factor/verify/backup/", {"code": paper[0]})
    assert client.get("/said/").content == b"verified: True"


def test_a_guarded_page_costs_no_query_more(alices, developers):
    alices.get("/function/")
    assert queries(alices, "/function/") == queries(alices, "/said/")


def confirm(client, phone):
    client.post(CONFIRM, {"password": PASSWORD, "code": phone.code()})


@pytest.mark.proves("S-10")
@pytest.mark.parametrize(("seconds", "opens"), [(299, True), (301, False)])
def test_a_confirmation_is_good_for_five_minutes(alices, phone, clock, developers, seconds, opens):
    confirm(alices, phone)
    clock.shift(seconds)
    assert (alices.get("/recent/").status_code == 200) is opens


@pytest.mark.parametrize(("seconds", "opens"), [(3599, True), (3601, False)])
def test_a_view_can_be_content_with_an_older_confirmation(alices, phone, clock, developers, seconds, opens):
    confirm(alices, phone)
    for _ in range(2):
        clock.shift(seconds // 2)
        alices.get("/help/")
    clock.shift(seconds % 2)
    assert (alices.get("/long/").status_code == 200) is opens


@pytest.mark.proves("S-10")
def test_signing_in_is_no_confirmation(client, phone, developers):
    sign_in(client, phone)
    assert client.get("/recent/").url == f"{CONFIRM}?next=%2Frecent%2F"


def test_somebody_without_a_factor_is_not_sent_round_in_circles(client, alice, developers):
    give_password(client)
    to = client.post(CONFIRM, {"password": PASSWORD, "next": "/recent/"}).url
    assert client.get(to).status_code == 200 or CONFIRM not in client.get(to).url


def test_confirming_leads_back_to_the_view(alices, phone, developers):
    form = {"password": PASSWORD, "code": phone.code(), "next": "/recent/"}
    assert alices.post(CONFIRM, form, follow=True).content == b"verified: True"


def test_a_confirmation_from_the_future_does_not_count(alices, phone, clock, developers):
    confirm(alices, phone)
    clock.shift(-3600)
    assert alices.get("/recent/").status_code == 303


def test_a_person_enrolled_elsewhere_keeps_the_sessions_of_others(client, alice, developers):
    give_password(client)
    enrol(person("bob@example.com"))
    assert client.get("/said/").status_code == 200


def test_nobody_else_is_asked_when_one_person_has_a_factor(client, alice, phone):
    person("bob@example.com")
    give_password(client, "bob@example.com")
    assert (signed_in_as(client).email, Authenticator.objects.count()) == ("bob@example.com", 1)


def test_a_held_session_dies_with_the_password(client, alice, phone):
    client.force_login(alice)
    alice.set_password("another good password")
    alice.save()
    client.get("/two-factor/")
    client.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(client) is None


def test_a_held_session_of_somebody_who_was_deleted_is_answered(client, alice, phone):
    client.force_login(alice)
    alice.delete()
    client.raise_request_exception = False
    assert client.get("/two-factor/").status_code in {302, 303}


def test_a_session_without_a_mark_has_given_no_password_just_now(client, alice):
    unmarked(client, alice)
    assert client.get(SETUP).url.startswith(CONFIRM)


def test_a_session_that_is_over_leaves_no_row(client, alice):
    unmarked(client, alice)
    alice.end_sessions()
    client.get("/help/")
    assert not Session.objects.exists()


def test_a_sign_in_without_a_factor_is_remembered_whichever_door_it_took(client, alice, developers):
    client.post("/door/", {"username": alice.email, "password": PASSWORD})
    assert Event.objects.filter(kind="signed_in_without_second_factor").count() == 1


def test_a_confirmation_survives_a_stronger_hash(client, alice, settings):
    """S-14: the password is hashed anew while it is confirmed."""
    give_password(client)
    settings.PASSWORD_HASHERS = settings.PASSWORD_HASHERS[::-1]
    client.post(CONFIRM, {"password": PASSWORD})
    assert client.get("/two-factor/").status_code == 200
