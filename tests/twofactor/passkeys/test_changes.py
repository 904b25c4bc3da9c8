"""What adding, removing and a suspected copy change, what they end, and who hears of it."""

from datetime import timedelta

import pytest

from tests.api.program import Program
from tests.people import PASSWORD, add_app, enrol, give_password, signed_in_as
from tests.soft import BACKED_UP, BACKUP_ELIGIBLE
from tests.twofactor.passkeys.browser import (
    Browser,
    forms_of,
    new_key,
    new_passkey,
    next_use,
    not_synced,
    store,
)
from tests.twofactor.passkeys.refusals import ADD, CONFIRM, SIGN_IN, assert_refused, form_at
from tests.twofactor.sent_codes import enter_sent_code, mailed_code, request_code
from tests.twofactor.trusted_browsers import new_trusted_client
from twofactor.clocks import DAY
from twofactor.factors import enrolled, totp
from twofactor.models import Authenticator, Event, Passkey, PasskeyOwner
from twofactor.testing import send_mails

SETTINGS = "/two-factor/"


def signed_in(passkey):
    made = Browser()
    made.sign_in(passkey)
    assert signed_in_as(made) is not None
    return made


def mails_about(word):
    return [mail for mail in send_mails() if word in mail.subject]


def remove(client, row, passkey, more=None):
    page = client.get(f"/two-factor/passkeys/{row.pk}/remove/")
    return client.use(forms_of(page)[0], passkey, more)


# Flags and counts


def test_r_15_it_may_become_one_that_is_copied(alice, laptop):
    device = not_synced()
    row = store(alice, device)
    device.flags |= BACKUP_ELIGIBLE | BACKED_UP
    device.sign_count = 0
    assert laptop.sign_in(device).status_code == 303
    row.refresh_from_db()
    assert (row.backup_eligible, row.backed_up, row.suspected_at) == (True, True, None)


def test_r_15_an_imported_one_takes_what_comes_first(alice, laptop):
    device = not_synced()
    row = store(alice, device, backup_eligible=None, backed_up=None, verified=None, sign_count=0)
    laptop.sign_in(device)
    row.refresh_from_db()
    assert (row.backup_eligible, row.backed_up, row.verified, row.sign_count) == (False, False, True, 1)


def test_r_15_whether_it_is_copied_is_written_each_time(alice, passkey, laptop, clock):
    passkey.flags &= ~BACKED_UP
    laptop.sign_in(passkey)
    assert Passkey.objects.get().backed_up is False
    clock.shift(1)
    passkey.flags |= BACKED_UP
    Browser().sign_in(passkey)
    assert Passkey.objects.get().backed_up is True


def test_r_16_no_count_at_all_is_right_each_time(alice, clock):
    device = not_synced(sign_count=0)
    row = store(alice, device)
    for _ in range(3):
        assert Browser().sign_in(device).status_code == 303
        clock.shift(1)
    row.refresh_from_db()
    assert (row.sign_count, row.suspected_at) == (0, None)


def test_r_16_a_count_rises_by_any_number(alice, clock):
    device = not_synced()
    row = store(alice, device)
    for count in (2, 3, 1000, 2**32 - 1):
        device.sign_count = count
        assert Browser().sign_in(device).status_code == 303
        clock.shift(1)
    row.refresh_from_db()
    assert row.sign_count == 2**32 - 1


@pytest.fixture
def copied(alice, phone):
    """Alice has an app, and a device whose count has gone back; its row."""
    device = not_synced(sign_count=5)
    row = store(alice, device, name="Yubi")
    Browser().sign_in(device)
    row.refresh_from_db()
    assert row.suspected_at is not None
    return device, row


@pytest.mark.proves("PK-10")
def test_r_16_the_person_hears_of_a_copy_once(copied, alice):
    device, _row = copied
    Browser().sign_in(device)
    event = Event.objects.get(kind="passkey_copied")
    assert (event.user_id, event.detail) == (alice.pk, {"passkey": "Yubi"})
    [mail] = mails_about("may have been copied")
    assert (mail.to, "Yubi" in mail.body, "Firefox" in mail.body) == ([alice.email], True, True)


