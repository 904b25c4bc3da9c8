"""Events: what is recorded, what is logged, which signals are sent, and that none of it holds a secret."""

import logging
from http import HTTPStatus

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client, RequestFactory

from tests.people import PASSWORD, enrol, give_password, person, sign_in
from tests.twofactor.setup_steps import set_up
from twofactor import events, signals
from twofactor.models import Event

VERIFY = "/two-factor/verify/"
DISABLE = "/two-factor/disable/"
CODES = "/two-factor/backup-codes/"


def kinds():
    return list(Event.objects.order_by("pk").values_list("kind", flat=True))


def test_a_sign_in_with_a_code_is_remembered_once(pending_client, phone):
    pending_client.post(VERIFY, {"code": phone.code()})
    assert kinds() == ["signed_in_with_code"]


def test_a_sign_in_without_a_factor_is_remembered_once(client, alice):
    give_password(client)
    assert kinds() == ["signed_in_without_second_factor"]


def test_the_password_of_someone_with_a_factor_is_no_sign_in(pending_client):
    assert "signed_in_without_second_factor" not in kinds()


def test_a_wrong_code_is_remembered_once(pending_client):
    pending_client.post(VERIFY, {"code": "000000"})
    assert kinds() == ["second_factor_refused"]


def test_a_badly_formed_code_is_not_worth_remembering(pending_client):
    pending_client.post(VERIFY, {"code": "12345"})
    assert kinds() == []


def test_a_locked_try_is_remembered(pending_client):
    [pending_client.post(VERIFY, {"code": "000000"}) for _ in range(6)]
    assert kinds().count("second_factor_locked") == 1


def test_a_locked_account_does_not_fill_the_log(pending_client):
    [pending_client.post(VERIFY, {"code": "000000"}) for _ in range(30)]
    assert kinds().count("second_factor_locked") <= 5


def test_turning_it_on_is_remembered_once(client, alice):
    give_password(client)
    set_up(client)
    assert kinds().count("two_factor_enabled") == 1


def test_turning_it_off_is_remembered_once(signed_in_client, phone):
    signed_in_client.post(DISABLE, {"password": PASSWORD, "code": phone.code()})
    assert kinds().count("two_factor_disabled") == 1


def test_saving_new_codes_is_remembered_once(signed_in_client, phone):
    signed_in_client.post(CODES, {"password": PASSWORD, "code": phone.code()})
    signed_in_client.post(CODES, {"saved": "on"})
    assert kinds().count("backup_codes_regenerated") == 1


def test_showing_new_codes_is_not_saving_them(signed_in_client, phone):
    signed_in_client.post(CODES, {"password": PASSWORD, "code": phone.code()})
    assert "backup_codes_regenerated" not in kinds()


@pytest.mark.proves("16.2.1-16.2.5")
def test_an_event_knows_who_when_and_from_where(pending_client, alice, clock):
    headers = {"user-agent": "Firefox"}
    pending_client.post(VERIFY, {"code": "000000"}, headers=headers, REMOTE_ADDR="203.0.113.5")
    event = Event.objects.get()
    assert (event.user, event.ip_address, event.browser) == (alice, "203.0.113.5", "Firefox")
    assert event.at.isoformat() == "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize("method", ["totp", "backup"])
def test_an_accepted_code_is_remembered_by_its_kind(pending_client, phone, printed_codes, method):
    pending_client.post(VERIFY, {"code": phone.code() if method == "totp" else printed_codes[0]})
    assert Event.objects.get(kind="signed_in_with_code").detail["method"] == method


# On which device


def devices_of_events():
    return set(Event.objects.values_list("device_id", flat=True))


@pytest.mark.parametrize("before", [{}, {"language": "de"}], ids=["no session yet", "a session of nobody"])
def test_all_events_of_a_sign_in_name_its_session(client, alice, phone, printed_codes, before):
    sign_in(Client(), phone)
    Event.objects.all().delete()
    if before:
        session = client.session
        session.update(before)
        session.save()
        client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key
    give_password(client)
    client.post(VERIFY, {"code": printed_codes[0]})
    assert (kinds(), devices_of_events()) == (
        ["signed_in_with_code", "backup_code_used", "new_browser"],
        {client.session.device_id},
    )


