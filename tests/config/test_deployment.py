"""The deployed site: wrong settings are refused, and every response of gunicorn has its security headers."""

import json
import re
import shutil
import sqlite3
from contextlib import closing
from urllib.parse import urlencode

import pytest
from django.conf import settings

from config import environment
from config.headers import CONTENT_SECURITY_POLICY
from tests.deployment import BY_PROXY, GUNICORN, HOST, Site
from tests.htmx import HTMX
from tests.urls_of_site import ROUTES, example

ADDRESS, PASSWORD = "ann@example.com", "a quiet green harbour"


# Settings


@pytest.mark.proves("13.2.3", "F-11")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("BASE_URL", None),
        ("BASE_URL", "accounts.example.com"),
        ("BASE_URL", "ftp://accounts.example.com"),
        ("BASE_URL", "https://accounts.example.com/path"),
        ("BREACHED_PASSWORDS", "sometimes"),
        ("DATABASE_URL", "mysql://127.0.0.1/countersign"),
        ("DATABASE_URL", "countersign"),
        ("DEBUG", "perhaps"),
        ("EMAIL_URL", None),
        ("EMAIL_URL", "mail.example.com"),
        ("EMAIL_URL", "smtp://mail.example.com:port"),
        ("SECRET_KEY", None),
        ("SECRET_KEY", " "),
        ("SECURITY_CONTACT", "security@example.com"),
        ("TRUSTED_PROXIES", "the-proxy"),
        ("TWOFACTOR_KEYS", None),
        ("TWOFACTOR_KEYS", "c2hvcnQ="),
        ("TWOFACTOR_KEYS", "not a key"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused_in_one_line(deployment, name, value):
    code, said = deployment.manage("check", **{name: value})
    assert code != 0
    assert re.fullmatch(rf"Countersign cannot start: {name} .+; for example {name}=.+\n", said)


@pytest.mark.parametrize(
    "address",
    [
        None,
        "api.example.com",
        "http://api.example.com/range/",
        "https:///range/",
        "https://api.example.com:0/",
        "https://user:word@api.example.com/",
        "https://api.example.com/?range=",
        "https://api.example.com/a b/",
    ],
)
def test_an_address_for_the_look_up_that_makes_no_sense_is_refused(deployment, address):
    code, said = deployment.manage("check", BREACHED_PASSWORDS="range", BREACHED_PASSWORDS_URL=address)
    assert code != 0
    name = "BREACHED_PASSWORDS_URL"
    assert re.fullmatch(rf"Countersign cannot start: {name} .+; for example {name}=https://.+\n", said)


def test_an_address_for_the_look_up_is_taken(deployment):
    address = "https://api.example.com/range"
    code, _said = deployment.manage("check", BREACHED_PASSWORDS="range", BREACHED_PASSWORDS_URL=address)
    assert code == 0


def test_gunicorn_does_not_start_with_a_setting_missing(deployment):
    with deployment.start(*GUNICORN, "--bind=127.0.0.1:0", SECRET_KEY=None) as gunicorn:
        said = gunicorn.communicate(timeout=60)[1].decode()
    assert gunicorn.returncode != 0
    assert "SECRET_KEY is not set" in said


def test_production_settings_leave_nothing_to_warn_of(deployment):
    code, said = deployment.manage("check", "--deploy", "--fail-level=WARNING")
    assert (code, said) == (0, "")


@pytest.mark.proves("13.1.3")
def test_a_database_is_not_waited_for_longer_than_five_seconds():
    options = environment.database("postgres://user:password@127.0.0.1:5432/countersign")["OPTIONS"]
    assert options["connect_timeout"] == 5


@pytest.mark.parametrize("before", [None, 0o644])
def test_nobody_else_on_the_machine_reads_the_database(tmp_path, before):
    """Nor the files that SQLite writes beside it."""
    file = tmp_path / "db.sqlite3"
    if before:
        file.touch(before)
    options = environment.database(f"sqlite:///{file}")["OPTIONS"]
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(f"{options['init_command']} CREATE TABLE person (password)")
        modes = {part.name: oct(part.stat().st_mode & 0o777) for part in tmp_path.iterdir()}
    assert modes == dict.fromkeys(["db.sqlite3", "db.sqlite3-wal", "db.sqlite3-shm"], "0o600")


def test_rights_that_a_group_was_given_stay(tmp_path):
    (tmp_path / "db.sqlite3").touch(0o640)
    environment.database(f"sqlite:///{tmp_path / 'db.sqlite3'}")
    assert oct((tmp_path / "db.sqlite3").stat().st_mode & 0o777) == "0o640"


# What gunicorn answers


@pytest.fixture(scope="session")
def site(deployment):
    deployment.manage("migrate")
    # What collectstatic has compressed for the other tests, because compressing takes seconds.
    shutil.copytree(settings.STATIC_ROOT, deployment.folder / "staticfiles", dirs_exist_ok=True)
    superuser = {"DJANGO_SUPERUSER_EMAIL": ADDRESS, "DJANGO_SUPERUSER_PASSWORD": PASSWORD}
    deployment.manage("createsuperuser", "--no-input", **superuser)
    site = Site(deployment)
    yield site
    site.stop()


@pytest.fixture(scope="session")
def files(site):
    """The URLs of style sheet and scripts, read from the home page."""
    return re.findall(r'(?:href|src)="(/static/[^"]+)"', site.ask("/").body.decode())


@pytest.fixture(scope="session")
def answers(site, files):
    """One response of each kind."""
    return {
        "page": site.ask("/"),
        "part": site.ask("/accounts/login/", headers={**BY_PROXY, **HTMX}),
        "sign-in needed": site.ask("/accounts/profile/"),
        "health": site.ask("/healthz/ready"),
        "400": site.ask("/", headers={**BY_PROXY, "Host": "evil.example"}),
        "403": site.ask("/accounts/login/", "POST"),
        "404": site.ask("/no-such-page/"),
        "405": site.ask("/csp-report/"),
        "file": site.ask(files[0]),
        "no such file": site.ask("/static/no-such-file.css"),
    }


def test_answers_are_what_they_are_called(answers):
    statuses = {name: answer.status for name, answer in answers.items()}
    assert {name: status for name, status in statuses.items() if name.isdigit() and int(name) != status} == {}
    assert [statuses[name] for name in ("page", "part", "health", "file")] == [200] * 4
    assert (statuses["sign-in needed"], statuses["no such file"]) == (302, 404)


@pytest.mark.proves("3.2.1", "3.4.1", "3.4.2", "3.4.4", "3.4.5", "3.4.8", "3.5.8")
@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
        ("Cross-Origin-Opener-Policy", "same-origin"),
        ("Cross-Origin-Resource-Policy", "same-origin"),
        ("Referrer-Policy", "same-origin"),
        ("Strict-Transport-Security", "max-age=31536000; includeSubDomains; preload"),
        ("X-Content-Type-Options", "nosniff"),
        ("Access-Control-Allow-Origin", None),
    ],
)
def test_every_answer_has_the_header(answers, header, value):
    assert {name: answer.headers[header] for name, answer in answers.items()} == dict.fromkeys(answers, value)