@pytest.mark.proves("PK-10")
def test_r_17_it_is_refused_until_its_owner_says_that_it_was_them(copied, alice, phone, clock):
    device, row = copied
    device.sign_count = 9
    assert_refused(Browser().sign_in(device))
    clock.shift(60)
    client = Browser()
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code()})
    assert client.get(f"/two-factor/passkeys/{row.pk}/clear/").status_code == 200
    assert client.post(f"/two-factor/passkeys/{row.pk}/clear/").status_code == 303
    row.refresh_from_db()
    assert (row.suspected_at, Event.objects.filter(kind="passkey_cleared").count()) == (None, 1)
    clock.shift(1)
    assert Browser().sign_in(device).status_code == 303


def test_r_17_a_factor_that_was_added_today_does_not_clear_it(copied, alice, phone, clock):
    """A thief of password and one code may have added it, and may have the copy."""
    clock.shift(60)
    client = Browser()
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code()})
    of_thief = new_passkey()
    client.use(forms_of(client.get(ADD))[0], of_thief)
    clock.shift(600)
    _device, row = copied
    thief, path = signed_in(of_thief), f"/two-factor/passkeys/{row.pk}/clear/"
    assert thief.post(path).headers["Location"].startswith("/two-factor/confirm/?full_proof=1")
    row.refresh_from_db()
    assert row.suspected_at is not None


def test_r_17_its_row_says_why(copied, phone, clock):
    clock.shift(60)
    client = Browser()
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code()})
    page = client.get(SETTINGS).text
    assert f"/two-factor/passkeys/{copied[1].pk}/clear/" in page


def test_r_17_a_session_that_the_copy_opened_ends(alice, phone, clock):
    """Whoever has the copy signs in first; then the owner's own device counts too low."""
    device = not_synced()
    row = store(alice, device)
    device.sign_count = 50
    thief = signed_in(device)
    clock.shift(1)
    device.sign_count = 2
    assert_refused(Browser().sign_in(device))
    path = f"/two-factor/passkeys/{row.pk}/clear/"
    assert thief.post(path).headers["Location"].startswith("/accounts/login/")
    row.refresh_from_db()
    assert row.suspected_at is not None


@pytest.mark.parametrize("path", [ADD, "/two-factor/apps/add/"])
def test_r_17_nor_add_another_one(path, alice, phone, clock):
    device = not_synced()
    store(alice, device)
    device.sign_count = 50
    thief = signed_in(device)
    assert thief.get(path).status_code == 200
    Passkey.objects.update(suspected_at=alice.date_joined)
    assert thief.get(path).headers["Location"].startswith("/two-factor/confirm/")


def test_r_17_nor_while_two_factor_is_off(alice, clock):
    device = not_synced()
    row = store(alice, device)
    device.sign_count = 50
    thief = signed_in(device)
    Passkey.objects.update(suspected_at=alice.date_joined)
    path = f"/two-factor/passkeys/{row.pk}/clear/"
    assert thief.post(path).headers["Location"].startswith("/two-factor/confirm/")


def test_r_17_it_can_be_removed_with_another_factor(copied, alice, phone, clock):
    _device, row = copied
    clock.shift(60)
    client = Browser()
    give_password(client)
    client.post("/two-factor/verify/", {"code": phone.code()})
    clock.shift(60)
    form = {"password": PASSWORD, "code": phone.code()}
    assert client.post(f"/two-factor/passkeys/{row.pk}/remove/", form).status_code == 303
    assert not Passkey.objects.exists()


# Removing (P-13)


@pytest.fixture
def second(alice, phone, passkey):
    """Another passkey of Alice, beside her phone and the first; its row."""
    made = new_passkey()
    return made, store(alice, made, name="Old phone")


@pytest.mark.proves("PK-15")
def test_p_13_other_sessions_end_and_this_one_goes_on(second, passkey, clock):
    made, row = second
    others = []
    for each in (passkey, made):
        others.append(signed_in(each))
        clock.shift(1)
    client = signed_in(passkey)
    remove(client, row, passkey)
    assert client.get(SETTINGS).status_code == 200
    assert {other.get(SETTINGS).status_code for other in others} <= {302, 303}


def test_p_13_trusted_browsers_are_asked_again(second, passkey, phone, clock):
    trusted = new_trusted_client(phone)
    clock.shift(60)
    remove(signed_in(passkey), second[1], passkey)
    give_password(trusted)
    assert signed_in_as(trusted) is None


def test_p_13_sign_ins_over_the_api_end(second, passkey, phone, clock, api):
    program = Program().sign_in(phone)
    assert program.is_signed_in()
    clock.shift(60)
    remove(signed_in(passkey), second[1], passkey)
    assert not program.is_signed_in()
    assert program.renew().status_code == 401


