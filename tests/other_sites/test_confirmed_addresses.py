"""With django-allauth, an address that people have confirmed there gets a code at the sign-in."""

import pytest

from config.environment import mail_settings
from tests.other_sites.projects import start_project
from tests.other_sites.test_other_packages import ALLAUTH

MAIL = "\n".join(f"{name} = {value!r}" for name, value in mail_settings("locmem").items())
SETTINGS = f"""
{ALLAUTH}
{MAIL}
TWOFACTOR_EMAIL_OF = "twofactor.contrib.allauth.confirmed_email"
"""
URLS = 'urlpatterns += [path("accounts/", include("allauth.urls"))]\n'


@pytest.mark.proves("V-34")
def test_a_code_goes_to_a_confirmed_address_of_allauth_once_a_factor_was_given(tmp_path, with_other_packages):
    project = start_project(tmp_path, with_other_packages, SETTINGS, URLS)
    project.run("migrate")
    said = project.run_script("use_confirmed_address.py")
    assert [line for line in said.splitlines() if "confirmed" in line] == [
        "not confirmed: []",
        "confirmed since the last factor: []",
        "confirmed: [['ann@home.example']]",
    ]


def test_nothing_of_allauth_is_imported_before_it_is_asked(tmp_path, installed):
    """Which is not even installed here."""
    settings = 'TWOFACTOR_EMAIL_OF = "twofactor.contrib.allauth.confirmed_email"\n'
    project = start_project(tmp_path, installed(), settings)
    project.run("check", "--fail-level", "ERROR")
