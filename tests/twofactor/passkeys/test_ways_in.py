"""Nobody locks themselves out with passkeys, and nobody comes in who should not: each way in asks."""

import pytest
from django.contrib.auth import get_user_model, login
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse
from django.urls import include, path
from django.utils import timezone

from tests.api.program import Program, status_and_code
from tests.people import PASSWORD, client_after_password, enrol, give_password, sign_in, signed_in_as
from tests.twofactor.passkeys.browser import (
    Browser,
    forms_of,
    new_key,
    new_passkey,
    next_use,
    registration,
    store,
)
from tests.twofactor.passkeys.refusals import ADD, SIGN_IN, assert_refused, form_at
from tests.twofactor.sent_codes import add_number, enter_sent_code, mailed_code, request_code
from tests.twofactor.setup_steps import CODES, SAVED, add_app, confirm_key, shown_codes
from twofactor import factor_changes
from twofactor.factors import backup_codes, enrolled
from twofactor.factors.challenges import Challenge
from twofactor.factors.passkeys import NewPasskey
from twofactor.factors.refusal import Changed
from twofactor.models import Authenticator, Event, Passkey, TwoFactor

SETTINGS = "/two-factor/"
DISABLE = "/two-factor/disable/"


class NoBackend(ModelBackend):
    def user_can_authenticate(self, user):
        return False


@login_not_required
def sign_in_elsewhere(request):
    """As a link in a mail does, or a sign-in with another site."""
    login(request, get_user_model().objects.get(), backend="accounts.lockout.Backend")
    return HttpResponse("Welcome")


urlpatterns = [path("elsewhere/", sign_in_elsewhere), path("", include("config.urls"))]


def remove_page(row):
    return f"/two-factor/passkeys/{row.pk}/remove/"


def signed_in(passkey):
    made = Browser()
    made.sign_in(passkey)
    return made


# The last one


@pytest.mark.proves("PK-14")
def test_l_2_the_last_one_stays(alone, alice):
    passkey, _codes = alone
    client, row = signed_in(passkey), Passkey.objects.get()
    page = client.get(remove_page(row))
    assert "You have no other app or passkey" in page.text
    assert f'href="{ADD}"' in page.text
    assert f'href="{DISABLE}"' in page.text
    assert client.post(remove_page(row), {"password": PASSWORD}).status_code == 409
    assert (Passkey.objects.count(), enrolled.is_on(alice)) == (1, True)


def test_l_1_codes_phone_and_email_are_no_factors(alone, alice, text_messages):
    passkey, codes = alone
    client, row = signed_in(passkey), Passkey.objects.get()
    add_number(alice)
    assert (backup_codes.count_unused(alice), len(codes)) == (10, 10)
    form = {"password": PASSWORD, "code": codes[0]}
    assert client.post(remove_page(row), form).status_code == 409
    assert (Passkey.objects.count(), backup_codes.count_unused(alice)) == (1, 10)


def test_l_1_beside_an_app_the_last_passkey_goes(alice, phone, passkey):
    client = signed_in(passkey)
    row = Passkey.objects.get()
    client.use(forms_of(client.get(remove_page(row)))[0], passkey)
    assert (Passkey.objects.count(), enrolled.is_on(alice)) == (0, True)


def test_l_1_beside_a_passkey_the_last_app_goes(alice, phone, passkey):
    client, app = signed_in(passkey), Authenticator.objects.get()
    client.use(forms_of(client.get(f"/two-factor/apps/{app.pk}/remove/"))[0], passkey)
    assert (Authenticator.objects.count(), enrolled.is_on(alice)) == (0, True)


@pytest.fixture(params=["suspected_at", "rp_id"])
def dead(request, alice):
    """A passkey of Alice that cannot be given: it may be a copy, or is of another domain."""
    value = {"suspected_at": alice.date_joined, "rp_id": "old.example"}[request.param]
    return store(alice, new_passkey(), name="Dead", **{request.param: value})


def test_l_1_beside_one_that_does_not_work_the_app_stays(alice, phone, dead, clock):
    client, app = Browser(), Authenticator.objects.get()
    sign_in(client, phone)
    clock.shift(60)
    form = {"password": PASSWORD, "code": phone.code()}
    response = client.post(f"/two-factor/apps/{app.pk}/remove/", form)
    assert (response.status_code, Authenticator.objects.count()) == (409, 1)