def test_p_13_a_pending_sign_in_ends(second, passkey):
    waiting = Browser()
    form = waiting.give_password()
    remove(signed_in(passkey), second[1], passkey)
    assert waiting.use(form, passkey).headers["Location"] == "/accounts/login/"


def test_p_13_the_person_hears_what_was_removed(second, alice, passkey):
    remove(signed_in(passkey), second[1], passkey)
    assert Event.objects.get(kind="passkey_removed").detail == {"passkey": "Old phone"}
    [mail] = mails_about("removed")
    assert (mail.to, "Old phone" in mail.body, "Firefox" in mail.body) == ([alice.email], True, True)


@pytest.mark.proves("PK-15")
def test_p_13_it_asks_for_a_proof_in_its_own_form(second, passkey):
    client, (_made, row) = signed_in(passkey), second
    assert client.post(f"/two-factor/passkeys/{row.pk}/remove/", {}).status_code == 422
    assert Passkey.objects.filter(pk=row.pk).exists()


def test_p_13_one_that_was_added_today_removes_no_other(alice, phone, passkey):
    young = new_passkey()
    store(alice, young, name="Thief", full_from=None)
    row = Passkey.objects.get(name="Laptop")
    client = signed_in(young)
    response = remove(client, row, young)
    assert (response.status_code, "because it was added recently" in response.text) == (422, True)
    assert Passkey.objects.count() == 2


def test_p_13_but_itself(alice, phone, passkey):
    young = new_passkey()
    row = store(alice, young, name="Thief", full_from=None)
    assert remove(signed_in(young), row, young).status_code == 303
    assert [each.name for each in Passkey.objects.all()] == ["Laptop"]


@pytest.mark.parametrize("what", ["rename", "remove", "clear"])
def test_p_13_that_of_another_person_is_not_there(what, alice, bob, phone, passkey):
    row = store(bob, new_passkey())
    client = signed_in(passkey)
    for response in (
        client.get(f"/two-factor/passkeys/{row.pk}/{what}/"),
        client.post(
            f"/two-factor/passkeys/{row.pk}/{what}/",
            {"name": "Mine", "password": PASSWORD, "code": phone.code()},
        ),
    ):
        assert response.status_code in {404, 409}
    row.refresh_from_db()
    assert (row.name, row.user_id) == ("Laptop", bob.pk)


def test_p_13_a_security_key_alone_removes_nothing(alice, phone, passkey):
    key = new_key()
    store(alice, key, name="Key")
    client = signed_in(passkey)
    row = Passkey.objects.get(name="Laptop")
    forms = forms_of(client.get(f"/two-factor/passkeys/{row.pk}/remove/"))
    for form in forms:
        assert client.use(form, next_use(key)).status_code == 422
    assert client.use(forms[1], next_use(key), {"password": "wrong"}).status_code == 422
    assert Passkey.objects.count() == 2


def test_p_13_with_the_password_it_does(alice, phone, passkey):
    key = new_key()
    store(alice, key, name="Key")
    client = signed_in(passkey)
    row = Passkey.objects.get(name="Laptop")
    form = forms_of(client.get(f"/two-factor/passkeys/{row.pk}/remove/"))[1]
    assert client.use(form, next_use(key), {"password": PASSWORD}).status_code == 303
    assert [each.name for each in Passkey.objects.all()] == ["Key"]


# Adding (P-14)


@pytest.mark.proves("PK-15")
def test_p_14_no_session_ends(alice, phone, passkey, clock, api):
    other, program = signed_in(passkey), Program().sign_in(phone)
    clock.shift(60)
    client = signed_in(passkey)
    client.use(forms_of(client.get(ADD))[0], new_passkey())
    assert (other.get(SETTINGS).status_code, client.get(SETTINGS).status_code) == (200, 200)
    assert program.is_signed_in()


def test_p_14_the_person_hears_of_it(alice, phone, passkey):
    client = signed_in(passkey)
    client.use(forms_of(client.get(ADD))[0], new_passkey())
    assert Event.objects.get(kind="passkey_added").detail == {"passkey": "Firefox 140 on Linux"}
    [mail] = mails_about("added")
    assert (mail.to, "Firefox" in mail.body) == ([alice.email], True)


