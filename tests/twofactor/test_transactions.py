"""A change and its event are written together: a process that ends between them leaves neither."""

import pytest
from django.db.models.signals import post_save

from tests.accounts.letters import link
from tests.accounts.passwords import NEW, can_sign_in_with
from tests.people import PASSWORD, give_password, sign_in
from tests.twofactor.sent_codes import add_number, texted_code
from tests.twofactor.trusted_browsers import skips_the_code, trust_browser
from twofactor.factors import backup_codes
from twofactor.models import Authenticator, Event, GuessBudget, Phone, Session, TrustedBrowser

pytestmark = pytest.mark.usefixtures("text_messages")

SETTINGS = "/two-factor/"


class ProcessEnds(BaseException):
    pass


@pytest.fixture
def process_ends():
    """Call process_ends(kind): the process ends when this event is written, before its letter."""

    def end(kind):
        def ends(instance, **kwargs):
            if instance.kind == kind:
                raise ProcessEnds

        post_save.connect(ends, Event, weak=False, dispatch_uid="process ends")

    yield end
    post_save.disconnect(sender=Event, dispatch_uid="process ends")


def post_until_process_ends(client, path, **data):
    with pytest.raises(ProcessEnds):
        client.post(path, data)


@pytest.mark.proves("O-01")
def test_a_new_password_is_stored_with_its_event_or_not_at_all(client, alice, process_ends):
    give_password(client)
    process_ends("password_changed")
    new = {"new_password1": NEW, "new_password2": NEW}
    post_until_process_ends(client, "/accounts/password_change/", old_password=PASSWORD, **new)
    assert (can_sign_in_with(NEW), can_sign_in_with(PASSWORD)) == (False, True)


def test_a_session_goes_on_after_a_password_change_that_was_not_written(client, alice, process_ends):
    give_password(client)
    process_ends("password_changed")
    new = {"new_password1": NEW, "new_password2": NEW}
    post_until_process_ends(client, "/accounts/password_change/", old_password=PASSWORD, **new)
    assert client.get("/accounts/profile/").status_code == 200


def test_a_reset_password_is_stored_with_its_event_or_not_at_all(client, alice, process_ends):
    client.post("/accounts/password_reset/", {"email": alice.email})
    form = client.get(link())["Location"]
    process_ends("password_changed")
    post_until_process_ends(client, form, new_password1=NEW, new_password2=NEW)
    assert (can_sign_in_with(NEW), can_sign_in_with(PASSWORD)) == (False, True)


def test_a_new_address_is_stored_with_its_event_or_not_at_all(signed_in_client, alice, phone, process_ends):
    signed_in_client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})
    signed_in_client.post("/accounts/email/change/", {"email": "alice@new.example"})
    process_ends("address_changed")
    post_until_process_ends(signed_in_client, link())
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


def test_a_new_phone_number_is_stored_with_its_event_or_not_at_all(stepped_up_client, process_ends):
    stepped_up_client.post("/two-factor/phone/", {"number": "+12015550123"})
    process_ends("phone_changed")
    post_until_process_ends(stepped_up_client, "/two-factor/phone/verify/", code=texted_code())
    assert Phone.objects.get().number == ""


def test_a_wrong_code_for_a_new_number_is_still_counted(stepped_up_client):
    stepped_up_client.post("/two-factor/phone/", {"number": "+12015550123"})
    for _ in range(5):
        stepped_up_client.post(
            "/two-factor/phone/verify/", {"code": f"{(int(texted_code()) + 1) % 10**6:06}"}
        )
    assert stepped_up_client.post("/two-factor/phone/verify/", {"code": texted_code()}).status_code == 422


def test_a_phone_number_is_removed_with_its_event_or_not_at_all(stepped_up_client, alice, process_ends):
    add_number(alice)
    process_ends("phone_changed")
    post_until_process_ends(stepped_up_client, "/two-factor/phone/remove/")
    assert Phone.objects.count() == 1


def test_a_trusted_browser_is_stored_with_its_event_or_not_at_all(client, phone, process_ends):
    give_password(client)
    process_ends("browser_trusted")
    post_until_process_ends(client, "/two-factor/verify/", code=phone.code(), trust_browser="on")
    assert TrustedBrowser.objects.count() == 0


def test_a_trusted_browser_is_removed_with_its_event_or_not_at_all(client, phone, process_ends):
    browser = trust_browser(client, phone)
    process_ends("browser_forgotten")
    post_until_process_ends(client, f"/two-factor/browsers/{browser.pk}/forget/")
    assert skips_the_code(client)


def test_all_trusted_browsers_are_removed_with_their_event_or_not_at_all(client, phone, process_ends):
    trust_browser(client, phone)
    process_ends("browsers_forgotten")
    post_until_process_ends(client, "/two-factor/browsers/forget/")
    assert TrustedBrowser.objects.count() == 1


def test_other_sessions_end_with_their_event_or_not_at_all(signed_in_client, alice, process_ends):
    process_ends("sessions_ended")
    post_until_process_ends(signed_in_client, "/two-factor/sessions/end/")
    assert signed_in_client.get("/accounts/profile/").status_code == 200


def test_a_device_is_signed_out_with_its_event_or_not_at_all(client, signed_in_client, phone, process_ends):
    sign_in(client, phone)
    device = Session.objects.latest("began_at").device_id
    process_ends("device_ended")
    post_until_process_ends(signed_in_client, f"/two-factor/devices/{device}/end/")
    assert client.get("/accounts/profile/").status_code == 200


def test_kept_browsers_stay_trusted_if_the_sessions_did_not_end(client, phone, process_ends):
    trust_browser(client, phone)
    process_ends("sessions_ended")
    post_until_process_ends(client, "/two-factor/sessions/end/", keep_trusted="on")
    assert skips_the_code(client)


def state_of_the_sign_in():
    budgets = list(GuessBudget.objects.values_list("failures", "day_failures"))
    return budgets, Authenticator.objects.get().last_step, Event.objects.count()


@pytest.mark.proves("C-06")
def test_a_code_whose_process_ends_before_the_answer_has_changed_nothing(client, phone, process_ends):
    give_password(client)
    before = state_of_the_sign_in()
    process_ends("signed_in_with_code")
    post_until_process_ends(client, "/two-factor/verify/", code=phone.code())
    assert state_of_the_sign_in() == before


@pytest.mark.proves("C-06")
def test_a_wrong_code_whose_process_ends_before_the_answer_is_counted(client, phone, process_ends):
    give_password(client)
    process_ends("second_factor_refused")
    post_until_process_ends(client, "/two-factor/verify/", code="000000")
    assert GuessBudget.objects.get().failures == 1


@pytest.mark.proves("C-06")
def test_a_backup_code_whose_process_ends_before_the_answer_has_cost_a_guess(
    client, alice, printed_codes, process_ends
):
    """Comparing it takes long, so the guess is charged in a transaction of its own."""
    give_password(client)
    process_ends("signed_in_with_code")
    post_until_process_ends(client, "/two-factor/verify/", code=printed_codes[0])
    assert (GuessBudget.objects.get().failures, backup_codes.count_unused(alice)) == (1, 3)