def test_l_1_one_that_does_not_work_goes(alice, dead, passkey):
    client = signed_in(passkey)
    TwoFactor.objects.create(user=alice, enabled_at=alice.date_joined, changed_at=alice.date_joined)
    client.use(forms_of(client.get(remove_page(dead)))[0], passkey)
    assert [row.name for row in Passkey.objects.all()] == ["Laptop"]


def test_l_1_one_that_does_not_work_turns_nothing_on(alice, dead):
    client = client_after_password()
    assert client.get(CODES).headers["Location"] == "/two-factor/setup/"
    assert client.post(CODES, SAVED).status_code == 409
    assert not enrolled.is_on(alice)


def test_l_3_in_two_tabs_the_second_is_told(alone, alice, clock):
    passkey, _codes = alone
    other = new_passkey()
    store(alice, other, name="Phone")
    client = signed_in(passkey)
    rows = Passkey.objects.order_by("pk")
    forms = [forms_of(client.get(remove_page(row)))[0] for row in rows]
    assert client.use(forms[0], passkey).status_code == 303
    assert client.use(forms[1], other).status_code in {409, 422}
    assert (Passkey.objects.count(), enrolled.is_on(alice)) == (1, True)


@pytest.fixture
def no_password(alice):
    alice.set_unusable_password()
    alice.save()


@pytest.mark.proves("PK-14")
def test_l_4_without_a_password_the_only_passkey_stays_while_it_is_off(alice, passkey, no_password):
    client, row = signed_in(passkey), Passkey.objects.get()
    assert "This is your only way to sign in" in client.get(remove_page(row)).text
    assert client.post(remove_page(row), {}).status_code == 409
    assert Passkey.objects.exists()


def test_l_4_not_even_beside_an_app(alice, phone, passkey, no_password):
    client, row = signed_in(passkey), Passkey.objects.get()
    assert "This is your only way to sign in" in client.get(remove_page(row)).text
    assert client.post(remove_page(row), {"code": phone.code()}).status_code == 409
    assert Passkey.objects.exists()


def test_l_4_not_even_beside_one_that_does_not_work(alice, passkey, dead, no_password):
    client, row = signed_in(passkey), Passkey.objects.get(name="Laptop")
    assert "This is your only way to sign in" in client.get(remove_page(row)).text
    assert client.post(remove_page(row), {}).status_code == 409
    assert Passkey.objects.count() == 2


def test_l_4_turning_off_leaves_it(alice, phone, passkey, no_password, clock):
    client = signed_in(passkey)
    page = client.get(DISABLE)
    assert ("<li>Laptop</li>" in page.text, "<li>Authenticator app" in page.text) == (False, True)
    assert client.use(forms_of(page)[0], passkey).status_code == 303
    assert (enrolled.is_on(alice), Passkey.objects.count(), Authenticator.objects.count()) == (False, 1, 0)
    clock.shift(1)
    assert signed_in_as(signed_in(passkey)) == alice


def test_l_4_with_a_password_turning_off_removes_it(alice, phone, passkey):
    client = signed_in(passkey)
    page = client.get(DISABLE)
    assert "<li>Laptop</li>" in page.text
    client.use(forms_of(page)[0], passkey)
    assert not Passkey.objects.exists()


def test_l_5_whoever_must_have_one_cannot_turn_it_off(alone, alice, settings):
    passkey, _codes = alone
    client = signed_in(passkey)
    form = forms_of(client.get(DISABLE))[0]
    settings.TWOFACTOR_REQUIRED_FOR = "everyone"
    assert client.use(form, passkey).status_code == 409
    assert (enrolled.is_on(alice), Passkey.objects.count()) == (True, 1)


# The ways back


def test_l_6_a_backup_code_is_enough(alone, alice):
    client = client_after_password()
    response = client.post("/two-factor/verify/backup/", {"code": alone[1][0]})
    assert (response.status_code, signed_in_as(client)) == (303, alice)
    assert client.get(SETTINGS).status_code == 200


def test_l_6_on_the_field_for_any_code_too(alone, alice):
    client = client_after_password()
    client.post("/two-factor/verify/", {"code": alone[1][0]})
    assert signed_in_as(client) == alice


def test_l_6_a_mailed_code_is_the_way_back(alone, alice):
    client = client_after_password()
    request_code(client)
    enter_sent_code(client, mailed_code())
    assert (signed_in_as(client), client.session["twofactor_amr"]) == (alice, "recovery")


