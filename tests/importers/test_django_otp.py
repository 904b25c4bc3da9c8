"""Import from django-otp and django-two-factor-auth: people sign in with the codes they already have."""

from datetime import UTC

import pytest
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command
from django.db import connection
from django.db.models.signals import pre_save
from django.test import Client
from django.utils import timezone
from django_otp.oath import hotp, totp

from tests.importers.importing import (
    BACKUP,
    REFUSED,
    SIGNED_IN,
    VERIFY,
    after_password,
    enter,
    rows,
    run_import,
)
from tests.people import PASSWORD, enrol, give_password, signed_in_as
from twofactor.factors import code_text
from twofactor.models import Authenticator, BackupCode, Event, GuessBudget, Phone, TwoFactor
from twofactor.operations import support
from twofactor.outgoing.outbox import send_due

PEER = "django_otp"
SHORT = "has a key that cannot be used: Secrets must be at least 112 bits after decoding"
ALICE, BOB, CAROL, ERIN = [f"{name}@example.com" for name in ("alice", "bob", "carol", "erin")]


@pytest.fixture
def imported(site, later):
    run_import("django-otp")
    return site


def device(email, name="default"):
    sql = """SELECT device.* FROM otp_totp_totpdevice device JOIN accounts_user person
             ON person.id = device.user_id WHERE person.email = %s AND device.name = %s"""
    return rows(sql, email, name)[0]


def code(row, off=0):
    """The code that the phone shows, computed by django-otp."""
    number = totp(bytes.fromhex(row.key), row.step, row.t0, row.digits, row.drift + off)
    return f"{number:0{row.digits}}"


def unused_codes():
    return [row.token for row in rows("SELECT token FROM otp_static_statictoken ORDER BY id")]


def user(email):
    return get_user_model().objects.get(email=email)


# Who is imported


def test_everyone_is_accounted_for(site):
    result = run_import("django-otp")
    assert (result.imported, result.authenticator_apps, result.already_here) == (4, 6, 0)
    assert (result.backup_codes, result.phones_to_verify) == (2, 1)


def test_what_stays_behind_is_counted(site):
    assert run_import("django-otp").left_out == {"not confirmed": 1}


def test_what_cannot_come_is_named_with_the_reason(site):
    faults = {fault["person"]: fault["reason"] for fault in run_import("django-otp").faults}
    assert faults == {
        "frank@example.com": SHORT,
        "grace@example.com": "uses another method there, but no authenticator app",
    }


def test_faults_make_exit_code_3(site):
    assert run_import("django-otp").exit_code == 3


def test_without_faults_the_exit_code_is_0(site):
    assert run_import("django-otp", "--users", ALICE).exit_code == 0


def test_who_never_confirmed_is_not_asked_for_a_code(imported):
    assert signed_in_as(after_password("dave@example.com")) == user("dave@example.com")


# Signing in


@pytest.mark.parametrize(
    ("email", "name"), [(ALICE, "default"), (BOB, "default"), (CAROL, "new phone"), (ERIN, "default")]
)
def test_the_same_phone_signs_in(imported, email, name):
    assert enter(email, code(device(email, name))).status_code == SIGNED_IN


@pytest.mark.parametrize(("email", "name"), [(BOB, "tablet"), (CAROL, "old phone")])
def test_every_other_device_signs_in_too(imported, email, name):
    assert enter(email, code(device(email, name))).status_code == SIGNED_IN


def names(email):
    return [app.name for app in Authenticator.objects.filter(user__email=email).order_by("added_at", "pk")]


def test_devices_become_apps_with_their_names(imported):
    assert (names(BOB), names(CAROL)) == (["Authenticator app", "tablet"], ["old phone", "new phone"])


def copy_device(email, name):
    """One more confirmed device of this person."""
    row = {**vars(device(email)), "name": name}
    del row["id"]
    columns, places = ", ".join(row), ", ".join(["%s"] * len(row))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO otp_totp_totpdevice ({columns}) VALUES ({places})", [*row.values()])  # noqa: S608


def test_apps_of_one_name_are_told_apart(site):
    for _ in range(2):
        copy_device(ALICE, " pho\u202ene ")
    run_import("django-otp")
    assert names(ALICE) == ["Authenticator app", "phone", "phone (2)"]


@pytest.mark.proves("MF-5")
def test_five_apps_come_along_and_the_rest_is_named(site):
    for number in range(6):
        copy_device(ALICE, f"phone {number}")
    result = run_import("django-otp")
    reasons = [fault["reason"] for fault in result.faults if fault["person"] == ALICE]
    assert reasons == ["has 7 apps, of which only 5 can be imported"]
    assert {*names(ALICE)} == {"Authenticator app", *(f"phone {number}" for number in (5, 4, 3, 2))}


