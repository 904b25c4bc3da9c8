"""The tests of another site stay green on the day a second factor is required, with twofactor.testing.

And the examples of docs/how-to/testing.md are true, with Django's test runner and with pytest.
"""

import re
from pathlib import Path

import pytest

from tests.other_sites.projects import ROOT, start_project

SHOP = Path(__file__).with_name("shop")
PACKAGES = ("djangorestframework", "pytest", "pytest-django")
SETTINGS = """
import os
INSTALLED_APPS += ["rest_framework"]
SESSION = "rest_framework.authentication.SessionAuthentication"
REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [SESSION]}
LOGIN_URL, LOGIN_REDIRECT_URL = "/login/", "/orders/"
TWOFACTOR_REQUIRED_FOR = os.environ["REQUIRED_FOR"]
"""
URLS = "from shop.views import PAGES\nurlpatterns += PAGES\n"
REPLACED = {  # as the documentation says
    "await self.async_client.aforce_login(": "await asign_in(self.async_client, ",
    "self.client.force_login(": "sign_in(self.client, ",
    "client.force_login(": "sign_in(client, ",
}
IMPORT = "from twofactor.testing import asign_in, sign_in\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory, installed):
    site = start_project(tmp_path_factory.mktemp("shop"), installed(add=PACKAGES), SETTINGS, URLS)
    site.environment |= {"REQUIRED_FOR": "everyone", "DJANGO_SETTINGS_MODULE": "elsewhere.settings"}
    site.append("shop/__init__.py", "")
    suite = (SHOP / "suite.py").read_text()
    site.append("shop/views.py", (SHOP / "views.py").read_text())
    site.append("shop/tests_before.py", suite)
    for before, after in REPLACED.items():
        suite = suite.replace(before, after)
    site.append("shop/tests_after.py", suite.replace("\n\n\nclass", f"\n{IMPORT}\n\nclass", 1))
    for number, block in enumerate(blocks()):
        kind = "tests" if "TestCase" in block else "test"  # those for pytest are no cases of unittest
        site.append(f"shop/{kind}_documented_{number}.py", block)
    return site


def blocks():
    page = (ROOT / "docs/how-to/testing.md").read_text()
    return re.findall(r"```python\n(.+?)```", page, re.DOTALL)


def run_tests(site, runner, required_for):
    """How many tests ran, and the modules of those that failed."""
    if runner == "pytest":
        options = ["-p", "no:cacheprovider", "-o", "python_files=test*.py", "-q"]
        command = ["-m", "pytest", *options, "shop"]
    else:
        command = ["manage.py", "test", "--pattern", "tests_*.py"]
    done = site.ask_python(*command, REQUIRED_FOR=required_for)
    said = done.stdout + done.stderr
    failed = re.findall(r"^(?:FAIL:|ERROR:|FAILED|ERROR) .*?shop[./](\w+)", said, re.MULTILINE)
    numbers = re.findall(r"(\d+) passed|(\d+) failed|Ran (\d+) tests", said)
    return sum(int("".join(number)) for number in numbers), failed, said


@pytest.mark.parametrize(("runner", "count"), [("manage.py", 25), ("pytest", 28)])
def test_their_tests_and_those_of_the_documentation(site, runner, count):
    ran, failed, said = run_tests(site, runner, "everyone")
    assert (ran, failed) == (count, ["tests_before"] * 6), said
    ran, failed, said = run_tests(site, runner, "nobody")
    assert (ran, failed) == (count, []), said
