"""Rules that ask for a passkey: whom they hold, what they lead to, and what no longer opens a step-up."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group

from tests.people import NOW, PASSWORD, PRINTED_CODES, enrol, give_password, sign_in
from tests.twofactor.passkeys.browser import forms_of, new_key, new_passkey, next_use, store
from tests.twofactor.sent_codes import enter_sent_code, mailed_code, request_code
from tests.twofactor.setup_steps import set_up
from twofactor.factor_changes import add_passkey
from twofactor.factors import enrolled
from twofactor.factors.challenges import ADD_PASSKEY, Purpose
from twofactor.factors.passkeys import ask_for_new, read_new
from twofactor.factors.refusal import Changed
from twofactor.models import Passkey, Rule

PROFILE = "/accounts/profile/"
ADD = "/two-factor/passkeys/add/"
CONFIRM = "/two-factor/confirm/"
TODAY = NOW.date()


def rule(scope="everyone", starts_on=TODAY, factor=Rule.Factor.PASSKEY, **fields):
    return Rule.objects.create(scope=scope, starts_on=starts_on, factor=factor, **fields)


def sign_in_by_mail(client):
    give_password(client)
    request_code(client)
    enter_sent_code(client, mailed_code())


def led_to(client, path=PROFILE):
    """The page that it leads to; empty where it shows the page."""
    answer = client.get(path)
    return answer.url.partition("?")[0] if answer.status_code == 303 else ""


# Whom it holds


@pytest.mark.proves("RU-8")
def test_who_has_signed_in_with_a_code_and_has_none_is_led_to_add_one(alice, phone, laptop):
    sign_in(laptop, phone)
    before = led_to(laptop)
    rule()
    assert (before, led_to(laptop)) == ("", ADD)
    shown = laptop.get(PROFILE, follow=True).text
    assert "This site requires a passkey or security key for everyone. Add one to continue." in shown


@pytest.mark.proves("RU-8")
def test_who_has_one_is_led_to_use_it(alice, phone, passkey, laptop):
    sign_in(laptop, phone)
    rule()
    page = laptop.get(PROFILE, follow=True)
    assert page.request["PATH_INFO"] == CONFIRM
    assert "Use yours to continue." in page.text
    answer = laptop.use(forms_of(page)[0], passkey)
    assert (answer.url, laptop.session["twofactor_amr"], led_to(laptop)) == (PROFILE, "passkey", "")


def test_who_is_led_to_add_one_goes_on_where_they_were(alice, phone, laptop):
    rule()
    sign_in(laptop, phone)
    page = laptop.get(PROFILE, follow=True)
    answer = laptop.use(forms_of(page)[0], new_passkey())
    assert laptop.session["twofactor_amr"] == "passkey"
    named = laptop.post(answer.url, {"name": "Mine"})
    assert (named.url, led_to(laptop)) == (PROFILE, "")


def test_a_sign_in_with_a_passkey_is_held_nowhere(alice, phone, passkey, laptop):
    rule()
    laptop.sign_in(passkey)
    assert led_to(laptop) == ""


def test_a_security_key_after_the_password_is_enough(alice, phone, laptop):
    rule()
    key = new_key()
    store(alice, key, name="Key")
    laptop.use(laptop.give_password(), next_use(key))
    assert (laptop.session["twofactor_amr"], led_to(laptop)) == ("key", "")


def test_who_has_no_second_factor_is_led_to_the_setup(alice, laptop):
    rule()
    give_password(laptop)
    assert led_to(laptop) == "/two-factor/setup/"


def test_setting_up_an_app_is_not_enough(alice, laptop):
    rule()
    give_password(laptop)
    set_up(laptop)
    assert led_to(laptop) == ADD


@pytest.mark.parametrize(
    ("scope", "held"), [("everyone", True), ("staff", False), ("group", True), ("person", False)]
)
def test_it_holds_whom_the_rule_is_for(alice, bob, phone, laptop, scope, held):
    clerks = Group.objects.create(name="clerks")
    alice.groups.add(clerks)
    rule(scope, **{"group": {"group": clerks}, "person": {"user": bob}}.get(scope, {}))
    sign_in(laptop, phone)
    assert (led_to(laptop) == ADD) is held


@pytest.mark.parametrize("later", [{"starts_on": TODAY + timedelta(days=1)}, {"grace_days": 1}])
def test_before_its_deadline_it_holds_nobody(alice, phone, laptop, later):
    rule(**later)
    sign_in(laptop, phone)
    assert led_to(laptop) == ""


@pytest.mark.parametrize("setting", ["everyone", f"{__name__}.everyone"])
def test_the_setting_holds_too(alice, phone, laptop, settings, setting):
    settings.TWOFACTOR_PASSKEY_REQUIRED_FOR = setting
    sign_in(laptop, phone)
    assert led_to(laptop) == ADD


def everyone(user):
    return True


def test_the_setting_requires_a_second_factor_first(alice, laptop, settings):
    settings.TWOFACTOR_PASSKEY_REQUIRED_FOR = "everyone"
    give_password(laptop)
    shown = laptop.get(PROFILE, follow=True)
    assert "This site requires two-factor authentication for everyone." in shown.text


def test_a_rule_for_any_factor_holds_nobody_who_has_one(alice, phone, laptop):
    rule(factor=Rule.Factor.ANY)
    sign_in(laptop, phone)
    assert led_to(laptop) == ""


@pytest.mark.parametrize("base_url", ["http://127.0.0.1", "http://shop.example"])
@pytest.mark.proves("RU-11")
def test_it_holds_nobody_where_no_browser_would_give_one(alice, phone, client, settings, base_url):
    rule()
    settings.TWOFACTOR_BASE_URL = base_url
    sign_in(client, phone)
    assert led_to(client) == ""


def test_a_passkey_of_another_domain_is_not_one_to_use(alice, phone, passkey, laptop):
    Passkey.objects.update(rp_id="old.example")
    rule()
    sign_in(laptop, phone)
    assert led_to(laptop) == ADD


# A code opens nothing


def test_a_removed_rule_lets_go_with_the_next_request(alice, phone, laptop):
    made = rule()
    sign_in(laptop, phone)
    held = led_to(laptop)
    made.delete()
    assert (held, led_to(laptop)) == (ADD, "")


@pytest.mark.proves("RU-12")
def test_the_confirm_page_takes_no_code(alice, phone, passkey, laptop, clock):
    rule()
    sign_in(laptop, phone)
    clock.shift(600)
    page = laptop.get(CONFIRM)
    sent = laptop.post(CONFIRM, {"password": PASSWORD, "code": phone.code()})
    assert 'name="code"' not in page.text
    assert (sent.status_code, laptop.session["twofactor_amr"]) == (200, "totp")


@pytest.mark.proves("RU-12")
def test_a_code_at_sign_in_adds_no_second_passkey(alice, phone, passkey, laptop):
    """A thief who was given the code a moment ago."""
    rule()
    sign_in(laptop, phone)
    assert led_to(laptop, ADD) == CONFIRM
    forms_sent = laptop.post(ADD, {"use": "add_passkey", "credential": "{}", "challenge": ""})
    assert (forms_sent.url.partition("?")[0], Passkey.objects.count()) == (CONFIRM, 1)


@pytest.mark.parametrize(
    "path", ["/two-factor/apps/add/", "/two-factor/backup-codes/", "/two-factor/disable/"]
)
def test_a_code_opens_no_other_page(alice, phone, laptop, path):
    rule()
    sign_in(laptop, phone)
    assert led_to(laptop, path) == ADD


def test_a_backup_code_leads_to_adding_one_alone(alice, laptop):
    rule()
    enrol(alice, PRINTED_CODES)
    give_password(laptop)
    laptop.post("/two-factor/verify/backup/", {"code": PRINTED_CODES[0]})
    assert (laptop.session["twofactor_amr"], led_to(laptop), led_to(laptop, "/two-factor/apps/add/")) == (
        "backup",
        ADD,
        ADD,
    )


def test_a_mailed_code_leads_to_adding_one_and_to_no_app(alice, phone, laptop):
    rule()
    sign_in_by_mail(laptop)
    assert (laptop.session["twofactor_amr"], led_to(laptop), led_to(laptop, "/two-factor/apps/add/")) == (
        "recovery",
        ADD,
        ADD,
    )


@pytest.mark.proves("RU-12")
def test_a_mailed_code_adds_nothing_beside_a_passkey(alice, phone, passkey, laptop):
    rule()
    sign_in_by_mail(laptop)
    assert (led_to(laptop), led_to(laptop, ADD)) == (CONFIRM, CONFIRM)
    page = laptop.get(CONFIRM)
    assert 'name="password"' not in page.text


def test_a_trusted_browser_is_still_asked(alice, phone, passkey, laptop):
    rule()
    give_password(laptop)
    laptop.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    laptop.post("/accounts/logout/")
    give_password(laptop)
    assert (laptop.session["twofactor_amr"], led_to(laptop)) == ("trusted", CONFIRM)


def test_a_step_up_by_code_ends_when_there_is_a_passkey(alice, phone, laptop):
    rule()
    sign_in(laptop, phone)
    laptop.use(forms_of(laptop.get(ADD))[0], new_passkey())
    assert led_to(laptop, "/two-factor/apps/add/") == CONFIRM


def test_signing_out_stays_open(alice, phone, laptop):
    rule()
    sign_in(laptop, phone)
    laptop.post("/accounts/logout/")
    assert "_auth_user_id" not in laptop.session


@pytest.mark.proves("RU-12")
def test_a_passkey_that_was_added_meanwhile_refuses_a_code(alice, phone, laptop, rf, clock):
    """The request of a session with a code has passed the gate before the owner added the first one."""
    rule()
    purpose = Purpose(ADD_PASSKEY, str(alice.pk), "session")
    question = ask_for_new(alice, purpose, NOW, enrolled.overview_of(alice))
    answer = new_passkey().register(question.options)
    late = read_new(answer, question.token, purpose, rf.post("/"), NOW)
    store(alice, new_passkey())
    with pytest.raises(Changed):
        add_passkey(alice, late, rf.post("/"), NOW, was_on=True)
    assert Passkey.objects.count() == 1


# The last one stays


@pytest.mark.proves("RU-13")
def test_the_last_passkey_of_someone_who_must_use_one_stays(alice, phone, passkey, laptop):
    rule()
    laptop.sign_in(passkey)
    path = f"/two-factor/passkeys/{Passkey.objects.get().pk}/remove/"
    asked, sent = laptop.get(path), laptop.post(path)
    assert "This site requires a passkey or security key for everyone. Add another one first." in asked.text
    assert (asked.status_code, sent.status_code, Passkey.objects.count()) == (200, 409, 1)


def test_one_of_two_may_go(alice, phone, passkey, laptop):
    rule()
    store(alice, new_key(), name="Key")
    laptop.sign_in(passkey)
    row = Passkey.objects.get(name="Key")
    page = laptop.get(f"/two-factor/passkeys/{row.pk}/remove/")
    assert (page.status_code, len(forms_of(page))) == (200, 2)


# What it costs


@pytest.mark.proves("RU-14", "S-06")
@pytest.mark.parametrize(("has_rule", "method"), [(False, "totp"), (True, "passkey")])
def test_pages_cost_nothing_more(alice, phone, passkey, laptop, django_assert_num_queries, has_rule, method):
    sign_in(laptop, phone) if method == "totp" else laptop.sign_in(passkey)
    if has_rule:
        rule()
    laptop.get(PROFILE)
    with django_assert_num_queries(1):
        assert laptop.get(PROFILE).status_code == 200


@pytest.mark.proves("RU-14", "S-06")
def test_someone_who_is_not_held_costs_one_query(alice, phone, laptop, django_assert_num_queries):
    rule("staff")
    sign_in(laptop, phone)
    laptop.get(PROFILE)
    with django_assert_num_queries(2):
        assert laptop.get(PROFILE).status_code == 200


@pytest.mark.proves("RU-8")
def test_pages_that_are_open_show_no_panel_in_place_of_an_answer(alice, phone, passkey, laptop):
    sign_in(laptop, phone)
    rule()
    for path in ("/two-factor/setup/", "/two-factor/setup/codes/", "/two-factor/setup/passkey/"):
        answer = laptop.post(path)
        assert (answer.status_code, answer.url) == (303, "/two-factor/"), path
    assert led_to(laptop, "/two-factor/") == CONFIRM
