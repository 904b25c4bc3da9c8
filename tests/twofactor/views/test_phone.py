"""The number for text messages: given, confirmed, changed and removed."""

import pytest
from django.core import mail
from django.test import Client

from tests.people import PASSWORD, enrol, give_password, person
from tests.twofactor.sent_codes import NUMBER, Pigeon, has_number, other_than, texted, with_pigeons
from twofactor.models import Event, Phone, SentCode
from twofactor.outgoing.outbox import send_due

PHONE = "/two-factor/phone/"
CHECK = "/two-factor/phone/verify/"
REMOVE = "/two-factor/phone/remove/"
NEW = "+12015550123"
SETTINGS = "/two-factor/"
CHANGED = "The phone number for text messages was changed – Countersign"


@pytest.fixture(autouse=True)
def carried(settings):
    return with_pigeons(settings)


@pytest.fixture
def proven(alices, phone):
    """Password and code given again just now."""
    confirm(alices, phone)
    return alices


def confirm(client, phone):
    client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})


def give(client, number=NUMBER):
    return client.post(PHONE, {"number": number})


def check(client, code=None):
    return client.post(CHECK, {"code": code or texted()})


def number_of(user):
    return Phone.objects.filter(user=user, verified_at__isnull=False).values_list("number", flat=True).first()


@pytest.mark.proves("7.5.1")
@pytest.mark.parametrize("path", [PHONE, CHECK])
def test_a_number_needs_a_confirmation(alices, path):
    assert alices.get(path).url.startswith("/two-factor/confirm/")


@pytest.mark.parametrize(("later", "open_"), [(299, True), (300, True), (301, False)])
def test_a_confirmation_is_good_for_five_minutes(proven, clock, later, open_):
    clock.shift(later)
    assert (proven.get(PHONE).status_code == 200) == open_


def test_without_a_confirmation_nothing_is_sent(alices, carried):
    give(alices)
    assert carried == []


@pytest.mark.proves("6.6.1")
def test_without_an_authenticator_there_is_no_number(client, alice):
    """D-3: beside it, never instead."""
    give_password(client)
    client.post("/two-factor/confirm/", {"password": PASSWORD})
    assert client.get(PHONE).url == "/two-factor/setup/"


@pytest.mark.proves("6.6.1", "N-15")
def test_the_page_says_what_is_wrong_with_text_messages(proven):
    assert "Text messages are less safe than an authenticator app" in proven.get(PHONE).text


def test_a_code_goes_to_the_new_number(proven, carried):
    answer = give(proven, "+49 170 1234567")
    assert (answer.status_code, answer.url, [to for to, _ in carried]) == (303, CHECK, [NUMBER])


def test_a_number_counts_once_its_code_came_back(proven, alice):
    give(proven)
    check(proven)
    assert number_of(alice) == NUMBER


@pytest.mark.proves("N-15")
def test_a_number_does_not_count_before(proven, alice):
    give(proven)
    assert number_of(alice) is None


def test_confirming_leads_back_to_the_settings(proven):
    give(proven)
    answer = check(proven)
    assert (answer.status_code, answer.url) == (303, SETTINGS)


def test_the_settings_show_the_number_masked(proven):
    give(proven)
    page = proven.post(CHECK, {"code": texted()}, follow=True).text
    assert ('Codes can be sent to <bdi dir="ltr">••• 67</bdi>' in page, "1701234567" in page) == (True, False)


def test_the_page_that_asks_for_the_code_masks_the_number(proven):
    give(proven)
    page = proven.get(CHECK).text
    assert ("••• 67" in page, "1701234567" in page) == (True, False)


@pytest.mark.parametrize("typed", ["", "0170 1234567", "alice", "+49", "+49 170 1234567 " * 3])
def test_what_is_no_number_is_refused(proven, carried, typed):
    assert (give(proven, typed).status_code, carried) == (422, [])


def test_a_refused_number_says_how_to_write_it(proven):
    assert "Enter the number with its country code, like +49 170 1234567" in give(proven, "0170 1234567").text


def test_a_refused_number_stays_to_be_mended(proven):
    assert 'value="0170 1234567"' in give(proven, "0170 1234567").text


def test_a_wrong_code_confirms_nothing(proven, alice):
    give(proven)
    assert (check(proven, other_than(texted())).status_code, number_of(alice)) == (422, None)


def test_an_empty_code_costs_no_try(proven):
    give(proven)
    proven.post(CHECK, {"code": ""})
    assert SentCode.objects.get().tries == 0


def test_after_five_wrong_tries_the_code_is_void(proven, alice):
    give(proven)
    for _ in range(5):
        check(proven, other_than(texted()))
    assert (check(proven).status_code, number_of(alice)) == (422, None)


