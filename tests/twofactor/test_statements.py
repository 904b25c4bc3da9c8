"""Statements do what their querysets do, on whichever database and Django the tests run."""

import random
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import hypothesis
import pytest
from django.contrib.auth import get_user_model
from django.db import DatabaseError, IntegrityError, connection, models, transaction
from django.db.models import F
from django.db.models.signals import post_delete, post_save
from django.db.utils import ConnectionDoesNotExist
from django.test.utils import CaptureQueriesContext, isolate_apps
from django.utils import timezone

from accounts.models import KnownBrowser, PasswordTries
from tests.people import NOW, add_app, enrol, person
from twofactor import statements
from twofactor.factors import totp
from twofactor.models import (
    Allowance,
    Authenticator,
    BackupCode,
    Draft,
    Event,
    GuessBudget,
    Letter,
    Passkey,
    PasskeyOwner,
    SentCode,
    Session,
    TokenFamily,
    TrustedBrowser,
    TwoFactor,
)
from twofactor.outgoing.outbox import FIRST_MOMENT, LAST_MOMENT
from twofactor.views import panel  # noqa: F401 - with the statements of all that it imports

ODD_TEXTS = ["", "%s", "100%", "'; DROP TABLE x; --", "ä", "\U0001f600", "a" * 60]
MOMENTS = [NOW - timedelta(days=1), NOW - timedelta(seconds=1), NOW, NOW + timedelta(microseconds=1)]
COUNTS = [0, 1, 2, 5, 32767]


pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("made")]


@pytest.fixture
def made():
    """The statements that a test has made go again."""
    before = list(statements.STATEMENTS)
    yield
    statements.STATEMENTS[:] = before


# Those that the site uses, with generated rows and values


def some_people(chosen):
    for number in range(4):
        user = person(f"p{number}@example.com", last_login=chosen.choice([None, *MOMENTS]))
        if number == 3:
            continue  # nothing but a password
        enrol(user)
        for _ in range(number):
            add_app(user, totp.generate_key(), chosen.choice(MOMENTS))
        GuessBudget.objects.filter(pk=user.pk).update(
            failures=chosen.choice(COUNTS[:4]),
            day_failures=chosen.choice(COUNTS[:4]),
            locked_until=chosen.choice([None, *MOMENTS]),
            day_began_at=chosen.choice([None, *MOMENTS]),
        )
    TwoFactor.objects.filter(user__email="p2@example.com").delete()  # an app without the row
    TwoFactor.objects.filter(user__email="p1@example.com").delete()
    Authenticator.objects.filter(user__email="p1@example.com").delete()  # a backup code without both
    BackupCode.objects.create(user=get_user_model().objects.get(email="p1@example.com"), digest="x")


def some_tries(chosen):
    for digest in ("one", "two", "three"):
        for address in ("192.0.2.1", "255.255.255.255"):
            at, count = chosen.choice(MOMENTS), chosen.choice(COUNTS)
            PasswordTries.objects.create(name_digest=digest, address=address, count=count, last_at=at)


def some_sessions(chosen):
    people = list(get_user_model().objects.all())
    for number in range(5):
        Session.objects.create(
            user=chosen.choice([None, *people]),
            session_key=f"key{number}",
            session_data=chosen.choice(ODD_TEXTS),
            expire_date=chosen.choice(MOMENTS),
            **some_device(chosen),
        )
    for user in get_user_model().objects.all():
        TrustedBrowser.objects.create(
            user=user, digest=f"{user.pk}", expires_at=chosen.choice(MOMENTS), **some_device(chosen)
        )
        TokenFamily.objects.create(
            user=user, digest="x", method="totp", expires_at=chosen.choice(MOMENTS), **some_device(chosen)
        )


def some_device(chosen):
    return {
        "name": chosen.choice(ODD_TEXTS)[:60],
        "session_hash": "h",
        "began_at": chosen.choice(MOMENTS),
        "last_used_at": chosen.choice(MOMENTS),
    }


def some_browsers(chosen):
    for number, user in enumerate(get_user_model().objects.all()):
        KnownBrowser.objects.create(
            user=user,
            digest=f"browser{number}",
            state="x",
            tries=chosen.choice(COUNTS),
            in_a_row=chosen.choice(COUNTS),
            last_try_at=chosen.choice([None, *MOMENTS]),
            expires_at=chosen.choice(MOMENTS),
        )