def test_a_sign_in_without_a_factor_names_its_session(client, alice):
    give_password(client)
    assert devices_of_events() == {client.session.device_id}


def test_a_change_names_the_session_it_was_made_in(signed_in_client, phone):
    device_id = signed_in_client.session.device_id
    Event.objects.all().delete()
    signed_in_client.post(DISABLE, {"password": PASSWORD, "code": phone.code()})
    assert devices_of_events() == {device_id}


def test_a_wrong_code_of_someone_who_is_not_signed_in_names_none(pending_client):
    pending_client.post(VERIFY, {"code": "000000"})
    assert devices_of_events() == {None}


def test_a_sign_in_over_a_session_that_was_ended_gets_an_id_of_its_own(signed_in_client, alice, phone):
    """As when another person has left the browser signed in, and was signed out from elsewhere."""
    before = signed_in_client.session.device_id
    alice.end_sessions()
    bobs_phone = enrol(person("bob@example.com"))
    give_password(signed_in_client, "bob@example.com")
    signed_in_client.post(VERIFY, {"code": bobs_phone.code()})
    event = Event.objects.get(user__email="bob@example.com")
    assert event.device_id == signed_in_client.session.device_id != before


def test_a_browser_with_a_long_name_is_cut_short(pending_client):
    pending_client.post(VERIFY, {"code": "000000"}, headers={"user-agent": "x" * 5000})
    assert len(Event.objects.get().browser) == 200


def test_events_stay_when_the_person_goes(pending_client, alice):
    pending_client.post(VERIFY, {"code": "000000"})
    alice.delete()
    assert Event.objects.get().user is None


# The log (16.3)


@pytest.mark.proves("16.3.1-16.3.4")
@pytest.mark.parametrize("kind", Event.Kind.values)
def test_every_kind_of_event_is_a_line_in_the_log(alice, caplog, django_capture_on_commit_callbacks, kind):
    with caplog.at_level(logging.INFO), django_capture_on_commit_callbacks(execute=True):
        events.record(kind, alice, RequestFactory().get("/"), method="totp")
    lines = [(r.event, r.user, r.method) for r in caplog.records if r.name == "countersign.security"]
    assert lines == [(kind, alice.pk, "totp")]


def enter_wrong_passwords(times):
    for _ in range(times):
        Client().post("/accounts/login/", {"username": "alice@example.com", "password": "wrong"})


@pytest.fixture
def log_lines(caplog, django_capture_on_commit_callbacks):
    """Call log_lines(act): event, user and method of each line that the act logs."""

    def of(act):
        with caplog.at_level(logging.INFO), django_capture_on_commit_callbacks(execute=True):
            act()
        lines = [record for record in caplog.records if record.name == "countersign.security"]
        return [(line.event, line.user, getattr(line, "method", None)) for line in lines]

    return of


@pytest.mark.proves("16.3.1-16.3.4")
@pytest.mark.parametrize(
    ("times", "last"), [(1, "password_refused"), (5, "password_locked"), (6, "password_locked")]
)
def test_a_wrong_password_is_a_line_in_the_log(alice, log_lines, times, last):
    lines = log_lines(lambda: enter_wrong_passwords(times))
    assert (len(lines), lines[-1]) == (times, (last, alice.pk, "password"))


def test_a_password_for_nobody_is_a_line_too(db, log_lines):
    assert log_lines(lambda: enter_wrong_passwords(1)) == [("password_refused", None, "password")]


def test_a_form_left_empty_is_no_guess(alice, log_lines):
    assert log_lines(lambda: Client().post("/accounts/login/", {"username": "alice@example.com"})) == []


@pytest.mark.proves("16.3.1-16.3.4")
def test_a_wrong_password_given_once_more_is_a_line_in_the_log(signed_in_client, alice, log_lines):
    lines = log_lines(
        lambda: signed_in_client.post("/two-factor/confirm/", {"password": "wrong", "code": ""})
    )
    assert lines == [("password_refused", alice.pk, "password")]


