"""System checks: wrong settings are reported before the first request."""

from datetime import date, datetime, timedelta
from io import StringIO

import pytest
from django.core.checks import ERROR, Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection
from django.template import Context, Template
from django.utils.translation import gettext_lazy

from tests.mailers import send_mail_with
from tests.people import NOW, enrol, person
from twofactor.factors import backup_codes
from twofactor.models import Authenticator, Passkey, Rule


def check_ids(deploy=False):
    found = run_checks(tags=[Tags.security], include_deployment_checks=deploy)
    return {message.id for message in found if message.id.startswith("twofactor.")}


@pytest.fixture
def database(settings, monkeypatch):
    """Call database(NAME=value) to set DATABASES["default"][NAME]."""

    def database(**changed):
        for name, value in changed.items():
            monkeypatch.setitem(settings.DATABASES["default"], name, value)

    return database


def sqlite(**options):
    return {"ENGINE": "django.db.backends.sqlite3", "OPTIONS": options}


@pytest.fixture(autouse=True)
def at_a_deployed_address(settings):
    settings.TWOFACTOR_BASE_URL = "https://testserver"


def test_our_own_settings_are_right():
    assert check_ids() == set()


@pytest.mark.parametrize(
    ("url", "domain", "named"),
    [
        ("https://accounts.example.com", "", None),
        ("https://accounts.example.com", "example.com", None),
        ("http://localhost:8000", "", None),
        ("https://accounts.example.com", "other.example.com", "twofactor.E023"),
        ("https://badexample.com", "example.com", "twofactor.E023"),
        ("http://accounts.example.com", "", "twofactor.W009"),
        ("http://127.0.0.1:8000", "", "twofactor.W009"),
        ("https://[::1]", "", "twofactor.W009"),
        ("https://accounts.example.com", "com", "twofactor.E023"),
        ("https://b\N{LATIN SMALL LETTER U WITH DIAERESIS}cher.example", "", "twofactor.W009"),
        ("https://accounts.example.com.", "", "twofactor.W009"),
        ("https://xn--bcher-kva.example", "", None),
        ("https://intranet", "", None),
    ],
)
def test_where_no_browser_knows_passkeys_is_named(settings, url, domain, named):
    settings.TWOFACTOR_BASE_URL, settings.TWOFACTOR_PASSKEY_DOMAIN = url, domain
    assert {"twofactor.E023", "twofactor.W009"} & check_ids(deploy=True) == ({named} if named else set())


@pytest.mark.django_db
def test_passkeys_of_another_domain_are_counted(settings):
    user = person()
    for number in range(2):
        Passkey.objects.create(
            user=user, rp_id="old.example.com", credential_digest=number, added_at=NOW, kind="key"
        )
    found = [each.msg for each in run_checks(tags=["database"], databases=["default"])]
    assert found == ["2 passkeys were made for another domain than testserver, and don't work."]


@pytest.mark.parametrize("keys", [[], ["short"], ["not base64 !"], None])
def test_keys_that_are_none_are_named(settings, keys):
    settings.TWOFACTOR_KEYS = keys
    assert "twofactor.E001" in check_ids()


def test_a_middleware_that_is_missing_is_named(settings):
    settings.MIDDLEWARE = [name for name in settings.MIDDLEWARE if name != "twofactor.middleware.TwoFactor"]
    assert "twofactor.E002" in check_ids()


def test_a_gate_before_the_session_is_named(settings):
    rest = [name for name in settings.MIDDLEWARE if name != "twofactor.middleware.TwoFactor"]
    settings.MIDDLEWARE = ["twofactor.middleware.TwoFactor", *rest]
    assert "twofactor.E003" in check_ids()


def test_axes_behind_another_backend_is_named(settings):
    others = ["django.contrib.auth.backends.ModelBackend"]
    settings.AUTHENTICATION_BACKENDS = [*others, *settings.AUTHENTICATION_BACKENDS]
    assert "twofactor.E004" in check_ids()


@pytest.mark.proves("C-06")
def test_a_database_without_autocommit_is_named(database):
    database(AUTOCOMMIT=False)
    assert "twofactor.E018" in check_ids()


