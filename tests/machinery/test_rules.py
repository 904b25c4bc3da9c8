"""Rules about this repository that no linter has: templates, dangerous calls, texts, lock files.

Each keeps out something that went wrong or would be hard to see in a review. Part of make check and make
test.
"""

import ast
import re
import runpy
import subprocess
import sys
from html.parser import HTMLParser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]


def modules():
    files = [file for app in ("config", "accounts", "twofactor") for file in (ROOT / app).rglob("*.py")]
    dotted = {".".join(f.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): f for f in files}
    return {name: file for name, file in dotted.items() if ".migrations" not in name}


MODULES = modules()


ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()


def test_the_architecture_names_every_room_and_module():
    table = ARCHITECTURE.partition("| place |")[2].partition("\n\n")[0]
    named = re.findall(r"`(\w+)/?`", "".join(row.split("|")[1] for row in table.splitlines()[2:]))
    inside = {name.split(".")[1] for name in MODULES if name.startswith("twofactor.")}
    assert sorted(inside - {*named, "migrations"}) == []


def test_there_are_at_most_twenty_words_to_learn():
    words = ARCHITECTURE.partition("| word |")[2].splitlines()[2:]
    assert len([row for row in words if row.startswith("|")]) <= 20


def test_no_module_is_named_after_its_layer():
    layers = {"constants", "helpers", "managers", "mixins", "selectors", "services", "utils"}
    assert [module for module in MODULES if module.split(".")[-1] in layers] == []


def imported_by(module, *, first_level_only=False):
    tree = ast.parse(MODULES[module].read_text())
    for node in tree.body if first_level_only else ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        if isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0]


def test_one_module_knows_the_library_for_passkeys_and_imports_it_when_it_needs_it():
    """It takes 7 MiB, and a site without passkeys need not have it installed."""
    assert [module for module in MODULES if "webauthn" in imported_by(module)] == [
        "twofactor.factors.ceremony"
    ]
    assert "webauthn" not in imported_by("twofactor.factors.ceremony", first_level_only=True)


@pytest.mark.parametrize("module", ["twofactor.factors.ceremony", "twofactor.factors.makers"])
def test_what_decides_about_passkeys_needs_no_django(module):
    assert {"django", "twofactor"}.isdisjoint(imported_by(module))


# Templates

TEMPLATES = sorted([*ROOT.glob("templates/**/*.html"), *ROOT.glob("*/templates/**/*.html")])
COMPONENTS = ROOT / "twofactor/templates/twofactor/components"
WIRING = {name: (COMPONENTS / f"{name}.html").read_text() for name in ("form_attributes", "link_attributes")}


class Elements(HTMLParser):
    """Start tags with their attributes, once Django's own tags have been made harmless."""

    def __init__(self, template):
        super().__init__()
        self.found = []
        form = re.compile(r'{% include "twofactor/components/form_attributes.html".*?%}')
        text = form.sub(WIRING["form_attributes"], template.read_text())
        link = re.compile(r"{% link_attributes (\S+)(?: \S+)? %}")
        text = link.sub(
            lambda found: WIRING["link_attributes"].replace("{{ to }}", f"{{{{ {found[1]} }}}}"), text
        )
        self.feed(re.sub(r"{[{%#].*?[}%#]}", lambda tag: re.sub(r"[\s\"'<>=]+", "_", tag[0]), text))

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


# Mail programs support no style sheets.
PAGES = [file for file in TEMPLATES if file != ROOT / "twofactor/templates/twofactor/mail/base.html"]
ELEMENTS = [(file.name, *element) for file in PAGES for element in Elements(file).found]


def test_a_line_of_a_template_has_at_most_160_characters():
    texts = [*TEMPLATES, *ROOT.glob("templates/**/*.txt"), *ROOT.glob("*/templates/**/*.txt")]
    lines = [(file.name, line) for file in texts for line in file.read_text().splitlines()]
    assert [(name, line) for name, line in lines if len(line) > 160] == []


