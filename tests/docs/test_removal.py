"""The page about taking the app out again, followed: what it names is all there is to take out."""

import re

import pytest

from tests.docs.blocks import ROOT, SHELL, blocks_of
from tests.docs.projects import HERE, project_with, words_of
from tests.wheel import Environment

PAGE = ROOT / "docs/how-to/remove.md"
TUTORIAL = ROOT / "docs/tutorial.md"


# A view that gives tokens for a password, guarded as docs/how-to/drf.md has it.
TOKENS = """
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.authtoken.views import ObtainAuthToken
from twofactor.drf import RefuseTwoFactorSerializer


class Passwords(RefuseTwoFactorSerializer, AuthTokenSerializer):
    pass


urlpatterns += [path("token/", ObtainAuthToken.as_view(serializer_class=Passwords))]
"""
TOKEN_SETTINGS = """
INSTALLED_APPS += ["rest_framework", "rest_framework.authtoken"]
REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["twofactor.drf.BasicAuthentication"]}
"""
GUARDS = [
    ("urls", "from twofactor.drf import RefuseTwoFactorSerializer\n", ""),
    ("urls", "RefuseTwoFactorSerializer, ", ""),
    ("settings", "twofactor.drf.Basic", "rest_framework.authentication.Basic"),
]


def take_guards_out(project):
    for name, guarded, plain in GUARDS:
        file = project.folder / f"mysite/{name}.py"
        file.write_text(file.read_text().replace(guarded, plain))


def take_out(project, text):
    """Deletes the lines of this block, and everything that begins with TWOFACTOR_, from the file it names."""
    name, _, lines = text.partition("\n")
    file = project.folder / name.removeprefix("# ")
    before = file.read_text()
    assert lines in before
    file.write_text(re.sub(r"^TWOFACTOR_.*\n", "", before.replace(lines, ""), flags=re.MULTILINE))


def run(project, environment, block):
    for program, *rest in map(words_of, block.commands):
        if program == "manage.py":
            project.run(*rest)
        else:
            assert (program, rest[0]) == ("pip", "uninstall")
            environment.pip(*rest, "--yes")


@pytest.fixture
def environment(tmp_path_factory, wheel):
    """Not shared with other tests, because the app is uninstalled here."""
    environment = Environment(tmp_path_factory.mktemp("environment"))
    environment.create(wheel, (), ("djangorestframework",))
    return environment


def test_a_site_works_on_without_it(tmp_path, environment):
    """Mounted by the tutorial up to the code, with a person who uses it; then taken out by the page."""
    to_the_code = [block for block in blocks_of(TUTORIAL) if block.heading[0] in "123"]
    mounting = [block for block in to_the_code if block.language not in SHELL]
    project = project_with(tmp_path, environment, mounting)
    project.append("mysite/settings.py", TOKEN_SETTINGS)
    project.append("mysite/urls.py", TOKENS)
    project.run("migrate")
    project.run("shell", "--no-imports", text=(HERE / "enrol_ann.py").read_text())
    for block in blocks_of(PAGE):
        if block.heading[0] == "3":
            take_guards_out(project)
        if block.language in SHELL:
            run(project, environment, block)
        else:
            take_out(project, block.text)
    said = project.run("shell", "--no-imports", text=(HERE / "use_after_removal.py").read_text())
    assert "signed in" in said