def test_every_answer_gives_up_the_sensors(answers):
    policies = {answer.headers["Permissions-Policy"] for answer in answers.values()}
    assert len(policies) == 1
    assert "camera=()" in policies.pop()


@pytest.fixture(scope="session")
def policies(answers):
    """The directives of each response's content security policy, as a browser reads them."""

    def policy(answer):
        rules = (answer.headers["Content-Security-Policy"] or "").split(";")
        return dict(rule.strip().partition(" ")[::2] for rule in rules)

    return {name: policy(answer) for name, answer in answers.items()}


@pytest.mark.proves("3.4.3")
def test_the_policy_allows_nothing_inline_or_foreign(policies):
    sources = {rule for sent in policies.values() for kind, rule in sent.items() if kind != "report-uri"}
    assert {sent.get("default-src") for sent in policies.values()} == {"'none'"}
    assert sources == {"'none'", "'self'"}


@pytest.mark.proves("3.4.6", "V-31")
def test_no_page_can_be_framed(answers, policies):
    assert {sent.get("frame-ancestors") for sent in policies.values()} == {"'none'"}
    assert {answers[name].headers["X-Frame-Options"] for name in ("page", "part", "403", "404")} == {"DENY"}


@pytest.mark.proves("3.4.7")
def test_a_breach_of_the_policy_is_reported(site, policies):
    assert {sent.get("report-uri") for sent in policies.values()} == {"/csp-report/"}
    report = {"csp-report": {"effective-directive": "script-src", "blocked-uri": "inline"}}
    assert site.ask("/csp-report/", "POST", json.dumps(report)).status == 204