def test_p_14_a_new_one_proves_everything_after_a_day(alice, phone, passkey, clock):
    client, new = signed_in(passkey), new_passkey()
    client.use(forms_of(client.get(ADD))[0], new)
    row = Passkey.objects.latest("pk")
    assert row.full_from - row.added_at == DAY
    clock.shift(60)
    young = signed_in(new)
    assert young.use(forms_of(young.get("/two-factor/disable/"))[0], new).status_code == 422
    assert enrolled.is_on(alice)


def test_p_14_added_with_a_young_one_it_never_does_by_itself(alice, phone, passkey):
    young = new_passkey()
    store(alice, young, name="Thief", full_from=None)
    client = signed_in(young)
    client.use(forms_of(client.get(ADD))[0], new_passkey())
    assert Passkey.objects.latest("pk").full_from is None


def test_p_14_two_forms_of_one_page_work_both(alice, phone, passkey):
    client = signed_in(passkey)
    for_passkey, for_key = forms_of(client.get(ADD))
    assert client.use(for_key, new_key()).status_code == 303
    assert client.use(for_passkey, new_passkey()).status_code == 303
    assert sorted(each.kind for each in Passkey.objects.all()) == ["key", "passkey", "passkey"]


def test_p_14_two_tabs_work_both(alice, phone, passkey):
    client = signed_in(passkey)
    forms = [forms_of(client.get(ADD))[0] for _ in range(2)]
    assert [client.use(form, new_passkey()).status_code for form in forms] == [303, 303]


def test_p_6_two_tabs_of_the_sign_in_page_work_both(alice, passkey, laptop):
    forms = [form_at(SIGN_IN, laptop, passkey) for _ in range(2)]
    assert forms[0].fields["challenge"] != forms[1].fields["challenge"]
    assert laptop.use(forms[0], passkey).status_code == 303
    assert signed_in_as(laptop) == alice


# After a recovery by email (P-15)


@pytest.fixture
def recovered(alice, phone, passkey, clock):
    """Alice signed in with a code by email, and has lost her phone and her laptop."""
    client = Browser()
    give_password(client)
    request_code(client)
    enter_sent_code(client, mailed_code())
    assert client.session["twofactor_amr"] == "recovery"
    return client


def with_password(client):
    form = {"password": PASSWORD}
    assert client.post(f"/two-factor/confirm/?next={ADD}", form).headers["Location"] == ADD
    return forms_of(client.get(ADD))[0]


def test_p_15_the_password_is_asked_for_again(recovered):
    assert recovered.get(ADD).headers["Location"].startswith("/two-factor/confirm/")
    assert recovered.post(ADD, {}).headers["Location"].startswith("/two-factor/confirm/")
    assert recovered.post(f"/two-factor/confirm/?next={ADD}", {"password": "wrong"}).status_code == 422
    assert recovered.get(ADD).status_code == 303


def test_p_15_and_nothing_else_is_open_with_it(recovered):
    with_password(recovered)
    row = Passkey.objects.get()
    for path in (
        "/two-factor/disable/",
        f"/two-factor/passkeys/{row.pk}/remove/",
        "/two-factor/backup-codes/",
    ):
        assert recovered.post(path, {"password": PASSWORD}).status_code == 422
    assert recovered.get("/two-factor/phone/").status_code in {302, 303}


def test_p_15_a_passkey_takes_the_place_of_what_is_lost(recovered, alice, clock):
    form, new = with_password(recovered), new_passkey()
    app, row = Authenticator.objects.get(), Passkey.objects.get()
    boxes = {f"remove-{app.pk}": "on", f"remove-passkey-{row.pk}": "on"}
    assert recovered.use(form, new, boxes).status_code == 303
    assert (Authenticator.objects.count(), Passkey.objects.count(), enrolled.is_on(alice)) == (0, 1, True)
    assert not Passkey.objects.filter(pk=row.pk).exists()
    assert recovered.get(SETTINGS).status_code == 200
    clock.shift(1)
    assert signed_in_as(signed_in(new)) == alice


def test_p_15_each_that_was_removed_is_named(recovered, alice):
    form = with_password(recovered)
    app, row = Authenticator.objects.get(), Passkey.objects.get()
    recovered.use(form, new_passkey(), {f"remove-{app.pk}": "on", f"remove-passkey-{row.pk}": "on"})
    named = Event.objects.filter(kind__in=["app_removed", "passkey_removed"]).order_by("kind")
    assert [event.detail for event in named] == [{"app": app.name}, {"passkey": "Laptop"}]
    assert [len(mails_about(word)) for word in ("removed", "added")] == [2, 1]


