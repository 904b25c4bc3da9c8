"""Answers that are refused, at each place that asks for one, by their numbers in the specification.

factors/test_ceremony.py has the rest of them: what stands in an answer.
"""

import json

import pytest
from django.conf import settings as site
from django.contrib.auth.signals import user_logged_in
from django.core.signals import got_request_exception
from django.utils import timezone
from django.views.debug import SafeExceptionReporterFilter

from tests.people import enrol, give_password, open_sessions, signed_in_as
from tests.soft import BACKED_UP, ES256, PRESENT, RS256, VERIFIED, encoded
from tests.twofactor.passkeys.browser import (
    Browser,
    forms_of,
    new_key,
    new_passkey,
    next_use,
    not_synced,
    store,
)
from tests.twofactor.passkeys.refusals import (
    ADD,
    ADDING,
    CONFIRM,
    PLACES,
    SECOND,
    SIGN_IN,
    STEP_UP,
    assert_refused,
    form_at,
    second_browser,
    shape,
    state,
    used_at,
)
from twofactor.limits import guesses
from twofactor.limits.allowances import PASSKEYS_REFUSED
from twofactor.models import Allowance, Event, GuessBudget, Passkey
from twofactor.sessions import credential_digests

pytestmark = pytest.mark.usefixtures("phone")
ASKING = (SIGN_IN, SECOND, STEP_UP)  # for a passkey that is there already
everywhere = pytest.mark.parametrize("place", PLACES)
asked_for = pytest.mark.parametrize("place", ASKING)


@pytest.fixture
def place(request):
    return request.param


def changed(data, **fields):
    return json.dumps({**json.loads(data["credential"]), **fields})


# What was sent


NO_ANSWERS = {
    "empty": "",
    "N-1": "no JSON",
    "N-2-list": "[]",
    "N-2-null": "null",
    "N-2-number": "7",
    "N-3": "{}",
    "N-11": '{"id":"' + "a" * 17_000 + '"}',
    "N-12": "[" * 2000,
    "N-12-object": '{"a":' * 2000,
}


