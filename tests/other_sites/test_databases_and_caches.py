"""Databases, transactions, sessions and caches as other projects have them: each works, or is refused."""

import pytest

from tests.other_sites.projects import start_project

# The AuthRouter of Django's documentation, and a second database for it.
TWO_DATABASES = """
DATABASES["auth_db"] = DATABASES["default"] | {"NAME": BASE_DIR / "auth.sqlite3"}
DATABASE_ROUTERS = ["elsewhere.routers.AuthRouter"]
"""
AUTH_ROUTER = """
class AuthRouter:
    route_app_labels = {"auth", "contenttypes"}

    def db_for_read(self, model, **hints):
        return "auth_db" if model._meta.app_label in self.route_app_labels else None

    def db_for_write(self, model, **hints):
        return "auth_db" if model._meta.app_label in self.route_app_labels else None

    def allow_relation(self, obj1, obj2, **hints):
        labels = {obj1._meta.app_label, obj2._meta.app_label}
        return True if labels & self.route_app_labels else None

    def allow_migrate(self, db, app_label, model_name=None, **hints):
        return db == "auth_db" if app_label in self.route_app_labels else None
"""
# What cookiecutter-django's base settings have, and a cache server that cannot be reached. SQLite needs the
# options for ATOMIC_REQUESTS.
COOKIECUTTER = """
DATABASES["default"] |= {"ATOMIC_REQUESTS": True, "CONN_MAX_AGE": 60}
DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20}
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
CACHES = {"default": {"BACKEND": "elsewhere.cache.Unreachable"}}
"""
UNREACHABLE = """
from django.core.cache.backends.base import BaseCache


class Unreachable(BaseCache):
    def __init__(self, location, params):
        super().__init__(params)

    def unreachable(self, *args, **kwargs):
        raise ConnectionError

    add = get = set = touch = delete = clear = incr = has_key = unreachable
"""
CACHED_SESSIONS = 'SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"\n'


# What use_every_step.py goes by, as startproject has it.
BARE = """
ALLOWED_HOSTS, LOGIN_URL, LOGIN_REDIRECT_URL = ["localhost"], "/accounts/login/", "/accounts/profile/"
"""


def walk(project, *databases):
    project.append("elsewhere/settings.py", BARE)
    for database in databases or ["default"]:
        project.run("migrate", "--database", database)
    project.run("check", "--fail-level", "ERROR", *[f"--database={alias}" for alias in databases])
    return project.run_script("use_every_step.py")


def test_the_defaults_of_cookiecutter_work_without_a_cache(tmp_path, installed):
    project = start_project(tmp_path, installed(), COOKIECUTTER)
    project.append("elsewhere/cache.py", UNREACHABLE)
    assert "walked" in walk(project)


def test_sessions_in_database_and_cache_work(tmp_path, installed):
    assert "walked" in walk(start_project(tmp_path, installed(), CACHED_SESSIONS))


@pytest.fixture
def two_databases(tmp_path, installed):
    project = start_project(tmp_path, installed(), TWO_DATABASES)
    project.append("elsewhere/routers.py", AUTH_ROUTER)
    return project


def test_a_router_that_sends_the_people_elsewhere_is_refused_in_one_line(two_databases):
    refused = two_databases.ask("check")
    assert refused.returncode == 1
    assert "(twofactor.E019) The tables of twofactor are in 'default', but those of" in refused.stderr


def test_a_router_that_sends_both_to_one_database_works(two_databases):
    router = two_databases.folder / "elsewhere/routers.py"
    router.write_text(router.read_text().replace('{"auth", ', '{"twofactor", "admin", "auth", '))
    assert "walked" in walk(two_databases, "default", "auth_db")