def test_p_15_nothing_is_removed_that_is_not_ticked(recovered):
    recovered.use(with_password(recovered), new_passkey())
    assert (Authenticator.objects.count(), Passkey.objects.count()) == (1, 2)


def test_p_15_beside_an_older_one_it_never_proves_everything(recovered):
    recovered.use(with_password(recovered), new_passkey())
    assert Passkey.objects.latest("pk").full_from is None


def test_p_15_alone_it_does_after_a_day(recovered, clock):
    form = with_password(recovered)
    app, row = Authenticator.objects.get(), Passkey.objects.get()
    recovered.use(form, new_passkey(), {f"remove-{app.pk}": "on", f"remove-passkey-{row.pk}": "on"})
    new = Passkey.objects.get()
    assert new.full_from - new.added_at == DAY


def test_p_15_other_sessions_end_with_what_is_lost(recovered, passkey, clock):
    clock.shift(1)
    thief = signed_in(passkey)
    clock.shift(1)
    row = Passkey.objects.get()
    recovered.use(with_password(recovered), new_passkey(), {f"remove-passkey-{row.pk}": "on"})
    assert thief.get(SETTINGS).status_code in {302, 303}


def test_p_15_the_guesses_of_many_apps_end_with_them(alice, phone, passkey, clock):
    for number in range(2):
        add_app(alice, totp.generate_key(), alice.date_joined, name=f"{number}")
    alice.guess_budget.has_many_apps = True
    alice.guess_budget.save()
    client = Browser()
    give_password(client)
    request_code(client)
    enter_sent_code(client, mailed_code())
    boxes = {f"remove-{app.pk}": "on" for app in Authenticator.objects.all()}
    assert client.use(with_password(client), new_passkey(), boxes).status_code == 303
    alice.guess_budget.refresh_from_db()
    assert (Authenticator.objects.count(), alice.guess_budget.has_many_apps) == (0, False)


def test_p_15_boxes_mean_nothing_without_a_recovery(alice, phone, passkey):
    client = signed_in(passkey)
    app, row = Authenticator.objects.get(), Passkey.objects.get()
    form = forms_of(client.get(ADD))[0]
    client.use(form, new_passkey(), {f"remove-{app.pk}": "on", f"remove-passkey-{row.pk}": "on"})
    assert (Authenticator.objects.count(), Passkey.objects.count()) == (1, 2)


def test_p_15_a_box_for_one_of_another_person_means_nothing(recovered, bob):
    row = store(bob, new_passkey())
    recovered.use(with_password(recovered), new_passkey(), {f"remove-passkey-{row.pk}": "on"})
    assert Passkey.objects.filter(pk=row.pk).exists()


# Confirming (P-8, P-9)


def test_p_9_the_sign_in_counts_for_five_minutes(alice, phone, passkey, clock):
    client = signed_in(passkey)
    assert client.get(ADD).status_code == 200
    clock.shift(timedelta(minutes=5, seconds=1))
    assert client.get(ADD).status_code == 303


def test_p_8_a_passkey_confirms_and_its_session_gets_a_new_key(alice, phone, passkey, clock):
    client = signed_in(passkey)
    clock.shift(600)
    before = client.session.session_key
    [form, *_] = forms_of(client.get(CONFIRM))
    assert client.use(form, passkey).status_code == 303
    assert client.session.session_key != before
    assert client.get(ADD).status_code == 200


def test_p_8_a_passkey_alone_does_not_count_as_the_password(alice, passkey):
    client = signed_in(passkey)
    assert "twofactor_password_at" not in client.session


def test_p_10_a_passkey_trusts_no_browser(alice, phone, passkey, laptop):
    form = laptop.give_password()
    laptop.use(form, passkey, {"trust_browser": "on"})
    assert (signed_in_as(laptop), "twofactor_trusted" in laptop.cookies) == (alice, False)


def test_r_9_the_random_name_stays_when_the_last_one_goes(alice, phone, passkey):
    handle = bytes(PasskeyOwner.objects.get().handle)
    client = signed_in(passkey)
    remove(client, Passkey.objects.get(), passkey)
    assert bytes(PasskeyOwner.objects.get().handle) == handle
    enrol(alice)
    assert handle not in alice.email.encode() + str(alice.pk).encode()