def test_the_files_of_the_app_stand_under_its_name():
    """Because a site that mounts the app can have a file of the same name."""
    assert [file.name for file in ROOT.glob("twofactor/static/*")] == ["twofactor"]
    assert [file.name for file in ROOT.glob("twofactor/templates/*")] == ["twofactor"]


def test_an_id_is_no_id_of_the_page_around_it():
    """In the pages of a site, whose own template may have a #main. Those of forms are Django's: id_code."""
    found = {each for file in PAGES if "admin" not in file.parts for each in ids_in(file.read_text())}
    assert {each for each in found if not each.startswith(("tf-", "id_", "{{"))} == set()


def ids_in(template):
    return re.findall(r'\bid="([^"]+)"', template)


def test_a_template_has_no_inline_style():
    styled = [(file, tag) for file, tag, attrs in ELEMENTS if tag == "style" or "style" in attrs]
    assert styled == []


@pytest.mark.proves("3.5.7")
def test_a_template_has_no_inline_script():
    assert [file for file, tag, attrs in ELEMENTS if tag == "script" and "src" not in attrs] == []


def test_a_template_has_no_inline_handler():
    names = [(file, name) for file, _, attrs in ELEMENTS for name in attrs]
    assert [(file, name) for file, name in names if name.startswith(("on", "hx-on"))] == []


def test_an_hx_attribute_never_holds_code():
    code = re.compile(r"^\s*(js|javascript):|\[.*\]")
    values = [(file, name, value or "") for file, _, attrs in ELEMENTS for name, value in attrs.items()]
    assert [found for found in values if found[1].startswith("hx-") and code.search(found[2])] == []


def test_hx_post_sits_on_a_form_that_works_without_it():
    wired = [(file, tag, attrs) for file, tag, attrs in ELEMENTS if "hx-post" in attrs]
    plain = [(tag, attrs.get("method"), "action" in attrs) for _, tag, attrs in wired]
    assert plain == [("form", "post", True)] * len(wired)


def test_htmx_posts_to_the_action_of_the_form():
    form = re.compile(r'action="{{ (\S+) }}"\s+{% include "\S+/form_attributes.html"(?: with action=(\S+))?')
    texts = [file.read_text() for file in TEMPLATES]
    actions = [found for text in texts for found in form.findall(text)]
    assert [action for action, hx_post in actions if action != (hx_post or "request.get_full_path")] == []
    assert len(actions) == sum(text.count("/form_attributes.html") for text in texts)


def test_hx_get_sits_on_a_link_or_form_to_the_same_page():
    """Its query may be another: settings.html says with it what the tab has seen."""
    wired = [(file, tag, attrs) for file, tag, attrs in ELEMENTS if "hx-get" in attrs]
    leads = {"a": "href", "form": "action"}
    links = [(file, tag, attrs.get(leads.get(tag)), attrs["hx-get"]) for file, tag, attrs in wired]
    same = [href in {to, to.partition("?")[0]} for _, _tag, href, to in links]
    assert [link for link, is_same in zip(links, same, strict=True) if not is_same] == []


def test_an_hx_attribute_stands_on_what_asks():
    """Attributes are not inherited, because htmx 4 inherits none.

    Around our part of a site's page, those that the site's htmx may hand down are taken back.
    """
    apart = {"hx-history", "hx-swap-oob"}  # of a secret page, and of what an answer brings along
    apart |= {"hx-boost", "hx-boost:inherited", "hx-select", "hx-confirm"}
    wired = [(file, tag, {name for name in attrs if name.startswith("hx-")}) for file, tag, attrs in ELEMENTS]
    whole = [{ask, "hx-target"} for ask in ("hx-get", "hx-post")]
    asking = [(file, tag, names - apart) for file, tag, names in wired if names - apart]
    assert [found for found in asking if not any(needed <= found[2] for needed in whole)] == []


