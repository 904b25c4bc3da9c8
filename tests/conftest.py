import os
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hypothesis
import pytest
import time_machine
from django.conf import settings as site
from django.core.management import call_command

from config.settings import PASSWORD_HASHERS
from tests.people import NOW

# The same few examples each time, which take seconds; or others each time, which take half an hour.
ALWAYS = {"deadline": None, "database": None, "suppress_health_check": list(hypothesis.HealthCheck)}
hypothesis.settings.register_profile(
    "quick", max_examples=12, stateful_step_count=30, derandomize=True, **ALWAYS
)
hypothesis.settings.register_profile("long", max_examples=200, stateful_step_count=100, **ALWAYS)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))


@pytest.fixture(scope="session", autouse=True)
def static_files():
    """Hashed and compressed, as a deployment has them."""
    if not Path(site.STATIC_ROOT).exists():
        call_command("collectstatic", interactive=False, verbosity=0)


@pytest.fixture(scope="session", autouse=True)
def another_day():
    """DAYS_AHEAD=400: would everything pass next year?"""
    days = timedelta(days=int(os.environ.get("DAYS_AHEAD", "0")))
    with time_machine.travel(datetime.now(UTC) + days) if days else nullcontext():
        yield


@pytest.fixture
def real_hasher(settings):
    """Argon2, in place of the cheap one that tests.settings puts first."""
    settings.PASSWORD_HASHERS = PASSWORD_HASHERS


@pytest.fixture
def clock():
    """Time stands still until a test moves it."""
    with time_machine.travel(NOW, tick=False) as clock:
        yield clock