def some_drafts(chosen):
    for user in get_user_model().objects.order_by("pk")[:3]:
        step = chosen.choice([None, 7])
        for kind in ("setup", "codes"):
            Draft.objects.create(
                user=user, kind=kind, sealed=kind, started_at=chosen.choice(MOMENTS), confirmed_step=step
            )


def some_codes(chosen):
    for user in get_user_model().objects.order_by("pk")[:3]:
        for digest in ODD_TEXTS:
            BackupCode.objects.create(
                user=user,
                digest=digest,
                used_at=chosen.choice([None, *MOMENTS]),
                expires_at=chosen.choice([None, *MOMENTS]),
                imported=chosen.choice([True, False]),
            )


def some_letters(chosen):
    for user in [None, *get_user_model().objects.order_by("pk")[:2]] * 3:
        event = Event.objects.create(user=user, kind="app_added", at=chosen.choice(MOMENTS))
        Letter.objects.create(
            user=user,
            event=event,
            template="x",
            written_at=chosen.choice(MOMENTS),
            due_at=chosen.choice(MOMENTS),
            tries=chosen.choice(COUNTS[:3]),
            was_refused=chosen.choice([True, False]),
            ended_at=chosen.choice([None, None, NOW]),
        )


def rows_of_all(chosen):
    some_people(chosen)
    some_letters(chosen)
    some_tries(chosen)
    some_sessions(chosen)
    some_browsers(chosen)
    some_drafts(chosen)
    some_codes(chosen)
    some_passkeys(chosen)


def some_passkeys(chosen):
    for number, user in enumerate(get_user_model().objects.all()):
        for each in ["browser", "older"][: number % 3]:
            Passkey.objects.create(
                user=user,
                credential_digest=f"{each}{number}",
                sign_count=chosen.choice(COUNTS),
                suspected_at=chosen.choice([None, None, NOW]),
                added_at=NOW if each == "browser" else NOW - timedelta(days=1),
            )
        if number % 2:
            PasskeyOwner.objects.create(user=user, handle=bytes([number]))


def values(chosen):
    """For each parameter of a statement, something that it may be given."""
    pk = chosen.choice([*get_user_model().objects.values_list("pk", flat=True), 0, -1, 10**30])
    app = chosen.choice(list(Authenticator.objects.all()))
    budget = chosen.choice(list(GuessBudget.objects.all()))
    letter = chosen.choice(list(Letter.objects.all()))
    digest = chosen.choice(["one", "two", "no", *ODD_TEXTS])
    return {
        "pk": chosen.choice([pk, str(pk)]),
        "user_id": pk,
        "passkey_pk": chosen.choice([*Passkey.objects.values_list("pk", flat=True), 10**6]),
        "app_pk": chosen.choice([app.pk, 10**6]),
        "step": app.last_step + chosen.choice([-1, 0, 1]),
        "now": chosen.choice(MOMENTS),
        "since": chosen.choice(MOMENTS),
        "after": chosen.choice([FIRST_MOMENT, *MOMENTS]),
        "until": chosen.choice([*MOMENTS, LAST_MOMENT]),
        "letter_pk": letter.pk,
        "due_at": chosen.choice([letter.due_at, NOW]),
        "new_letter": {"due_at": chosen.choice(MOMENTS), "tries": 2, "sealed": "", "ended_at": NOW},
        "event_pk": chosen.choice([letter.event_id, 10**6]),
        "session_hash": chosen.choice(["h", "no"]),
        "auth_hash": chosen.choice(["h", "no"]),
        "began_after": chosen.choice(MOMENTS),
        "used_after": chosen.choice(MOMENTS),
        "trusted_after": chosen.choice(MOMENTS),
        "key": chosen.choice(["key0", "key1", "key4", *ODD_TEXTS]),
        "last_login": chosen.choice([None, *MOMENTS]),
        "browser_pk": chosen.choice(list(KnownBrowser.objects.values_list("pk", flat=True))),
        "digest": chosen.choice(["browser0", "browser1", "browser3", *ODD_TEXTS]),
        "tries": chosen.choice(COUNTS),
        "in_a_row": chosen.choice(COUNTS),
        "state": chosen.choice(["x", "no"]),
        "new_browser": {"state": "y", "tries": 0, "last_try_at": None, "expires_at": NOW},
        "email": chosen.choice(["p0@example.com", "P0@example.com", *ODD_TEXTS]),
        "own": digest,
        "strangers": chosen.choice(["three", "one"]),
        "address": chosen.choice(["192.0.2.1", "198.51.100.1", "2001:db8::1"]),
        "limit": chosen.choice(COUNTS),
        "password": chosen.choice([get_user_model().objects.first().password, "x"]),
        "budget": {
            "pk": budget.pk,
            "failures": chosen.choice([budget.failures, 3]),
            "locked_until": chosen.choice([budget.locked_until, None]),
            "password_digest": budget.password_digest,
        },
        "new_budget": {"failures": chosen.choice(COUNTS), "locked_until": chosen.choice([None, NOW])},
        "row": {"name_digest": digest, "address": "192.0.2.1"},
        "kind": chosen.choice(["setup", "codes", "no"]),
        "columns": {
            "session_data": chosen.choice(ODD_TEXTS),
            "user_id": chosen.choice([None, 1]),
            "ip_address": chosen.choice([None, "192.0.2.7"]),
            "began_at": chosen.choice([None, NOW]),
            "method": "totp",
        },
        "proven": chosen.choice([{}, {"proven_password_digest": "x", "proven_address_digest": "ä"}]),
        "proven_password_digest": "x",
        "proven_address_digest": "ä",
        "counted": chosen.choice([{}, {"sign_count": 0}, {"sign_count__lt": chosen.choice(COUNTS)}]),
        "used": {
            "sign_count": chosen.choice(COUNTS),
            "backed_up": chosen.choice([True, False]),
            "last_used_at": NOW,
            **chosen.choice([{}, {"verified": True}]),
        },
    }