def test_a_form_that_posts_carries_its_token():
    form = re.compile(r'<form[^>]*? method="post".*?</form>', re.DOTALL)
    posts = [(file.name, post) for file in TEMPLATES for post in form.findall(file.read_text())]
    assert [file for file, post in posts if "{% csrf_token %}" not in post] == []


def test_a_partial_has_no_script():
    assert [file for file, tag, _ in ELEMENTS if tag == "script" and file.startswith("_")] == []


# Tests in the browser

WALKS = {file.name: file.read_text() for file in ROOT.glob("playwright/test_*.py")}


@pytest.mark.parametrize("way", [".locator(", "query_selector(", "xpath="])
def test_a_browser_finds_things_as_people_do(way):
    """By role, label and text, so that they are there for screen readers too."""
    assert [file for file, text in WALKS.items() if way in text] == []


@pytest.mark.parametrize("way", ["sleep(", "wait_for_timeout("])
def test_a_browser_waits_for_what_it_waits_for(way):
    assert [file for file, text in WALKS.items() if way in text] == []


# Words

BLAME = re.compile(r"\b(invalid|valid|please|sorry|oops|forbidden|illegal|error occurred)\b", re.IGNORECASE)
GETTEXT = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}


def said_in_python():
    for module, file in MODULES.items():
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in GETTEXT:
                yield from [(module, str(arg.value)) for arg in node.args if isinstance(arg, ast.Constant)]


def said_in_templates():
    translated = re.compile(
        r"""{% trans(?:late)? (["'])(.*?)\1|{% blocktrans.*?%}(.*?){% endblocktrans""", re.DOTALL
    )
    for file in TEMPLATES:
        yield from [(file.name, found[2] or found[3]) for found in translated.finditer(file.read_text())]


@pytest.mark.parametrize("said", [said_in_python, said_in_templates])
def test_people_are_spoken_to_without_blame(said):
    assert [(where, text) for where, text in said() if BLAME.search(text)] == []


def calls(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call)]


def test_no_text_hides_in_an_f_string():
    """makemessages does not find it there."""
    trees = {module: ast.parse(file.read_text()) for module, file in MODULES.items()}
    strings = [(module, node) for module, tree in trees.items() for node in ast.walk(tree)]
    found = [
        (module, call.lineno)
        for module, node in strings
        if isinstance(node, ast.JoinedStr)
        for call in calls(node)
        if getattr(call.func, "id", "") in GETTEXT
    ]
    assert found == []


def test_no_text_is_translated_once_for_all_at_import():
    found = []
    for module, file in MODULES.items():
        tree = ast.parse(file.read_text())
        eager = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"
            for alias in node.names
            if not alias.name.endswith("_lazy")
        }
        at_import = [
            node for node in tree.body if isinstance(node, ast.Assign | ast.AnnAssign | ast.ClassDef)
        ]
        for node in [part for top in at_import for part in [top, *getattr(top, "body", [])]]:
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
                found += [
                    (module, c.lineno)
                    for c in calls(node.value)
                    if getattr(c.func, "id", "") in eager & GETTEXT
                ]
    assert found == []


# The project says: someone, anyone, everyone, email, setup, two-factor authentication, cannot.
OLD_WORDS = r"somebody|anybody|everybody|e-mails?|set-ups?|two-factor sign-in|can[\s_]not"
QUOTED_IN = {  # files that contain old words as data
    "tests/api/test_requests.py",  # German, where E-Mail is right
    "tests/machinery/test_rules.py",
    "tests/test_catalogues.py",
}


def old_words(text):
    """Also as a part of a name, such as test_somebody_signs_in."""
    return re.findall(rf"(?<![a-z])(?:{OLD_WORDS})(?![a-z])", text, re.IGNORECASE)


def test_old_words_do_not_come_back(tracked):
    files = [
        file for file in tracked if file.suffix in {".py", ".md", ".html"} or file.name == "pyproject.toml"
    ]
    texts = {str(file.relative_to(ROOT)): file.read_text() for file in files}
    found = {name: words for name, text in texts.items() if (words := old_words(text))}
    assert {name: words for name, words in found.items() if name not in QUOTED_IN} == {}
    assert found.keys() == QUOTED_IN


@pytest.mark.parametrize(
    "line", ["Somebody else", "def test_everybody_waits(): pass", "it can\nnot", "an E-Mail"]
)
def test_an_old_word_is_found(line):
    assert len(old_words(line)) == 1


# Mistakes that only a reader of the code would see. Each rule is tried on lines that break it.

SECRET = re.compile(r"(?:^|_)(code|token|digest|secret|fingerprint|signature|password|hash|key)s?$")
FROM_OUTSIDE = re.compile(r"\brequest\.(GET|POST|headers|META|COOKIES|path|path_info)\b|\bcurrent_url")
CHECKED = {"safe_next", "own_page", "urlencode"}
REDIRECTING = {"HttpResponseRedirect", "HttpResponsePermanentRedirect", "redirect", "see_other", "navigate"}
REDIRECT_HEADERS = {"Location", "HX-Redirect", "HX-Location"}
FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def names(node):
    """The names in this code; of a dotted name the last part."""
    found = [part for part in ast.walk(node) if isinstance(part, ast.Name | ast.Attribute)]
    return {part.id if isinstance(part, ast.Name) else part.attr for part in found}


def last_name(node):
    """The last part of a dotted name; of an import with "as", the original name."""
    if isinstance(node, ast.alias):
        return node.name if node.asname else ""
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def word(node):
    """The name of a value: digest for row.digest, row["digest"], digest(row) and (digest := …)."""
    if isinstance(node, ast.Subscript):
        key = getattr(node.slice, "value", None)
        return key if isinstance(key, str) else word(node.value)
    return last_name(getattr(node, "func", getattr(node, "target", node)))


def compares_secret_with_equals(tree):
    """The time of == shows how much of a secret was right. Use constant_time_compare or a query."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            sides = [node.left, *node.comparators]
            is_secret = any(SECRET.search(word(side)) for side in sides)
            if is_secret and not any(isinstance(side, ast.Constant) for side in sides):
                yield node


def saves_whole_row(tree):
    """Saving a whole row writes back old values, such as a code that another request has used up."""
    verbs = {"save", "asave", "bulk_update", "abulk_update"}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in verbs and ast.unparse(node) != "super().save":
            yield node


def forgets_the_database(tree):
    """A transaction that names none is one of "default", which need not be the database of the rows."""
    naming = {id(call.func) for call in calls(tree) if any(given.arg == "using" for given in call.keywords)}
    for node in ast.walk(tree):
        is_one = isinstance(node, ast.Attribute) and node.attr in {"atomic", "on_commit"}
        if is_one and ast.unparse(node.value) == "transaction" and id(node) not in naming:
            yield node


def assigned(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and node.value:
            yield from [(target, node.value) for target in getattr(node, "targets", None) or [node.target]]


def destinations(function):
    for call in calls(function):
        if last_name(call.func) in REDIRECTING:
            yield from [*call.args, *[keyword.value for keyword in call.keywords]]
    yield from [value for target, value in assigned(function) if word(target) in REDIRECT_HEADERS]


def redirects_unchecked(tree):
    """No redirect to a URL from the request, unless it was checked to be a page of this site."""
    for function in [node for node in ast.walk(tree) if isinstance(node, FUNCTIONS)]:
        tainted = {last_name(target) for target, value in assigned(function) if from_outside(value)}
        for to in destinations(function):
            if from_outside(to) or (names(to) & tainted and not checked(to)):
                yield to


def from_outside(node):
    return bool(FROM_OUTSIDE.search(ast.unparse(node))) and not checked(node)


def checked(node):
    return bool({last_name(call.func) for call in calls(node)} & CHECKED)


def catches_everything(tree):
    handlers = [node.type or node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler)]
    suppressed = [call for call in calls(tree) if last_name(call.func) == "suppress"]
    for node in [*handlers, *suppressed]:
        if isinstance(node, ast.ExceptHandler) or names(node) & {"Exception", "BaseException"}:
            yield node


def logs_a_secret(tree):
    """No secret is written to a log or a terminal."""
    for call in calls(tree):
        told = ast.unparse(call.func)
        logged = re.match(r"(log|logger|logging|warnings)\.\w+$", told)
        said = {name for part in [*call.args, *call.keywords] for name in names(part)}
        if told == "print" or (logged and any(map(SECRET.search, said))):
            yield call.func


RULES = {
    compares_secret_with_equals: [
        "if request.session['code'] == sent.code: pass",
        "fingerprint(user) == expected",
        "expected != row['digest']",
        "typed == key(now)",
        "typed == codes[0]",
        "(token := made()) == given",
        "sent.code in (first, second)",
        "typed not in codes",
    ],
    saves_whole_row: [
        "authenticator.save()",
        "await authenticator.asave()",
        "transaction.on_commit(authenticator.save)",
        "Authenticator.objects.bulk_update(rows, ['last_step'])",
    ],
    forgets_the_database: [
        "with transaction.atomic(): pass",
        "@transaction.atomic\ndef change(): pass",
        "with transaction.atomic(durable=True): pass",
        "transaction.on_commit(wake)",
    ],
    redirects_unchecked: [
        "def view(request):\n    to = request.GET['next']\n    return see_other(to)",
        "def view(request):\n    if to := request.POST.get('next'):\n        return see_other(to)",
        "def view(request):\n    return redirect(to=request.GET['next'])",
        "def view(request):\n    response['Location'] = request.headers['Referer']",
        "def view(request):\n    response.headers['HX-Redirect'] = request.GET['next']",
        "async def view(request):\n    return redirect(request.path)",
        "view = lambda request: redirect(request.COOKIES['next'])",
    ],
    catches_everything: [
        "try:\n    check()\nexcept Exception:\n    pass",
        "try:\n    check()\nexcept:\n    pass",
        "try:\n    check()\nexcept (ValueError, Exception):\n    pass",
        "with contextlib.suppress(Exception):\n    check()",
    ],
    logs_a_secret: ["log.info('accepted %s', code)", "log.info(f'accepted {sent.code}')", "print(code)"],
}
# Exceptions, each with the reason why it is safe.
ALLOWED = {
    "compares_secret_with_equals": {
        # Two stored hashes, to see whether one has changed; and the rows that the database has found.
        ("twofactor.signin.step_up", "user.password != signed_in_user(request).password"),
        ("twofactor.api.preconditions", "user.password != family.user.password"),
        ("twofactor.signin.trusted_browsers", "digest(token) in good"),
        # The password that the person has just chosen, in what a public server has answered.
        (
            "twofactor.outgoing.range_lookup",
            "digest[SENT_CHARACTERS:] in parse(run_within(SECONDS, lookup.read))",
        ),
        ("accounts.password_tries", "digest == own_digest"),
        ("accounts.password_tries", "digest == strangers_digest"),
        # The id of a passkey, which the page has just told the browser.
        ("twofactor.factors.passkeys", "each.credential_digest == digest"),
    },
    "saves_whole_row": {
        # The first time that a row is saved, or replaced whole by the one UPDATE that may.
        ("twofactor.operations.rules", "rule.save"),
        ("accounts.models", "user.save"),
        ("accounts.registration", "user.save"),
        ("accounts.views", "form.save"),  # without commit
        ("accounts.views", "form.save(commit=False).save"),  # two fields that protect nothing
        ("accounts.admin", "obj.save"),  # the columns that were changed, and no others
        ("twofactor.admin", "obj.save"),
        ("twofactor.factor_changes", "app.save"),
        ("twofactor.factor_changes", "passkey.save"),
        ("twofactor.statements", "instance.save"),  # with force_insert
        ("twofactor.statements", "model.save"),  # compared
        ("twofactor.statements", "Model.save"),
        ("twofactor.importers.run", "authenticator.save"),
        ("twofactor.factors.qr", "code.save"),  # an image
        ("twofactor.operations.support", "row.save"),
        ("twofactor.testing", "session.save"),
        ("twofactor.testing", "row.save"),
        ("twofactor.views.devices", "request.session.save"),
    },
    "forgets_the_database": set(),
    "redirects_unchecked": set(),
    "catches_everything": {
        (
            "twofactor.checks.configuration",
            "Exception",
        ),  # a site's own rule, with whatever mistake, which is named
        ("twofactor.factors.accept", "Exception"),  # raised again, once the charge of the guess is stored
        ("twofactor.outgoing.timeout", "BaseException"),  # handed on to who waits
        ("twofactor.outgoing.mail", "Exception"),  # a site's own backend, with whatever mistake
        (
            "twofactor.outgoing.outbox",
            "Exception",
        ),  # a site's own templates; the thread that sends outlives all
        ("twofactor.outgoing.sms", "Exception"),  # a site's own gateway, with whatever mistake
    },
    "logs_a_secret": {
        ("twofactor.outgoing.sms", "print")
    },  # the gateway for development, which is there for that
}


@pytest.mark.proves("11.2.4")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_app_keeps_the_rule(rule):
    found = {
        (module, ast.unparse(node))
        for module, file in MODULES.items()
        for node in rule(ast.parse(file.read_text()))
    }
    assert found == ALLOWED[rule.__name__]


@pytest.mark.parametrize(
    ("rule", "line"), [pytest.param(rule, line, id=line) for rule, lines in RULES.items() for line in lines]
)
def test_a_line_that_breaks_the_rule_is_found(rule, line):
    assert len(list(rule(ast.parse(line)))) == 1


# What ruff forbids (banned-api in pyproject.toml): its configuration finds each of these lines.

BANNED = [
    "import random as r",
    "from random import choice",
    "from django.utils.safestring import mark_safe as plain",
    "from django.utils import safestring; name = safestring.SafeString(name)",
    "from django.views.decorators.csrf import csrf_exempt as open",
    "from django.views.decorators import csrf; view = csrf.csrf_exempt(login)",
    "import hashlib; hashlib.md5(code)",
    "import hashlib; hashlib.new('md5', code)",
    "from hashlib import sha1 as digest",
]
RULES_OF_RUFF = ["--select=TID251,S324", "--output-format=concise"]
RUFF = [sys.executable, "-m", "ruff", "check", "--no-cache", *RULES_OF_RUFF]


@pytest.mark.parametrize("line", BANNED)
def test_ruff_finds_a_banned_line(line):
    command = [*RUFF, "--stdin-filename=twofactor/banned.py", "-"]
    done = subprocess.run(command, cwd=ROOT, input=line, capture_output=True, text=True)
    assert (done.returncode, "TID251" in done.stdout or "S324" in done.stdout) == (1, True)


@pytest.mark.proves("6.5.3", "11.4.1", "V-09")
def test_ruff_finds_none_in_the_app():
    """Except on lines with a noqa comment and its reason."""
    apps = ["config", "accounts", "twofactor"]
    done = subprocess.run([*RUFF, *apps], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


# What must not be in the repository

REGISTRY = re.compile(
    r"(?<!no-emit-)(index-url|find-links)|p[y]thonhosted|/simple\b|file://|https?://[^ \n]*p[y]pi"
)
KEY = re.compile(r"(?<![\w-])[\w-]{43}=(?![\w-])|-----BEGIN [A-Z ]*PRIVATE KEY")


@pytest.fixture
def tracked():
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


LOCKS = [
    "requirements.txt",
    "requirements-all.txt",
    "tests/requirements.txt",
    "tests/machinery/bench/requirements.txt",
]


@pytest.mark.parametrize("file", [*LOCKS, "pyproject.toml", "Makefile"])
def test_packages_come_from_where_the_machine_says(file):
    assert REGISTRY.search((ROOT / file).read_text()) is None


def locked(file):
    """Each package in a lock, with its extras and its version."""
    found = re.findall(r"^([\w.-]+)(?:\[(.+?)\])?==(\S+)", (ROOT / file).read_text(), re.MULTILINE)
    return {canonicalize_name(name): (set(extras.split(",")), version) for name, extras, version in found}


def wanted_extras(name, extras):
    """What an installed package asks for with an extra, as it is used here."""
    for wanted in map(Requirement, metadata.requires(name) or []):
        if not wanted.marker or any(wanted.marker.evaluate({"extra": extra}) for extra in extras):
            yield from ((canonicalize_name(wanted.name), extra) for extra in wanted.extras)


@pytest.mark.parametrize("file", LOCKS)
def test_what_is_asked_for_with_an_extra_is_locked_with_it(file):
    """Otherwise an old pip looks for a newer version, for which there is no hash."""
    pins = locked(file)
    here = {canonicalize_name(package.name) for package in metadata.distributions()} & pins.keys()
    wanted = {pair for name in here for pair in wanted_extras(name, pins[name][0])}
    assert [(name, extra) for name, extra in wanted if name in pins and extra not in pins[name][0]] == []


@pytest.mark.parametrize("file", LOCKS[1:])
def test_a_package_is_locked_at_one_version(file):
    base, other = locked(LOCKS[0]), locked(file)
    assert {name: other[name][1] for name in base} == {name: version for name, (_, version) in base.items()}


@pytest.mark.proves("13.3.1")
def test_no_key_is_in_the_repository(tracked):
    assert [file for file in tracked if KEY.search(file.read_text(errors="ignore"))] == []


@pytest.mark.parametrize("name", [".env", "db.sqlite3", "staticfiles/", ".mail/", ".venv"])
def test_what_a_machine_generates_stays_out_of_git(tracked, name):
    assert subprocess.run(["git", "check-ignore", "--quiet", name], cwd=ROOT).returncode == 0


# Programs and slow tests are not imported by the tests that always run: here their imports are looked up.

OURS = {"accounts", "config", "tests", "twofactor"}


def names_in(module):
    """The names that can be imported from a module; "*" if it imports all names of another one."""
    folder = ROOT.joinpath(*module.split("."))
    file = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    nodes = list(ast.walk(ast.parse(file.read_text()))) if file.exists() else []
    imported = {alias.asname or alias.name for alias in nodes if isinstance(alias, ast.alias)}
    bound = {getattr(node, "name", None) or getattr(node, "id", None) for node in nodes}
    return {path.stem for path in folder.glob("*")} | bound | imported


def imports(file):
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] in OURS:
            yield from ((node.module, alias.name) for alias in node.names)


def test_what_a_program_imports_is_there():
    files = [*ROOT.glob("tests/**/*.py"), *ROOT.glob("playwright/*.py")]
    imported = {(module, name) for file in files for module, name in imports(file) if name != "*"}
    there = {module: names_in(module) for module, _name in imported}
    assert [pair for pair in imported if not {pair[1], "*"} & there[pair[0]]] == []


@pytest.fixture
def mutations():
    return runpy.run_path(str(ROOT / "playwright" / "mutations.py"))["MUTATIONS"]


def test_what_a_mutation_breaks_is_there(mutations):
    changes = [(mutation.name, *change[:2]) for mutation in mutations for change in mutation.changes]
    gone = [
        name
        for name, file, text in changes
        if not (ROOT / file).exists() or text not in (ROOT / file).read_text()
    ]
    assert gone == []


def test_the_tests_of_a_mutation_are_there(mutations):
    """The word after -k is in the name of a test, or in a parameter of one."""
    forms = (ROOT / "playwright" / "filled_forms.py").read_text()
    chosen = [(mutation.name, *mutation.tests.split(" -k ")) for mutation in mutations]
    texts = {file: (ROOT / "playwright" / file).read_text() + forms for _name, file, _word in chosen}
    assert [name for name, file, word in chosen if word not in texts[file]] == []
