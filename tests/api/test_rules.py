"""The rules over the API: the same verbs and permissions as in the administration."""

import pytest
from django.contrib.auth.models import Permission

from tests.api.program import Program, status_and_code
from tests.people import NOW, PASSWORD, enrol, person
from twofactor.models import Authenticator, Event, Rule

pytestmark = pytest.mark.django_db
TODAY = NOW.date().isoformat()
STAFF = {"scope": "staff", "starts_on": TODAY, "grace_days": 0}


def program_of(user, clock):
    phone = enrol(user)
    program = Program(user.email)
    program.sign_in(phone)
    clock.shift(60)
    program.phone = phone
    return program


@pytest.fixture
def root(db, clock):
    return program_of(person("root@example.com", is_staff=True, is_superuser=True), clock)


@pytest.fixture
def helper(db, clock):
    helper = person("helper@example.com", is_staff=True)
    codenames = ["add_rule", "delete_rule", "view_rule"]
    helper.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return program_of(helper, clock)


@pytest.mark.proves("RU-7")
def test_a_rule_is_made_listed_and_removed(root, alice):
    made = root.post("rules/create/", STAFF)
    listed = root.get("rules/").json()["rules"]
    assert (made.status_code, listed) == (201, [made.json()["rule"]])
    removed = root.post("rules/remove/", {"id": made.json()["rule"]["id"]})
    assert (removed.status_code, Rule.objects.count()) == (204, 0)
    assert [event.kind for event in Event.objects.filter(kind__startswith="rule_").order_by("pk")] == [
        "rule_made",
        "rule_removed",
    ]


def test_a_dry_run_saves_nothing(root, alice):
    found = root.post("rules/create/", {**STAFF, "scope": "everyone", "dry_run": True})
    assert (found.json()["without"], found.json()["rule"]["id"], Rule.objects.count()) == (1, None, 0)


@pytest.mark.proves("RU-3")
@pytest.mark.parametrize("scope", ["everyone", "staff"])
def test_only_superusers_make_rules_for_many(helper, scope):
    assert status_and_code(helper.post("rules/create/", {**STAFF, "scope": scope})) == (400, "invalid")
    assert Rule.objects.count() == 0


@pytest.mark.proves("RU-3")
def test_nobody_makes_a_rule_for_someone_with_more_rights(helper, root, alice):
    answers = [
        helper.post("rules/create/", {**STAFF, "scope": "person", "person": str(user.pk)}).status_code
        for user in (person("boss@example.com", is_superuser=True), alice)
    ]
    assert (answers, [rule.user for rule in Rule.objects.all()]) == ([400, 201], [alice])


@pytest.mark.proves("RU-3")
def test_nobody_takes_away_a_rule_for_many(helper):
    rule = Rule.objects.create(scope="everyone", starts_on=TODAY)
    assert status_and_code(helper.post("rules/remove/", {"id": rule.pk})) == (403, "permission_denied")
    assert Rule.objects.count() == 1


@pytest.mark.proves("RU-3")
def test_a_later_change_needs_code_and_password(root, clock):
    clock.shift(6 * 60)
    code = root.phone.code()
    answers = [
        status_and_code(root.post("rules/create/", STAFF))[1],
        status_and_code(root.post("rules/create/", {**STAFF, "otp_code": code}))[1],
        root.post("rules/create/", {**STAFF, "otp_code": code, "password": PASSWORD}).status_code,
    ]
    assert answers == ["invalid", "password_needed", 201]


@pytest.mark.proves("RU-3")
def test_an_app_that_was_added_recently_is_not_enough(root, clock):
    Authenticator.objects.update(full_from=None)
    assert status_and_code(root.post("rules/create/", STAFF)) == (403, "older_factor_needed")


@pytest.mark.proves("RU-3")
def test_the_password_alone_writes_no_rule(db, clock):
    """Someone without a factor, although with every permission."""
    person("chief@example.com", is_staff=True, is_superuser=True)
    program = Program("chief@example.com")
    program.give_password()
    answers = [status_and_code(program.get("rules/")), status_and_code(program.post("rules/create/", STAFF))]
    assert answers == [(403, "permission_denied")] * 2


@pytest.mark.proves("RU-3")
def test_a_permission_without_staff_is_not_enough(db, clock):
    helper = person("helper@example.com")
    helper.user_permissions.set(Permission.objects.filter(codename="view_rule"))
    assert status_and_code(program_of(helper, clock).get("rules/")) == (403, "permission_denied")


def test_the_list_costs_the_same_for_many_rules(root, django_assert_max_num_queries):
    for _ in range(20):
        Rule.objects.create(scope="staff", starts_on=TODAY)
    with django_assert_max_num_queries(15):
        assert len(root.get("rules/").json()["rules"]) == 20


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"scope": "cats"}, "scope"),
        ({"scope": "group", "group": 99}, "group"),
        ({"scope": "person", "person": "\x00"}, "person"),
        ({"scope": "person", "person": "9" * 60}, "person"),
        ({"group": 1}, "group"),
        ({"starts_on": "31.01.2027"}, "starts_on"),
        ({"starts_on": "9999-12-31"}, "starts_on"),
        ({"grace_days": 366}, "grace_days"),
        ({"grace_days": True}, "grace_days"),
        ({"dry_run": "yes"}, "dry_run"),
    ],
)
def test_what_makes_no_sense_is_refused(root, changed, field):
    answer = root.post("rules/create/", {**STAFF, **changed})
    assert (answer.status_code, list(answer.json()["fields"]), Rule.objects.count()) == (400, [field], 0)
