"""Names of those who make passkeys."""

from uuid import UUID

import pytest

from twofactor.factors.makers import NAMES, name_of


@pytest.mark.parametrize(
    ("aaguid", "name"),
    [
        ("fbfc3007-154e-4ecc-8c0b-6e020557d7bd", "Apple Passwords"),
        ("ea9b8d66-4d01-1d21-3ce4-b6b48cb575d4", "Google Password Manager"),
        ("08987058-cadc-4b81-b6e1-30de50dcbe96", "Windows Hello"),
        ("BADA5566-A7AA-401F-BD96-45619A55120D", "1Password"),
        ("ee882879-721c-4913-9775-3dfcce97072a", "YubiKey 5"),
    ],
)
def test_a_known_one_has_a_name(aaguid, name):
    assert name_of(aaguid) == name


@pytest.mark.parametrize("aaguid", ["", "00000000-0000-0000-0000-000000000000", str(UUID(int=7)), "x"])
def test_an_unknown_one_has_none(aaguid):
    assert name_of(aaguid) == ""


def test_each_is_written_as_a_uuid_is():
    assert [aaguid for aaguid in NAMES if str(UUID(aaguid)) != aaguid] == []


def test_a_name_fits_where_people_can_change_it():
    assert max(map(len, NAMES.values())) <= 60
