"""Rules that ask for a passkey: in the administration, the API, the command and the checks."""

import json
from datetime import timedelta
from io import StringIO

import pytest
from django.core import mail
from django.core.management import CommandError, call_command

from tests.api.program import Program, status_and_code
from tests.operations.admin_and_commands import help_page
from tests.operations.test_admin_rules import ADD, TODAY, fields, numbers, save
from tests.people import NOW, add_passkey, enrol, person, sign_in
from twofactor.checks.configuration import check_administrators
from twofactor.models import Event, Rule
from twofactor.operations import rules
from twofactor.outgoing import outbox

pytestmark = pytest.mark.django_db
PASSKEY = Rule.Factor.PASSKEY


@pytest.fixture(autouse=True)
def passkeys_work(settings):
    settings.TWOFACTOR_BASE_URL = "http://localhost"


# In the administration


@pytest.mark.proves("RU-8")
def test_the_preview_says_how_many_have_none(stepped_up, superuser, alice, bob):
    enrol(alice)
    enrol(bob)
    for user in (superuser, bob):
        add_passkey(user)
    found = numbers(stepped_up.post(ADD, fields(factor=PASSKEY)).text)
    assert found["Without a passkey or security key"] == "1"
    assert found["Led to add one at their next page"] == "1"
    assert found["Factor"] == "A passkey or security key"


@pytest.mark.proves("RU-8")
def test_a_saved_rule_has_its_kind(stepped_up, superuser):
    add_passkey(superuser)
    save(stepped_up, factor=PASSKEY)
    assert Rule.objects.get().factor == PASSKEY
    assert Event.objects.get(kind="rule_made").detail["rule"].startswith("everyone, a passkey, from")


def test_without_a_kind_it_is_any(stepped_up):
    save(stepped_up)
    assert Rule.objects.get().factor == Rule.Factor.ANY


def test_the_kind_of_a_rule_can_be_changed(stepped_up, alice):
    rule = Rule.objects.create(scope="person", user=alice, starts_on=TODAY, factor=PASSKEY)
    save(
        stepped_up,
        f"/admin/twofactor/rule/{rule.pk}/change/",
        scope="person",
        user=alice.pk,
        factor=Rule.Factor.ANY,
    )
    assert Rule.objects.get().factor == Rule.Factor.ANY


@pytest.mark.proves("RU-9")
@pytest.mark.parametrize("scope", ["everyone", "staff"])
def test_who_has_none_makes_no_rule_that_is_for_them(stepped_up, superuser, alice, scope):
    shown = stepped_up.post(ADD, fields(scope, factor=PASSKEY))
    assert "This rule is for you too, and you have no passkey" in shown.text
    save(stepped_up, scope=scope, factor=PASSKEY)
    assert not Rule.objects.exists()


def test_who_has_none_makes_a_rule_for_others(stepped_up, superuser, alice):
    save(stepped_up, scope="person", user=alice.pk, factor=PASSKEY)
    assert Rule.objects.get().user == alice


def test_a_suspected_passkey_does_not_count(stepped_up, superuser):
    add_passkey(superuser, suspected_at=NOW)
    save(stepped_up, factor=PASSKEY)
    assert not Rule.objects.exists()


@pytest.mark.proves("RU-11")
def test_it_is_not_offered_where_there_are_no_passkeys(stepped_up, superuser, settings):
    offered = stepped_up.get(ADD).text
    settings.TWOFACTOR_BASE_URL = "http://127.0.0.1"
    form = stepped_up.get(ADD).text
    add_passkey(superuser)
    save(stepped_up, factor=PASSKEY)
    value = 'value="passkey"'
    assert (value in offered, value in form, Rule.objects.exists()) == (True, False, False)


def test_the_help_page_says_it(stepped_up, alice):
    Rule.objects.create(scope="person", user=alice, starts_on=TODAY, factor=PASSKEY)
    assert (
        "a code is not enough: it has to be a passkey or security key."
        in stepped_up.get(help_page(alice)).text
    )


# Telling people


@pytest.mark.proves("RU-10")
def test_who_has_none_is_told_by_mail(alice, bob):
    enrol(alice)
    enrol(bob)
    add_passkey(bob)
    Rule.objects.create(scope="everyone", starts_on=TODAY + timedelta(days=9), factor=PASSKEY)
    told = rules.tell()
    outbox.send_due()
    [letter] = mail.outbox
    assert (told, letter.to) == (1, ["alice@example.com"])
    assert "needs a passkey or security key from 10 March 2026" in letter.body
    assert "/two-factor/passkeys/add/" in letter.body
    assert letter.subject.startswith("Add a passkey or security key")


@pytest.mark.proves("RU-10")
def test_the_dashboard_says_it_before_the_day(alice, client):
    phone = enrol(alice)
    Rule.objects.create(scope="everyone", starts_on=TODAY + timedelta(days=9), factor=PASSKEY)
    sign_in(client, phone)
    before = client.get("/").text
    add_passkey(alice)
    told = "Your account needs a passkey or security key from 10 March 2026."
    assert (told in before, told in client.get("/").text) == (True, False)


# Over the API


@pytest.fixture
def root(api, superuser, superuser_phone, clock):
    program = Program(superuser.email)
    program.sign_in(superuser_phone)
    clock.shift(60)
    return program


NEW = {"scope": "staff", "starts_on": TODAY.isoformat(), "grace_days": 3, "factor": "passkey"}