PARAMETERS = {  # where a parameter is called otherwise than its value above
    ("write_use", "pk"): "passkey_pk",
    ("spend_step", "pk"): "app_pk",
    ("change", "row"): "budget",
    ("change", "new"): "new_budget",
    ("change_while_password_is", "row"): "budget",
    ("change_while_password_is", "new"): "new_budget",
    ("write_row", "stored_as"): "key",
    ("charge_known", "pk"): "browser_pk",
    ("refund_known", "pk"): "browser_pk",
    ("renew_browser", "new"): "new_browser",
    ("renew_known_browser", "new"): "new_browser",
    ("change_unsent", "pk"): "letter_pk",
    ("change_unsent", "new"): "new_letter",
    ("event_by_key", "pk"): "event_pk",
}


def arguments(statement, chosen):
    known = values(chosen)
    return [known[PARAMETERS.get((statement.__name__, name), name)] for name in statement.names]


@contextmanager
def undone():
    """What is done inside is taken back."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def tables():
    """All rows that a statement may have changed."""
    kinds = [
        Session,
        TokenFamily,
        TrustedBrowser,
        PasswordTries,
        KnownBrowser,
        GuessBudget,
        Authenticator,
        Passkey,
        get_user_model(),
        Allowance,
        Letter,
    ]
    return [list(kind.objects.order_by("pk").values()) for kind in kinds]


def comparable(found):
    if isinstance(found, models.Model):
        related = found._state.fields_cache
        return columns(found), {name: columns(related[name]) for name in RELATED & related.keys()}
    return [comparable(each) for each in found] if isinstance(found, list) else found


def columns(row):
    """Its values, and what Django knows of it."""
    if row is None:
        return None
    values = {name: value for name, value in vars(row).items() if name != "_state"}
    return type(row), values, row._state.db, row._state.adding


def outcome(act):
    """What it returns and what is in the tables then, or the error."""
    try:
        with transaction.atomic():
            found = comparable(act())
    except (OverflowError, ValueError, DatabaseError) as error:
        return type(error)
    return found, tables()


RELATED = {"two_factor", "guess_budget", "user"}
IN_USE = [each for each in statements.STATEMENTS if each.__module__ != __name__]


@pytest.mark.parametrize("statement", IN_USE, ids=lambda each: each.__name__)
def test_it_does_what_its_queryset_does(statement):
    chosen = random.Random(7)  # noqa: S311 - the same in each run
    rows_of_all(chosen)
    for _ in range(hypothesis.settings().max_examples):
        given = arguments(statement, chosen)
        with undone():
            by_statement = outcome(lambda given=given: statement(*given))
        with undone():
            made = statements.split(statement.make(*given))
            by_django = outcome(lambda made=made: statement.run_by_django(*made))
        assert by_statement == by_django, given


@pytest.mark.parametrize("statement", IN_USE, ids=lambda each: each.__name__)
def test_its_sql_is_that_of_the_queryset(statement):
    """But for what first() and exists() add, and the brackets around nothing."""
    chosen = random.Random(7)  # noqa: S311
    rows_of_all(chosen)
    given = arguments(statement, chosen)
    statement(*given)
    with undone(), CaptureQueriesContext(connection) as asked:
        statement(*given)
    queryset, fields = statements.split(statement.make(*given))
    with undone(), CaptureQueriesContext(connection) as plain:
        statement.run_by_django(queryset, fields)
    assert [query["sql"] for query in asked] == [query["sql"] for query in plain]


@pytest.mark.parametrize("statement", IN_USE, ids=lambda each: each.__name__)
def test_it_is_written_once(statement):
    chosen = random.Random(7)  # noqa: S311
    rows_of_all(chosen)
    given = arguments(statement, chosen)
    with undone():
        statement(*given)
    before = dict(statement.known.compiled)
    with undone():
        statement(*given)
    assert statement.known.compiled == before
    assert None not in before.values()  # and by Django it is run never


# What a statement is and is not


def queries_of(act):
    with CaptureQueriesContext(connection) as asked:
        act()
    return [query["sql"] for query in asked]


def allow(*keys, count=1, began_at=NOW):
    for key in keys:
        Allowance.objects.create(key=key, count=count, began_at=began_at)


def test_it_asks_for_the_moment_of_the_call():
    @statements.rows
    def begun_since(moment):
        return Allowance.objects.filter(began_at__gte=moment).values_list("key")

    allow("old", began_at=NOW - timedelta(days=1))
    allow("new")
    assert (begun_since(NOW), len(begun_since(NOW - timedelta(days=2)))) == ([("new",)], 2)


def test_none_is_asked_for_as_null():
    @statements.rows
    def used_at(moment):
        return SentCode.objects.filter(used_at=moment).values_list("target")

    user = person()
    for target, moment in [("a", None), ("b", NOW)]:
        SentCode.objects.create(
            user=user, purpose="x", channel="sms", target=target, digest="x", sent_at=NOW, used_at=moment
        )
    assert [used_at(None), used_at(NOW), used_at(None)] == [[("a",)], [("b",)], [("a",)]]


def test_it_is_called_by_position_or_by_name():
    @statements.row
    def one(key, count):
        return Allowance.objects.filter(key=key, count=count).values_list("key")

    allow("a")
    assert one("a", 1) == one("a", count=1) == one(count=1, key="a") == ("a",)


def test_an_instance_has_what_is_annotated():
    @statements.row
    def with_twice(key):
        return Allowance.objects.filter(key=key).annotate(twice=F("count") * 2)

    allow("a", count=3)
    found = with_twice("a")
    assert (found.key, found.count, found.twice) == ("a", 3, 6)


def test_an_instance_is_like_one_of_django():
    user = enrolled_person()

    @statements.row
    def with_factors(pk):
        return get_user_model().objects.filter(pk=pk).select_related("two_factor", "guess_budget")

    found = with_factors(user.pk)
    assert queries_of(lambda: (found.two_factor.pk, found.guess_budget.failures)) == []
    found.name = "A"
    found.save()
    user.refresh_from_db()
    assert (found == user, user.name, found._state.adding) == (True, "A", False)


def enrolled_person():
    user = person()
    enrol(user)
    return user


def test_of_an_instance_without_related_rows_django_says_so():
    @statements.row
    def with_factors(pk):
        return get_user_model().objects.filter(pk=pk).select_related("two_factor")

    found = with_factors(person().pk)
    assert queries_of(lambda: hasattr(found, "two_factor")) == []
    assert not hasattr(found, "two_factor")


def test_columns_that_are_left_out_are_read_when_they_are_wanted():
    @statements.row
    def name_alone(pk):
        return get_user_model().objects.filter(pk=pk).only("email")

    found = name_alone(person().pk)
    assert (found.email, len(queries_of(lambda: found.password))) == ("alice@example.com", 1)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda moment: Allowance.objects.filter(began_at__gt=timezone.now()), "would stay as it is now"),
        (lambda moment: Allowance.objects.filter(key__in=moment), "__in changes"),
        (lambda moment: Allowance.objects.filter(key__contains=moment), "__contains changes"),
        (lambda moment: Allowance.objects.using("default").filter(key=moment), "using"),
        (
            lambda moment: Allowance.objects.filter(count__gt=F("count") - moment),
            "stands in an expression",
        ),
        (
            lambda moment: get_user_model().objects.filter(pk=moment).prefetch_related("authenticators"),
            "prefetch",
        ),
    ],
    ids=["moment", "in", "contains", "using", "expression", "prefetch"],
)
def test_a_mistake_is_an_error_at_the_first_call(make, why):
    with pytest.raises(statements.NotAStatement, match=why):
        statements.rows(make)("1")


def test_a_moment_among_the_new_values_is_a_mistake():
    @statements.update
    def begin(key):
        return Allowance.objects.filter(key=key), {"began_at": timezone.now()}

    with pytest.raises(statements.NotAStatement, match="would stay"):
        begin("a")


class OfTenant(models.Manager):
    tenant = "a"

    def get_queryset(self):
        return super().get_queryset().filter(key__startswith=OfTenant.tenant)


class FilterOfTenant(models.Manager):
    def filter(self, *args, **kwargs):
        return super().filter(*args, key__startswith=OfTenant.tenant, **kwargs)


class QuerySetOfTenant(models.QuerySet):
    def filter(self, *args, **kwargs):
        return super().filter(*args, key__startswith=OfTenant.tenant, **kwargs)


@isolate_apps("twofactor")
@pytest.mark.parametrize(
    "manager",
    [OfTenant, FilterOfTenant, models.Manager.from_queryset(QuerySetOfTenant)],
    ids=["get_queryset", "filter", "queryset"],
)
def test_a_manager_that_filters_is_asked_each_time(manager):
    class TenantAllowance(Allowance):
        objects = manager()

        class Meta:
            proxy = True
            app_label = "twofactor"

    @statements.rows
    def with_count(count):
        return TenantAllowance.objects.filter(count=count).values_list("key")

    allow("a1", "b1")
    found = [with_count(1)]
    OfTenant.tenant = "b"
    found.append(with_count(1))
    OfTenant.tenant = "a"
    assert found == [[("a1",)], [("b1",)]]


class Prefetching(models.Manager):
    def get_queryset(self):
        return super().get_queryset().using("default").prefetch_related()


@isolate_apps("twofactor")
def test_what_a_manager_of_a_site_does_is_no_mistake():
    class OwnAllowance(Allowance):
        objects = Prefetching()

        class Meta:
            proxy = True
            app_label = "twofactor"

    @statements.row
    def one(key):
        return OwnAllowance.objects.filter(key=key)

    allow("a")
    assert one("a").key == "a"


@pytest.mark.parametrize(
    "made",
    [
        lambda key: Allowance.objects.filter(key=key)[:1],
        lambda key: Allowance.objects.filter(key=key).distinct(),
        lambda key: Allowance.objects.filter(key=key).union(Allowance.objects.all()),
    ],
    ids=["slice", "distinct", "union"],
)
def test_what_django_does_not_change_no_statement_changes(made):
    with pytest.raises(statements.NotAStatement):
        statements.delete(made)("a")
    with pytest.raises(statements.NotAStatement):
        statements.update(lambda key: (made(key), {"count": 2}))("a")


def test_an_expression_as_a_value_is_left_to_django():
    @statements.update
    def set_count(key, count):
        return Allowance.objects.filter(key=key), {"count": count}

    allow("a", count=3)
    set_count("a", 4)
    set_count("a", F("count") + 1)
    assert Allowance.objects.get().count == 5


@pytest.mark.parametrize("given", [("a", "b"), ()], ids=["too many", "too few"])
def test_a_call_with_the_wrong_arguments_is_an_error(given):
    @statements.row
    def one(key):
        return Allowance.objects.filter(key=key)

    with pytest.raises(TypeError):
        one(*given)


def test_whoever_has_begun_to_listen_is_told_of_a_deletion():
    @statements.delete
    def remove(key):
        return Allowance.objects.filter(key=key)

    heard = []

    def listen(instance, **kwargs):
        heard.append(instance.key)

    allow("a", "b")
    remove("a")
    post_delete.connect(listen, sender=Allowance)
    remove("b")
    post_delete.disconnect(listen, sender=Allowance)
    assert (heard, Allowance.objects.count()) == (["b"], 0)


def test_it_begins_anew_when_a_setting_has_changed(settings):
    @statements.row
    def one(key):
        return Allowance.objects.filter(key=key).values_list("key")

    one("a")
    settings.LANGUAGE_CODE = "de"
    assert one.known is None


def test_it_begins_anew_when_the_model_has_changed():
    @statements.row
    def one(key):
        return Allowance.objects.filter(key=key)

    allow("a")
    one("a")
    before = list(one.known.compiled.values())
    Allowance._meta._expire_cache()
    assert (one("a").key, list(one.known.compiled.values()) != before) == ("a", True)


class ToNowhere:
    """A router that sends everything to databases that there are not."""

    def db_for_read(self, model, **hints):
        return "replica"

    def db_for_write(self, model, **hints):
        return "primary"


def test_a_router_is_asked_at_each_call(settings):
    @statements.row
    def one(key):
        return Allowance.objects.filter(key=key)

    @statements.update
    def rename(key, count):
        return Allowance.objects.filter(key=key), {"count": count}

    allow("a")
    one("a")
    settings.DATABASE_ROUTERS = ["tests.twofactor.test_statements.ToNowhere"]
    for statement, given in [(one, ["a"]), (rename, ["a", 2])]:
        with pytest.raises(ConnectionDoesNotExist, match="primary"):
            statement(*given)


def test_a_refused_change_rolls_the_transaction_back():
    @statements.update
    def set_count(key, count):
        return Allowance.objects.filter(key=key), {"key": count}

    allow("a", "b")
    with pytest.raises(IntegrityError), transaction.atomic():
        set_count("a", "b")
    with transaction.atomic():
        with pytest.raises(IntegrityError):
            set_count("a", "b")
        assert connection.needs_rollback
        transaction.set_rollback(True)


def test_a_delete_that_has_more_to_do_is_left_to_django():
    @statements.delete
    def remove(pk):
        return get_user_model().objects.filter(pk=pk)

    user = enrolled_person()
    remove(user.pk)
    assert (TwoFactor.objects.count(), list(remove.known.compiled.values())) == (0, [None])


# INSERT


def test_an_insert_is_like_one_of_django():
    user, values = person(), {"kind": "not_me", "at": NOW, "detail": {"ä": "1"}, "device_id": UUID(int=1)}
    by_statement = Event(user=user, ip_address="2001:db8::1", **values)
    by_django = Event(user=user, ip_address="2001:db8::1", **values)
    statement = queries_of(lambda: statements.insert(by_statement))
    plain = queries_of(lambda: by_django.save(force_insert=True))
    first, second = Event.objects.order_by("pk").values()
    assert (first.pop("id"), second.pop("id")) == (by_statement.pk, by_django.pk)
    assert (first, statement) == (second, plain)
    assert vars(by_statement._state).items() >= {"adding": False, "db": "default"}.items()


def test_an_insert_with_a_key_of_its_own_is_no_update():
    allow("a")
    with pytest.raises(IntegrityError), transaction.atomic():
        statements.insert(Allowance(key="a", count=1, began_at=NOW))


def test_whoever_listens_is_told_of_an_insert():
    heard = []

    def listen(instance, created, **kwargs):
        heard.append((instance.key, created))

    post_save.connect(listen, sender=Allowance)
    statements.insert(Allowance(key="a", count=1, began_at=NOW))
    post_save.disconnect(listen, sender=Allowance)
    statements.insert(Allowance(key="b", count=1, began_at=NOW))
    assert heard == [("a", True)]
