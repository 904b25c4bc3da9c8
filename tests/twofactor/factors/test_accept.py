"""A code is spent together with the change it was given for, or neither happens."""

import pytest
from django.utils import timezone

from twofactor.factors import methods
from twofactor.factors.accept import KINDS, Overtaken, accept_code
from twofactor.models import GuessBudget


def test_every_code_is_read_by_one_module():
    read = [method for kind in KINDS for method in kind.METHODS]
    assert sorted(read) == sorted(methods.CODES | methods.SENT | methods.CONFIRMING)


def test_a_code_whose_change_was_made_meanwhile_is_not_spent(alice, phone, rf, clock):
    with pytest.raises(Overtaken):
        accept_code(alice, phone.code(), rf.post("/"), timezone.now(), claim=lambda _proof: False)
    assert accept_code(alice, phone.code(), rf.post("/"), timezone.now()).method == methods.TOTP


def test_a_code_whose_change_was_made_meanwhile_is_no_guess(alice, phone, rf, clock):
    with pytest.raises(Overtaken):
        accept_code(alice, phone.code(), rf.post("/"), timezone.now(), claim=lambda _proof: False)
    assert GuessBudget.objects.values_list("failures", "day_failures").get() == (0, 0)