def test_the_api_makes_one(root, superuser):
    add_passkey(superuser)
    made = root.post("rules/create/", NEW)
    assert (made.status_code, made.json()["rule"]["factor"]) == (201, "passkey")


@pytest.mark.proves("RU-9")
def test_the_api_refuses_who_has_none(root):
    assert status_and_code(root.post("rules/create/", NEW)) == (400, "invalid")


@pytest.mark.parametrize("factor", ["totp", "PASSKEY", " any", ""])
def test_the_api_takes_no_other_kind(root, factor):
    answer = root.post("rules/create/", {**NEW, "factor": factor})
    assert (answer.status_code, Rule.objects.count()) == (400, 0)


@pytest.mark.proves("RU-8")
def test_a_program_that_signed_in_with_a_code_is_held(api, alice):
    program = Program()
    program.sign_in(enrol(alice))
    before = program.get("totp/apps/").status_code
    Rule.objects.create(scope="everyone", starts_on=TODAY, factor=PASSKEY)
    assert (before, status_and_code(program.get("totp/apps/"))) == (200, (403, "passkey_needed"))
    assert program.get("totp/status/").status_code == 200


# At the command line


def run(*args):
    out = StringIO()
    call_command("twofactor", *args, stdout=out)
    return out.getvalue()


def test_the_command_makes_one(alice):
    out = run("require", "everyone", "--passkey", "--reason", "decided")
    assert (Rule.objects.get().factor, "without: 1" in out) == (PASSKEY, True)
    assert "factor: passkey" in run("rules")


@pytest.mark.proves("RU-9")
def test_the_command_needs_one_administrator_who_has_one():
    chief = person("chief@example.com", is_staff=True, is_superuser=True)
    enrol(chief)
    with pytest.raises(CommandError, match="none has a passkey"):
        run("require", "staff", "--passkey", "--reason", "decided")
    add_passkey(chief)
    run("require", "staff", "--passkey", "--reason", "decided")
    assert Rule.objects.count() == 1


@pytest.mark.proves("RU-11")
def test_the_command_makes_none_where_there_are_no_passkeys(settings):
    settings.TWOFACTOR_BASE_URL = "http://127.0.0.1"
    with pytest.raises(CommandError, match="offers no passkeys"):
        run("require", "everyone", "--passkey", "--reason", "decided")


@pytest.mark.proves("RU-8")
@pytest.mark.parametrize("by", ["rule", "staff", f"{__name__}.is_staff"])
def test_the_report_lists_who_has_none_and_who_has_one(settings, alice, by):
    people = {0: person("none@example.com", is_staff=True), 1: person("one@example.com", is_staff=True)}
    people[2] = person("two@example.com", is_staff=True)
    for count, user in people.items():
        for _each in range(count):
            add_passkey(user)
    if by == "rule":
        Rule.objects.create(scope="staff", starts_on=TODAY + timedelta(days=9), factor=PASSKEY)
    else:
        settings.TWOFACTOR_PASSKEY_REQUIRED_FOR = by
    facts = json.loads(run("report", "--json"))
    assert facts["need_a_passkey_and_have_none"] == ["none@example.com"]
    assert facts["need_a_passkey_and_have_one"] == ["one@example.com"]


def is_staff(user):
    return user.is_staff


# The checks


def checked():
    return [message.id for message in check_administrators(None, databases=["default"])]


@pytest.mark.proves("RU-9")
@pytest.mark.parametrize("by", ["rule", "setting"])
def test_a_check_wants_one_administrator_who_has_one(settings, by):
    chief = person("chief@example.com", is_staff=True, is_superuser=True)
    enrol(chief)
    if by == "rule":
        Rule.objects.create(scope="staff", starts_on=TODAY, factor=PASSKEY)
    else:
        settings.TWOFACTOR_PASSKEY_REQUIRED_FOR = "staff"
    before = checked()
    add_passkey(chief)
    assert (before, checked()) == (["twofactor.E026"], [])


@pytest.mark.proves("RU-11")
def test_a_check_warns_where_there_are_no_passkeys(settings, alice):
    Rule.objects.create(scope="everyone", starts_on=TODAY, factor=PASSKEY)
    before = checked()
    settings.TWOFACTOR_BASE_URL = "http://127.0.0.1"
    assert (before, checked()) == ([], ["twofactor.W010"])


# A rule of one's own that is in grace


def require(client, user):
    return client.post(help_page(user, "require/"), {"require-reason": "the board wants it"}, follow=True)


@pytest.mark.proves("RU-6")
def test_the_button_brings_a_rule_in_grace_forward(stepped_up, alice):
    rule = Rule.objects.create(scope="person", user=alice, starts_on=TODAY + timedelta(days=9), grace_days=7)
    page = require(stepped_up, alice)
    assert "needs two-factor authentication from now on" in page.text
    found = Rule.objects.get()
    assert (found.pk, found.starts_on, found.grace_days) == (rule.pk, TODAY, 0)
    assert [event.kind for event in Event.objects.filter(kind__startswith="rule_")] == ["rule_changed"]


def test_the_button_leaves_a_rule_about_passkeys_as_it_is(stepped_up, alice):
    later = Rule.objects.create(
        scope="person", user=alice, starts_on=TODAY + timedelta(days=9), factor=PASSKEY
    )
    require(stepped_up, alice)
    later.refresh_from_db()
    assert (Rule.objects.count(), later.starts_on) == (2, TODAY + timedelta(days=9))
