"""The row TwoFactor is lost: a restore has left its table out. No way in opens for the password alone.

Alice has a passkey and no app, so her backup codes are what is left of it. A passkey proves nothing: it may
have been added while two-factor authentication was off.
"""

import pytest
from django.contrib.auth import get_user_model
from django.utils import timezone

from tests.api.program import Program
from tests.people import PASSWORD, client_after_password, give_password, signed_in_as
from tests.twofactor.passkeys.browser import Browser, forms_of
from tests.twofactor.setup_steps import CODES, SAVED
from twofactor import drafts, factor_changes
from twofactor.factors import backup_codes, enrolled
from twofactor.factors.accept import Proof
from twofactor.factors.refusal import Changed
from twofactor.models import BackupCode, Draft, Passkey, TwoFactor
from twofactor.operations import support

VERIFY = "/two-factor/verify/"
SETTINGS = "/two-factor/"

pytestmark = pytest.mark.proves("MF-1")


@pytest.fixture(params=["codes left", "codes spent"])
def codes(alone, request):
    TwoFactor.objects.all().delete()
    if request.param == "codes spent":
        BackupCode.objects.update(used_at=timezone.now())
    return alone[1]


def test_the_sign_in_page_asks(codes):
    client = Browser()
    assert give_password(client).headers["Location"] == VERIFY
    assert signed_in_as(client) is None


def test_the_passkey_is_that_second_factor(codes, alone, alice):
    client = Browser()
    client.use(client.give_password(), alone[0])
    assert signed_in_as(client) == alice


def test_the_passkey_alone_signs_in(codes, alone, alice):
    client = Browser()
    client.sign_in(alone[0])
    assert signed_in_as(client) == alice
    assert "twofactor_while_off" not in client.session


def test_the_api_asks(codes, api):
    program = Program()
    answer = program.give_password().json()
    assert (program.access, "totp_challenge_token" in answer) == (None, True)
    assert not program.is_signed_in()


def test_the_administration_asks(codes, alice):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    client = Browser()
    give_password(client, alice.email)
    assert client.get("/admin/").status_code in {302, 303}
    assert signed_in_as(client) is None


def test_a_backup_code_signs_in(alone, alice):
    TwoFactor.objects.all().delete()
    client = client_after_password()
    client.post("/two-factor/verify/backup/", {"code": alone[1][0]})
    assert signed_in_as(client) == alice


def test_the_pages_say_that_it_is_on(codes, alone, alice):
    client = Browser()
    client.sign_in(alone[0])
    panel = client.get(SETTINGS).text
    assert ("/two-factor/disable/" in panel, "/two-factor/setup/" in panel) == (True, False)
    assert client.get("/two-factor/setup/").headers["Location"] == SETTINGS


def test_nobody_begins_anew_over_it(codes, alone, alice):
    """Neither with a setup that was begun before, which the password alone could end."""
    client = Browser()
    client.sign_in(alone[0])
    assert client.post(CODES, SAVED).status_code == 409
    draft = drafts.start(alice, Draft.Kind.SETUP, timezone.now())
    with pytest.raises(Changed):
        drafts.claim_setup(draft)


def test_the_last_passkey_stays(codes, alone, alice):
    client = Browser()
    client.sign_in(alone[0])
    row = Passkey.objects.get()
    assert client.post(f"/two-factor/passkeys/{row.pk}/remove/", {"password": PASSWORD}).status_code == 409
    proof = Proof("passkey", row)
    with pytest.raises(factor_changes.LastFactor):
        factor_changes.remove_factor(alice, enrolled.id_of(row), None, timezone.now(), proof)


def test_it_can_be_turned_off(codes, alone, alice):
    client = Browser()
    client.sign_in(alone[0])
    client.use(forms_of(client.get("/two-factor/disable/"))[0], alone[0])
    assert (enrolled.is_on(alice), Passkey.objects.exists()) == (False, False)


def test_support_helps(codes, alice):
    Passkey.objects.all().delete()
    support.reset(alice, "lost", "a test", None)
    assert (enrolled.is_on(alice), BackupCode.objects.exists()) == (False, False)


def test_a_passkey_alone_proves_nothing(alice, passkey):
    """P-3: it may have been added while two-factor authentication was off."""
    assert (backup_codes.count_unused(alice), enrolled.is_on(alice)) == (0, False)
    assert signed_in_as(client_after_password()) == alice
