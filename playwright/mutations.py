"""Breaks the site on purpose, one thing at a time, and looks whether a test in the browser sees it.

`python playwright/mutations.py [words]` takes all of them, or those whose name has one of the words.
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
    "static",
    "templates",
    "tests",
    "twofactor",
    "pyproject.toml",
]
PATIENCE = 240  # seconds for one

APP, PAGE = "static/twofactor/app.js", "templates/twofactor/layout/page.html"
CONFIG = "twofactor/web/htmx.py"
STYLE, CODES = "static/twofactor/countersign.css", "templates/twofactor/_codes.html"
FORM = "templates/twofactor/components/form_attributes.html"
FIELD = "templates/twofactor/components/field.html"


class Mutation(NamedTuple):
    name: str
    changes: list[tuple[str, str, str]]  # file, what stands there, what takes its place
    tests: str  # one of them must fail


MUTATIONS = [
    Mutation(
        "no hx-sync, no busy guard",
        [(FORM, 'hx-sync="this:drop" ', ""), (APP, 'event.target.ariaBusy === "true" &&', "false &&")],
        "test_clicks.py -k sign_in",
    ),
    Mutation(
        "double click reaches the next step",
        [(APP, "event.detail > 1", "false")],
        "test_clicks.py -k send_a_code",
    ),
    Mutation(
        "held Enter reaches the next step",
        [(APP, "event.repeat ||", "")],
        "test_clicks.py -k send_a_code",
    ),
    Mutation(
        "disabled while busy",
        [(APP, "control.ariaDisabled = state", "control.disabled = state")],
        "test_clicks.py -k sign_in",
    ),
    Mutation(
        "busy for ever after a lost line",
        [(APP, "setTimeout(free, leaving", "leaving && setTimeout(free, leaving")],
        "test_faults.py -k refused",
    ),
    Mutation(
        "nothing is said of a lost line",
        [(APP, 'problem("offline")', "undefined"), (APP, ': "offline"', ': ""')],
        "test_faults.py -k refused",
    ),
    Mutation(
        "a stall is waited for",
        [(CONFIG, '"timeout": TIMEOUT,', ""), (CONFIG, '"defaultTimeout": TIMEOUT,', "")],
        "test_faults.py -k stall_is_told",
    ),
    Mutation(
        "a proxy's page is shown",
        [(APP, "if (ours) return;", "return;")],
        "test_faults.py -k portal",
    ),
    Mutation(
        "htmx's own response handling",
        [(CONFIG, '"swap": True,\n                "error"', '"swap": False,\n                "error"')],
        "test_faults.py -k takes_the_place",
    ),
    Mutation(
        "the live region is not emptied",
        [(APP, 'clear("problem");', "")],
        "test_faults.py -k announced_twice",
    ),
    Mutation(
        "a lost session loads no new document",
        [(CONFIG, "return navigate(response, sign_in_again(request))", "return response")],
        "test_faults.py -k session_ended",
    ),
    Mutation(
        "Django's own page for a stale form",
        [("config/settings.py", 'CSRF_FAILURE_VIEW = "config.errors.out_of_date"', "")],
        "test_faults.py -k before_another_tab",
    ),
    Mutation(
        "reading screens take no focus",
        [("templates/twofactor/settings.html", ' tabindex="-1" autofocus', ""), (APP, "place?.focus();", "")],
        "test_keyboard.py -k forget_a_browser",
    ),
    Mutation(
        "the error summary takes no focus",
        [("templates/twofactor/components/error_summary.html", ' tabindex="-1" autofocus', "")],
        "test_keyboard.py -k summary",
    ),
    Mutation(
        "no label for a field",
        [
            (
                FIELD,
                'for="{{ field.id_for_label }}">{{ field.label }}</label>{% endif %}',
                ">{{ field.label }}</label>{% endif %}",
            )
        ],
        "test_keyboard.py -k signing_up",
    ),
    Mutation(
        "an error is not tied to its field",
        [(FIELD, 'id="{{ field.auto_id }}_error"', "")],
        "test_signin.py -k empties_the_field",
    ),
    Mutation(
        "the browser's own messages",
        [(FORM, " novalidate", "")],
        "test_keyboard.py -k summary",
    ),
    Mutation(
        "no skip link",
        [(PAGE, 'class="skip" href="#main"', 'class="skip"')],
        "test_keyboard.py -k skip_link",
    ),
    Mutation(
        "pages are kept with their secrets",
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
        "Back asks for a part",
        [
            (CONFIG, '"refreshOnHistoryMiss": True,', ""),
            (CONFIG, '"historyRestoreAsHxRequest": False,', ""),
            (
                "twofactor/context_processors.py",
                "part = htmx and not htmx.history_restore_request",
                "part = htmx",
            ),
        ],
        "test_history.py -k back_forward",
    ),
    Mutation(
        "pages in web storage",
        [
            (CONFIG, '"historyCacheSize": 0,', ""),
            ("templates/twofactor/setup.html", ' hx-history="false"', ""),
        ],
        "test_guards.py -k web_storage",
    ),
    Mutation(
        "a refused form is a step in the history",
        [(CONFIG, "page != current_page(request) else False", "False else '/'")],
        "test_guards.py -k history",
    ),
    Mutation(
        "a transparent QR code",
        [
            ("twofactor/factors/qr.py", 'light="#fff"', "light=None"),
            (
                "static/twofactor/countersign.css",
                "background: #fff; line-height: 0; forced-color-adjust: none",
                "line-height: 0",
            ),
        ],
        "test_setup.py -k camera",
    ),
    Mutation(
        "htmx writes a style of its own",
        [(CONFIG, '"includeIndicatorStyles": False,', "")],
        "test_guards.py -k dismissed",
    ),
    Mutation(
        "hx-target is left to the element around",
        [(FORM, ' hx-target="#main"', ""), (PAGE, "<body{", '<body hx-target="#main"{')],
        "tests/machinery/test_rules.py -k stands_on_what_asks",
    ),
    Mutation(
        "no request says whom its page was made for",
        [(PAGE, " {% page_of %}", "")],
        "test_signin.py -k old_tab",
    ),
    Mutation(
        "a plain form is not told of its ended session",
        [(CONFIG, '"POST" and asks_to_sign_in(request, response):', "False:")],
        "test_faults.py -k save_the_profile",
    ),
    Mutation(
        "an ended session leads to no page",
        [(CONFIG, "page = current_page(request) or", "page = '/no-such-page/' or")],
        "test_faults.py -k turn_off",
    ),
    Mutation(
        "codes run from right to left in Arabic",
        [(CODES, ' dir="ltr"', ""), (STYLE, "direction: ltr; padding: 16px 12px", "padding: 16px 12px")],
        "test_sight.py -k codes_and_the_key",
    ),
    Mutation(
        "every language runs from left to right",
        [(PAGE, ' dir="{{ bidi|yesno:"rtl,ltr" }}"', "")],
        "test_sight.py -k mirrored",
    ),
    Mutation(
        "buttons on paper",
        [(STYLE, ".more, .actions, .cancel, .field, button {display: none}", ".more {display: none}")],
        "test_setup.py -k paper",
    ),
    Mutation(
        "codes on paper do not say whose",
        [(STYLE, ".print-only {display: block}", "")],
        "test_setup.py -k paper",
    ),
    Mutation(
        "the end of a wait is not told",
        [(APP, "say(place.dataset.ready);", "")],
        "test_waiting.py -k told_once",
    ),
    Mutation(
        "the end of a wait is told again and again",
        [(APP, "setTimeout(() => {\n      if (!place", "setInterval(() => {\n      if (!place")],
        "test_waiting.py -k told_once",
    ),
    Mutation(
        "the reminder stays when it is done with",
        [
            (
                "templates/twofactor/layout/_main.html",
                'hx-swap-oob="innerHTML:#nudge"',
                'hx-swap-oob="innerHTML:#problem"',
            )
        ],
        "test_guards.py -k dismissed_reminder",
    ),
    Mutation(
        "phones do not offer the code they got",
        [("twofactor/forms.py", '"autocomplete": "one-time-code"', '"autocomplete": "off"')],
        "test_fields.py -k offers_its_digits",
    ),
    Mutation(
        "somebody else's page for a lock",
        [("config/settings.py", 'AXES_LOCKOUT_CALLABLE = "accounts.lockout.lockout_response"', "")],
        "test_waiting.py -k whoever_it_is",
    ),
    Mutation(
        "letters that are answered by machines",
        [("twofactor/outgoing/mail.py", 'headers={"Auto-Submitted": "auto-generated"},', "")],
        "tests/twofactor/outgoing/test_mail.py -k no_person_wrote_it",
    ),
    Mutation(
        "links too small for fingers",
        [(STYLE, ".bottom a {padding-block: 12px; color: inherit}", ".bottom a {color: inherit}")],
        "test_sight.py -k fingers",
    ),
    Mutation(
        "fields without an edge",
        [(STYLE, "--edge: #7f7b72", "--edge: #dad6cc")],
        "test_sight.py -k where_they_end",
    ),
    Mutation(
        "something moves",
        [(STYLE, "@layer parts {", "@layer parts {\n.card {transition: opacity 1s}")],
        "test_sight.py -k nothing_moves",
    ),
]


def broken(mutation, folder):
    """A copy of the site with that one thing wrong."""
    for part in PARTS:
        source = ROOT / part
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / part)
    for path, old, new in mutation.changes:
        text = (folder / path).read_text("utf-8")
        assert old in text, f"{mutation.name}: {path} has no {old!r} any more"
        (folder / path).write_text(text.replace(old, new), "utf-8")


def survives(mutation):
    """Everything passed. What did not run shows nothing, and what hangs has been seen."""
    try:
        return passes(mutation)
    except subprocess.TimeoutExpired:
        return False


def passes(mutation):
    with tempfile.TemporaryDirectory() as folder:
        broken(mutation, Path(folder))
        file, *words = mutation.tests.split()
        command = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-x",
            "-p",
            "no:cacheprovider",
            file if "/" in file else f"playwright/{file}",
            *words,
        ]
        done = subprocess.run(
            command,
            cwd=folder,
            capture_output=True,
            check=False,
            timeout=PATIENCE,
            env={**os.environ, "CI": "1"},
        )
    assert done.returncode in {0, 1}, done.stdout.decode()
    return done.returncode == 0


def main(words):
    survived = 0
    for mutation in MUTATIONS:
        if words and not any(word in mutation.name for word in words):
            continue
        assert passes(mutation._replace(changes=[])), f"{mutation.tests} fails although nothing is broken"
        alive = survives(mutation)
        survived += alive
        print(f"{mutation.name:42} | {mutation.tests:64} | {'SURVIVED' if alive else 'red'}", flush=True)
    return 1 if survived else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
