"""With django-allauth, whoever signs up sets up a second factor after they have confirmed the address."""

import pytest

from config.environment import mail_settings
from tests.other_sites.projects import start_project
from tests.other_sites.test_other_packages import ALLAUTH

MAIL = "\n".join(f"{name} = {value!r}" for name, value in mail_settings("locmem").items())
MODELS = """
from django.contrib.auth.models import AbstractUser
from twofactor.models import SecurityMixin


class Person(SecurityMixin, AbstractUser):
    pass
"""
SETTINGS = f"""
{ALLAUTH}
{MAIL}
ACCOUNT_EMAIL_VERIFICATION, ACCOUNT_RATE_LIMITS, LOGIN_URL = "optional", False, "account_login"
INSTALLED_APPS += ["people"]
AUTH_USER_MODEL = "people.Person"
"""
URLS = 'urlpatterns += [path("accounts/", include("allauth.urls"))]\n'


@pytest.mark.proves("V-34")
def test_a_factor_is_set_up_once_the_address_is_confirmed(tmp_path, with_other_packages):
    project = start_project(tmp_path, with_other_packages, SETTINGS, URLS)
    project.append("people/__init__.py", "")
    project.append("people/models.py", MODELS)
    project.run("makemigrations", "people")
    project.run("migrate")
    said = project.run_script("use_allauth_sign_up.py")
    assert [line for line in said.splitlines() if ": " in line] == [
        "signed up: False False /two-factor/setup/address/",
        "confirmed elsewhere: True True /accounts/login/",  # the session of whoever signed up has ended
        "signed in again: True True ",
        "another address: False False /two-factor/setup/address/",
        "which is theirs now: True True ",
        "by link, before anything: True True ",
        "by code, before anything: True True ",
        "a site that confirms nothing: True False ",
    ]
