"""Seven languages, whole: every text has a translation, and every text that people see is one.

For the second, a language of our own puts brackets around each message; whatever stands outside is a text
that no translator was ever shown.
"""

import gettext
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings as site
from django.contrib import auth
from django.core import mail
from django.test import Client
from django.utils import translation

from tests.machinery.test_rules import OLD_WORDS
from tests.messages import CATALOGUES, ROOT, gnu, sentences
from tests.people import PASSWORD, Phone, enrol, give_password, person, sign_in
from twofactor.models import Event, GuessBudget, TrustedBrowser
from twofactor.outgoing.outbox import send_due
from twofactor.views.verify import codes_left

pytestmark = pytest.mark.usefixtures("gettext_tools")
ALL = sorted(file for name in CATALOGUES for file in (ROOT / name).glob("*/LC_MESSAGES/django.po"))
BRACKETED = "eo"  # a language that Django knows and that we do not have


def compiled(catalogue, folder, *options):
    target = folder / "django.mo"
    done = gnu("msgfmt", *options, "--output-file", target, catalogue)
    assert (done.returncode, done.stderr) == (0, "")
    return target


def messages(compiled):
    with compiled.open("rb") as file:
        return dict(gettext.GNUTranslations(file)._catalog)


def test_there_is_a_catalogue_for_each_language():
    languages = {translation.to_locale(code) for code, _ in site.LANGUAGES} - {"en"}
    assert {file.parts[-3] for file in ALL} == languages
    assert len(ALL) == len(languages) * len(CATALOGUES)


@pytest.mark.parametrize("catalogue", ALL, ids=lambda file: str(file.relative_to(ROOT).parents[1]))
class TestEach:
    def test_catalogue_has_every_message(self, catalogue, message_template):
        template = message_template.parent / catalogue.relative_to(ROOT).parents[2] / "django.pot"
        compared = gnu("msgcmp", catalogue, template)
        assert (compared.returncode, compared.stderr) == (0, "")

    def test_placeholder_is_kept(self, catalogue, tmp_path):
        compiled(catalogue, tmp_path, "--check-format", "--check-domain")

    def test_compiled_file_says_what_its_source_says(self, catalogue, tmp_path):
        assert messages(catalogue.with_suffix(".mo")) == messages(compiled(catalogue, tmp_path))

    def test_piece_of_markup_is_kept(self, catalogue, tmp_path):
        changed = {
            key: text
            for key, text in messages(compiled(catalogue, tmp_path)).items()
            if key and isinstance(key, str) and tags(key) != tags(text)
        }
        assert changed == {}


def tags(text):
    return sorted(re.findall(r"<[^>]+>", text))


# Words

NOT_OURS = re.compile(
    rf"\b({OLD_WORDS}|whoever|2fa|mfa|second factor|log(ged)? (in|out)|logins?"
    r"|give (your|the|a|one)|carry on|forget|forgotten|meanwhile|of ours|\d+ numbers"
    r"|apps? (was|were) signed out|no apps|trusted browsers? (was|were) removed)\b|\bsay,",
    re.IGNORECASE,
)


def words_to_replace(texts):
    return sorted({(found[0].lower(), text) for text in texts if (found := NOT_OURS.search(text))})


def test_people_read_the_words_that_the_project_has_chosen(message_template):
    """For example someone, email, two-factor authentication, sign in, setup, continue, remove, enter.

    An app shows codes, a program signs in over the API; a browser is no longer trusted.
    """
    mails = [
        file for folder in ("templates", "twofactor/templates") for file in (ROOT / folder).glob("**/mail/*")
    ]
    assert words_to_replace([*sentences(message_template), *(file.read_text() for file in mails)]) == []


@pytest.mark.parametrize(
    "word",
    [
        "Somebody",
        "E-mail",
        "2FA",
        "two-factor sign-in",
        "Log in",
        "carry on",
        "set-up",
        "forgotten",
        "say,",
        "no apps",
    ],
)
def test_another_word_is_found(word):
    assert words_to_replace(["Sign in to continue.", f"Now, {word} or later."]) == [
        (word.lower(), f"Now, {word} or later.")
    ]