def test_l_6_a_backup_code_signs_in_over_the_api(alone, alice, api):
    program = Program()
    program.give_password()
    assert program.access is None
    program.give(backup_code=alone[1][0])
    assert program.is_signed_in()


def test_l_6_no_code_of_an_app_is_one_of_someone_without_an_app(alone, api):
    program = Program()
    program.give_password()
    assert status_and_code(program.give(otp_code="123456"))[0] in {400, 401, 403}
    assert not program.is_signed_in()


def test_l_6_a_backup_code_confirms(alone, alice, clock):
    client = signed_in(alone[0])
    clock.shift(600)
    assert client.get(ADD).status_code == 303
    form = {"password": PASSWORD, "code": alone[1][0]}
    assert client.post(f"/two-factor/confirm/?next={ADD}", form).status_code == 303
    assert client.get(ADD).status_code == 200


def test_l_6_without_a_script_other_ways_stand_there(alone):
    client = client_after_password()
    page = client.get("/two-factor/verify/")
    assert "/two-factor/verify/other/" in page.text
    other = client.get("/two-factor/verify/other/").text
    assert ("/two-factor/verify/backup/" in other, "/two-factor/verify/send/" in other) == (True, True)


def test_l_7_codes_are_made_once(alone, alice):
    assert (len(alone[1]), backup_codes.count_unused(alice)) == (10, 10)
    before = list(alice.backup_codes.values_list("pk", "digest"))
    client = signed_in(alone[0])
    add_app(client)
    assert Authenticator.objects.count() == 1
    assert list(alice.backup_codes.values_list("pk", "digest")) == before


def test_l_7_a_passkey_beside_an_app_makes_none(alice, phone, printed_codes, passkey):
    before = list(alice.backup_codes.values_list("pk", "digest"))
    client = signed_in(passkey)
    client.use(forms_of(client.get(ADD))[0], new_passkey())
    assert (Passkey.objects.count(), list(alice.backup_codes.values_list("pk", "digest"))) == (2, before)
    assert client.get(CODES).status_code == 303


def test_l_10_on_without_any_factor_asks_all_the_same(alone, alice):
    Passkey.objects.all().delete()
    client = client_after_password()
    assert signed_in_as(client) is None
    assert client.get("/two-factor/verify/").status_code == 200
    client.post("/two-factor/verify/backup/", {"code": alone[1][0]})
    assert signed_in_as(client) == alice


def test_p_3_while_it_is_off_the_password_is_enough_and_the_passkey_too(alice, passkey, clock):
    assert signed_in_as(client_after_password()) == alice
    clock.shift(1)
    assert signed_in_as(signed_in(passkey)) == alice
    assert not TwoFactor.objects.exists()


def test_p_3_not_saving_the_codes_leaves_it_off(alice, laptop, clock):
    give_password(laptop)
    made = new_passkey()
    laptop.use(forms_of(laptop.get(ADD))[0], made)
    assert len(shown_codes(laptop)) == 10
    assert (enrolled.is_on(alice), backup_codes.count_unused(alice)) == (False, 0)
    clock.shift(60)
    assert signed_in_as(signed_in(made)) == alice


def test_p_3_the_last_step_names_those_of_before(alice, laptop, clock):
    """A thief of the password may have added one while it was off."""
    store(alice, new_passkey(), name="Of a thief")
    give_password(laptop)
    confirm_key(laptop)
    page = laptop.get(CODES).text
    remove = remove_page(Passkey.objects.get())
    assert ("Of a thief" in page, f'href="{remove}?next={CODES}"' in page) == (True, True)
    laptop.post(f"{remove}?next={CODES}", {"password": PASSWORD})
    assert "<bdi>Of a thief</bdi>" not in laptop.get(CODES).text
    laptop.post(CODES, SAVED)
    assert (enrolled.is_on(alice), Passkey.objects.exists()) == (True, False)


def test_p_3_the_last_step_does_not_name_the_one_it_made(alice, laptop):
    give_password(laptop)
    laptop.use(forms_of(laptop.get(ADD))[0], new_passkey())
    assert "can sign in, too" not in laptop.get(CODES).text