@pytest.mark.proves("4.1.1", "4.1.1-health")
def test_every_answer_names_its_content_type(answers):
    kinds = {name: answer.headers["Content-Type"] or "" for name, answer in answers.items()}
    assert (kinds.pop("health"), kinds.pop("file")) == ("text/plain; charset=utf-8", "image/svg+xml")
    assert set(kinds.values()) == {"text/html; charset=utf-8"}


@pytest.mark.proves("14.2.2", "14.3.2", "V-29")
def test_nothing_but_files_may_be_kept(answers):
    rules = {name: set(answer.headers["Cache-Control"].split(", ")) for name, answer in answers.items()}
    assert [name for name, rule in rules.items() if not {"no-store", "private"} <= rule] == ["file"]


def test_looking_around_opens_no_session(answers):
    cookies = [line for answer in answers.values() for line in answer.headers.get_all("Set-Cookie", [])]
    assert [line for line in cookies if "sessionid" in line] == []


def test_a_foreign_host_is_not_answered_with_its_name(answers):
    assert b"evil.example" not in answers["400"].body


@pytest.mark.parametrize("name", ["400", "403", "404", "no such file"])
def test_an_error_is_a_page_of_ours(answers, name):
    assert b'<main id="tf-main"' in answers[name].body


def test_plain_http_is_sent_to_https(site):
    answer = site.ask("/help/", headers={"Host": HOST})
    assert (answer.status, answer.headers["Location"]) == (301, f"https://{HOST}/help/")


@pytest.mark.proves("13.4.1-13.4.5")
@pytest.mark.parametrize("path", ["/healthz/live", "/healthz/ready"])
def test_health_is_told_over_plain_http_and_without_details(site, path):
    answer = site.ask(path, headers={"Host": HOST})
    assert (answer.status, answer.body) == (200, b"ok\n")


@pytest.mark.proves("13.4.1-13.4.5", "14.2.5")
@pytest.mark.parametrize(
    "path",
    [
        "/.env",
        "/.git/config",
        "/accounts/profile/x.css",
        "/db.sqlite3",
        "/mailbox/",
        "/manage.py",
        "/static/",
        "/static/..%2fmanage.py",
        "/two-factor/x.css",
    ],
)
def test_there_is_no_such_page(site, path):
    assert site.ask(path).status == 404


@pytest.mark.proves("13.4.1-13.4.5")
def test_a_trace_is_not_echoed(site):
    assert b"secret" not in site.ask("/", "TRACE", headers={**BY_PROXY, "X-Word": "secret"}).body


@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "SPY"])
def test_a_method_that_no_page_has_is_refused(site, method):
    answer = site.ask("/", method)
    assert (answer.status, "TRACE" in answer.headers["Allow"]) == (405, False)


# Static files


def test_every_file_of_a_page_has_a_hash_in_its_name(files):
    assert len(files) >= 4
    assert [name for name in files if not re.search(r"\.[0-9a-f]{12}\.\w+$", name)] == []


def test_a_file_with_a_hash_is_kept_for_ever(site, files):
    kept = {site.ask(name).headers["Cache-Control"] for name in files}
    assert kept == {"max-age=315360000, public, immutable"}


@pytest.mark.parametrize("encoding", ["br", "gzip"])
def test_style_and_scripts_are_sent_compressed(site, files, encoding):
    texts = [name for name in files if name.endswith((".css", ".js"))]
    sent = [site.ask(name, headers={**BY_PROXY, "Accept-Encoding": encoding}) for name in texts]
    assert {(answer.headers["Content-Encoding"], answer.headers["Vary"]) for answer in sent} == {
        (encoding, "Accept-Encoding")
    }


# Cookies


class Visitor:
    """A small browser: keeps cookies, and every Set-Cookie line."""

    def __init__(self, site):
        self.site, self.jar, self.lines = site, {}, []

    def ask(self, path, method="GET", **fields):
        cookies = "; ".join(f"{name}={value}" for name, value in self.jar.items())
        form = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies}
        answer = self.site.ask(path, method, urlencode(fields), {**self.site.headers, **form})
        for line in answer.headers.get_all("Set-Cookie", []):
            self.lines.append(line)
            name, _, value = line.partition(";")[0].partition("=")
            self.jar[name] = value
        return answer

    def post(self, path, **fields):
        page = self.ask("/help/").body.decode()
        token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
        return self.ask(path, "POST", csrfmiddlewaretoken=token, **fields)


@pytest.fixture(scope="session")
def visitor(site):
    """Someone who has signed in, saved name and language, and signed out."""
    visitor = Visitor(site)
    visitor.post("/accounts/login/", username=ADDRESS, password=PASSWORD)
    visitor.post("/accounts/profile/", name="Ann", language="")
    visitor.post("/accounts/language/", language="de", next="/")
    visitor.signed_out = visitor.post("/accounts/logout/")
    return visitor


