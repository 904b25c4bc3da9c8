"""Signing in with a passkey in a site with Django's own user model, where the epoch is in our own table."""

import pytest

from tests.other_sites.projects import ROOT, start_project

SETTINGS = """
TWOFACTOR_BASE_URL, ALLOWED_HOSTS = "http://localhost", ["localhost"]
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory, installed):
    project = start_project(tmp_path_factory.mktemp("passkeys"), installed("passkeys"), SETTINGS)
    project.append("soft.py", (ROOT / "tests" / "soft.py").read_text())
    project.run("migrate")
    return project


@pytest.mark.proves("S-07")
def test_whoever_ends_all_sessions_during_a_sign_in_ends_that_one(project):
    """After the answer was accepted, and before login() writes the session."""
    said = project.run_script("use_passkey.py").splitlines()
    assert said[-2:] == ["signed in: True", "after all sessions have ended meanwhile: False"]