# Numbers

COUNTS = [0, 1, 2, 11]
FORMS = {  # which form of a message each of them takes, by the rules of Unicode (CLDR)
    "de": [1, 0, 1, 1],
    "fr": [0, 0, 1, 1],
    "es": [2, 0, 2, 2],
    "pt-br": [0, 0, 1, 1],
    "ja": [0, 0, 0, 0],
    "ar": [0, 1, 2, 4],
}
SAID = {
    "en": ["2 backup codes left", "11 backup codes left"],
    "de": ["2 Backup-Codes", "11 Backup-Codes"],
    "fr": ["2 codes de secours", "11 codes de secours"],
    "es": ["quedan 2 códigos", "quedan 11 códigos"],
    "pt-br": ["2 códigos de backup", "11 códigos de backup"],
    "ja": ["残り2個", "残り11個"],
    "ar": ["رمزان احتياطيان", "11 رمزًا احتياطيًا"],
}


@pytest.mark.parametrize("language", FORMS)
def test_each_count_takes_its_form(language):
    with translation.override(language):
        file = f"{translation.to_locale(language)}/LC_MESSAGES/django.mo"
        catalogue = {key: text for name in CATALOGUES for key, text in messages(ROOT / name / file).items()}
        plurals = {key[0] for key in catalogue if isinstance(key, tuple)}
        said = {text: [translation.ngettext(text, text, count) for count in COUNTS] for text in plurals}
    assert said == {text: [catalogue[text, form] for form in FORMS[language]] for text in plurals}


@pytest.mark.parametrize("language", SAID)
def test_two_and_eleven_are_told_as_people_count(language):
    with translation.override(language):
        told = [codes_left(count) for count in (2, 11)]
    assert [
        words for words, sentence in zip(SAID[language], told, strict=True) if words not in sentence
    ] == []


# Words that a site has, too


@pytest.mark.parametrize("word", ["Account", "IP address", "Remove", "When", "browser", "by", "details"])
def test_a_common_word_of_the_app_is_not_translated_for_the_site(word):
    """The catalogue of an app is that of the whole site: only a context keeps the two meanings apart."""
    catalogue = messages(ROOT / "twofactor/locale/de/LC_MESSAGES/django.mo")
    assert (word in catalogue, f"two-factor\4{word}" in catalogue) == (False, True)


# Texts that no translator was shown


@pytest.fixture(scope="session")
def bracketed(message_template, tmp_path_factory):
    folder = tmp_path_factory.mktemp("locale")
    catalogue = folder / BRACKETED / "LC_MESSAGES" / "django.po"
    catalogue.parent.mkdir(parents=True)
    same = gnu("msgen", message_template).stdout
    for unknown, known in [("INTEGER", "2"), ("EXPRESSION", "n!=1"), ("=CHARSET", "=UTF-8")]:
        same = same.replace(unknown, known)
    around = gnu("msgfilter", "--keep-header", "sed", "-z", "s/^/⟦/; s/$/⟧/", input=same)
    catalogue.write_text(around.stdout)
    compiled(catalogue, catalogue.parent)
    return folder


@pytest.fixture
def in_brackets(bracketed, settings):
    """The site in a language that puts each message in brackets."""
    settings.LANGUAGES = [(BRACKETED, "Esperanto")]
    settings.LANGUAGE_CODE = BRACKETED
    settings.LOCALE_PATHS = [bracketed]
    with translation.override(BRACKETED):
        yield


class Words(HTMLParser):
    """What people see and hear of a page."""

    HEARD = ("aria-label", "title", "alt", "data-offline", "data-slow", "data-broken", "data-ready")

    def __init__(self, text):
        super().__init__()
        self.found, self.inside = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.inside.append(tag)
        self.found += [
            value
            for name, value in attrs
            if name in self.HEARD or (name.startswith("data-cop") and name != "data-copy")
        ]
        if tag in {"meta", "link", "input", "br", "path", "rect"}:
            self.inside.pop()

    def handle_endtag(self, tag):
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data):
        if not {"style", "script", "option", "bdi", "code", "b"} & set(self.inside):
            self.found.append(data)