@everywhere
@pytest.mark.parametrize("credential", NO_ANSWERS.values(), ids=NO_ANSWERS)
def test_no_answer_at_all(place, credential, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    assert_refused(laptop.post(form.action, {**form.fields, "credential": credential}))
    assert state(alice) == before


@everywhere
def test_n_7_another_id_beside_the_raw_one(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    data = laptop.answer(form, used_at(place, passkey))
    data["credential"] = changed(data, id=encoded(bytes(32)))
    assert_refused(laptop.post(form.action, data))
    assert state(alice) == before


@pytest.mark.proves("PK-04")
@everywhere
def test_n_24_to_29_another_origin(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    for origin in ("https://localhost", "http://localhost:8000", "http://a.localhost", "http://localhost/"):
        answering = used_at(place, passkey)
        answering.origin = origin
        assert_refused(laptop.use(form, answering))
    assert state(alice) == before


# The challenge


@everywhere
def test_n_16_another_challenge(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    form.options["challenge"] = encoded(bytes(32))
    assert_refused(laptop.use(form, used_at(place, passkey)))
    assert state(alice) == before


@pytest.mark.proves("PK-03")
@pytest.mark.parametrize("place", [SECOND, STEP_UP, ADDING])
def test_n_17_a_challenge_of_another_person(place, alice, bob, passkey, laptop):
    of_bob = new_passkey()
    enrol(bob)
    store(bob, of_bob)
    own = form_at(place, laptop, passkey)
    form = form_at(place, Browser(), of_bob, bob.email)
    before = state(alice, bob)
    data = {**laptop.answer(form, used_at(place, passkey)), **who(own)}
    assert_refused(laptop.post(own.action, data))
    assert state(alice, bob) == before


def who(form):
    return {name: form.fields[name] for name in ("signing_in_as",) if name in form.fields}


@pytest.mark.proves("PK-03")
@everywhere
def test_n_18_a_challenge_of_another_session(place, alice, passkey, laptop, clock):
    form = form_at(place, Browser(), passkey)
    clock.shift(1)
    own = form_at(place, laptop, passkey)
    before = state(alice)
    assert_refused(laptop.post(own.action, laptop.answer(form, used_at(place, passkey))))
    assert state(alice) == before


@pytest.mark.proves("PK-03")
@pytest.mark.parametrize(
    ("place", "other"),
    [(SECOND, SIGN_IN), (SIGN_IN, SECOND), (STEP_UP, ADDING), (ADDING, STEP_UP)],
    ids=lambda value: value.replace(" ", "-"),
)
def test_n_19_a_challenge_of_another_use(place, other, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    wrong = form_of_same_browser(other, laptop)
    before = state(alice)
    form.fields["challenge"], form.options["challenge"] = (
        wrong.fields["challenge"],
        wrong.options["challenge"],
    )
    assert_refused(laptop.use(form, used_at(place, passkey)))
    assert state(alice) == before


def form_of_same_browser(place, browser):
    if place == SECOND:
        return browser.give_password()
    return forms_of(browser.get({SIGN_IN: "/accounts/login/", STEP_UP: CONFIRM, ADDING: ADD}[place]))[0]


def test_n_19_a_challenge_for_a_security_key_adds_no_passkey(alice, passkey, laptop):
    laptop.sign_in(passkey)
    for_passkey, for_key = forms_of(laptop.get(ADD))
    before = state(alice)
    data = {**laptop.answer(for_key, new_key()), "use": for_passkey.fields["use"]}
    assert_refused(laptop.post(ADD, data))
    assert state(alice) == before


@pytest.mark.proves("PK-03")
@pytest.mark.parametrize("place", [SIGN_IN, STEP_UP])
def test_n_20_after_ten_minutes(place, alice, passkey, laptop, clock):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    data = laptop.answer(form, passkey)
    clock.shift(601)
    assert_refused(laptop.post(form.action, data))
    assert state(alice)[0] == before[0]


@pytest.mark.parametrize("place", [SIGN_IN, STEP_UP])
def test_n_20_just_before_it_works(place, alice, passkey, laptop, clock):
    form = form_at(place, laptop, passkey)
    clock.shift(599)
    assert laptop.use(form, passkey).status_code == 303
    assert signed_in_as(laptop) == alice


def test_n_20_the_second_step_ends_with_its_sign_in(alice, passkey, laptop, clock):
    form = form_at(SECOND, laptop, passkey)
    before = state(alice)
    clock.shift(601)
    assert laptop.use(form, passkey).headers["Location"].startswith("/accounts/login/")
    assert state(alice) == before


@pytest.mark.proves("PK-02")
def test_n_21_a_spent_challenge_signs_nobody_in(alice, passkey, laptop, clock, caplog):
    form = form_at(SIGN_IN, laptop, passkey)
    other = second_browser(laptop, site.CSRF_COOKIE_NAME)
    data = laptop.answer(form, passkey)
    laptop.post(form.action, data)
    clock.shift(1)
    before = state(alice)
    assert_refused(other.post(form.action, data))
    assert "the challenge is spent" in caplog.text
    assert (state(alice), signed_in_as(other)) == (before, None)


def test_n_21_a_spent_challenge_answered_anew_signs_nobody_in(alice, passkey, laptop, clock):
    form = form_at(SIGN_IN, laptop, passkey)
    other = second_browser(laptop, site.CSRF_COOKIE_NAME)
    laptop.use(form, passkey)
    clock.shift(1)
    before = state(alice)
    assert_refused(other.use(form, passkey))
    assert (state(alice), signed_in_as(other)) == (before, None)


def test_n_21_a_double_click_on_the_second_step_leads_on(alice, passkey, laptop):
    form = form_at(SECOND, laptop, passkey)
    other = second_browser(laptop, "twofactor_pending")
    data = laptop.answer(form, passkey)
    laptop.post(form.action, data)
    before = state(alice)
    response = other.post(form.action, data)
    assert (response.status_code, response.headers["Location"], signed_in_as(other)) == (303, "/", None)
    assert state(alice) == before


def test_n_21_a_spent_challenge_confirms_nothing(alice, passkey, laptop):
    form = form_at(STEP_UP, laptop, passkey)
    data = laptop.answer(form, passkey)
    laptop.post(form.action, data)
    before = state(alice)
    assert_refused(laptop.post(form.action, data))
    assert state(alice) == before


def test_n_21_a_spent_challenge_adds_nothing(alice, passkey, laptop):
    form = form_at(ADDING, laptop, passkey)
    laptop.use(form, new_passkey())
    before = state(alice)
    assert laptop.use(form, new_passkey()).status_code == 409
    assert (state(alice), Passkey.objects.count()) == (before, 2)


@everywhere
@pytest.mark.parametrize(
    "token",
    [lambda token: "", lambda token: token[:-1], lambda token: token[1:], lambda token: "x" * 200],
    ids=["N-23", "N-22-cut", "N-22-cut-before", "N-22-foreign"],
)
def test_a_challenge_that_does_not_open(place, token, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    form.fields["challenge"] = token(form.fields["challenge"])
    assert_refused(laptop.use(form, used_at(place, passkey)))
    assert state(alice) == before


@everywhere
def test_n_4_no_challenge_at_all(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    del form.fields["challenge"]
    assert_refused(laptop.use(form, used_at(place, passkey)))
    assert state(alice) == before


# Adding


def test_n_56_a_passkey_that_is_there(alice, passkey, laptop):
    form = form_at(ADDING, laptop, passkey)
    before = state(alice)
    response = laptop.use(form, passkey)
    assert (response.status_code, Passkey.objects.count()) == (422, 1)
    assert state(alice) == before


def test_n_57_a_passkey_of_another_person_has_the_same_answer(alice, bob, passkey, laptop):
    of_bob = new_passkey()
    store(bob, of_bob)
    form = form_at(ADDING, laptop, passkey)
    before = state(alice, bob)
    answers = [shape(laptop.use(form, each)) for each in (of_bob, passkey)]
    assert (answers[0], answers[0][0]) == (answers[1], 422)
    assert state(alice, bob) == before


def test_n_58_an_eleventh(alice, passkey, laptop):
    form = form_at(ADDING, laptop, passkey)
    for number in range(9):
        store(alice, new_passkey(), name=f"{number}")
    response = laptop.use(form, new_passkey())
    assert (response.status_code, Passkey.objects.count()) == (409, 10)


@pytest.mark.proves("PK-11")
def test_n_59_without_step_up(alice, phone, passkey, laptop, clock):
    form = form_at(ADDING, laptop, passkey)
    clock.shift(301)
    before = state(alice)
    response = laptop.use(form, new_passkey())
    assert response.headers["Location"].startswith("/two-factor/confirm/")
    assert state(alice) == before


def test_n_59_nothing_of_the_answer_is_kept_for_later(alice, passkey, laptop, clock):
    form = form_at(ADDING, laptop, passkey)
    clock.shift(301)
    new = new_passkey()
    laptop.use(form, new)
    assert encoded(new.credential_id) not in json.dumps(dict(laptop.session.items()))
    assert "twofactor_kept_forms" not in laptop.session


def test_n_59_with_a_trusted_browser(alice, phone, laptop, clock):
    give_password(laptop)
    laptop.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    laptop.post("/accounts/logout/")
    clock.shift(60)
    give_password(laptop)
    assert laptop.session["twofactor_amr"] == "trusted"
    assert laptop.get(ADD).headers["Location"].startswith("/two-factor/confirm/")
    assert laptop.post(ADD, {}).headers["Location"].startswith("/two-factor/confirm/")


@pytest.mark.proves("PK-11")
@pytest.mark.parametrize("path", [ADD, "/two-factor/setup/passkey/"])
def test_n_60_with_the_password_alone(path, alice, passkey, laptop):
    form = form_at(ADDING, Browser(), passkey)
    laptop.give_password()
    before = state(alice)
    for response in (laptop.get(path), laptop.use(form, new_passkey()), laptop.post(path, form.fields)):
        assert (response.status_code in {302, 303}, signed_in_as(laptop)) == (True, None)
    assert state(alice) == before


def test_n_61_a_person_in_the_body_means_nothing(alice, bob, passkey, laptop):
    form = form_at(ADDING, laptop, passkey)
    more = {"user": bob.pk, "user_id": bob.pk, "username": bob.email, "handle": "x"}
    assert laptop.use(form, new_passkey(), more).status_code == 303
    assert [each.user_id for each in Passkey.objects.all()] == [alice.pk, alice.pk]


@everywhere
def test_n_62_by_get_nothing_is_accepted(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    data = laptop.answer(form, used_at(place, passkey))
    laptop.get(form.action, data)
    assert state(alice) == before


# Signing in, second step, step-up


@asked_for
def test_n_63_an_unknown_id(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    unknown = new_passkey(handle=passkey.handle)
    assert_refused(laptop.use(form, unknown))
    assert state(alice) == before


@pytest.mark.proves("PK-05")
@pytest.mark.parametrize("place", [SECOND, STEP_UP])
def test_n_64_a_passkey_of_another_person(place, alice, bob, passkey, laptop):
    of_bob = new_passkey()
    store(bob, of_bob)
    form = form_at(place, laptop, passkey)
    before = state(alice, bob)
    for handle in (of_bob.handle, passkey.handle, None):
        of_bob.handle = handle
        assert_refused(laptop.use(form, of_bob))
    assert state(alice, bob) == before


@pytest.mark.parametrize("handle", [None, b""], ids=["missing", "empty"])
def test_n_65_no_handle_at_sign_in(handle, alice, passkey, laptop):
    form = form_at(SIGN_IN, laptop, passkey)
    before = state(alice)
    passkey.handle = handle
    assert_refused(laptop.use(form, passkey))
    assert (state(alice), signed_in_as(laptop)) == (before, None)


@pytest.mark.proves("PK-05")
@asked_for
def test_n_66_the_handle_of_another_person(place, alice, bob, passkey, laptop):
    of_bob = new_passkey()
    store(bob, of_bob)
    form = form_at(place, laptop, passkey)
    before = state(alice, bob)
    passkey.handle = of_bob.handle
    assert_refused(laptop.use(form, passkey))
    assert state(alice, bob) == before


@asked_for
@pytest.mark.parametrize(
    "signature",
    [lambda made: b"", lambda made: made[:-1] + bytes([made[-1] ^ 1]), lambda made: bytes(64)],
    ids=["empty", "flipped", "raw"],
)
def test_n_67_a_false_signature(place, signature, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    assert_refused(laptop.use(form, passkey, signature=signature))
    assert state(alice) == before


@asked_for
def test_n_67_a_signature_of_another_key(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    thief = new_passkey(credential_id=passkey.credential_id, handle=passkey.handle)
    assert_refused(laptop.use(form, thief))
    assert state(alice) == before


def test_n_68_a_signature_of_another_algorithm(alice, passkey, laptop):
    assert passkey.algorithm == ES256
    form = form_at(SIGN_IN, laptop, passkey)
    before = state(alice)
    thief = new_passkey(algorithm=RS256, credential_id=passkey.credential_id, handle=passkey.handle)
    assert_refused(laptop.use(form, thief))
    assert state(alice) == before


@pytest.mark.parametrize("count", [5, 4, 0], ids=["N-69-equal", "N-70-less", "N-71-zero"])
@asked_for
def test_a_count_that_does_not_rise(place, count, alice, laptop):
    device = not_synced(sign_count=5)
    row = store(alice, device)
    device.sign_count = 6
    form = form_at(place, laptop, device)
    stored = Passkey.objects.get(pk=row.pk).sign_count
    signed_in = [session["_auth_user_id"] for session in open_sessions_of(alice)]
    device.sign_count = count if place != STEP_UP else count and count + 1
    assert_refused(laptop.use(form, device))
    row.refresh_from_db()
    assert (row.sign_count, row.suspected_at is not None) == (stored, True)
    assert [session["_auth_user_id"] for session in open_sessions_of(alice)] == signed_in


def open_sessions_of(user):
    return [session for session in open_sessions() if session.get("_auth_user_id") == str(user.pk)]


@pytest.mark.proves("PK-10")
@pytest.mark.parametrize("count", [5, 4, 0])
def test_n_72_copies_count_apart(count, alice, laptop, caplog):
    device = new_passkey(sign_count=5)
    row = store(alice, device)
    device.sign_count = count
    assert laptop.sign_in(device).status_code == 303
    row.refresh_from_db()
    assert (row.sign_count, row.suspected_at) == (count, None)
    assert ("counts less than before" in caplog.text) == (count < 5)


def assert_not_taken(response, place):
    """On the step-up page no form for it is left."""
    if place == STEP_UP:
        assert (response.status_code, "data-passkey=" in response.content.decode()) == (200, False)
    else:
        assert_refused(response)


@asked_for
def test_n_73_one_that_may_be_a_copy(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    Passkey.objects.update(suspected_at=alice.date_joined)
    before = state(alice)
    assert_not_taken(laptop.use(form, passkey), place)
    assert state(alice) == before


@pytest.mark.proves("PK-04")
@asked_for
def test_n_74_one_of_another_domain(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    Passkey.objects.update(rp_id="example.org")
    before = state(alice)
    assert_not_taken(laptop.use(form, passkey), place)
    passkey.rp_id = "example.org"
    assert_not_taken(laptop.use(form, passkey), place)
    assert state(alice) == before


@pytest.mark.proves("PK-01")
@pytest.mark.parametrize("place", [SIGN_IN, STEP_UP])
def test_n_75_touched_only(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    passkey.flags &= ~VERIFIED
    assert_refused(laptop.use(form, passkey))
    assert state(alice) == before


def test_n_75_a_discoverable_key_that_is_touched_signs_nobody_in_alone(alice, laptop):
    key = new_key(discoverable=True)
    store(alice, key)
    form = form_at(SIGN_IN, laptop, key)
    before = state(alice)
    assert_refused(laptop.use(form, next_use(key)))
    assert (state(alice), signed_in_as(laptop)) == (before, None)


@pytest.mark.parametrize("place", [SIGN_IN, STEP_UP])
def test_n_75_a_security_key_with_a_pin_is_never_enough_alone(place, alice, passkey, laptop):
    """No page and no letter about passwords counts with it."""
    key = new_key(discoverable=True, flags=PRESENT | VERIFIED)
    store(alice, key, kind=Passkey.Kind.KEY)
    form = form_at(place, laptop, passkey)
    before = state(alice)
    assert_refused(laptop.use(form, next_use(key)))
    assert state(alice) == before


def test_n_75_a_page_cannot_choose_what_is_verified(alice, laptop):
    key = new_key(discoverable=True)
    store(alice, key)
    form = form_at(SIGN_IN, laptop, key)
    form.options["userVerification"] = "discouraged"
    more = {"userVerification": "discouraged", "must_verify": "", "use": "second"}
    assert_refused(laptop.use(form, next_use(key), more))


@asked_for
def test_n_75_not_even_touched(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    passkey.flags &= ~PRESENT
    assert_refused(laptop.use(form, passkey))
    assert state(alice) == before


@asked_for
def test_n_76_removed_meanwhile(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    Passkey.objects.all().delete()
    before = state(alice)
    assert_not_taken(laptop.use(form, passkey), place)
    assert (state(alice), Event.objects.filter(kind="passkey_copied").exists()) == (before, False)


@asked_for
@pytest.mark.parametrize("flag", [BACKED_UP, 0], ids=["N-43", "N-44"])
def test_flags_of_a_copy_that_do_not_fit(place, flag, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    passkey.flags = PRESENT | VERIFIED | flag
    assert_refused(laptop.use(form, passkey))
    assert state(alice) == before


def test_n_77_inactive_at_sign_in(alice, passkey, laptop):
    form = form_at(SIGN_IN, laptop, passkey)
    alice.is_active = False
    alice.save()
    before = state(alice)
    assert_refused(laptop.use(form, passkey))
    assert (state(alice), signed_in_as(laptop)) == (before, None)


def test_n_77_inactive_at_the_second_step(alice, passkey, laptop):
    form = form_at(SECOND, laptop, passkey)
    alice.is_active = False
    alice.save()
    before = state(alice)
    assert laptop.use(form, passkey).headers["Location"] == "/accounts/login/"
    assert (state(alice), signed_in_as(laptop)) == (before, None)


@pytest.mark.parametrize("place", [SIGN_IN, SECOND])
def test_n_77_deleted_meanwhile(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    alice.delete()
    before = state()
    assert laptop.use(form, passkey).status_code in {303, 422}
    assert (state(), signed_in_as(laptop)) == (before, None)


def test_n_78_a_new_password_meanwhile(alice, passkey, laptop):
    form = form_at(SECOND, laptop, passkey)
    alice.set_password("a quiet green harbour")
    alice.save()
    before = state(alice)
    assert laptop.use(form, passkey).headers["Location"] == "/accounts/login/"
    assert (state(alice), signed_in_as(laptop)) == (before, None)


def test_n_79_turned_off_meanwhile(alice, passkey, laptop):
    form = form_at(SECOND, laptop, passkey)
    desk = Browser()
    desk.sign_in(passkey)
    desk.use(forms_of(desk.get("/two-factor/disable/"))[0], passkey)
    before = state(alice)
    assert laptop.use(form, passkey).headers["Location"] == "/accounts/login/"
    assert (state(alice), signed_in_as(laptop)) == (before, None)


@everywhere
def test_n_80_without_a_csrf_token(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    before = state(alice)
    laptop.handler.enforce_csrf_checks = True
    assert laptop.use(form, used_at(place, passkey)).status_code == 403
    assert state(alice) == before


def test_n_81_the_61st_failure_of_an_address(alice, passkey, laptop):
    form = form_at(SIGN_IN, laptop, passkey)
    for _ in range(PASSKEYS_REFUSED.count):
        assert_refused(laptop.post(form.action, {**form.fields, "credential": "{}"}))
    before = state(alice)
    response = laptop.use(form, passkey)
    assert (response.status_code, response.headers["Retry-After"]) == (429, "600")
    assert (state(alice), signed_in_as(laptop)) == (before, None)


@asked_for
def test_n_81_it_stops_every_place_and_no_other_address(place, alice, passkey, laptop, clock):
    """A stranger at the same address stops the sign-ins of strangers, and nothing else."""
    for _ in range(PASSKEYS_REFUSED.count):
        PASSKEYS_REFUSED.charge("127.0.0.1", timezone.now())
        PASSKEYS_REFUSED.charge(f"203.0.113.7 {alice.pk}", timezone.now())
    elsewhere, blocked = Browser(REMOTE_ADDR="203.0.113.9"), Browser(REMOTE_ADDR="203.0.113.7")
    form = form_at(place, blocked, passkey)
    assert blocked.use(form, passkey).status_code == (303 if place == SIGN_IN else 429)
    clock.shift(1)
    form = form_at(place, elsewhere, passkey)
    assert elsewhere.use(form, passkey).status_code == 303
    clock.shift(1)
    form = forms_of(laptop.get("/accounts/login/"))[0]
    assert laptop.use(form, passkey).status_code == 429
    clock.shift(PASSKEYS_REFUSED.window)
    assert laptop.sign_in(passkey).status_code == 303


def test_n_81_what_works_costs_nothing(alice, passkey, laptop, clock):
    for _ in range(3):
        laptop.sign_in(passkey)
        laptop.post("/accounts/logout/")
        clock.shift(1)
    assert PASSKEYS_REFUSED.full_until("127.0.0.1", timezone.now()) is None
    assert not Allowance.objects.filter(pk=PASSKEYS_REFUSED.key("127.0.0.1")).exists()


@pytest.mark.proves("PK-12")
def test_n_82_while_codes_are_locked(alice, phone, passkey, laptop, clock):
    GuessBudget.objects.update_or_create(
        pk=alice.pk,
        defaults={
            "failures": guesses.LAST_GUESS,
            "password_digest": credential_digests.digest(alice, credential_digests.PASSWORD_PURPOSE),
        },
    )
    form = form_at(SECOND, laptop, passkey)
    assert laptop.use(form, passkey).status_code == 303
    clock.shift(60)
    other = Browser()
    give_password(other)
    assert other.post("/two-factor/verify/", {"code": phone.code()}).status_code == 429
    assert GuessBudget.objects.get().failures == guesses.LAST_GUESS


@pytest.mark.proves("PK-12")
def test_n_82_a_refused_passkey_costs_no_guess(alice, passkey, laptop):
    form = form_at(SECOND, laptop, passkey)
    for _ in range(30):
        assert_refused(laptop.post(form.action, {**form.fields, "credential": "{}"}))
    assert GuessBudget.objects.get().failures == 0
    assert laptop.use(form, passkey).status_code == 303


# One sentence, and nothing in the log


def refusals_at_sign_in(alice, bob, laptop, clock):
    """Each has another reason."""

    def refusal(**false):
        device = not_synced()
        row = store(alice, device)
        form = form_at(SIGN_IN, laptop, device)
        device.sign_count += 1
        return row, device, form

    yield "unknown", laptop.use(refusal()[2], new_passkey(handle=bytes(64)))
    row, device, form = refusal()
    yield "signature", laptop.use(form, device, signature=lambda made: made[:-1])
    row, device, form = refusal()
    device.handle = bytes(64)
    yield "handle", laptop.use(form, device)
    row, device, form = refusal()
    row.delete()
    yield "removed", laptop.use(form, device)
    row, device, form = refusal()
    device.sign_count = 0
    yield "count", laptop.use(form, device)
    device.sign_count = 9
    yield "suspected", laptop.use(form, device)
    row, device, form = refusal()
    device.flags &= ~VERIFIED
    yield "not verified", laptop.use(form, device)
    row, device, form = refusal()
    data = laptop.answer(form, device)
    clock.shift(601)
    yield "expired", laptop.post(form.action, data)
    yield "nonsense", laptop.post(form.action, {**form.fields, "credential": "{"})
    row, device, form = refusal()
    alice.is_active = False
    alice.save()
    yield "inactive", laptop.use(form, device)


@pytest.mark.proves("PK-06")
def test_r_24_all_refusals_at_sign_in_are_one(alice, bob, laptop, clock):
    pages = {reason: shape(page) for reason, page in refusals_at_sign_in(alice, bob, laptop, clock)}
    assert len(pages) == 10
    assert [reason for reason, page in pages.items() if page != pages["unknown"]] == []
    assert pages["unknown"][0] == 422


@pytest.mark.proves("PK-16")
@everywhere
def test_r_26_nothing_of_an_answer_is_logged(place, alice, passkey, laptop, caplog):
    caplog.set_level("DEBUG")
    form = form_at(place, laptop, passkey)
    caplog.clear()
    device = used_at(place, passkey)
    device.origin = "http://elsewhere.example"
    data = laptop.answer(form, device)
    assert_refused(laptop.post(form.action, data))
    data["credential"] = data["credential"].replace('"public-key"', '"my-secret-type"')
    assert_refused(laptop.post(form.action, data))
    texts = " ".join([*caplog.text.split(), *(str(vars(record)) for record in caplog.records)])
    response = json.loads(data["credential"])["response"]
    sent = [data["challenge"], encoded(device.credential_id), *filter(None, texts_of(response))]
    for value in [*sent, form.options["challenge"], "elsewhere.example", "my-secret-type"]:
        assert value not in texts
    assert "a passkey was not accepted" in caplog.text


def texts_of(response):
    return [value for value in response.values() if isinstance(value, str)]


@pytest.mark.parametrize("place", [SIGN_IN, SECOND])
def test_r_26_a_report_of_an_error_hides_it(place, alice, passkey, laptop):
    form = form_at(place, laptop, passkey)
    requests = []

    def note(request, **kwargs):
        requests.append(request)

    def fail(**kwargs):
        raise RuntimeError("a receiver of the site")

    laptop.raise_request_exception = False
    user_logged_in.connect(fail)
    got_request_exception.connect(note)
    try:
        assert laptop.use(form, passkey).status_code == 500
    finally:
        user_logged_in.disconnect(fail)
        got_request_exception.disconnect(note)
    shown = SafeExceptionReporterFilter().get_post_parameters(requests[0])["credential"]
    assert shown == SafeExceptionReporterFilter.cleansed_substitute
