import fcntl
import gc
import os
import shutil
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta

import django.urls
import hypothesis
import pytest
import time_machine
from django.conf import settings as site
from django.contrib.staticfiles.storage import staticfiles_storage
from django.core.files.storage import storages
from django.core.management import call_command
from django.db import connection
from django.template import Template
from django.utils import translation
from django.utils.functional import empty
from whitenoise.base import WhiteNoise

from config.settings import PASSWORD_HASHERS
from tests import messages
from tests.deployment import Deployment
from tests.kept_html import compared_with_plain_html
from tests.people import NOW, PRINTED_CODES, enrol, give_password, person
from tests.wheel import Environment, build, once
from twofactor.factors import backup_codes, code_text

# quick: the same few examples each time, in seconds. long: new ones each time, in half an hour.
ALWAYS = {"deadline": None, "database": None, "suppress_health_check": list(hypothesis.HealthCheck)}
hypothesis.settings.register_profile(
    "quick", max_examples=12, stateful_step_count=30, derandomize=True, **ALWAYS
)
hypothesis.settings.register_profile("long", max_examples=200, stateful_step_count=100, **ALWAYS)
REAL_COST = backup_codes.COST
API_MIDDLEWARE = "twofactor.api.middleware.ApiMiddleware"
OTHER_PACKAGES = (  # that sign people in, and two servers
    *("django-allauth[headless,mfa,socialaccount]", "django-hijack", "django-rest-knox", "djoser"),
    *("gunicorn", "uvicorn"),
)
SESSIONS = "django.contrib.sessions.middleware.SessionMiddleware"
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session", autouse=True)
def static_files():
    """Hashed and compressed, as a deployment has them.

    Each test client starts the middleware anew, and WhiteNoise then reads the whole folder, which took
    half the time of the tests: so it reads a folder once.
    """
    complete = site.STATIC_ROOT.with_suffix(".complete")
    complete.parent.mkdir(exist_ok=True)
    with site.STATIC_ROOT.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the processes of one run begin together
        if not complete.exists():
            call_command("collectstatic", interactive=False, verbosity=0)
            complete.touch()
    staticfiles_storage._wrapped = empty  # what another process has collected meanwhile is read anew
    storages._storages.clear()
    read_folder, known = WhiteNoise.update_files_dictionary, {}

    def read_folder_once(self, root, prefix):
        if (root, prefix) not in known:
            read_folder(self, root, prefix)
            known[root, prefix] = dict(self.files)
        self.files.update(known[root, prefix])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoise, "update_files_dictionary", read_folder_once)
        yield


@pytest.fixture(scope="session", autouse=True)
def urls_read_once():
    """Keeps what Django has read of each URL configuration when a test uses another one.

    Django forgets all of them then, and reading them again took a tenth of the time of such a test. They are
    kept under their names, so each test finds its own.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(django.urls, "clear_url_caches", lambda: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def delete_instead_of_truncate():
    """Django empties the tables after a test that commits. TRUNCATE takes five times as long for few rows."""
    with pytest.MonkeyPatch.context() as patch:
        if connection.vendor == "postgresql":
            patch.setattr(
                type(connection.ops),
                "sql_flush",
                lambda ops, style, tables, **options: [f'DELETE FROM "{name}"' for name in tables],  # noqa: S608
            )
        yield


def pytest_collection_finish():
    """The garbage collector need not look again and again at thousands of collected tests, which stay."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def cheap_backup_codes():
    """The least that Argon2 takes: ten codes cost a third of a second, on purpose."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backup_codes, "COST", (1, 8, 1))
        yield


@pytest.fixture(autouse=True)
def language_of_the_site():
    """A request leaves its language active in the thread, and the next test would begin with it."""
    yield
    translation.deactivate()


@pytest.fixture(autouse=True)
def kept_html_is_right():
    """On each page of each test; tests/kept_html.py says how. A page has the same HTML on every database."""
    if connection.vendor == "postgresql":
        yield
        return
    with compared_with_plain_html() as differences:
        yield differences
    assert differences == []


@pytest.fixture(scope="session")
def deployment(tmp_path_factory):
    return Deployment(tmp_path_factory.mktemp("deployment"))


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory, worker_id):
    """Of all processes of a test run."""
    own = tmp_path_factory.getbasetemp()
    return own if worker_id == "master" else own.parent


@pytest.fixture(scope="session")
def wheel(shared_folder):
    folder = shared_folder / "wheel"
    once(folder, lambda: build(folder))
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(shared_folder, wheel):
    """installed("api", add=["django-otp"]) is an environment with the wheel, made once for each selection."""

    def environment_with(*extras, add=()):
        environment = Environment(shared_folder / "-".join(["with", *extras, *add]))
        once(environment.folder, lambda: environment.create(wheel, extras, add))
        return environment

    return environment_with


@pytest.fixture(scope="session")
def with_other_packages(installed):
    """One environment for all projects that need some of these packages: making one takes seconds."""
    return installed("api", add=OTHER_PACKAGES)


@pytest.fixture(scope="session")
def gettext_tools():
    if not shutil.which("xgettext"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no gettext on this machine")


@pytest.fixture(scope="session")
def message_template(gettext_tools, tmp_path_factory):
    """Every message that stands in the sources now."""
    return messages.extract(tmp_path_factory.mktemp("sources"))


@pytest.fixture(scope="session", autouse=True)
def another_day():
    """With DAYS_AHEAD=400 the tests run as if it were next year."""
    days = timedelta(days=int(os.environ.get("DAYS_AHEAD", "0")))
    with time_machine.travel(datetime.now(UTC) + days) if days else nullcontext():
        yield


@pytest.fixture
def real_hasher(settings, monkeypatch):
    """Argon2 at its full cost for passwords and backup codes, in place of the cheap ones."""
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS
    monkeypatch.setattr(backup_codes, "COST", REAL_COST)


@pytest.fixture
def no_template_copies(monkeypatch, caplog):
    """In tests, Django sends every rendered template to every client: 100 times 100 copies."""
    caplog.set_level("CRITICAL", "django.request")
    monkeypatch.setattr(Template, "_render", lambda template, context: template.nodelist.render(context))


@pytest.fixture
def api(settings):
    """Turns the API on, as config.settings does with API_ENABLED."""
    settings.ROOT_URLCONF = "tests.api.urls"
    middleware = list(settings.MIDDLEWARE)
    middleware.insert(middleware.index(SESSIONS), API_MIDDLEWARE)
    settings.MIDDLEWARE = middleware


@pytest.fixture
def clock():
    """Time stands still until a test moves it."""
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock


@pytest.fixture
def alice(db, clock):
    return person()


@pytest.fixture
def phone(alice):
    """Alice has two-factor authentication, and this is her phone."""
    return enrol(alice)


@pytest.fixture
def printed_codes(alice, phone):
    """Alice's three backup codes, as a page prints them."""
    backup_codes.replace_all(alice, backup_codes.make_rows(alice, PRINTED_CODES))
    return [code_text.format_backup_code(code) for code in PRINTED_CODES]


@pytest.fixture
def bob(db, clock):
    return person("bob@example.com")


@pytest.fixture
def as_alice(client, alice):
    """Alice's browser, signed in."""
    give_password(client)
    return client