@pytest.mark.proves("MF-5")
@pytest.mark.parametrize(("more", "many"), [(1, False), (2, True)])
def test_with_three_apps_there_are_fewer_guesses_a_day(site, more, many):
    for number in range(more):
        copy_device(ALICE, f"phone {number}")
    run_import("django-otp")
    assert GuessBudget.objects.get(user__email=ALICE).has_many_apps == many


def test_a_device_that_cannot_come_leaves_the_others(site):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE otp_totp_totpdevice SET key = 'x' WHERE name = 'tablet'")
    result = run_import("django-otp")
    reasons = [fault["reason"] for fault in result.faults if fault["person"] == BOB]
    assert (reasons, names(BOB)) == (["has a key that is not hexadecimal"], ["Authenticator app"])


def test_digits_steps_and_clock_come_along(imported):
    row, ours = device(ERIN), Authenticator.objects.get(user__email=ERIN)
    theirs = (row.digits, row.step, row.t0, row.drift, row.last_t)
    assert (ours.digits, ours.period, ours.t0, ours.drift, ours.last_step) == theirs
    assert theirs[:4] == (8, 60, 1_000_000_007, 1)


@pytest.mark.parametrize(("off", "status"), [(-2, REFUSED), (-1, SIGNED_IN), (1, SIGNED_IN), (2, REFUSED)])
def test_the_window_lies_around_the_drift(imported, later, off, status):
    later.shift(60 * 10)
    assert enter(ERIN, code(device(ERIN), off)).status_code == status


def test_a_code_that_was_used_there_is_used_here(imported, later):
    row = device(ALICE)
    later.move_to(row.last_t * row.step)
    used = f"{hotp(bytes.fromhex(row.key), row.last_t):06}"
    assert b"You&#x27;ve already used that code" in enter(ALICE, used).content


def test_the_date_of_turning_on_is_imported(imported):
    since = device(ALICE).created_at.replace(tzinfo=UTC)
    assert Authenticator.objects.get(user__email=ALICE).added_at == since


# Backup codes


def test_an_unused_backup_code_signs_in_once(imported):
    written = unused_codes()[0]
    assert [enter(ALICE, written, BACKUP).status_code for _ in range(2)] == [SIGNED_IN, REFUSED]


def test_a_backup_code_works_in_the_other_field_too(imported):
    assert enter(ALICE, unused_codes()[0]).status_code == SIGNED_IN


def test_a_backup_code_that_was_used_there_is_worth_nothing(imported):
    assert enter(ALICE, imported.used, BACKUP).status_code == REFUSED


def test_the_page_for_a_backup_code_shows_none_of_another_form(imported):
    page = after_password(ALICE).get(BACKUP).text
    assert "Enter one of the codes you saved." in page
    assert code_text.sample_backup_code() not in page


def test_a_backup_code_keeps_its_case(imported):
    assert enter(ALICE, unused_codes()[0].upper(), BACKUP).status_code == REFUSED


def test_a_wrong_backup_code_costs_a_guess(imported):
    enter(ALICE, "aaaaaaaa")
    assert GuessBudget.objects.get(user__email=ALICE).failures == 1


@pytest.mark.parametrize("slip", ["12345", "1234567", "abcdefg"])
def test_a_slip_of_the_hand_costs_none(imported, slip):
    enter(ALICE, slip)
    assert not GuessBudget.objects.filter(user__email=ALICE, failures__gt=0).exists()


def test_support_can_still_help_with_a_code(imported, later):
    now, valid_for = timezone.now(), support.MAX_VALIDITY
    code = support.make_emergency_code(user(ALICE), "lost", "test", None, now, valid_for)
    assert enter(ALICE, code.replace("-", " ").lower(), BACKUP).status_code == SIGNED_IN


def test_the_panel_counts_the_codes_that_came_along(imported):
    browser = after_password(ALICE)
    browser.post(VERIFY, {"code": code(device(ALICE))})
    assert b"2 of 2 unused" in browser.get("/two-factor/").content


def test_codes_are_kept_as_hashes(imported):
    assert all(
        digest.startswith("$argon2id$") for digest in BackupCode.objects.values_list("digest", flat=True)
    )


# Phone numbers