@pytest.mark.proves("16.3.1-16.3.4")
@pytest.mark.parametrize(("code", "method"), [("000000", "totp"), ("AAAAA-AAAAA-AAAAA", "backup")])
def test_a_wrong_code_is_a_line_that_says_of_which_kind(pending_client, alice, log_lines, code, method):
    lines = log_lines(lambda: [pending_client.post(VERIFY, {"code": code}) for _ in range(6)])
    refusals = [line for line in lines if line[0] != "wrong_codes"]
    kinds = ["second_factor_locked"] * 2 + ["second_factor_refused"] * 4
    assert sorted(refusals) == [(kind, alice.pk, method) for kind in kinds]


@pytest.mark.proves("16.3.1-16.3.4")
def test_a_wrong_code_that_was_sent_is_a_line_that_says_so(sent_code_client, alice, log_lines):
    lines = log_lines(lambda: sent_code_client.post(VERIFY + "sent/", {"code": "000000"}))
    assert lines == [("second_factor_refused", alice.pk, "recovery")]


@pytest.mark.proves("16.3.1-16.3.4")
@pytest.mark.parametrize("method", ["totp", "backup"])
def test_a_code_given_again_is_a_line_that_says_of_which_kind(
    client, alice, phone, printed_codes, log_lines, method
):
    code = phone.code() if method == "totp" else printed_codes[0]
    for _ in range(2):
        give_password(client)
        lines = log_lines(lambda: client.post(VERIFY, {"code": code}))
        client.post("/accounts/logout/")
    assert ("code_replayed", alice.pk, method) in lines


@pytest.mark.proves("16.3.1-16.3.4")
def test_the_administration_refused_is_a_line_in_the_log(signed_in_client, alice, log_lines):
    lines = log_lines(lambda: signed_in_client.get("/admin/", follow=True))
    assert lines == [("permission_denied", alice.pk, None)]


@pytest.mark.proves("16.3.1-16.3.4")
@pytest.mark.parametrize(
    ("act", "line"),
    [
        (lambda: enter_wrong_passwords(1), f"{HTTPStatus(422).phrase}: /accounts/login/"),
        (lambda: enter_wrong_passwords(5), "Too Many Requests: /accounts/login/"),
        (lambda: Client(enforce_csrf_checks=True).post("/accounts/login/"), "Forbidden (CSRF"),
    ],
)
def test_every_refused_request_is_a_line_in_the_log(alice, caplog, act, line):
    act()
    assert line in caplog.text


@pytest.mark.proves("16.3.1-16.3.4")
def test_a_denied_permission_is_a_line_in_the_log(clock, caplog, db):
    clerk, client = person("clerk@example.com", is_staff=True), Client()
    sign_in(client, enrol(clerk), clerk.email)
    client.get("/admin/accounts/user/")
    assert "Forbidden" in caplog.text


# Signals


@pytest.fixture
def received_signals():
    """What the receivers of a site are told: signal, person and detail."""
    log_lines, names = [], [name for name in vars(signals) if not name.startswith("_") and name != "Signal"]
    ears = {
        name: lambda name=name, **said: log_lines.append((name, said["user"].email, said["detail"]))
        for name in names
    }
    for name, ear in ears.items():
        getattr(signals, name).connect(ear)
    yield log_lines
    for name, ear in ears.items():
        getattr(signals, name).disconnect(ear)


@pytest.mark.django_db(transaction=True)
def test_a_site_hears_of_an_accepted_code(pending_client, phone, received_signals):
    pending_client.post(VERIFY, {"code": phone.code()})
    detail = {"method": "totp", "app": "Authenticator app"}
    assert received_signals == [("second_factor_accepted", "alice@example.com", detail)]


@pytest.mark.django_db(transaction=True)
def test_a_site_hears_of_a_refused_code(pending_client, received_signals):
    pending_client.post(VERIFY, {"code": "000000"})
    assert [name for name, *_ in received_signals] == ["second_factor_refused"]


@pytest.mark.django_db(transaction=True)
def test_a_site_hears_of_a_sign_in_without_a_factor(client, alice, received_signals):
    give_password(client)
    assert [name for name, *_ in received_signals] == ["signed_in_without_second_factor"]


