"""Every table is known to what has to know it: import, reset, pruning, new keys, the deletion of a person.

A new model fails here until someone has decided what becomes of its rows.
"""

import json
from datetime import timedelta

import pytest
from django.apps import apps
from django.core import serializers
from django.db import models

from tests.people import NOW, enrol, person
from twofactor.clocks import CLOCKS_APART, DAY
from twofactor.factors import challenges, totp
from twofactor.importers import run
from twofactor.importers.records import ForeignApp
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
    Phone,
    Recovery,
    Reminder,
    Rule,
    SecurityRecord,
    SentCode,
    Session,
    SpentChallenge,
    TokenFamily,
    TrustedBrowser,
    TwoFactor,
    WarningsAddress,
)
from twofactor.operations import prune, rotate_keys, support

pytestmark = pytest.mark.django_db
OURS = {*apps.get_app_config("twofactor").get_models()}
GONE_AFTER_RESET = {
    TwoFactor,
    Authenticator,
    Passkey,
    BackupCode,
    Draft,
    Phone,
    GuessBudget,
    Recovery,
    TrustedBrowser,
}
STAYS_AFTER_RESET = {
    Event: "says what happened",
    Letter: "may be the one that tells of the reset",
    PasskeyOwner: "devices keep the name of a person for good",
    Reminder: "is about being reminded",
    Rule: "an administrator made it",
    SecurityRecord: "ends the sessions",
    SentCode: "is for a sign-in that the new epoch has ended",
    Session: "the new epoch has ended it",
    TokenFamily: "the new epoch has ended it",
    WarningsAddress: "the person has confirmed it, and hears of the reset there",
}
NOT_OF_A_PERSON = {Allowance, SpentChallenge}
PRUNED = {  # all others go with their person, or when someone removes them
    *(Allowance, BackupCode, Draft, Event, Letter, SentCode, SpentChallenge, TokenFamily, TrustedBrowser),
    *(Recovery, Session),
}


IMPORTED = {TwoFactor, Authenticator, BackupCode, GuessBudget, Phone, Event}
NOT_IMPORTED = {  # all others are of this site alone
    *(Draft, Letter, Passkey, PasskeyOwner, Reminder, Rule, SentCode, SecurityRecord, Session),
    *(Recovery, TokenFamily, TrustedBrowser, WarningsAddress),
}


def test_an_import_decides_about_every_table(alice):
    app = ForeignApp(key=totp.generate_key(), last_step=-1, name="Tablet")
    run.store_all([run.Candidate(alice, [app, app], ["ABCDE12345"], "+491701234567")], "a test", NOW, print)
    assert {model for model in OURS - NOT_OF_A_PERSON if model.objects.exists()} == IMPORTED
    assert IMPORTED | NOT_IMPORTED | NOT_OF_A_PERSON == OURS


def test_a_reset_decides_about_every_table():
    decided = GONE_AFTER_RESET | STAYS_AFTER_RESET.keys() | NOT_OF_A_PERSON
    assert (decided, GONE_AFTER_RESET & STAYS_AFTER_RESET.keys()) == (OURS, set())


@pytest.mark.parametrize("model", sorted(GONE_AFTER_RESET, key=lambda model: model.__name__))
def test_a_reset_leaves_no_row_of_a_factor(alice, phone, printed_codes, model):
    add_row(model, alice)
    support.reset(alice, "lost", "a test", None)
    assert not model.objects.filter(user_id=alice.pk).exists()


def add_row(model, user):
    """Unless enrolling has made one."""
    if model.objects.filter(user_id=user.pk).exists():
        return
    rows = {
        BackupCode: {"digest": "x"},
        Draft: {"kind": "codes", "sealed": "x", "started_at": NOW},
        Passkey: {"kind": "key", "credential_digest": "x", "added_at": NOW},
        PasskeyOwner: {"handle": b"x"},
        Phone: {"number": "+491701234567"},
        Recovery: {"asked_at": NOW, "counted_from": NOW, "ready_at": NOW},
        TrustedBrowser: {
            "digest": "x",
            "session_hash": "x",
            "began_at": NOW,
            "last_used_at": NOW,
            "expires_at": NOW,
        },
    }
    model.objects.create(user_id=user.pk, **rows[model])


def test_a_reset_keeps_the_name_that_devices_have(alice, phone):
    add_row(PasskeyOwner, alice)
    support.reset(alice, "lost", "a test", None)
    assert bytes(PasskeyOwner.objects.get(pk=alice.pk).handle) == b"x"


def test_with_a_person_every_row_goes_but_the_log_and_its_letters(django_assert_num_queries):
    user = person("leaving@example.com")
    enrol(user)
    for model in GONE_AFTER_RESET | {PasskeyOwner}:
        add_row(model, user)
    pk = user.pk
    user.delete()
    left = {
        model
        for model in OURS - NOT_OF_A_PERSON - {Event, Letter}
        if model.objects.filter(user_id=pk).exists()
    }
    assert left == set()


def test_pruning_decides_about_every_table():
    pruned = {rows.model for _name, rows in prune.expired(NOW, prune.EVENTS_KEPT)}
    assert pruned & OURS == PRUNED


def test_a_spent_challenge_is_kept_for_a_day():
    """For longer than a challenge is good for, on every server's clock."""
    for hours in (23, 25):
        SpentChallenge.objects.create(digest=f"{hours}", spent_at=NOW - timedelta(hours=hours))
    for _name, rows in prune.expired(NOW, prune.EVENTS_KEPT):
        rows.delete()
    assert [each.digest for each in SpentChallenge.objects.all()] == ["23"]
    assert challenges.MAX_AGE + CLOCKS_APART < DAY


def test_new_keys_know_every_sealed_column():
    sealed = {
        (model, field.name)
        for model in OURS
        for field in model._meta.concrete_fields
        if isinstance(field, models.TextField) and field.name.startswith("sealed")
    }
    assert sealed == {*rotate_keys.SEALED}


def test_dumpdata_shows_no_passkey_that_could_be_put_in_the_place_of_another(alice):
    add_row(PasskeyOwner, alice)
    row = {"credential_digest": "digest", "credential_id": b"identity", "public_key": b"key", "handle": b"x"}
    Passkey.objects.create(user=alice, name="Laptop", kind="passkey", added_at=NOW, **row)
    shown = json.loads(serializers.serialize("json", [*Passkey.objects.all(), *PasskeyOwner.objects.all()]))
    names = {name for each in shown for name in each["fields"]}
    assert names.isdisjoint(row)
    assert "Laptop" in json.dumps(shown)


def test_dumpdata_leaves_every_secret_out():
    """Binary columns and those for digests, hashes, keys and sealed values have serialize=False."""
    secret = ("digest", "hash", "sealed", "handle", "credential", "public_key")
    shown = [
        f"{model.__name__}.{field.name}"
        for model in OURS
        for field in model._meta.concrete_fields
        if any(word in field.name for word in secret) and field.serialize and not field.primary_key
    ]
    assert shown == []
