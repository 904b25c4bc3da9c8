"""A project that uses django-two-factor-auth, and how it follows the page for people who come from there."""

from tests.docs.blocks import ROOT, SHELL
from tests.docs.projects import HERE, words_of, write

PAGE = ROOT / "docs/how-to/from-two-factor-auth.md"
TUTORIAL = ROOT / "docs/tutorial.md"
APPS = """
INSTALLED_APPS += [
    "django_otp", "two_factor", "two_factor.plugins.phonenumber",
    *[f"django_otp.plugins.otp_{name}" for name in ("totp", "static", "email")],
]
MIDDLEWARE += ["django_otp.middleware.OTPMiddleware"]
"""
URLS = """
from django.urls import include
from two_factor.urls import urlpatterns as two_factor
urlpatterns += [path("", include(two_factor))]
"""
EXECUTE = """
from django.db import connection
with connection.cursor() as cursor:
    for statement in {0!r}.splitlines():
        cursor.execute(statement)
"""


def script(project, name):
    return project.run("shell", "--no-imports", text=(HERE / name).read_text())


def follow(project, blocks):
    for number, block in enumerate(blocks):
        if block.language in SHELL:
            for words in map(words_of, block.commands):
                project.run(*words[1:])
        elif block.language == "sql":
            project.run("shell", "--no-imports", text=EXECUTE.format(block.text))
        else:
            write(project, block, number)


def take_out(project):
    for file, text in {"settings.py": APPS, "urls.py": URLS}.items():
        path = project.folder / "mysite" / file
        assert text in path.read_text()
        path.write_text(path.read_text().replace(text, ""))