def test_a_visit_needs_no_other_cookies(visitor):
    names = {"sessionid", "csrftoken", "messages", "language"}
    assert {f"__Host-{name}" for name in names} <= visitor.jar.keys()


@pytest.mark.proves("3.3.1", "3.3.3")
def test_no_neighbour_can_write_a_cookie_of_ours(visitor):
    assert [line for line in visitor.lines if not re.match(r"__Host-\w+=", line)] == []
    assert [line for line in visitor.lines if "Path=/;" not in f"{line};" or "Domain" in line] == []


@pytest.mark.proves("3.3.4")
@pytest.mark.parametrize("word", ["HttpOnly", "Secure"])
def test_a_cookie_is_neither_read_by_scripts_nor_sent_in_clear(visitor, word):
    set_by_us = [line for line in visitor.lines if "Max-Age=0" not in line]
    assert [line for line in set_by_us if word not in line] == []


@pytest.mark.proves("3.3.2")
def test_a_cookie_stays_at_home(visitor):
    assert [line for line in visitor.lines if not re.search("SameSite=(Lax|Strict)", line)] == []


def test_a_cookie_is_small_enough_for_every_browser(visitor):
    assert max(map(len, visitor.lines)) <= 4096


def test_signing_out_leaves_what_the_browser_keeps_for_the_site(visitor):
    assert "Clear-Site-Data" not in visitor.signed_out.headers


# A service is down


@pytest.fixture(scope="session")
def site_without_database(site, deployment):
    site = Site(deployment, DATABASE_URL="sqlite:////no/such/folder/db.sqlite3")
    yield site
    site.stop()


def test_without_a_database_it_is_alive_but_not_ready(site_without_database):
    assert site_without_database.ask("/healthz/live").status == 200
    assert site_without_database.ask("/healthz/ready").status == 503


def test_without_a_database_a_page_says_when_to_come_back(site_without_database):
    session = {**BY_PROXY, "Cookie": f"__Host-sessionid={'a' * 32}"}
    answer = site_without_database.ask("/accounts/profile/", headers=session)
    assert (answer.status, answer.headers["Retry-After"]) == (503, "30")
    assert b'<main id="tf-main"' in answer.body


# In development


@pytest.fixture(scope="session")
def development(site, deployment):
    settings = {"DEBUG": "true", "BASE_URL": None, "EMAIL_URL": "file:mail"}
    site = Site(deployment, {"Host": "127.0.0.1:8000"}, **settings)
    yield site
    site.stop()


def test_in_development_mail_is_read_in_the_browser(development):
    visitor = Visitor(development)
    visitor.post("/accounts/signup/", email="bob@example.com", password=PASSWORD)
    assert b"bob@example.com" in visitor.ask("/mailbox/").body
    assert b"http://localhost:8000/accounts/email/verify/" in visitor.ask("/mailbox/0/").body


# Closed by default

OPEN = {
    "",
    ".well-known/change-password",
    ".well-known/security.txt",
    "accounts/email/verify/<token>/",
    "accounts/delete/stop/<token>/",
    "accounts/delete/stopped/",
    "accounts/language/",
    "accounts/login/",
    "accounts/logout/",
    "accounts/password_reset/",
    "accounts/password_reset/done/",
    "accounts/reset/<uidb64>/<token>/",
    "accounts/reset/done/",
    "accounts/signup/",
    "accounts/signup/sent/",
    "csp-report/",
    "healthz/live",
    "healthz/ready",
    "help/",
    "two-factor/not-me/<str:token>/",
    "two-factor/recovery/",
    "two-factor/recovery/stop/",
    "two-factor/recovery/stop/<str:token>/",
    "two-factor/recovery/finish/<str:token>/",
    "two-factor/passkey/",
    "two-factor/passkey/challenge/",
    "two-factor/verify/",
    "two-factor/verify/backup/",
    "two-factor/verify/other/",
    "two-factor/verify/passkey/",
    "two-factor/verify/send/",
    "two-factor/verify/sent/",
}


@pytest.mark.proves("S-04")
def test_every_url_needs_sign_in_but_these(client, db):
    def is_closed(route):
        location = client.get(example(route)).headers.get("Location", "")
        return location.startswith(("/accounts/login/?next=", "/admin/login/?next="))

    assert {route for route in ROUTES if not is_closed(route)} == OPEN