def outside_brackets(text, known):
    """The words of it that are neither a message nor someone's name."""
    seen = " ".join(Words(text).found)
    while "⟦" in seen and (inner := re.sub(r"⟦[^⟦⟧]*⟧", " ", seen)) != seen:
        seen = inner
    seen = re.sub(r"-a de \w+ \d+(, je)?", " ", seen)  # a date, as Django writes it in that language
    for name in sorted(known, key=len, reverse=True):
        seen = seen.replace(name, " ")
    return re.findall(r"[^\W\d_]{2,}", seen)


KNOWN = [
    *("Countersign", "UTC", "alice@example.com", "Alice", "Firefox", "Linux", "Esperanto", "new@example.com"),
    *messages(Path(auth.__file__).parent / "locale" / BRACKETED / "LC_MESSAGES" / "django.mo").values(),
]


@pytest.fixture
def alice(db):
    return person("alice@example.com", name="Alice")


def untranslated(answer, *known):
    assert answer.content, answer
    return outside_brackets(answer.text, [*KNOWN, *known])


def agent():
    return Client(HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux) Firefox/130.0")


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/help/", "/accounts/login/", "/accounts/login/?next=/two-factor/", "/accounts/signup/"),
        *("/accounts/password_reset/", "/accounts/password_reset/done/", "/accounts/reset/x/y/"),
        *("/accounts/email/verify/x/", "/nowhere/"),
    ],
)
def test_a_page_for_strangers_is_translated(in_brackets, db, path):
    assert untranslated(agent().get(path)) == []


@pytest.mark.parametrize(
    ("path", "data"),
    [
        ("/accounts/login/", {}),
        ("/accounts/login/", {"username": "x", "password": "y"}),
        ("/accounts/signup/", {}),
        ("/accounts/signup/", {"email": "a@b@c", "password1": "1", "password2": "2"}),
        ("/accounts/signup/", {"email": "new@example.com", "password1": "12345678", "password2": "12345678"}),
        ("/accounts/password_reset/", {"email": "x"}),
    ],
)
def test_what_is_wrong_is_translated(in_brackets, db, path, data):
    answer = agent().post(path, data)
    assert answer.status_code == 422
    assert untranslated(answer) == []


@pytest.fixture
def asked(alice):
    enrol(alice, ["ABCDEFGHJKMNPQR"])
    browser = agent()
    give_password(browser)
    return browser


@pytest.mark.parametrize("path", ["", "other/", "backup/"])
def test_the_second_step_is_translated(in_brackets, asked, path):
    assert untranslated(asked.get(f"/two-factor/verify/{path}")) == []


@pytest.mark.parametrize("code", ["", "1", "1234567", "x", "000000", "ABCDEFGHJKMNPQQ"])
def test_each_refusal_is_translated(in_brackets, asked, code):
    for path in ("", "backup/"):
        answer = asked.post(f"/two-factor/verify/{path}", {"code": code})
        assert answer.status_code == 422
        assert untranslated(answer, "ABCDE", "FGHJK") == []


def test_a_code_that_was_sent_is_translated(in_brackets, asked):
    answer = asked.post("/two-factor/verify/send/", {"channel": "email"}, follow=True)
    again = asked.post("/two-factor/verify/send/", {"channel": "email"})
    wrong = asked.post("/two-factor/verify/sent/", {"code": "000000"})
    for page in (answer, again, wrong):
        assert untranslated(page) == []


def test_a_lock_is_translated(in_brackets, asked, alice):
    GuessBudget.objects.update(failures=100)
    assert untranslated(asked.get("/two-factor/verify/")) == []