def test_p_3_turned_on_after_the_password_was_looked_at(alice, phone, passkey, rf):
    """Whoever knows the password alone adds nothing in the moment in which it is turned on."""
    challenge = Challenge(bytes(32), enrolled.overview_of(alice).handle)
    made = registration(new_passkey(), challenge.handle)
    new = NewPasskey(made, challenge, is_key=False, name="Of a thief")
    with pytest.raises(Changed):
        factor_changes.add_passkey(alice, new, rf.post(ADD), timezone.now(), was_on=False)
    assert [row.name for row in Passkey.objects.all()] == ["Laptop"]


# Each way in asks


@pytest.mark.proves("PK-13")
def test_r_23_the_sign_in_page_asks(alone):
    client = Browser()
    assert give_password(client).headers["Location"] == "/two-factor/verify/"
    assert signed_in_as(client) is None


@pytest.mark.proves("PK-13")
def test_r_23_the_administration_asks(alone, alice):
    get_user_model().objects.update(is_staff=True, is_superuser=True)
    client = Browser()
    client.post("/admin/login/?next=/admin/", {"username": alice.email, "password": PASSWORD})
    assert signed_in_as(client) is None
    assert client.get("/admin/").status_code in {302, 303}


@pytest.mark.proves("PK-13")
def test_r_23_the_api_asks(alone, api):
    program = Program()
    answer = program.give_password().json()
    assert (program.access, "totp_challenge_token" in answer) == (None, True)
    assert not program.is_signed_in()


@pytest.mark.proves("PK-13")
@pytest.mark.urls(__name__)
def test_r_23_a_login_of_other_code_is_held(alone, alice):
    client = Browser()
    assert client.get("/elsewhere/").headers["Location"].startswith("/two-factor/verify/")
    assert signed_in_as(client) is None
    assert client.post(ADD, {}).status_code in {302, 303}


@pytest.mark.urls(__name__)
def test_r_23_a_held_login_is_completed_with_the_passkey(alone, alice):
    client = Browser()
    client.get("/elsewhere/")
    [form] = forms_of(client.get("/two-factor/verify/"))
    assert client.use(form, alone[0]).status_code == 303
    assert signed_in_as(client) == alice


def test_r_23_a_new_password_by_mail_asks(alone, alice):
    alice.set_password("a quiet green harbour")
    alice.save()
    client = Browser()
    client.post("/accounts/login/", {"username": alice.email, "password": "a quiet green harbour"})
    assert signed_in_as(client) is None


def test_r_23_a_key_alone_asks_too(alice):
    key = new_key()
    enrol(alice)
    store(alice, key)
    Authenticator.objects.all().delete()
    client = Browser()
    form = client.give_password()
    assert signed_in_as(client) is None
    client.use(form, next_use(key))
    assert (signed_in_as(client), client.session["twofactor_amr"]) == (alice, "key")


# What the password way checks after the password


def test_r_22_a_backend_that_lets_nobody_in(alice, passkey, laptop, settings):
    form = form_at(SIGN_IN, laptop, passkey)
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.NoBackend"]
    assert_refused(laptop.use(form, passkey))
    assert (signed_in_as(laptop), Event.objects.exists()) == (None, False)


def test_r_22_the_first_backend_that_lets_in_is_the_one(alice, passkey, laptop, settings):
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.NoBackend", "twofactor.backends.ModelBackend"]
    laptop.sign_in(passkey)
    assert laptop.session["_auth_user_backend"] == "twofactor.backends.ModelBackend"


def test_r_22_enforcement_leads_on_as_after_the_password(alice, passkey, settings, clock):
    settings.TWOFACTOR_REQUIRED_FOR = "everyone"
    by_password = client_after_password()
    assert by_password.get("/two-factor/devices/").headers["Location"].startswith("/two-factor/setup/")
    clock.shift(1)
    by_passkey = signed_in(passkey)  # the password alone would still be enough
    assert by_passkey.get("/two-factor/devices/").headers["Location"].startswith("/two-factor/setup/")
    by_passkey.get("/two-factor/setup/codes/")
    by_passkey.post("/two-factor/setup/codes/", {"saved": "on"})
    assert by_passkey.get("/two-factor/devices/").status_code == 200


def test_r_22_whoever_is_signed_in_stays_who_they_are(alice, bob, passkey):
    of_bob = new_passkey()
    store(bob, of_bob)
    client = signed_in(passkey)
    form = form_at(SIGN_IN, Browser(), of_bob)
    client.use(form, of_bob)
    assert signed_in_as(client) == alice