@pytest.mark.django_db(transaction=True)
def test_a_site_hears_that_it_was_turned_on(client, alice, received_signals):
    give_password(client)
    set_up(client)
    assert [name for name, *_ in received_signals].count("two_factor_enabled") == 1


@pytest.mark.django_db(transaction=True)
def test_a_site_hears_that_it_was_turned_off(signed_in_client, phone, received_signals):
    signed_in_client.post(DISABLE, {"password": PASSWORD, "code": phone.code()})
    assert [name for name, *_ in received_signals].count("two_factor_disabled") == 1


@pytest.mark.django_db(transaction=True)
def test_a_site_hears_of_new_codes(signed_in_client, phone, received_signals):
    signed_in_client.post(CODES, {"password": PASSWORD, "code": phone.code()})
    signed_in_client.post(CODES, {"saved": "on"})
    assert [name for name, *_ in received_signals].count("backup_codes_regenerated") == 1


@pytest.mark.django_db(transaction=True)
def test_a_site_is_told_after_the_commit(alice, received_signals):
    request = RequestFactory().get("/")
    with transaction.atomic():
        events.record("second_factor_refused", alice, request)
        assert received_signals == []
    assert len(received_signals) == 1


@pytest.mark.django_db(transaction=True)
def test_what_was_rolled_back_is_told_to_nobody(alice, received_signals):
    with transaction.atomic():
        events.record("second_factor_refused", alice, RequestFactory().get("/"))
        transaction.set_rollback(True)
    assert (received_signals, kinds()) == ([], [])


@pytest.mark.django_db(transaction=True)
def test_a_receiver_that_breaks_breaks_nothing(pending_client, alice, phone):
    def breaks(**kwargs):
        raise RuntimeError

    signals.second_factor_accepted.connect(breaks)
    status = pending_client.post(VERIFY, {"code": phone.code()}).status_code
    signals.second_factor_accepted.disconnect(breaks)
    assert status == 303


# No secrets (V-30, 16.2.5)


@pytest.fixture
def used_secrets(alice, phone, printed_codes, clock, caplog):
    """Every secret that was used while signing in, making new codes, and turning off."""
    caplog.set_level(logging.DEBUG)
    client, secrets = Client(), [PASSWORD, phone.key, *printed_codes, "000000"]
    give_password(client)
    client.post(VERIFY, {"code": "000000"})
    client.post(VERIFY, {"code": secrets[-1]})
    secrets += [phone.code(), client.cookies["twofactor_pending"].value]
    client.post(VERIFY, {"code": phone.code()})
    secrets.append(client.session.session_key)
    other = Client()
    sign_in(other, phone)
    for path in (CODES, DISABLE):
        clock.shift(60)
        secrets.append(phone.code())
        client.post(path, {"password": PASSWORD, "code": phone.code()})
    return [secret for secret in secrets if secret]


def test_events_hold_no_secret(used_secrets):
    kept = str(list(Event.objects.values()))
    assert [secret for secret in used_secrets if secret in kept] == []


@pytest.mark.proves("16.2.1-16.2.5", "V-30")
@pytest.mark.django_db(transaction=True)
def test_the_log_holds_no_secret(used_secrets, caplog):
    lines = [record.getMessage() for record in caplog.records if not record.name.startswith("django.db")]
    assert [secret for secret in used_secrets if any(secret in line for line in lines)] == []


@pytest.mark.django_db(transaction=True)
def test_the_log_names_people_by_number(pending_client, alice, caplog):
    caplog.set_level(logging.INFO, "countersign.security")
    pending_client.post(VERIFY, {"code": "000000"})
    lines = [record.getMessage() for record in caplog.records if record.name == "countersign.security"]
    assert lines
    assert not any(alice.email in line for line in lines)


@pytest.mark.proves("16.4.1")
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("agent", ["a\r\nsecond_factor_accepted user=1", "\x1b[31mred"])
def test_a_browser_cannot_write_lines_of_its_own(pending_client, caplog, agent):
    caplog.set_level(logging.INFO, "countersign.security")
    pending_client.post(VERIFY, {"code": "000000"}, headers={"user-agent": agent})
    assert not any(set("\r\n\x1b") & set(record.getMessage()) for record in caplog.records)
