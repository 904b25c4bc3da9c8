"""Everything at once: browsers that start together, on whichever database the tests run on.

RACE_REPEATS=20 makes a long run of it, and prints the counts.
"""

import re
from datetime import timedelta
from functools import partial

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import MD5PasswordHasher
from django.utils import timezone

from accounts import password_tries
from accounts.models import PasswordTries
from tests.machinery.races import (
    REPEATS,
    after_password,
    assert_no_errors,
    at_once,
    browser,
    posts,
    sessions,
    statuses,
)
from tests.people import PASSWORD, add_app, enrol, give_password, person, sign_in, signed_in_as
from tests.twofactor.setup_steps import ADD, CODES, SAVED, SETUP, confirm_key, scan_key
from twofactor.clocks import DAY
from twofactor.factors import backup_codes, enrolled, totp
from twofactor.limits import guesses
from twofactor.limits.allowances import Limit
from twofactor.models import Allowance, Authenticator, BackupCode, Draft, Event, GuessBudget, Session
from twofactor.operations import support
from twofactor.sessions import credential_digests

CROWD = 100

VERIFY = "/two-factor/verify/"
WRONG = "000000"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("no_template_copies"),
    pytest.mark.parametrize("repeat", REPEATS),
]


# One code, many requests


@pytest.mark.proves("2.3.4", "C-01")
def test_one_code_a_hundred_times_signs_in_once(phone, request, repeat):
    """Ten pending sign-ins, ten tabs each (C-01)."""
    tabs = [client for client in [after_password() for _ in range(10)] for _ in range(10)]
    answers = at_once(*posts(tabs, VERIFY, {"code": phone.code()}))
    assert_no_errors(request, answers, sessions=sessions())
    assert sessions() == 1


@pytest.mark.proves("C-02")
def test_one_backup_code_a_hundred_times_signs_in_once(alice, printed_codes, request, repeat):
    """C-02; one of three is spent."""
    tabs = [client for client in [after_password() for _ in range(10)] for _ in range(10)]
    answers = at_once(*posts(tabs, "/two-factor/verify/backup/", {"code": printed_codes[0]}))
    assert_no_errors(request, answers, sessions=sessions(), left=backup_codes.count_unused(alice))
    assert (sessions(), backup_codes.count_unused(alice)) == (1, 2)


def test_two_right_codes_for_one_pending_sign_in_open_one_session(phone, printed_codes, request, repeat):
    """D-15: an authenticator's code and a backup code, in tabs of one browser."""
    client = after_password()
    answers = at_once(*posts([client], VERIFY, {"code": phone.code()}, {"code": printed_codes[0]}))
    assert_no_errors(request, answers, sessions=sessions())
    assert sessions() == 1


def test_of_two_right_codes_for_one_pending_sign_in_one_is_kept(alice, phone, printed_codes, request, repeat):
    client = after_password()
    at_once(*posts([client], VERIFY, {"code": phone.code()}, {"code": printed_codes[0]}))
    step = Authenticator.objects.get().last_step
    assert (backup_codes.count_unused(alice) == 2) != (step * 30 >= timezone.now().timestamp() - 30)


@pytest.mark.proves("L-4")
def test_of_many_codes_after_the_stop_and_a_new_password_one_is_looked_at(alice, phone, request, repeat):
    GuessBudget.objects.update_or_create(
        pk=alice.pk, defaults={"failures": guesses.LAST_GUESS, "password_digest": old_password_digest(alice)}
    )
    alice.set_password("a quiet green harbour")
    alice.save()

    def guess():
        try:
            return guesses.charge(get_user_model().objects.get(), timezone.now())
        except guesses.Locked:
            return None

    looked_at = [failures for failures in at_once(*[guess] * 40) if failures]
    assert looked_at == [guesses.LAST_GUESS]


def old_password_digest(user):
    return credential_digests.digest(user, credential_digests.PASSWORD_PURPOSE)