@pytest.mark.proves("C-06")
def test_a_transaction_around_each_view_is_no_fault(database):
    database(ATOMIC_REQUESTS=True)
    assert check_ids() == set()


@pytest.mark.parametrize(
    ("options", "around_views", "named"),
    [
        ({}, True, True),
        ({"transaction_mode": None}, True, True),
        ({"transaction_mode": "deferred"}, True, True),
        ({"transaction_mode": "immediate"}, True, False),
        ({"transaction_mode": "EXCLUSIVE"}, True, False),
        ({}, False, False),
    ],
)
def test_a_transaction_around_each_view_that_reads_before_it_locks_is_named(
    database, options, around_views, named
):
    database(**sqlite(**options), ATOMIC_REQUESTS=around_views)
    assert ("twofactor.W008" in check_ids()) is named


SAFE = {
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
}


@pytest.mark.proves("F-12")
@pytest.mark.parametrize("without", SAFE)
def test_an_option_that_sqlite_needs_in_production_is_named_by_check_deploy(database, without):
    database(**sqlite(**{name: value for name, value in SAFE.items() if name != without}))
    assert ("twofactor.W001" in check_ids(), "twofactor.W001" in check_ids(deploy=True)) == (False, True)


def test_sqlite_with_all_of_them_is_right(database):
    database(**sqlite(**SAFE))
    assert check_ids(deploy=True) == set()


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("/accounts/log-in/", True),
        ("log_in", True),
        ("/accounts/login/?from=here", False),
        ("login", False),
        ("https://sso.example.com/in", False),
    ],
)
def test_a_login_page_that_is_not_there_is_named(settings, url, named):
    settings.LOGIN_URL = url
    assert ("twofactor.W005" in check_ids()) is named


@pytest.mark.proves("R-05")
@pytest.mark.parametrize(("window", "named"), [(0, False), (1, False), (2, True), (-1, True)])
def test_a_wide_window_is_named(settings, window, named):
    settings.TWOFACTOR_WINDOW = window
    assert ("twofactor.E007" in check_ids()) is named


@pytest.mark.parametrize(("version", "named"), [(2, False), (4, False), (3, True), ("4", True)])
def test_an_htmx_that_is_not_shipped_is_named(settings, version, named):
    settings.TWOFACTOR_HTMX = version
    assert ("twofactor.E012" in check_ids()) is named


@pytest.mark.proves("F-04")
@pytest.mark.parametrize(
    ("engine", "named"), [("signed_cookies", True), ("cached_db", False), ("cache", False), ("db", False)]
)
def test_sessions_that_cannot_be_ended_are_named(settings, engine, named):
    settings.SESSION_ENGINE = f"django.contrib.sessions.backends.{engine}"
    assert ("twofactor.E008" in check_ids()) is named


class Router:
    """Sends the people elsewhere, as the AuthRouter in Django's documentation does."""

    def db_for_write(self, model, **hints):
        return "people" if model._meta.app_label in {"auth", "accounts"} else None


def test_people_in_another_database_are_named(settings):
    settings.DATABASE_ROUTERS = [f"{__name__}.Router"]
    assert check_errors() == {
        "twofactor.E019": "The tables of twofactor are in 'default', but those of the people in 'people'."
    }


def test_a_database_that_cannot_charge_a_limit_is_named(monkeypatch):
    here = "twofactor.E017" in check_ids()
    monkeypatch.setattr(connection, "vendor", "mysql")
    assert (here, "twofactor.E017" in check_ids()) == (False, True)


def test_a_session_engine_without_a_list_of_devices_is_named(settings):
    here = "twofactor.I003" in check_ids()
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.db"
    assert (here, "twofactor.I003" in check_ids()) == (False, True)


@pytest.mark.parametrize("rule", ["nobody.knows.this", "config.settings.DEBUG"])
def test_a_rule_that_is_no_function_is_named(settings, rule):
    settings.TWOFACTOR_REQUIRED_FOR = rule
    assert "twofactor.E009" in check_ids()


