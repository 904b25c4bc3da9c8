from pathlib import Path

import pytest
from django.conf import settings as site
from django.core.management import call_command

from config.settings import PASSWORD_HASHERS
from twofactor.mail import outgoing


@pytest.fixture(scope="session", autouse=True)
def static_files():
    """Hashed and compressed, as a deployment has them."""
    if not Path(site.STATIC_ROOT).exists():
        call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(autouse=True)
def mail_arrives_in_the_test_that_sent_it():
    yield
    outgoing.join()


@pytest.fixture
def real_hasher(settings):
    """Argon2, in place of the cheap one that tests.settings puts first."""
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS
