"""The phone number for text messages: entering, confirming, changing and removing it."""

import pytest
from django.core import mail
from django.test import Client

from tests.people import PASSWORD, enrol, give_password, person
from tests.twofactor.code_forms import enter_password_and_code
from tests.twofactor.sent_codes import (
    NUMBER,
    RecordingGateway,
    add_number,
    confirm_sign_in,
    different_code,
    texted_code,
)
from tests.twofactor.setup_steps import set_up
from twofactor.models import Event, Phone, SentCode
from twofactor.outgoing.outbox import send_due

pytestmark = pytest.mark.usefixtures("text_messages")

PHONE = "/two-factor/phone/"
CHECK = "/two-factor/phone/verify/"
REMOVE = "/two-factor/phone/remove/"
NEW = "+12015550123"
SETTINGS = "/two-factor/"
CHANGED = "Your phone number for text messages was changed – Countersign"


def enter_number(client, number=NUMBER):
    return client.post(PHONE, {"number": number})


def enter_number_code(client, code=None):
    return client.post(CHECK, {"code": code or texted_code()})


def number_of(user):
    return Phone.objects.filter(user=user, verified_at__isnull=False).values_list("number", flat=True).first()


@pytest.mark.proves("7.5.1")
@pytest.mark.parametrize("path", [PHONE, CHECK])
def test_a_number_needs_a_confirmation(older_client, path):
    assert older_client.get(path).url.startswith("/two-factor/confirm/")


@pytest.mark.parametrize(("later", "open_"), [(299, True), (300, True), (301, False)])
def test_a_confirmation_is_good_for_five_minutes(stepped_up_client, clock, later, open_):
    """The fixture confirmed a minute ago."""
    clock.shift(later - 60)
    assert (stepped_up_client.get(PHONE).status_code == 200) == open_


def test_without_a_confirmation_nothing_is_sent(older_client, text_messages):
    enter_number(older_client)
    assert text_messages == []


@pytest.mark.proves("6.6.1")
def test_without_an_authenticator_there_is_no_number(client, alice):
    """D-3: text messages come beside an authenticator, never in its place."""
    give_password(client)
    client.post("/two-factor/confirm/", {"password": PASSWORD})
    assert client.get(PHONE).url == "/two-factor/setup/"


@pytest.mark.proves("6.6.1", "N-15")
def test_the_page_says_what_is_wrong_with_text_messages(stepped_up_client):
    assert "Text messages are less secure than an authenticator app" in stepped_up_client.get(PHONE).text


def test_a_code_goes_to_the_new_number(stepped_up_client, text_messages):
    answer = enter_number(stepped_up_client, "+49 170 1234567")
    assert (answer.status_code, answer.url, [to for to, _ in text_messages]) == (303, CHECK, [NUMBER])


def test_a_number_counts_once_its_code_came_back(stepped_up_client, alice):
    enter_number(stepped_up_client)
    enter_number_code(stepped_up_client)
    assert number_of(alice) == NUMBER


@pytest.mark.proves("N-15")
def test_a_number_does_not_count_before(stepped_up_client, alice):
    enter_number(stepped_up_client)
    assert number_of(alice) is None


def test_confirming_leads_back_to_the_settings(stepped_up_client):
    enter_number(stepped_up_client)
    answer = enter_number_code(stepped_up_client)
    assert (answer.status_code, answer.url) == (303, SETTINGS)


def test_the_settings_show_the_number_masked(stepped_up_client):
    enter_number(stepped_up_client)
    page = stepped_up_client.post(CHECK, {"code": texted_code()}, follow=True).text
    assert ('We can send codes to <bdi dir="ltr">••• 67</bdi>' in page, "1701234567" in page) == (True, False)


def test_the_page_that_asks_for_the_code_masks_the_number(stepped_up_client):
    enter_number(stepped_up_client)
    page = stepped_up_client.get(CHECK).text
    assert ("••• 67" in page, "1701234567" in page) == (True, False)


@pytest.mark.parametrize("typed", ["", "0170 1234567", "alice", "+49", "+49 170 1234567 " * 3])
def test_what_is_no_number_is_refused(stepped_up_client, text_messages, typed):
    assert (enter_number(stepped_up_client, typed).status_code, text_messages) == (422, [])