def test_a_phone_number_has_to_be_confirmed_anew(imported):
    phone = Phone.objects.get(user__email=ALICE)
    assert (phone.new_number, phone.number, phone.verified_at) == ("+4917012345678", "", None)


def test_the_number_stands_ready_to_be_confirmed(imported, later, settings):
    settings.TWOFACTOR_SMS_GATEWAY = "console"
    browser = after_password(ALICE)
    browser.post(VERIFY, {"code": code(device(ALICE))})
    later.shift(60)
    browser.post("/two-factor/confirm/", {"password": PASSWORD, "code": code(device(ALICE))})
    assert browser.get("/two-factor/phone/").context["form"]["number"].value() == "+4917012345678"


# One command


def test_a_second_run_finds_everyone_here(imported):
    before = list(Authenticator.objects.order_by("pk").values())
    result = run_import("django-otp")
    assert (result.imported, result.already_here) == (0, 4)
    assert list(Authenticator.objects.order_by("pk").values()) == before


def test_a_dry_run_knows_who_is_here(imported):
    result = run_import("django-otp", "--dry-run")
    assert (result.imported, result.already_here) == (0, 4)


def test_what_people_who_are_here_had_there_is_no_fault(site):
    enrol(user("grace@example.com"))
    assert "grace@example.com" not in [fault["person"] for fault in run_import("django-otp").faults]


def test_who_has_an_authenticator_here_keeps_it(site, later):
    enrol(user(ALICE))
    sealed = Authenticator.objects.get().sealed_key
    run_import("django-otp")
    assert Authenticator.objects.get(user__email=ALICE).sealed_key == sealed


def test_an_app_without_its_row_of_two_factor_counts_as_here(site, later):
    enrol(user(ALICE))
    TwoFactor.objects.all().delete()
    assert (run_import("django-otp").already_here, names(ALICE)) == (1, ["Authenticator app"])


def test_a_backup_code_alone_counts_as_here(site, later):
    enrol(user(ALICE), ["ABCDEFGHJKMNPQR"])
    TwoFactor.objects.all().delete()
    Authenticator.objects.all().delete()
    assert (run_import("django-otp").already_here, names(ALICE)) == (1, [])


def test_a_dry_run_says_the_same(site):
    assert run_import("django-otp", "--dry-run") == run_import("django-otp")


def test_a_dry_run_changes_nothing(site):
    run_import("django-otp", "--dry-run")
    assert [model.objects.count() for model in (Authenticator, BackupCode, Phone, Event)] == [0, 0, 0, 0]


def test_some_people_only(site):
    assert run_import("django-otp", "--users", f"{BOB}, {CAROL}").imported == 2
    assert set(Authenticator.objects.values_list("user__email", flat=True)) == {BOB, CAROL}


def test_an_unknown_name_is_told(site):
    with pytest.raises(CommandError, match=r"There is no user nobody@example\.com"):
        call_command("twofactor", "import", "django-otp", "--users", "nobody@example.com")


def test_default_devices_only(site):
    result = run_import("django-otp", "--only-default")
    assert (result.imported, result.left_out["not named default"]) == (3, 3)


def test_an_error_rolls_back_the_whole_import(site):
    def stumble(instance, **kwargs):
        if instance.user.email == ERIN:
            raise RuntimeError

    pre_save.connect(stumble, sender=Authenticator)
    try:
        with pytest.raises(RuntimeError):
            run_import("django-otp")
    finally:
        pre_save.disconnect(stumble, sender=Authenticator)
    assert not Authenticator.objects.exists()


def test_nobody_gets_a_mail(imported, mailoutbox):
    send_due()
    assert mailoutbox == []


def test_an_import_is_in_the_audit_log(imported):
    event = Event.objects.get(user__email=ALICE)
    assert (event.kind, event.detail) == ("two_factor_imported", {"source": "django-otp"})


def test_a_session_without_a_second_factor_ends(site, later):
    browser = Client()
    give_password(browser, ALICE)
    assert browser.get("/").context["user"].is_authenticated
    run_import("django-otp")
    assert not browser.get("/").context["user"].is_authenticated


def test_a_missing_table_is_told_in_a_line(site):
    with pytest.raises(CommandError, match=r"^This database has no table mfa_authenticator\.$"):
        call_command("twofactor", "import", "allauth")


def test_the_figures_can_be_read_by_people(site, capsys):
    with pytest.raises(CommandError):
        call_command("twofactor", "import", "django-otp", "--dry-run")
    result = capsys.readouterr().out.splitlines()
    assert result[0] == "imported: 4"
    assert result[-1] == "grace@example.com uses another method there, but no authenticator app"