@pytest.mark.parametrize(("later", "number"), [(599, NUMBER), (601, None)])
def test_a_code_works_for_ten_minutes(proven, alice, phone, clock, later, number):
    give(proven)
    clock.shift(later)
    confirm(proven, phone)
    check(proven)
    assert number_of(alice) == number


def test_a_code_works_once(proven):
    give(proven)
    check(proven)
    Phone.objects.update(new_number=NUMBER, verified_at=None)
    assert check(proven).status_code == 422


def test_a_code_for_one_number_confirms_no_other(proven, alice, clock):
    give(proven)
    code = texted()
    clock.shift(60)
    give(proven, NEW)
    assert (check(proven, code).status_code, number_of(alice)) == (422, None)


def test_until_the_new_number_is_confirmed_the_old_one_stays(proven, alice):
    has_number(alice)
    give(proven, NEW)
    assert number_of(alice) == NUMBER


def test_once_it_is_confirmed_the_old_one_is_gone(proven, alice):
    has_number(alice)
    give(proven, NEW)
    check(proven)
    assert number_of(alice) == NEW


def test_a_code_to_confirm_a_number_does_not_sign_in(proven, alice, clock):
    has_number(alice)
    give(proven, NEW)
    clock.shift(60)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/send/", {"channel": "sms"})
    code = Pigeon.carried[0][1][:6]
    assert other.post("/two-factor/verify/sent/", {"code": code}).status_code == 422


def test_a_second_code_within_a_minute_is_too_soon(proven, carried):
    give(proven)
    answer = give(proven)
    assert (answer.status_code, answer["Retry-After"], len(carried)) == (429, "60", 1)


def test_too_soon_is_not_called_a_wrong_code(proven):
    give(proven)
    assert "You entered the wrong code too many times" not in give(proven).text


def test_with_nothing_to_confirm_the_number_is_asked_for(proven):
    assert proven.get(CHECK).url == PHONE


def test_looking_sends_nothing(proven, carried):
    proven.get(PHONE)
    proven.head(PHONE)
    assert carried == []


def test_a_number_that_gets_no_message_is_told(proven, settings, alice):
    settings.TWOFACTOR_SMS_GATEWAY = "twilio"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = "AC0", "token", NEW
    settings.TWILIO_URL = "http://127.0.0.1:1"
    answer = give(proven)
    assert ("The message could not be sent" in answer.text, Phone.objects.count()) == (True, 0)


def test_a_number_can_be_removed(proven, alice):
    has_number(alice)
    proven.post(REMOVE)
    assert Phone.objects.count() == 0


def test_removing_needs_a_confirmation(alices, alice):
    has_number(alice)
    alices.post(REMOVE)
    assert number_of(alice) == NUMBER


def test_looking_at_remove_removes_nothing(proven, alice):
    has_number(alice)
    assert (proven.get(REMOVE).url, number_of(alice)) == (SETTINGS, NUMBER)


def test_removing_leaves_other_peoples_numbers(proven, alice):
    has_number(alice)
    bob = person("bob@example.com")
    has_number(bob)
    proven.post(REMOVE)
    assert number_of(bob) == NUMBER


def test_a_removed_number_gets_no_code(proven, alice):
    has_number(alice)
    proven.post(REMOVE)
    other = Client()
    give_password(other)
    assert other.post("/two-factor/verify/send/", {"channel": "sms"}).status_code == 422


def test_two_people_may_share_a_number(proven, alice, clock):
    bob = person("bob@example.com")
    enrol(bob)
    has_number(bob)
    give(proven)
    check(proven)
    assert (number_of(alice), number_of(bob)) == (NUMBER, NUMBER)


def test_a_confirmed_number_is_remembered(proven, alice):
    give(proven)
    check(proven)
    assert Event.objects.filter(kind="phone_changed", user=alice).count() == 1


@pytest.fixture
def subjects(django_capture_on_commit_callbacks):
    """Of the letters that go out for what is done."""

    def of(action):
        with django_capture_on_commit_callbacks(execute=True):
            action()
        send_due()
        return [letter.subject for letter in mail.outbox]

    return of


def test_the_person_is_told_of_a_new_number(proven, subjects):
    give(proven)
    assert subjects(lambda: check(proven)) == [CHANGED]


def test_the_person_is_told_of_a_removed_number(proven, alice, subjects):
    has_number(alice)
    assert subjects(lambda: proven.post(REMOVE)) == [CHANGED]


def test_the_page_does_not_show_the_code(proven):
    give(proven)
    assert texted() not in proven.get(CHECK).text