@pytest.mark.parametrize(
    ("has_mail", "gateway", "is_named"), [(True, "", False), (False, "console", False), (False, "", True)]
)
@pytest.mark.parametrize("rule", ["new-browsers", "everyone"])
def test_codes_that_the_site_cannot_send_are_named(settings, rule, has_mail, gateway, is_named):
    settings.TWOFACTOR_CODE_WITHOUT_APP, settings.TWOFACTOR_HAS_MAIL = rule, has_mail
    settings.TWOFACTOR_SMS_GATEWAY = gateway
    assert ("twofactor.E025" in check_ids()) is is_named


# Settings with a wrong value, as text where a date is wanted


def check_errors():
    """The messages of all errors, by the id of the check."""
    return {message.id: message.msg for message in run_checks(tags=[Tags.security]) if message.level >= ERROR}


WRONG_VALUES = [
    *(("TWOFACTOR_REQUIRED_FROM", value) for value in ["2027-01-31", datetime(2027, 1, 31), 0]),
    *(("TWOFACTOR_GRACE_DAYS", value) for value in ["14", -1, 1.5, True, None]),
    *(("TWOFACTOR_REQUIRED_FOR", value) for value in [lambda user: True, ["staff"], None, "Staff", ""]),
    *(("TWOFACTOR_EMAIL_FALLBACK", value) for value in ["admins", ["nobody"], None]),
    *(("TWOFACTOR_CODE_WITHOUT_APP", value) for value in ["anyone", "staff", ["everyone"], True, None]),
    *(("TWOFACTOR_SMS_GATEWAY", value) for value in ["pigeon", "no.such.Gateway", None]),
    *(("TWOFACTOR_WINDOW", value) for value in ["1", None]),
    ("TWOFACTOR_HTMX", "2"),
    *(
        (name, value)
        for name in ["TWOFACTOR_SESSION_IDLE", "TWOFACTOR_SESSION_AGE"]
        for value in [3600, "1 hour", timedelta(0), timedelta(seconds=90)]
    ),
    *(
        (name, value)
        for name in ["TWOFACTOR_SIGN_IN_AGE", "TWOFACTOR_SENT_CODE_AGE", "TWOFACTOR_SETUP_AGE"]
        for value in [timedelta(minutes=11), timedelta(0), None, 600]
    ),
    *(
        ("TWOFACTOR_TRUSTED_PROXIES", value)
        for value in ["10.0.0.0/8", ["the-proxy"], ["10.0.0.5/8"], [None], [["10.0.0.5"]], None]
    ),
    *(("TWOFACTOR_STEP_UP_AGE", value) for value in [timedelta(minutes=6), timedelta(0), None]),
    *(("TWOFACTOR_DRAFT_AGE", value) for value in [timedelta(minutes=31), timedelta(0), None, 1800]),
    *(("TWOFACTOR_NOT_ME_DAYS", value) for value in [91, 0, timedelta(days=30), True, None]),
    *(("TWOFACTOR_TRUSTED_DAYS", value) for value in [91, -1, timedelta(days=30), True, None]),
    *(("TWOFACTOR_FREE_GUESSES", value) for value in [11, 0, "5", None]),
    *(("TWOFACTOR_GUESSES_A_DAY", value) for value in [51, 0, "20", None]),
    *(("TWOFACTOR_BACKUP_CODES", value) for value in [21, 4, "10", None]),
    ("TWOFACTOR_ISSUER", 7),
    ("TWOFACTOR_CLEAR_SITE_DATA", "yes"),
    ("TWOFACTOR_SITE_NAME", ["Example"]),
    *(
        ("TWOFACTOR_BASE_URL", value)
        for value in ["example.com", "https://example.com/path", "ftp://example.com", 7]
    ),
    *(("TOTP_TOKEN_MAX_AGE", value) for value in ["120", 0, 601]),
    *(("TOTP_THROTTLE_RATE", value) for value in ["ten", 10, "0/minute"]),
]


@pytest.mark.parametrize(("name", "value"), WRONG_VALUES)
def test_a_wrong_value_is_named_in_one_line(settings, name, value):
    setattr(settings, name, value)
    (sentence,) = check_errors().values()
    assert sentence.startswith(f"{name} must be ")
    assert "\n" not in sentence