def test_a_refused_number_says_how_to_write_it(stepped_up_client):
    assert (
        "Enter the phone number with its country code, like +49 170 1234567."
        in enter_number(stepped_up_client, "0170 1234567").text
    )


def test_a_refused_number_stays_to_be_mended(stepped_up_client):
    assert 'value="0170 1234567"' in enter_number(stepped_up_client, "0170 1234567").text


def test_a_wrong_code_confirms_nothing(stepped_up_client, alice):
    enter_number(stepped_up_client)
    assert (
        enter_number_code(stepped_up_client, different_code(texted_code())).status_code,
        number_of(alice),
    ) == (422, None)


def test_an_empty_code_costs_no_try(stepped_up_client):
    enter_number(stepped_up_client)
    stepped_up_client.post(CHECK, {"code": ""})
    assert SentCode.objects.get().tries == 0


def test_after_five_wrong_tries_the_code_is_void(stepped_up_client, alice):
    enter_number(stepped_up_client)
    for _ in range(5):
        enter_number_code(stepped_up_client, different_code(texted_code()))
    assert (enter_number_code(stepped_up_client).status_code, number_of(alice)) == (422, None)


@pytest.mark.parametrize(("later", "number"), [(599, NUMBER), (601, None)])
def test_a_code_works_for_ten_minutes(stepped_up_client, alice, phone, clock, later, number):
    enter_number(stepped_up_client)
    clock.shift(later)
    enter_password_and_code(stepped_up_client, "/two-factor/confirm/", phone.code())
    enter_number_code(stepped_up_client)
    assert number_of(alice) == number


def test_a_code_works_once(stepped_up_client):
    enter_number(stepped_up_client)
    enter_number_code(stepped_up_client)
    Phone.objects.update(new_number=NUMBER, verified_at=None)
    assert enter_number_code(stepped_up_client).status_code == 422


def test_a_code_for_one_number_confirms_no_other(stepped_up_client, alice, clock):
    enter_number(stepped_up_client)
    code = texted_code()
    clock.shift(60)
    enter_number(stepped_up_client, NEW)
    assert (enter_number_code(stepped_up_client, code).status_code, number_of(alice)) == (422, None)


def test_the_old_number_stays_until_the_new_one_is_confirmed(stepped_up_client, alice):
    add_number(alice)
    enter_number(stepped_up_client, NEW)
    assert number_of(alice) == NUMBER


def test_once_it_is_confirmed_the_old_one_is_gone(stepped_up_client, alice):
    add_number(alice)
    enter_number(stepped_up_client, NEW)
    enter_number_code(stepped_up_client)
    assert number_of(alice) == NEW


def test_a_code_to_confirm_a_number_does_not_sign_in(stepped_up_client, alice, clock):
    add_number(alice)
    enter_number(stepped_up_client, NEW)
    clock.shift(60)
    other = Client()
    give_password(other)
    other.post("/two-factor/verify/send/", {"channel": "sms"})
    code = RecordingGateway.messages[0][1][:6]
    assert other.post("/two-factor/verify/sent/", {"code": code}).status_code == 422


def test_a_second_code_within_a_minute_is_too_soon(stepped_up_client, text_messages):
    enter_number(stepped_up_client)
    answer = enter_number(stepped_up_client)
    assert (answer.status_code, answer["Retry-After"], len(text_messages)) == (429, "60", 1)


def test_too_soon_is_not_called_a_wrong_code(stepped_up_client):
    enter_number(stepped_up_client)
    assert "You entered the wrong code too many times" not in enter_number(stepped_up_client).text


def test_with_nothing_to_confirm_the_number_is_asked_for(stepped_up_client):
    assert stepped_up_client.get(CHECK).url == PHONE


def test_looking_sends_nothing(stepped_up_client, text_messages):
    stepped_up_client.get(PHONE)
    stepped_up_client.head(PHONE)
    assert text_messages == []


def test_a_number_that_gets_no_message_is_told(stepped_up_client, settings, alice):
    settings.TWOFACTOR_SMS_GATEWAY = "twilio"
    settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN, settings.TWILIO_FROM = "AC0", "token", NEW
    settings.TWILIO_URL = "http://127.0.0.1:1"
    answer = enter_number(stepped_up_client)
    assert ("We couldn&#x27;t send the message" in answer.text, Phone.objects.count()) == (True, 0)


def test_a_number_can_be_removed(stepped_up_client, alice):
    add_number(alice)
    stepped_up_client.post(REMOVE)
    assert Phone.objects.count() == 0


def test_removing_needs_a_confirmation(older_client, alice):
    add_number(alice)
    older_client.post(REMOVE)
    assert number_of(alice) == NUMBER


def test_looking_at_remove_removes_nothing(stepped_up_client, alice):
    add_number(alice)
    assert (stepped_up_client.get(REMOVE).url, number_of(alice)) == (SETTINGS, NUMBER)


def test_removing_leaves_other_peoples_numbers(stepped_up_client, alice):
    add_number(alice)
    bob = person("bob@example.com")
    add_number(bob)
    stepped_up_client.post(REMOVE)
    assert number_of(bob) == NUMBER


def test_a_removed_number_gets_no_code(stepped_up_client, alice):
    add_number(alice)
    stepped_up_client.post(REMOVE)
    other = Client()
    give_password(other)
    assert other.post("/two-factor/verify/send/", {"channel": "sms"}).status_code == 422


def test_two_people_may_share_a_number(stepped_up_client, alice, clock):
    bob = person("bob@example.com")
    enrol(bob)
    add_number(bob)
    enter_number(stepped_up_client)
    enter_number_code(stepped_up_client)
    assert (number_of(alice), number_of(bob)) == (NUMBER, NUMBER)


def test_a_confirmed_number_is_remembered(stepped_up_client, alice):
    enter_number(stepped_up_client)
    enter_number_code(stepped_up_client)
    assert Event.objects.filter(kind="phone_changed", user=alice).count() == 1


@pytest.fixture
def subjects_after(django_capture_on_commit_callbacks):
    """Call subjects_after(action): the subjects of all letters after it."""

    def of(action):
        with django_capture_on_commit_callbacks(execute=True):
            action()
        send_due()
        return [letter.subject for letter in mail.outbox]

    return of


def test_the_person_is_told_of_a_new_number(stepped_up_client, subjects_after):
    enter_number(stepped_up_client)
    assert subjects_after(lambda: enter_number_code(stepped_up_client)) == [CHANGED]


def test_the_person_is_told_of_a_removed_number(stepped_up_client, alice, subjects_after):
    add_number(alice)
    assert subjects_after(lambda: stepped_up_client.post(REMOVE)) == [CHANGED]


def test_the_page_does_not_show_the_code(stepped_up_client):
    enter_number(stepped_up_client)
    assert texted_code() not in stepped_up_client.get(CHECK).text


# Without an authenticator, where the site confirms sign-ins with a code


@pytest.fixture
def confirmed_client(client, alice, settings):
    settings.TWOFACTOR_CODE_WITHOUT_APP = "everyone"
    confirm_sign_in(client)
    client.post("/two-factor/confirm/", {"password": PASSWORD})
    return client


def test_without_an_authenticator_a_number_gets_the_codes_of_sign_ins(
    confirmed_client, alice, text_messages, clock
):
    assert "Add a phone number" in confirmed_client.get(SETTINGS).text
    assert "ask for a code at sign-in" in confirmed_client.get(PHONE).text
    enter_number(confirmed_client)
    enter_number_code(confirmed_client)
    assert number_of(alice) == NUMBER
    clock.shift(61)
    give_password(Client())
    assert len(text_messages) == 2


def test_without_an_authenticator_a_number_needs_the_password(client, alice, settings):
    settings.TWOFACTOR_CODE_WITHOUT_APP = "everyone"
    confirm_sign_in(client)
    assert client.get(PHONE).url.startswith("/two-factor/confirm/")


@pytest.mark.proves("CS-6")
def test_a_number_from_before_the_authenticator_is_confirmed_again(confirmed_client, alice):
    """Whoever had the password alone may have entered it."""
    add_number(alice)
    set_up(confirmed_client)
    assert number_of(alice) is None
    assert Phone.objects.get().new_number == NUMBER
