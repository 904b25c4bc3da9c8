"""The page for people who come from django-two-factor-auth, followed in a project that uses it."""

from tests.docs.blocks import blocks_of
from tests.docs.projects import TEMPLATES_OF_SITE, bare_project
from tests.docs.two_factor_auth import APPS, PAGE, TUTORIAL, URLS, follow, script, take_out


def test_the_app_and_the_codes_of_there_sign_in_here(tmp_path, installed):
    project = bare_project(tmp_path, installed("sms", add=("django-two-factor-auth",)))
    project.append("mysite/settings.py", TEMPLATES_OF_SITE + APPS)
    project.append("mysite/urls.py", URLS)
    project.run("migrate")
    assert "enrolled" in script(project, "enrol_with_two_factor_auth.py")
    follow(project, [block for block in blocks_of(TUTORIAL) if block.heading == "2. Settings"])
    follow(project, blocks_of(PAGE))
    take_out(project)
    project.python = installed().executable  # django-two-factor-auth is not there
    assert "signed in" in script(project, "use_after_migration.py")