@pytest.mark.parametrize(("name", "value"), WRONG_VALUES)
def test_with_a_wrong_value_nothing_starts(settings, client, name, value):
    setattr(settings, name, value)
    with pytest.raises(ImproperlyConfigured, match=f"^{name} must be "):
        client.get("/")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TWOFACTOR_REQUIRED_FROM", date(2027, 1, 31)),
        ("TWOFACTOR_GRACE_DAYS", 14),
        ("TWOFACTOR_ISSUER", gettext_lazy("Security")),
        ("TWOFACTOR_SMS_GATEWAY", "tests.twofactor.sent_codes.RecordingGateway"),
        ("TWOFACTOR_BASE_URL", "https://example.com/"),
        ("TWOFACTOR_SESSION_IDLE", None),
        ("TWOFACTOR_SESSION_AGE", timedelta(days=365)),
        ("TWOFACTOR_STEP_UP_AGE", timedelta(minutes=1)),
        ("TWOFACTOR_TRUSTED_PROXIES", ("10.0.0.0/8", "2001:db8::1", "unix")),
        ("TWOFACTOR_SETUP_AGE", timedelta(minutes=1)),
        ("TWOFACTOR_DRAFT_AGE", timedelta(minutes=1)),
        ("TWOFACTOR_NOT_ME_DAYS", 90),
        ("TWOFACTOR_TRUSTED_DAYS", 90),
        ("TWOFACTOR_FREE_GUESSES", 10),
        ("TWOFACTOR_GUESSES_A_DAY", 50),
    ],
)
def test_a_right_value_is_not_named(settings, name, value):
    setattr(settings, name, value)
    assert check_errors() == {}


def test_a_setting_that_does_not_exist_is_named_with_the_nearest(settings):
    settings.TWOFACTOR_REQIURED_FOR = "staff"
    (error,) = [message for message in run_checks(tags=[Tags.security]) if message.level >= ERROR]
    assert (error.id, error.hint) == ("twofactor.E014", "Did you mean TWOFACTOR_REQUIRED_FOR?")
    assert error.msg == "There is no setting TWOFACTOR_REQIURED_FOR."


def test_what_a_site_has_silenced_does_not_stop_it(settings, client, db):
    settings.TWOFACTOR_OF_MY_OWN, settings.SILENCED_SYSTEM_CHECKS = True, ["twofactor.E014"]
    assert client.get("/").status_code == 200


def test_a_wrong_key_is_never_shown(settings):
    settings.TWOFACTOR_KEYS = "a key as text"
    assert "a key as text" not in check_errors()["twofactor.E001"]


@pytest.mark.parametrize("missing", ["TWILIO_ACCOUNT_SID", "TWILIO_AUTH_TOKEN", "TWILIO_FROM"])
def test_twilio_without_its_settings_is_named(settings, missing):
    settings.TWOFACTOR_SMS_GATEWAY = "twilio"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = "AC0", "x", "+12015550100"
    delattr(settings, missing)
    assert check_errors()["twofactor.E013"].startswith(f"{missing} must be ")


@pytest.mark.parametrize("address", ["", "http://api.example.com/range/", None])
def test_range_needs_an_address_that_is_encrypted(settings, address):
    settings.TWOFACTOR_BREACHED_PASSWORDS = "range"
    settings.TWOFACTOR_BREACHED_PASSWORDS_URL = address
    assert check_errors()["twofactor.E013"].startswith("TWOFACTOR_BREACHED_PASSWORDS_URL must be ")


def test_pages_that_no_url_leads_to_are_named(settings):
    settings.ROOT_URLCONF = "django.contrib.auth.urls"
    assert "twofactor.E010" in check_ids()


# A rule that would lock every administrator out


def database_check_ids():
    return [error.id for error in run_checks(tags=[Tags.database], databases=["default"])]


def only_alice(user):
    return user.email == "alice@example.com"


@pytest.fixture
def enforced(db, settings):
    settings.TWOFACTOR_REQUIRED_FOR = "staff"


@pytest.fixture
def administrator(enforced):
    return person("boss@example.com", is_staff=True, is_superuser=True)


def enrol_with_lost_key(user):
    enrol(user)
    Authenticator.objects.filter(user=user).update(sealed_key="gone.x")


def test_a_rule_without_administrators_locks_nobody_out(enforced):
    assert database_check_ids() == []


def test_an_administrator_who_can_set_up_is_a_way_in(administrator):
    assert database_check_ids() == []


