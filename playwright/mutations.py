"""Breaks a copy of the site on purpose, one thing at a time, and expects a test in the browser to fail.

`python playwright/mutations.py [words]` runs all mutations, or those whose name contains one of the words.
tests/machinery/test_rules.py checks that every text to replace is still in its file.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PARTS = [
    "accounts",
    "config",
    "locale",
    "playwright",
    "templates",
    "tests",
    "twofactor",
    "pyproject.toml",
]
SECONDS = 240  # for the tests of one mutation

APP, PAGE = "twofactor/static/twofactor/app.js", "twofactor/templates/twofactor/layout/page.html"
CONFIG = "twofactor/web/htmx.py"
STYLE = "twofactor/static/twofactor/countersign.css"
FORM = "twofactor/templates/twofactor/components/form_attributes.html"
FIELD = "twofactor/templates/twofactor/components/field.html"


class Mutation(NamedTuple):
    name: str
    changes: list[tuple[str, str, str]]  # file, text, replacement
    tests: str  # file and options for pytest; one of the tests must fail


MUTATIONS = [
    Mutation(
        "a busy form can be submitted again",
        [(FORM, 'hx-sync="this:drop" ', ""), (APP, 'event.target.ariaBusy === "true" &&', "false &&")],
        "test_clicks.py -k sign_in",
    ),
    Mutation(
        "an error page of a proxy is shown",
        [(APP, "if (ours) return;", "return;")],
        "test_faults.py -k portal",
    ),
    Mutation(
        "error pages of the site are not swapped in",
        [(CONFIG, '"swap": True,\n                "error"', '"swap": False,\n                "error"')],
        "test_faults.py -k takes_the_place",
    ),
    Mutation(
        "an ended session does not load a whole sign-in page",
        [(CONFIG, "return load_document(response, sign_in_again(request))", "return response")],
        "test_faults.py -k session_ended",
    ),
    Mutation(
        "the error summary does not take the focus",
        [("twofactor/templates/twofactor/components/error_summary.html", ' tabindex="-1" autofocus', "")],
        "test_keyboard.py -k summary",
    ),
    Mutation(
        "an error is not connected to its field",
        [(FIELD, 'id="{{ field.auto_id }}_error"', "")],
        "test_fields.py -k beside_its_field",
    ),
    Mutation(
        "back shows a kept page with its secrets",
        [
            (APP, "location.reload();", ""),
            (
                "twofactor/signin/session.py",
                "update_session_auth_hash(request, user)",
                'request.session["_auth_user_hash"] = user.get_session_auth_hash()',
            ),
        ],
        "test_history.py -k asked_for_again",
    ),
    Mutation(
        "back loads a part of a page",
        [
            (CONFIG, '"refreshOnHistoryMiss": True,', ""),
            (CONFIG, '"historyRestoreAsHxRequest": False,', ""),
            (
                "twofactor/web/pages.py",
                "if not htmx or htmx.history_restore_request:",
                "if not htmx:",
            ),
        ],
        "test_history.py -k back_forward",
    ),
    Mutation(
        "htmx keeps pages in web storage",
        [
            (CONFIG, '"historyCacheSize": 0,', ""),
            ("twofactor/templates/twofactor/setup.html", ' hx-history="false"', ""),
        ],
        "test_setup.py -k browsers_storage",
    ),
    Mutation(
        "the QR code is transparent",
        [
            ("twofactor/factors/qr.py", 'light="#fff"', "light=None"),
            (
                STYLE,
                "background: #fff; line-height: 0; forced-color-adjust: none",
                "line-height: 0",
            ),
        ],
        "test_qr_code.py -k camera",
    ),
    Mutation(
        "an old tab acts for the person who is signed in now",
        [(PAGE, " {% page_of %}", "")],
        "test_signin.py -k old_tab",
    ),
    Mutation(
        "the end of a wait is announced repeatedly",
        [(APP, "setTimeout(() => {\n      if (!place", "setInterval(() => {\n      if (!place")],
        "test_waiting.py -k told_once",
    ),
]


def copy_site(folder, mutation):
    """With the changes of the mutation."""
    for part in PARTS:
        source = ROOT / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)
    for path, old, new in mutation.changes:
        text = (folder / path).read_text("utf-8")
        assert old in text, f"{mutation.name}: {path} does not contain {old!r}"
        (folder / path).write_text(text.replace(old, new), "utf-8")


def tests_pass(mutation):
    """Every other exit code than these two, for example when no test was selected, proves nothing."""
    file, *options = mutation.tests.split()
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        f"playwright/{file}",
        *options,
    ]
    with tempfile.TemporaryDirectory() as folder:
        copy_site(Path(folder), mutation)
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            check=False,
            timeout=SECONDS,
            env={**os.environ, "CI": "1"},
        )
    assert done.returncode in {0, 1}, done.stdout.decode()
    return done.returncode == 0


def is_detected(mutation):
    """A test that hangs has not passed either."""
    try:
        return not tests_pass(mutation)
    except subprocess.TimeoutExpired:
        return True


def main(words):
    missed = 0
    for mutation in MUTATIONS:
        if words and not any(word in mutation.name for word in words):
            continue
        assert tests_pass(mutation._replace(changes=[])), f"{mutation.tests} fails without the mutation"
        detected = is_detected(mutation)
        missed += not detected
        print(
            f"{mutation.name:52} | {mutation.tests:36} | {'detected' if detected else 'MISSED'}", flush=True
        )
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
