"""A user model that has what Django demands of one and nothing else, views that are atomic, and no
LoginRequiredMiddleware.
"""

import pytest

from tests.other_sites.projects import start_project

MODELS = """
import os

from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models


class Member(AbstractBaseUser):
    name = models.CharField(max_length=30, unique=True)
    phone = models.CharField(max_length=30, blank=True)  # of the site, and not the one of ours
    people = models.Manager()
    USERNAME_FIELD = "name"
    is_active = True
    if "WITHOUT_LAST_LOGIN" in os.environ:
        last_login = None
"""
BACKEND = """
from people.models import Member


class Password:
    def authenticate(self, request, username, password):
        user = Member.people.filter(name=username).first()
        return user if user and user.check_password(password) else None

    def get_user(self, pk):
        return Member.people.filter(pk=pk).first()


def address_of(user):
    return f"{user.name}@example.com"
"""
SETTINGS = """
import os
AUTH_USER_MODEL, AUTHENTICATION_BACKENDS = "people.Member", ["people.backend.Password"]
LOGIN_URL, LOGIN_REDIRECT_URL = "/in/", "/two-factor/"
TWOFACTOR_REQUIRED_FOR = os.environ.get("RULE", "everyone")
TWOFACTOR_CODE_WITHOUT_APP = os.environ.get("CODE_WITHOUT_APP", "nobody")
if TWOFACTOR_CODE_WITHOUT_APP != "nobody":
    TWOFACTOR_EMAIL_OF = "people.backend.address_of"  # the model has no address
INSTALLED_APPS += ["people"]
DATABASES["default"]["ATOMIC_REQUESTS"] = True  # as cookiecutter-django has it
DATABASES["default"]["OPTIONS"] = {"transaction_mode": "IMMEDIATE", "timeout": 20}
"""
URLS = """
from django.contrib.auth import authenticate
from twofactor.signin.pending import after_password


def log_in(request):
    user = authenticate(request, username=request.GET.get("name", "ann"), password="correct horse battery")
    return after_password(request, user, "/two-factor/")


urlpatterns += [path("in/", log_in)]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed):
    project = start_project(tmp_path_factory.mktemp("bare"), installed(), SETTINGS, URLS)
    for name, text in {"__init__": "", "models": MODELS, "backend": BACKEND}.items():
        project.append(f"people/{name}.py", text)
    project.run("makemigrations", "people")
    project.run("migrate")
    return project


def test_people_of_a_bare_model_set_it_up_and_sign_in_with_it(project):
    assert "walked" in project.run_script("use_minimal_user.py")


@pytest.mark.parametrize("who", ["everyone", "new-browsers"])
def test_people_of_a_bare_model_confirm_a_sign_in(project, who):
    said = project.run_script("use_minimal_confirmation.py", CODE_WITHOUT_APP=who, RULE="nobody")
    assert "confirmed" in said


def test_the_report_counts_them(project):
    assert "staff: 0" in project.run("twofactor", "report")


@pytest.mark.parametrize(
    ("environment", "said"),
    [({"RULE": "staff"}, "twofactor.E016"), ({"WITHOUT_LAST_LOGIN": "1"}, "twofactor.E015")],
)
def test_what_a_model_lacks_is_named_in_one_line(project, environment, said):
    done = project.ask("check", **environment)
    assert (done.returncode, done.stderr.count(said)) == (1, 1)
    assert "Traceback" not in done.stderr