def test_an_administrator_who_can_give_a_code_is_a_way_in(administrator):
    enrol(administrator)
    assert database_check_ids() == []


def test_administrators_whose_keys_do_not_open_are_locked_out(administrator):
    enrol_with_lost_key(administrator)
    assert database_check_ids() == ["twofactor.E011"]


def test_an_administrator_without_a_password_is_not_reported_as_locked_out(administrator):
    administrator.set_unusable_password()
    administrator.save()
    assert database_check_ids() == []


@pytest.mark.parametrize("name", ["no.such.thing", "django.conf.settings"])
def test_a_rule_that_is_none_is_left_to_the_check_for_that(administrator, settings, name):
    settings.TWOFACTOR_REQUIRED_FOR = name
    assert database_check_ids() == []


def failing_rule(user):
    raise LookupError("no such thing")


def test_a_rule_that_fails_is_named_and_stops_nothing(administrator, settings):
    settings.TWOFACTOR_REQUIRED_FOR = f"{__name__}.failing_rule"
    assert database_check_ids() == ["twofactor.W004"]


def test_nothing_is_wrong_where_nobody_must_have_a_second_factor(administrator, settings):
    enrol_with_lost_key(administrator)
    settings.TWOFACTOR_REQUIRED_FOR = "nobody"
    assert database_check_ids() == []


def test_a_rule_in_the_database_may_lock_out_every_administrator(administrator, settings):
    enrol_with_lost_key(administrator)
    settings.TWOFACTOR_REQUIRED_FOR = "nobody"
    Rule.objects.create(scope="everyone", starts_on=date(2026, 1, 1))
    assert database_check_ids() == ["twofactor.E011"]


def test_a_backup_code_is_a_way_in(administrator):
    enrol_with_lost_key(administrator)
    backup_codes.replace_all(administrator, backup_codes.make_rows(administrator, ["ABCDEFGHJKMNPQR"]))
    assert database_check_ids() == []


def test_one_administrator_who_gets_in_is_enough(administrator):
    enrol_with_lost_key(administrator)
    person("other@example.com", is_staff=True, is_superuser=True)
    assert database_check_ids() == []


def test_an_administrator_whom_the_rule_spares_is_a_way_in(administrator, settings):
    enrol_with_lost_key(administrator)
    settings.TWOFACTOR_REQUIRED_FOR = f"{__name__}.only_alice"
    assert database_check_ids() == []


def test_the_command_line_is_the_way_out(administrator):
    enrol_with_lost_key(administrator)
    call_command("twofactor", "reset", "boss@example.com", "--reason", "locked out", stdout=StringIO())
    assert database_check_ids() == []


def test_a_mail_server_that_may_hang_is_named(settings):
    send_mail_with(settings, "smtp", host="mail.example.com", timeout=None)
    assert "twofactor.W002" in check_ids()


@pytest.mark.parametrize("mailer", [{}, {"OPTIONS": {"host": "mail.example.com"}}])
def test_a_mailer_that_may_hang_is_named(settings, mailer):
    """With MAILERS, Django 6.1 raises an error if EMAIL_BACKEND is read."""
    settings.MAILERS = {"default": mailer}
    assert "twofactor.W002" in check_ids()


def test_a_mailer_with_a_timeout_is_fine(settings):
    settings.MAILERS = {"default": {"OPTIONS": {"host": "mail.example.com", "timeout": 5}}}
    assert "twofactor.W002" not in check_ids()


def test_a_site_without_a_mailer_of_its_own_is_checked(settings):
    settings.MAILERS = {"letters": {"BACKEND": "django.core.mail.backends.dummy.EmailBackend"}}
    assert "twofactor.W002" not in check_ids()


def test_links_to_nowhere_are_named(settings):
    settings.TWOFACTOR_BASE_URL = ""
    assert "twofactor.W003" in check_ids()


@pytest.mark.django_db
@pytest.mark.parametrize("on", [True, False])
def test_a_template_can_ask_who_has_two_factor(on):
    alice = person()
    if on:
        enrol(alice)
    template = Template("{% load two_factor %}{{ user|has_two_factor }}")
    assert template.render(Context({"user": alice})) == str(on)
