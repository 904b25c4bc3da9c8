"""With accounts by address, people read their address and not the username that django-allauth makes up."""

import json

import pytest

from config.environment import mail_settings
from tests.other_sites.projects import start_project
from tests.other_sites.test_other_packages import ALLAUTH

MAIL = "\n".join(f"{name} = {value!r}" for name, value in mail_settings("locmem").items())
SETTINGS = f"""
{ALLAUTH}
{MAIL}
ACCOUNT_LOGIN_METHODS, ACCOUNT_SIGNUP_FIELDS = {{"email"}}, ["email*", "password1*", "password2*"]
ACCOUNT_RATE_LIMITS, LOGIN_URL = False, "account_login"
"""
URLS = 'urlpatterns += [path("accounts/", include("allauth.urls"))]\n'
ADDRESS = "bob@example.com"


@pytest.fixture(scope="module")
def told(tmp_path_factory, with_other_packages):
    project = start_project(tmp_path_factory.mktemp("email_accounts"), with_other_packages, SETTINGS, URLS)
    project.run("migrate")
    said = project.run_script("use_email_accounts.py").splitlines()
    return json.loads(next(line for line in said if line.startswith("{")))


def test_people_with_an_account_by_address_read_their_address(told):
    places = ["key", "link", "codes", "file", "letter", "by address"]
    assert {place: told[place] for place in places} == {place: [ADDRESS] for place in places}


def test_a_password_manager_is_told_the_name_that_it_knows(told):
    assert (told["username"], told["password form"]) == ("bob", ADDRESS)


def test_before_the_code_nobody_reads_an_address_where_a_username_is_enough(told):
    assert told["by both, username"] == told["by both, address"] == ["bob"]