@pytest.mark.proves("V-07", "C-02")
def test_ten_backup_codes_at_once_sign_in_once_and_spend_one(alice, phone, request, repeat):
    """Ten pending sign-ins, ten tabs each; the first that is used ends the others, which keep their codes."""
    codes = backup_codes.generate()
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, codes))
    actions = [post for code in codes for post in posts([after_password()] * 10, VERIFY, {"code": code})]
    answers = at_once(*actions)
    assert_no_errors(request, answers, sessions=sessions(), left=backup_codes.count_unused(alice))
    assert (sessions(), backup_codes.count_unused(alice)) == (1, 9)


@pytest.mark.proves("C-07")
def test_a_double_click_signs_in_and_says_so(phone, request, repeat):
    """C-07: both answers lead on, and nothing was counted."""
    answers = at_once(*posts([after_password()] * 2, VERIFY, {"code": phone.code()}))
    assert_no_errors(request, answers, sessions=sessions(), failures=GuessBudget.objects.get().failures)
    assert ([answer.status_code for answer in answers], sessions()) == ([303, 303], 1)


@pytest.mark.proves("C-07")
def test_a_double_click_costs_no_guess(phone, request, repeat):
    at_once(*posts([after_password()] * 2, VERIFY, {"code": phone.code()}))
    assert GuessBudget.objects.values_list("failures", "day_failures").get() == (0, 0)


def test_a_double_click_on_a_backup_code_spends_one(alice, printed_codes, request, repeat):
    answers = at_once(
        *posts([after_password()] * 2, "/two-factor/verify/backup/", {"code": printed_codes[0]})
    )
    assert_no_errors(request, answers, sessions=sessions(), left=backup_codes.count_unused(alice))
    assert (statuses(answers), backup_codes.count_unused(alice)) == ({303: 2}, 2)


def test_a_double_click_on_the_password_signs_in(alice, request, repeat):
    form = {"username": alice.email, "password": PASSWORD}
    answers = at_once(*posts([browser()] * 2, "/accounts/login/", form))
    assert_no_errors(request, answers, sessions=sessions())
    assert statuses(answers) == {303: 2}


# Guesses


@pytest.mark.proves("15.4.2", "V-10", "X-04", "C-03")
def test_a_hundred_wrong_codes_are_five_guesses(phone, request, repeat):
    """C-03, R-07, V-10: ten browsers, ten tabs each; 422 was looked at, 429 was not."""
    tabs = [client for client in [after_password() for _ in range(10)] for _ in range(10)]
    answers = at_once(*posts(tabs, VERIFY, {"code": WRONG}))
    failures = GuessBudget.objects.get().failures
    assert_no_errors(request, answers, failures=failures)
    assert (statuses(answers), failures) == ({422: 5, 429: 95}, 5)


def test_wrong_codes_of_every_kind_are_five_guesses(phone, printed_codes, request, repeat):
    client = after_password()
    forms = [{"code": WRONG}, {"code": "YYYYY-YYYYY-YYYYY"}] * 10
    answers = at_once(*posts([client], VERIFY, *forms))
    assert_no_errors(request, answers, failures=GuessBudget.objects.get().failures)
    assert statuses(answers) == {422: 5, 429: 15}


def test_after_a_wait_a_hundred_are_one_guess(phone, clock, request, repeat):
    client = after_password()
    [client.post(VERIFY, {"code": WRONG}) for _ in range(5)]
    clock.shift(31)
    answers = at_once(*posts([client], VERIFY, *[{"code": WRONG}] * CROWD))
    assert_no_errors(request, answers, failures=GuessBudget.objects.get().failures)
    assert statuses(answers) == {422: 1, 429: 99}


class Counting(MD5PasswordHasher):
    """Records which passwords are compared."""

    looked_at: list[str] = []

    def encode(self, password, salt):
        self.looked_at.append(password)
        return super().encode(password, salt)


