"""Languages of letters, and templates of a site in place of ours."""

import re

import pytest
from django.core import mail
from django.utils import translation

from tests.accounts.letters import html_part, letters
from tests.people import give_password
from tests.twofactor.outgoing.acts import trust_browser, turn_off
from tests.twofactor.sent_codes import request_code
from twofactor import events
from twofactor.operations import support

pytestmark = pytest.mark.django_db(transaction=True)
OLD, NEW = "alice@example.com", "alice@new.example"


def test_a_letter_speaks_the_language_of_its_reader(firefox_client, alice, phone, clock, printed_codes):
    type(alice).objects.update(language="ar")
    turn_off(firefox_client, phone, clock, printed_codes)
    assert '<html lang="ar" dir="rtl">' in html_part(letters()[0])


def test_the_language_of_the_asker_does_not_matter(firefox_client, alice, phone, clock, printed_codes):
    firefox_client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    type(alice).objects.update(language="fr")
    turn_off(firefox_client, phone, clock, printed_codes)
    assert '<html lang="fr" dir="ltr">' in html_part(letters()[0])


def test_a_person_without_a_language_gets_that_of_their_browser(firefox_client, phone, clock, printed_codes):
    firefox_client.defaults["HTTP_ACCEPT_LANGUAGE"] = "de"
    turn_off(firefox_client, phone, clock, printed_codes)
    assert '<html lang="de" dir="ltr">' in html_part(letters()[0])


def test_the_language_of_support_is_not_the_persons(alice, phone, rf):
    with translation.override("de"):
        support.reset(alice, "lost", "user 1", rf.get("/"))
    assert '<html lang="en" dir="ltr">' in html_part(letters()[0])


@pytest.fixture
def own_templates(settings, tmp_path):
    """A site's own folder of templates, which Django searches before ours."""
    folder = tmp_path / "twofactor" / "mail"
    folder.mkdir(parents=True)
    engine = settings.TEMPLATES[0]
    settings.TEMPLATES = [{**engine, "DIRS": [tmp_path, *engine["DIRS"]]}]
    return folder


def test_a_site_overrides_the_subject_of_one_event(
    own_templates, firefox_client, phone, clock, printed_codes
):
    (own_templates / "two_factor_disabled_subject.txt").write_text("Watch out, {{ user.email }}!\n")
    turn_off(firefox_client, phone, clock, printed_codes)
    assert letters()[0].subject == f"Watch out, {OLD}!"


def test_the_text_of_that_event_stays_ours(own_templates, firefox_client, phone, clock, printed_codes):
    (own_templates / "two_factor_disabled_subject.txt").write_text("Watch out!")
    turn_off(firefox_client, phone, clock, printed_codes)
    assert "Two-factor authentication was turned off" in letters()[0].body


def test_other_events_keep_their_subject(own_templates, firefox_client, phone, clock, printed_codes):
    (own_templates / "two_factor_disabled_subject.txt").write_text("Watch out!")
    trust_browser(firefox_client, phone, clock, printed_codes)
    assert letters()[0].subject == "You trusted a browser – Countersign"


@pytest.mark.parametrize("ending", ["txt", "html"])
def test_a_site_overrides_the_text_of_all_events(
    own_templates, firefox_client, phone, clock, printed_codes, ending
):
    (own_templates / f"event_message.{ending}").write_text("Ours: {{ event.kind }}")
    turn_off(firefox_client, phone, clock, printed_codes)
    written = {"txt": letters()[0].body, "html": html_part(letters()[0])}
    assert written[ending] == "Ours: two_factor_disabled"


@pytest.mark.parametrize("broken", ["{% if %}", "{% url 'nowhere' %}"])
def test_what_a_site_wrote_wrong_stops_no_other_letter(own_templates, alice, broken):
    (own_templates / "phone_changed_subject.txt").write_text(broken)
    for kind in ("phone_changed", "password_changed"):
        events.record(kind, alice, None)
    assert [letter.subject for letter in letters()] == ["Your password was changed – Countersign"]


def test_a_site_overrides_the_code(own_templates, client, phone):
    (own_templates / "code_subject.txt").write_text("{{ code }} for you")
    give_password(client)
    request_code(client)
    assert re.fullmatch(r"\d{6} for you", mail.outbox[0].subject)
