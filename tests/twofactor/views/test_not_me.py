"""This wasn't me: the link in mails, which only makes an account safer, and the page that checks it."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import quote, urlsplit

import pytest
from django.test import Client, RequestFactory
from django.utils import timezone

from accounts.models import KnownBrowser
from tests.accounts.letters import letters, link
from tests.people import PASSWORD, add_app, add_passkey, give_password, person, sign_in, signed_in_as
from tests.twofactor.sent_codes import OTHER, add_number, enter_sent_code, mailed_code, request_code
from tests.twofactor.trusted_browsers import new_trusted_client, skips_the_code, trust_browser
from twofactor import events, not_me_links, sealing
from twofactor.factors import totp
from twofactor.models import Event, TrustedBrowser, TwoFactor
from twofactor.models import Phone as Number
from twofactor.not_me import RECOVERY_SHUT_FOR, find, report
from twofactor.operations import support

pytestmark = pytest.mark.django_db
WALK = "/two-factor/not-me/"
VERIFY = "/two-factor/verify/"
THIEFS_ADDRESS = "203.0.113.9"


def text_of(response):
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", response.text)))


@pytest.fixture
def thief(signed_in_client, phone, clock):
    """Signed in as Alice a minute ago from a new browser, which she is told by mail."""
    client = Client(REMOTE_ADDR=THIEFS_ADDRESS)
    letters().clear()
    sign_in(client, phone)
    clock.shift(60)
    return client


@pytest.fixture
def not_me(thief):
    """The path of the link in the mail about it."""
    return link()


@pytest.fixture
def event(thief):
    return Event.objects.get(kind="new_browser", ip_address=THIEFS_ADDRESS)


def press(path, client=None, **form):
    return (client or Client()).post(path, form)


# The link


def test_looking_at_the_link_changes_nothing(not_me, thief, alice):
    before = list(Event.objects.values())
    answer = Client().get(not_me)
    assert (answer.status_code, signed_in_as(thief), list(Event.objects.values())) == (200, alice, before)


def test_the_page_says_nothing_about_the_account(not_me, alice):
    text = Client().get(not_me).text
    assert [part for part in ("alice", THIEFS_ADDRESS, "new browser") if part in text] == []


def test_it_ends_the_session_that_the_mail_is_about_and_no_other(not_me, thief, signed_in_client, alice):
    answer = press(not_me)
    assert (answer.status_code, answer.url) == (303, WALK)
    assert (signed_in_as(thief), signed_in_as(signed_in_client)) == (None, alice)


def test_it_ends_all_others_on_request(not_me, thief, signed_in_client, phone, clock):
    trusted = new_trusted_client(phone)
    press(not_me, everywhere="on")
    assert [signed_in_as(client) for client in (thief, signed_in_client)] == [None, None]
    assert not skips_the_code(trusted)


def test_it_signs_nobody_in(not_me):
    client = Client()
    press(not_me, client)
    assert signed_in_as(client) is None
    assert client.get(WALK).url == f"/accounts/login/?next={WALK}"


def test_it_changes_no_password_factor_or_code(not_me, alice, phone):
    def rows():
        alice.refresh_from_db()
        apps = list(alice.authenticators.values())
        return alice.password, alice.email, apps, list(alice.backup_codes.values())

    before = rows()
    press(not_me, everywhere="on")
    assert rows() == before


def test_browsers_that_were_trusted_since_are_forgotten(not_me, thief, phone, clock):
    """Also where the session in which it was trusted is over by now."""
    trusted = new_trusted_client(phone, client=thief)
    press(not_me)
    assert (TrustedBrowser.objects.count(), skips_the_code(trusted)) == (0, False)


@pytest.fixture
def trusting_thief(signed_in_client, phone, clock):
    """Signed in as Alice from a new browser, which they have trusted."""
    client = Client(REMOTE_ADDR=THIEFS_ADDRESS)
    letters().clear()
    trust_browser(client, phone)
    clock.shift(60)
    return client


@pytest.fixture
def trusting_thiefs_link(trusting_thief):
    return urlsplit(link(next(letter for letter in letters() if "new browser" in letter.subject))).path


@pytest.mark.parametrize("over", ["idle", "signed out"])
def test_their_trust_ends_although_the_session_is_over(trusting_thief, trusting_thiefs_link, clock, over):
    if over == "idle":
        clock.shift(timedelta(minutes=61))
    else:
        trusting_thief.post("/accounts/logout/")
    press(trusting_thiefs_link)
    assert not skips_the_code(trusting_thief)


def test_what_they_opened_with_that_trust_ends_too(trusting_thief, trusting_thiefs_link, signed_in_client):
    trusting_thief.post("/accounts/logout/")
    assert give_password(trusting_thief).url == "/"
    press(trusting_thiefs_link)
    assert (signed_in_as(trusting_thief), signed_in_as(signed_in_client) is None) == (None, False)


def test_the_trust_with_which_they_signed_in_ends_too(trusted_client, signed_in_client, alice):
    """It was given before the event that she reports."""
    KnownBrowser.objects.all().delete()  # so that she is told of this sign-in
    letters().clear()
    give_password(trusted_client)
    path = link()
    trusted_client.post("/accounts/logout/")
    press(path)
    assert not skips_the_code(trusted_client)


def test_a_thief_who_signs_out_everything_else_does_not_kill_the_link(not_me, thief, signed_in_client):
    thief.post("/two-factor/sessions/end/")
    press(not_me)
    assert signed_in_as(thief) is None


def test_the_browser_is_a_new_one_again(not_me, thief, phone, clock, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        press(not_me)
    Event.objects.all().delete()
    clock.shift(60)
    sign_in(thief, phone)
    assert Event.objects.filter(kind="new_browser").exists()


def test_browsers_that_were_trusted_before_stay(trusted_client, phone, clock):
    letters().clear()
    sign_in(Client(REMOTE_ADDR=THIEFS_ADDRESS), phone)
    press(link())
    assert skips_the_code(trusted_client)


def test_it_is_in_the_audit_log_once(not_me, event):
    press(not_me)
    press(not_me)
    assert list(Event.objects.filter(kind="not_me").values_list("detail", flat=True)) == [
        {"about": "new_browser", "device": "?"}
    ]


@pytest.mark.parametrize(("days", "status"), [(0, 200), (1, 404)])
def test_it_works_for_thirty_days(not_me, clock, days, status):
    clock.shift(timedelta(days=30 + days, minutes=-2))
    assert Client().get(not_me).status_code == status


@pytest.mark.parametrize(("days", "status"), [(6, 200), (8, 404)])
def test_a_site_may_let_it_work_for_fewer_days(not_me, clock, settings, days, status):
    settings.TWOFACTOR_NOT_ME_DAYS = 7
    clock.shift(timedelta(days=days))
    assert Client().get(not_me).status_code == status


def test_it_is_dead_once_everything_was_signed_out(not_me, alice, thief):
    press(not_me, everywhere="on")
    sign_in_again = Client()
    give_password(sign_in_again)
    answer = press(not_me)
    assert (answer.status_code, "no longer works" in answer.text) == (404, True)


def test_a_new_password_ends_it(not_me, alice):
    alice.set_password("a quiet green harbour")
    alice.save()
    assert press(not_me).status_code == 404


def test_it_works_where_her_own_session_is_over(not_me, thief, signed_in_client, clock):
    clock.shift(timedelta(minutes=30))
    thief.get("/help/")
    clock.shift(timedelta(minutes=40))
    assert signed_in_client.get(not_me).status_code == 200
    assert press(not_me, signed_in_client).url == WALK
    assert signed_in_as(thief) is None


def test_a_former_address_has_no_link(not_me, thief, alice):
    type(alice).objects.update(email="alice@new.example")
    assert press(not_me).status_code == 404
    assert signed_in_as(thief) is not None


def test_but_it_has_one_in_the_mail_about_the_change(signed_in_client, thief, alice):
    type(alice).objects.update(email="alice@new.example")
    events.record("address_changed", alice, None, also_to=["alice@new.example"])
    letters_by_address = {letter.to[0]: letter for letter in letters() if "address" in letter.subject}
    assert press(link(letters_by_address["alice@example.com"]), everywhere="on").status_code == 303
    assert signed_in_as(thief) is None


def test_a_thief_cannot_use_her_reports_up(not_me, thief, alice, clock):
    """Ten a day are recorded; those after them are heeded all the same."""
    for _ in range(12):
        thief.post(WALK)
        clock.shift(61)
    assert Event.objects.filter(kind="not_me").count() == 10
    press(not_me)
    assert signed_in_as(thief) is None


def test_a_thief_who_keeps_a_trusted_browser_does_not_kill_the_link(
    trusting_thief, trusting_thiefs_link, clock
):
    trusting_thief.post("/two-factor/sessions/end/", {"keep_trusted": "on"})
    trusting_thief.post("/accounts/logout/")
    clock.shift(60)
    give_password(trusting_thief)
    press(trusting_thiefs_link)
    assert (signed_in_as(trusting_thief), skips_the_code(trusting_thief)) == (None, False)


def test_signing_out_everywhere_happens_once(not_me, alice):
    """Two that have both found the link alive: the second leaves alone who has signed in since."""
    event, user = find(urlsplit(not_me).path.split("/")[-2], timezone.now())
    press(not_me, everywhere="on")
    request = RequestFactory().post(not_me)
    alice.refresh_from_db()
    before = alice.security_epoch
    report(user, request, timezone.now(), about=event, ended=[], everywhere=True)
    alice.refresh_from_db()
    assert alice.security_epoch == before


def test_someone_inactive_has_no_link(not_me, alice):
    type(alice).objects.update(is_active=False)
    assert press(not_me).status_code == 404


@pytest.mark.parametrize(
    "change",
    [lambda token: token[:-2] + "AA", lambda token: "x", lambda token: token + "é", str.upper],
    ids=["end", "short", "accent", "capitals"],
)
def test_a_link_that_is_not_ours_is_refused(not_me, thief, alice, change):
    base, token = not_me.rstrip("/").rsplit("/", 1)
    assert press(f"{base}/{change(token)}/").status_code == 404
    assert signed_in_as(thief) == alice


def test_a_link_for_the_event_of_someone_else_is_refused(not_me, event, alice, clock):
    """Not even we can make one by mistake."""
    bob = person("bob@example.com")
    made = not_me_links.make(event, bob, event.at).removeprefix("http://testserver")
    assert press(made).status_code == 404


def test_another_sealed_value_is_no_link(event, alice):
    token = sealing.seal("address", "", [event.pk, str(alice.pk), alice.security_epoch], event.at)
    assert press(f"{WALK}{token}/").status_code == 404


def test_it_asks_for_the_token_against_forged_forms(not_me, thief, alice):
    assert press(not_me, Client(enforce_csrf_checks=True)).status_code == 403
    assert signed_in_as(thief) == alice


def test_in_the_browser_it_is_about_it_signs_out(not_me, thief):
    answer = press(not_me, thief)
    assert (answer.url, signed_in_as(thief)) == (WALK, None)


def test_in_another_browser_of_hers_she_goes_on(not_me, signed_in_client, thief, alice):
    answer = press(not_me, signed_in_client)
    assert (answer.url, signed_in_as(signed_in_client), signed_in_as(thief)) == (WALK, alice, None)


def test_someone_else_who_opens_it_stays_signed_in(not_me, thief):
    client, bob = Client(), person("bob@example.com")
    give_password(client, "bob@example.com")
    answer = press(not_me, client, everywhere="on")
    assert (answer.url, signed_in_as(client), signed_in_as(thief)) == ("/", bob, None)


def test_without_a_list_of_sessions_it_signs_out_everywhere(settings, alice, phone, clock):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    first, thief = Client(), Client(REMOTE_ADDR=THIEFS_ADDRESS)
    sign_in(first, phone)
    clock.shift(60)
    sign_in(thief, phone)
    press(link())
    assert [client.get("/two-factor/").status_code for client in (first, thief)] == [302, 302]


def test_someone_without_two_factor_has_it_too(client, alice, clock):
    give_password(client)
    letters().clear()
    clock.shift(60)
    thief = Client(REMOTE_ADDR=THIEFS_ADDRESS)
    give_password(thief)
    press(link())
    assert (signed_in_as(thief), signed_in_as(client)) == (None, alice)


def test_a_mail_about_what_support_did_has_it_too(signed_in_client, alice, phone):
    letters().clear()
    support.reset(alice, "lost phone", "user 99", None)
    press(link(), everywhere="on")
    assert Event.objects.filter(kind="not_me").exists()


def test_the_page_works_without_a_list_of_sessions(settings, alice, phone, clock):
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    first, thief = Client(), Client(REMOTE_ADDR=THIEFS_ADDRESS)
    sign_in(first, phone)
    clock.shift(60)
    sign_in(thief, phone)
    first.post(WALK)
    assert [client.get("/two-factor/").status_code for client in (first, thief)] == [200, 302]


def test_who_signs_out_everywhere_else_is_told_with_a_link(thief, alice, signed_in_client):
    """Or a thief could end the links of all earlier mails in silence."""
    letters().clear()
    thief.post("/two-factor/sessions/end/")
    press(link())
    assert signed_in_as(thief) is None


# Codes by email


@pytest.mark.parametrize(("days", "offered"), [(0, False), (6, False), (7, True)])
def test_no_code_goes_out_by_email_for_seven_days(not_me, clock, days, offered):
    press(not_me)
    clock.shift(timedelta(days=days, minutes=1))
    client = Client()
    give_password(client)
    assert request_code(client).status_code == (303 if offered else 422)
    page = text_of(client.get(OTHER))
    assert ("•••" in page, "no codes go out by email before 8 March 2026" in page) == (offered, not offered)


def test_the_settings_say_so(not_me, signed_in_client):
    press(not_me)
    assert "no codes go out by email before 8 March 2026" in text_of(signed_in_client.get("/two-factor/"))


def test_a_code_that_is_on_its_way_does_not_work_any_more(not_me):
    client = Client()
    give_password(client)
    request_code(client)
    code = mailed_code()
    press(not_me)
    enter_sent_code(client, code)
    assert signed_in_as(client) is None


def test_it_can_be_said_again_for_seven_more_days(not_me, clock, alice):
    press(not_me)
    clock.shift(timedelta(days=3))
    press(not_me)
    until = TwoFactor.objects.get().recovery_shut_until
    assert until - RECOVERY_SHUT_FOR == timezone.now()


# The page


@pytest.fixture
def walk(signed_in_client, thief, event):
    return signed_in_client.get(f"{WALK}?event={event.pk}")


def test_it_ticks_the_device_of_the_event(walk, event):
    assert re.findall(r'name="(device-[^"]+)"[^>]* checked', walk.text) == [f"device-{event.device_id}"]


def test_ticked_devices_are_signed_out(signed_in_client, thief, event, alice):
    answer = signed_in_client.post(f"{WALK}?event={event.pk}", {f"device-{event.device_id}": "on"})
    assert (answer.status_code, answer.url) == (303, f"{WALK}?event={event.pk}")
    assert (signed_in_as(thief), signed_in_as(signed_in_client)) == (None, alice)
    assert TwoFactor.objects.get().recovery_shut_until is not None


def test_of_a_session_that_is_over_the_trust_is_ticked(trusting_thief, signed_in_client):
    event = Event.objects.get(kind="browser_trusted")
    trusting_thief.post("/accounts/logout/")
    ticked = re.findall(
        r'name="device-([^"]+)"[^>]* checked', signed_in_client.get(f"{WALK}?event={event.pk}").text
    )
    assert ticked == [str(TrustedBrowser.objects.get().device_id)]


def test_what_was_said_is_told_by_mail(signed_in_client, thief, event):
    """A thief with her open session could say it, to end her devices."""
    letters().clear()
    signed_in_client.post(f"{WALK}?event={event.pk}", {f"device-{event.device_id}": "on"})
    assert [letter.subject for letter in letters()] == ["You told us that something wasn't you – Countersign"]
    assert Event.objects.get(kind="not_me").detail["device"]


def test_what_is_not_ticked_stays(signed_in_client, thief, event, alice):
    signed_in_client.post(f"{WALK}?event={event.pk}", {})
    assert signed_in_as(thief) == alice


def test_this_device_has_no_box(signed_in_client, thief):
    here = signed_in_client.session.device_id
    signed_in_client.post(WALK, {f"device-{here}": "on"})
    assert (str(here) in signed_in_client.get(WALK).text, signed_in_as(signed_in_client) is None) == (
        False,
        False,
    )


@pytest.mark.parametrize("value", ["x", "-1", "9" * 30, "٣", ""])
def test_an_event_that_is_not_one_is_left_out(signed_in_client, value):
    assert signed_in_client.get(WALK, {"event": value}).status_code == 200


def test_the_event_of_someone_else_is_left_out(signed_in_client):
    person("bob@example.com")
    give_password(Client(REMOTE_ADDR=THIEFS_ADDRESS), "bob@example.com")
    event = Event.objects.get(user__email="bob@example.com")
    assert event.title not in text_of(signed_in_client.get(WALK, {"event": event.pk}))


def test_the_device_of_someone_else_is_not_ended(signed_in_client):
    bob, client = person("bob@example.com"), Client()
    give_password(client, "bob@example.com")
    signed_in_client.post(WALK, {f"device-{client.session.device_id}": "on"})
    assert signed_in_as(client) == bob


def changed_long_ago(alice):
    long_ago = timezone.now() - timedelta(days=31)
    alice.authenticators.update(added_at=long_ago)
    add_number(alice)
    Number.objects.update(verified_at=long_ago)


def test_it_lists_what_was_added_within_thirty_days(signed_in_client, alice):
    changed_long_ago(alice)
    add_app(alice, totp.generate_key(), timezone.now() - timedelta(days=29), "Tablet")
    text = text_of(signed_in_client.get(WALK))
    assert [part in text for part in ("Tablet", "Authenticator app, added", "••• 67")] == [True, True, False]


@pytest.mark.proves("PK-18")
@pytest.mark.parametrize(
    ("kind", "days", "told"),
    [("passkey", 29, "Hers Passkey, added"), ("key", 29, "Hers Security key, added"), ("key", 31, None)],
)
def test_it_lists_a_passkey_that_was_added_within_thirty_days(signed_in_client, alice, kind, days, told):
    changed_long_ago(alice)
    passkey = add_passkey(alice, name="Hers", kind=kind, added_at=timezone.now() - timedelta(days=days))
    page = signed_in_client.get(WALK)
    remove = f'"/two-factor/passkeys/{passkey.pk}/remove/?next={quote(WALK, safe="")}"'
    assert ((told or "Hers") in text_of(page), remove in page.text) == (bool(told), bool(told))


def test_it_lists_a_new_number_and_address(signed_in_client, alice):
    changed_long_ago(alice)
    Number.objects.update(verified_at=timezone.now())
    events.record("address_changed", alice, None)
    text = text_of(signed_in_client.get(WALK))
    assert [part in text for part in ("••• 67", "alice@example.com Email address, changed")] == [True, True]


def test_without_any_change_it_says_so(signed_in_client, alice):
    changed_long_ago(alice)
    assert "No authenticator app, passkey, phone number or email address is new." in text_of(
        signed_in_client.get(WALK)
    )


def test_removing_an_app_comes_back_to_it(signed_in_client, alice, phone):
    tablet_key = totp.generate_key()
    add_app(alice, tablet_key, timezone.now() - timedelta(days=2), "Tablet")
    tablet = alice.authenticators.get(name="Tablet")
    path = unescape(
        re.search(rf'href="(/two-factor/apps/{tablet.pk}/remove/[^"]*)"', walk_of(signed_in_client))[1]
    )
    answer = signed_in_client.post(path, {"password": PASSWORD, "code": phone.code()})
    assert (answer.url, alice.authenticators.count()) == (WALK, 1)


def walk_of(client):
    return client.get(WALK).text


def test_removing_the_number_comes_back_to_it(stepped_up_client, alice, text_messages):
    add_number(alice)
    Number.objects.update(verified_at=timezone.now())
    path = unescape(re.search(r'action="(/two-factor/phone/remove/[^"]*)"', walk_of(stepped_up_client))[1])
    assert (stepped_up_client.post(path).url, Number.objects.exists()) == (WALK, False)


def test_password_and_codes_come_back_to_it_and_are_ticked_off(signed_in_client, thief, event, phone, clock):
    signed_in_client.post(f"{WALK}?event={event.pk}", {})
    assert walk_of(signed_in_client).count("Done") == 1
    clock.shift(60)
    new = {"new_password1": "a quiet green harbour", "new_password2": "a quiet green harbour"}
    form = {"old_password": PASSWORD, "code": phone.code(), **new}
    assert signed_in_client.post(f"/accounts/password_change/?next={WALK}", form).url == WALK
    assert walk_of(signed_in_client).count("Done") == 2
    clock.shift(60)
    codes = f"/two-factor/backup-codes/?next={WALK}"
    form = {"password": "a quiet green harbour", "code": phone.code()}
    shown = signed_in_client.post(codes, form).url
    assert signed_in_client.post(shown, {"saved": "on"}).url == WALK
    assert walk_of(signed_in_client).count("Done") == 3


def test_next_leads_to_no_other_site(signed_in_client, phone):
    new = {"new_password1": "a quiet green harbour", "new_password2": "a quiet green harbour"}
    form = {"old_password": PASSWORD, "code": phone.code(), **new}
    answer = signed_in_client.post("/accounts/password_change/?next=https://evil.example/", form)
    assert answer.url == "/"


def test_it_needs_a_sign_in(client):
    assert client.get(WALK).url == f"/accounts/login/?next={WALK}"


def test_it_costs_the_same_with_many_events(signed_in_client, alice, django_assert_max_num_queries):
    Event.objects.bulk_create(Event(user=alice, kind="new_browser", at=timezone.now()) for _ in range(300))
    with django_assert_max_num_queries(11):
        signed_in_client.get(WALK)