@pytest.fixture
def looked_at(settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.Counting"]
    Counting.looked_at.clear()
    return Counting.looked_at


@pytest.mark.proves("L-1", "X-04")
@pytest.mark.parametrize("email", ["alice@example.com", "nobody@example.com"])
def test_sixty_wrong_passwords_at_once_are_five_tries(alice, looked_at, email, request, repeat):
    """Of a person and of nobody alike."""
    form = {"username": email, "password": "wrong horse battery"}
    answers = at_once(*posts([browser() for _ in range(60)], "/accounts/login/", form))
    assert_no_errors(request, answers, looked_at=len(looked_at))
    assert looked_at.count("wrong horse battery") == 5


@pytest.mark.proves("L-3")
def test_sixty_wrong_passwords_of_a_known_browser_are_five_tries(alice, looked_at, request, repeat):
    known = after_password()
    known.post("/accounts/logout/")
    form = {"username": alice.email, "password": "wrong horse battery"}
    answers = at_once(*posts([known] * 60, "/accounts/login/", form))
    assert_no_errors(request, answers, looked_at=len(looked_at))
    assert looked_at.count("wrong horse battery") == 5


@pytest.mark.proves("L-3")
def test_the_last_try_of_strangers_is_one_from_twelve_addresses_at_once(alice, looked_at, request, repeat):
    last_but_one = password_tries.STRANGERS_LIMIT - 1
    digest = password_tries.digest_of(alice.email, password_tries.STRANGERS)
    PasswordTries.objects.create(name_digest=digest, address=password_tries.ANYWHERE, count=last_but_one)
    form = {"username": alice.email, "password": "wrong horse battery"}
    post = partial(browser().post, "/accounts/login/", form)
    answers = at_once(*[partial(post, REMOTE_ADDR=f"203.0.113.{n}") for n in range(12)])
    assert_no_errors(request, answers, looked_at=len(looked_at))
    assert looked_at.count("wrong horse battery") == 1


def test_an_address_has_no_more_than_fifty_tries_at_once(alice, looked_at, request, repeat):
    """As far as there is one left: of two that ask for the last one together, both may have to wait."""
    PasswordTries.objects.create(name_digest="n", address="127.0.0.1", count=password_tries.ADDRESS_LIMIT - 1)
    forms = [{"username": f"n{n}@example.com", "password": "wrong horse battery"} for n in range(12)]
    answers = at_once(*posts([browser()], "/accounts/login/", *forms))
    assert_no_errors(request, answers, looked_at=len(looked_at))
    assert looked_at.count("wrong horse battery") <= 1


def test_sixty_right_passwords_at_once_leave_no_try_counted(alice, phone, request, repeat):
    """Some of them are asked to wait, because no more than five are looked at together."""
    form = {"username": alice.email, "password": PASSWORD}
    answers = at_once(*posts([browser() for _ in range(60)], "/accounts/login/", form))
    assert_no_errors(request, answers)
    assert PasswordTries.objects.exclude(address=password_tries.ANYWHERE).get().count == 0


def test_an_allowance_is_never_exceeded(alice, request, repeat):
    """What limits sends, starts and mails: ten allowed, a hundred ask."""
    ten_a_day = Limit("anything", 10, DAY)
    allowed = at_once(*[lambda: ten_a_day.charge(1, timezone.now())] * CROWD)
    assert (sum(allowed), Allowance.objects.get().count) == (10, 10)


# Setup, new codes, turning off (C-04)


def test_the_first_look_at_the_key_makes_one_key(alice, request, repeat):
    client = browser()
    give_password(client)
    answers = at_once(*[partial(browser(client).get, SETUP) for _ in range(CROWD)])
    assert_no_errors(request, answers, drafts=Draft.objects.count())
    assert (statuses(answers)[200] + statuses(answers)[429], Draft.objects.count()) == (CROWD, 1)


@pytest.mark.proves("C-04")
def test_finishing_in_many_tabs_turns_it_on_once(alice, request, repeat):
    client = browser()
    give_password(client)
    confirm_key(client)
    answers = at_once(*posts([client] * CROWD, CODES, SAVED))
    enabled = Event.objects.filter(kind="two_factor_enabled").count()
    assert_no_errors(request, answers, on=enabled, codes=BackupCode.objects.count())
    assert (Authenticator.objects.count(), BackupCode.objects.count(), enabled) == (1, 10, 1)


def test_finishing_and_cancelling_at_once_is_one_or_the_other(alice, request, repeat):
    client = browser()
    give_password(client)
    confirm_key(client)
    cancel = posts([client] * 5, "/two-factor/setup/cancel/", {})
    answers = at_once(*posts([client] * 5, CODES, SAVED), *cancel)
    assert_no_errors(request, answers, on=Authenticator.objects.count())
    assert (BackupCode.objects.count(), Draft.objects.count()) == (10 * Authenticator.objects.count(), 0)


# Several apps: never none left while it is on


@pytest.fixture
def two_apps(alice, phone):
    second = add_app(alice, totp.generate_key(), timezone.now() - timedelta(days=2), name="Tablet")
    return [phone, second], list(enrolled.apps_of(alice))


def removals(clients, apps, phones):
    forms = [{"password": PASSWORD, "code": phone.code()} for phone in phones]
    return [
        partial(browser(client).post, f"/two-factor/apps/{app.pk}/remove/", form)
        for client, app, form in zip(clients, apps, forms, strict=True)
    ]


@pytest.mark.proves("MF-2")
def test_of_two_removals_of_the_last_two_apps_one_wins(alice, two_apps, clock, request, repeat):
    phones, apps = two_apps
    clients = [browser(), browser()]
    for client, phone in zip(clients, phones, strict=True):
        sign_in(client, phone)
    clock.shift(60)
    answers = at_once(*removals(clients, apps, phones))
    assert_no_errors(request, answers, left=enrolled.apps_of(alice).count())
    assert (enrolled.apps_of(alice).count(), enrolled.is_on(alice)) == (1, True)


def test_removing_one_app_many_times_removes_one(alice, two_apps, clock, request, repeat):
    phones, apps = two_apps
    client = browser()
    sign_in(client, phones[0])
    clock.shift(60)
    codes = [phones[1].code(), *([phones[0].code()] * 9)]
    forms = [{"password": PASSWORD, "code": code} for code in codes]
    answers = at_once(*posts([client], f"/two-factor/apps/{apps[1].pk}/remove/", *forms))
    removed = Event.objects.filter(kind="app_removed").count()
    assert_no_errors(request, answers, removed=removed)
    assert (enrolled.apps_of(alice).count(), removed) == (1, 1)


def test_a_code_of_an_app_that_is_being_removed_opens_no_session_after_it(
    alice, two_apps, clock, request, repeat
):
    phones, apps = two_apps
    client = browser()
    sign_in(client, phones[0])
    clock.shift(60)
    others = [after_password() for _ in range(10)]
    sign_ins = posts(others, "/two-factor/verify/", {"code": phones[1].code()})
    answers = at_once(*removals([client], apps[1:], phones[:1]), *sign_ins)
    assert_no_errors(request, answers, left=enrolled.apps_of(alice).count())
    if enrolled.apps_of(alice).count() == 1:  # the removal ended every session that was opened before it
        pages = [browser(other).get("/two-factor/").status_code for other in others]
        assert set(pages) <= {302, 303}


def test_renaming_brings_no_removed_app_back(alice, two_apps, clock, request, repeat):
    phones, apps = two_apps
    client = browser()
    sign_in(client, phones[0])
    clock.shift(60)
    renames = posts([client] * 10, f"/two-factor/apps/{apps[1].pk}/rename/", {"name": "Old tablet"})
    answers = at_once(*removals([client], apps[1:], phones[:1]), *renames)
    assert_no_errors(request, answers, left=enrolled.apps_of(alice).count())
    assert (enrolled.apps_of(alice).count(), Event.objects.filter(kind="app_removed").count()) == (1, 1)


def test_no_more_apps_are_added_than_allowed(alice, phone, clock, request, repeat):
    long_ago = timezone.now() - timedelta(days=2)
    for number in range(3):
        add_app(alice, totp.generate_key(), long_ago, name=f"Phone {number}")
    client = browser()
    sign_in(client, phone)
    clock.shift(60)
    client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    new = scan_key(client, ADD)
    answers = at_once(*posts([client] * 10, ADD, {"code": new.code(), "name": "New"}))
    assert_no_errors(request, answers, apps=enrolled.apps_of(alice).count())
    assert enrolled.apps_of(alice).count() == enrolled.MAX_APPS


@pytest.fixture
def laptop(phone, clock):
    client = browser()
    sign_in(client, phone)
    clock.shift(60)
    return client


@pytest.mark.proves("C-04")
def test_a_hundred_times_turning_off_is_once(alice, phone, laptop, request, repeat):
    form = {"password": PASSWORD, "code": phone.code()}
    answers = at_once(*posts([laptop] * CROWD, "/two-factor/disable/", form))
    off = Event.objects.filter(kind="two_factor_disabled").count()
    assert_no_errors(request, answers, off=off)
    assert (off, enrolled.is_on(alice), BackupCode.objects.count()) == (1, False, 0)


@pytest.mark.proves("C-04")
def test_new_codes_saved_in_many_tabs_are_ten(alice, phone, laptop, request, repeat):
    path = "/two-factor/backup-codes/"
    laptop.post(path, {"password": PASSWORD, "code": phone.code()})
    answers = at_once(*posts([laptop] * CROWD, path, SAVED))
    made = Event.objects.filter(kind="backup_codes_regenerated").count()
    assert_no_errors(request, answers, made=made, codes=BackupCode.objects.count())
    assert (made, BackupCode.objects.count()) == (1, 10)


@pytest.mark.proves("V-18")
def test_one_code_spent_for_two_things_buys_one(alice, phone, laptop, request, repeat):
    """V-18: the same code, for a sign-in and for turning off."""
    code, other = phone.code(), after_password()
    off = posts([laptop], "/two-factor/disable/", {"password": PASSWORD, "code": code})
    answers = at_once(*off, *posts([other], VERIFY, {"code": code}))
    assert_no_errors(request, answers, on=enrolled.is_on(alice), sessions=sessions())
    assert enrolled.is_on(alice) == (
        Event.objects.filter(kind="signed_in_with_code").count() == 2 and sessions() == 2
    )


def confirm_everywhere(phone, clock, code):
    """One code for the step-up of ten sessions, in which no pending sign-in stands beside it."""
    browsers = [browser() for _ in range(10)]
    for client in browsers:
        sign_in(client, phone)
        clock.shift(60)
    form = {"password": PASSWORD, "code": code()}
    return at_once(*posts(browsers, "/two-factor/confirm/", form))


def test_one_code_confirms_one_session(phone, clock, request, repeat):
    answers = confirm_everywhere(phone, clock, phone.code)
    assert_no_errors(request, answers)
    assert statuses(answers)[303] == 1


def test_one_backup_code_confirms_one_session(alice, phone, printed_codes, clock, request, repeat):
    answers = confirm_everywhere(phone, clock, lambda: printed_codes[0])
    assert_no_errors(request, answers, left=backup_codes.count_unused(alice))
    assert (statuses(answers)[303], backup_codes.count_unused(alice)) == (1, 2)


def test_turning_off_and_signing_in_at_once_never_half_signs_in(
    alice, phone, laptop, printed_codes, request, repeat
):
    other = after_password()
    off = posts([laptop], "/two-factor/disable/", {"password": PASSWORD, "code": phone.code()})
    answers = at_once(*off, *posts([other], VERIFY, {"code": printed_codes[0]}))
    assert_no_errors(request, answers, on=enrolled.is_on(alice))
    assert other.get("/two-factor/").status_code == 302


def test_changes_of_factors_and_codes_of_all_kinds_wait_in_one_order(
    alice, two_apps, printed_codes, laptop, clock, request, repeat
):
    """On PostgreSQL two that lock the same rows in another order would end in a deadlock, and an error."""
    phones, apps = two_apps
    clock.shift(60)
    tabs = [after_password() for _ in range(8)]
    codes = [phones[0].code(), phones[1].code(), *printed_codes[:2], WRONG, WRONG]
    answers = at_once(
        *(partial(tab.post, VERIFY, {"code": code}) for tab, code in zip(tabs, codes, strict=False)),
        *removals([laptop], apps[1:], phones[:1]),
        *posts([laptop], "/two-factor/disable/", {"password": PASSWORD, "code": printed_codes[2]}),
    )
    assert_no_errors(request, answers, left=enrolled.apps_of(alice).count())


def test_support_and_codes_wait_in_one_order(alice, phone, printed_codes, request, repeat):
    tabs = [after_password() for _ in range(6)]
    codes = [phone.code(), *printed_codes[:2], *[WRONG] * 3]
    posted = (partial(tab.post, VERIFY, {"code": code}) for tab, code in zip(tabs, codes, strict=True))
    reset = partial(support.reset, alice, "lost", "a test", None)
    done = at_once(reset, *posted)
    assert_no_errors(request, done[1:], on=enrolled.is_on(alice))
    assert not enrolled.is_on(alice)


# Passwords: not exact (M-1), but nothing breaks and every failure is counted


@pytest.mark.proves("F-06")
def test_wrong_passwords_in_parallel_break_nothing(alice, request, repeat):
    form = {"username": alice.email, "password": "wrong"}
    answers = at_once(*posts([browser()] * 60, "/accounts/login/", form))
    assert_no_errors(request, answers)
    assert set(statuses(answers)) <= {422, 429}


def test_after_wrong_passwords_in_parallel_the_right_one_waits(alice, request, repeat):
    at_once(*posts([browser()] * 60, "/accounts/login/", {"username": alice.email, "password": "wrong"}))
    assert give_password(browser()).status_code == 429


def test_people_do_not_get_in_each_others_way(alice, request, repeat):
    phones = [(email, enrol(person(email))) for email in (f"p{n}@example.com" for n in range(10))]
    clients = [browser() for _ in phones]

    def whole(client, email, phone):
        return lambda: sign_in(client, phone, email)

    at_once(*[whole(client, email, phone) for client, (email, phone) in zip(clients, phones, strict=True)])
    assert [signed_in_as(client).email for client in clients] == [email for email, _ in phones]


def test_the_codes_shown_in_many_tabs_are_the_same(alice, request, repeat):
    client = browser()
    give_password(client)
    confirm_key(client)
    answers = at_once(*[partial(browser(client).get, CODES) for _ in range(10)])
    shown = {tuple(re.findall(r"<code>([^<]+)</code>", answer.text)) for answer in answers}
    assert [len(codes) for codes in shown] == [10]


@pytest.mark.parametrize(
    "path", ["/two-factor/setup/codes/", "/two-factor/backup-codes/", "/two-factor/disable/"]
)
def test_the_same_change_in_many_tabs_is_no_error(clock, path, repeat):
    alice, client = person(), browser()
    if "setup" in path:
        give_password(client)
        confirm_key(client)
    else:
        phone = enrol(alice)
        sign_in(client, phone)
        clock.shift(60)
        form = {"password": PASSWORD, "code": phone.code()}
        if "backup" in path:
            client.post(path, form)
    answers = at_once(*posts([client] * 20, path, form if "disable" in path else SAVED))
    assert [status for status in statuses(answers) if status >= 500 or status == 400] == []


def test_a_double_click_on_the_last_free_guess_signs_in(repeat):
    """C-07 on PostgreSQL: both have paid before either is found right."""
    client, phone = browser(), enrol(person())
    give_password(client)
    [client.post("/two-factor/verify/", {"code": "000000"}) for _ in range(4)]
    answers = at_once(*posts([client] * 2, "/two-factor/verify/", {"code": phone.code()}))
    assert 303 in statuses(answers)
    assert (Session.objects.count(), GuessBudget.objects.get().failures) == (1, 0)