@pytest.fixture
def at_home(alice):
    browser = agent()
    give_password(browser)
    return browser


# Of devices and apps, the same in every language.
NAMES = ["iPhone", "iPad", "Android", "Google", "Microsoft", "Authenticator", "1Password", "Bitwarden"]
PAGES = ["/", "/two-factor/", "/two-factor/activity/", "/accounts/profile/", "/accounts/password_change/"]
BEFORE = ["/two-factor/setup/", "/two-factor/setup/verify/", "/two-factor/confirm/"]
AFTER = ["/two-factor/disable/", "/two-factor/backup-codes/", "/two-factor/phone/", "/accounts/email/change/"]
OWN_DATA = ["/accounts/export/", "/accounts/delete/"]


@pytest.mark.parametrize("path", [*PAGES, *BEFORE])
def test_a_page_for_people_without_two_factor_is_translated(in_brackets, at_home, path):
    key = at_home.get("/two-factor/setup/").context["draft"].key_groups
    assert untranslated(at_home.get(path), *key, *NAMES) == []


@pytest.mark.parametrize("path", [*PAGES, *AFTER, *OWN_DATA])
def test_a_page_for_people_with_two_factor_is_translated(in_brackets, alice, path, settings):
    settings.TWOFACTOR_SMS_GATEWAY = "console"
    phone, browser = enrol(alice), agent()
    give_password(browser)
    browser.post("/two-factor/verify/", {"code": phone.code(), "trust_browser": "on"})
    assert TrustedBrowser.objects.exists()
    browser.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code(off=1)})
    name_of_the_app = alice.authenticators.get().name.split()
    assert untranslated(browser.get(path), *name_of_the_app) == []


def test_the_codes_of_set_up_are_shown_in_translation(in_brackets, at_home):
    phone = Phone(at_home.get("/two-factor/setup/").context["draft"].key)
    at_home.post("/two-factor/setup/verify/", {"code": phone.code()})
    page = at_home.get("/two-factor/setup/codes/")
    assert untranslated(page, *page.context["codes"]) == []
    assert untranslated(at_home.post("/two-factor/setup/codes/"), *page.context["codes"]) == []


def test_proving_a_number_is_translated(in_brackets, alice, settings):
    settings.TWOFACTOR_SMS_GATEWAY = "console"
    phone, browser = enrol(alice), agent()
    sign_in(browser, phone)
    browser.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code(off=1)})
    browser.post("/two-factor/phone/", {"number": "+49 170 1234567"})
    assert untranslated(browser.get("/two-factor/phone/verify/")) == []
    assert untranslated(browser.post("/two-factor/phone/", {"number": "+49 170 1234567"})) == []


@pytest.mark.urls("tests.config.failing_urls")
@pytest.mark.parametrize("status", [400, 403, 404, 409, 429, 503])
def test_an_error_is_translated(in_brackets, db, status):
    browser = agent()
    browser.raise_request_exception = False
    assert untranslated(browser.get(f"/broken/{status}/")) == []


@pytest.mark.parametrize("kind", Event.Kind.values)
def test_the_name_of_an_event_is_translated(in_brackets, kind):
    event = Event(kind=kind)
    assert (event.title[0], event.get_kind_display()[0]) == ("⟦", "⟦")


def test_mails_are_translated(in_brackets, asked, alice, django_capture_on_commit_callbacks):
    type(alice).objects.update(language=BRACKETED)
    with django_capture_on_commit_callbacks(execute=True):
        asked.post("/two-factor/verify/backup/", {"code": "ABCDEFGHJKMNPQR"})
    asked.post("/accounts/password_reset/", {"email": alice.email})
    send_due()
    assert len(mail.outbox) == 2
    for letter in mail.outbox:
        html, plain = letter.alternatives[0][0], re.sub(r"https?://\S+", " ", letter.body)
        assert outside_brackets(re.sub(r">https?://[^<]+<", "><", html), KNOWN) == []
        assert outside_brackets(f"{letter.subject} {plain}", KNOWN) == []
