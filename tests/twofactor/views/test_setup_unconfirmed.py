"""People who signed up themselves must confirm their email address before they set up two-factor."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.utils import timezone

from accounts import address_links
from accounts.models import User
from tests.accounts.letters import letters, link
from tests.accounts.passwords import NEW as NEW_PASSWORD
from tests.accounts.passwords import reset_password
from tests.people import PASSWORD, enrol, give_password, person, sign_in, signed_in_as
from tests.twofactor.setup_steps import set_up
from twofactor import drafts, events
from twofactor.models import Authenticator, Draft
from twofactor.operations import prune

pytestmark = pytest.mark.django_db
ALICE = "alice@example.com"
SETUP, CONFIRM_ADDRESS = "/two-factor/setup/", "/two-factor/setup/address/"


@pytest.fixture
def unconfirmed_client(db):
    """Someone signed up with Alice's address, which is not confirmed, and is signed in."""
    browser = Client()
    browser.post("/accounts/signup/", {"email": ALICE, "password": PASSWORD})
    give_password(browser)
    return browser


@pytest.mark.parametrize("step", ["", "verify/", "codes/"])
def test_no_step_of_the_set_up_opens_before_the_address_is_confirmed(unconfirmed_client, step):
    assert (
        unconfirmed_client.get(f"{SETUP}{step}", follow=True)
        .redirect_chain[-1][0]
        .startswith(CONFIRM_ADDRESS)
    )


def test_nothing_is_begun_before_the_address_is_confirmed(unconfirmed_client):
    unconfirmed_client.get(SETUP)
    assert not Draft.objects.exists()


def test_a_view_of_the_site_cannot_begin_one_either(unconfirmed_client):
    with pytest.raises(drafts.Unconfirmed):
        drafts.start(User.objects.get(), Draft.Kind.SETUP, timezone.now())


def test_the_page_says_why(unconfirmed_client):
    assert "once your email address is confirmed" in unconfirmed_client.get(CONFIRM_ADDRESS).text


def test_the_page_sends_the_link_again(unconfirmed_client):
    unconfirmed_client.post("/accounts/email/verify/send/", {"next": CONFIRM_ADDRESS})
    assert [letter.to for letter in letters()] == [[ALICE], [ALICE]]


def test_who_has_confirmed_the_address_sets_up(unconfirmed_client):
    unconfirmed_client.post(link())
    set_up(unconfirmed_client)
    assert Authenticator.objects.exists()


def test_who_has_confirmed_the_address_is_led_on_from_the_page(unconfirmed_client):
    unconfirmed_client.post(link())
    assert unconfirmed_client.get(f"{CONFIRM_ADDRESS}?next=/two-factor/setup/")["Location"] == SETUP


def test_the_dashboard_reminds_of_the_address_alone(unconfirmed_client):
    assert "/two-factor/nudge/dismiss/" not in unconfirmed_client.get("/").text


@pytest.mark.parametrize("page", ["/", "/accounts/profile/"])
def test_who_must_have_two_factor_is_led_to_the_address_first(unconfirmed_client, settings, page):
    settings.TWOFACTOR_REQUIRED_FOR = "everyone"
    assert unconfirmed_client.get(page, follow=True).redirect_chain[-1][0].startswith(CONFIRM_ADDRESS)


def test_who_must_have_two_factor_can_confirm_the_address(unconfirmed_client, settings):
    settings.TWOFACTOR_REQUIRED_FOR = "everyone"
    unconfirmed_client.post(link())
    set_up(unconfirmed_client)
    assert unconfirmed_client.get("/accounts/profile/").status_code == 200


@pytest.mark.parametrize("made", [{"is_staff": True}, {"email_verified_at": None}])
def test_someone_whom_others_made_sets_up_without_confirming(client, made):
    person(**made)
    give_password(client)
    set_up(client)
    assert Authenticator.objects.exists()


# Access to the mailbox removes no factor


def test_the_owner_of_the_address_gets_in_with_the_password_alone(unconfirmed_client, client):
    unconfirmed_client.get(SETUP)
    reset_password(client)
    client.post("/accounts/login/", {"username": ALICE, "password": NEW_PASSWORD})
    assert signed_in_as(client).email == ALICE


@pytest.mark.parametrize("made", [{"is_staff": True}, {"email_verified_at": None}])
def test_a_reset_by_mail_leaves_the_factor(client, made):
    enrol(person(**made))
    reset_password(client)
    assert Authenticator.objects.exists()


def test_a_first_confirmation_leaves_the_factor_of_a_site_that_had_no_mail_before(client, settings):
    settings.TWOFACTOR_HAS_MAIL = False
    client.post("/accounts/signup/", {"email": ALICE, "password": PASSWORD})
    phone = enrol(User.objects.get())
    settings.TWOFACTOR_HAS_MAIL = True
    sign_in(client, phone)
    client.post("/accounts/email/verify/send/")
    client.post(link())
    assert (User.objects.get().email_verified_at is not None, Authenticator.objects.exists()) == (True, True)


def test_without_mail_there_is_nothing_to_confirm(client, settings):
    settings.TWOFACTOR_HAS_MAIL = False
    client.post("/accounts/signup/", {"email": ALICE, "password": PASSWORD})
    give_password(client)
    set_up(client)
    assert Authenticator.objects.exists()


# What the first confirmation ends


def test_drafts_from_before_are_gone(unconfirmed_client, client):
    Draft.objects.create(user=User.objects.get(), kind="setup", sealed="x", started_at=timezone.now())
    client.post(link(), {"password": PASSWORD})
    assert not Draft.objects.exists()


def test_trusted_browsers_and_pending_sign_ins_from_before_are_void(unconfirmed_client, client):
    before = User.objects.get().get_session_auth_hash()
    client.post(link(), {"password": PASSWORD})
    assert User.objects.get().get_session_auth_hash() != before


def test_a_reset_counts_as_confirmation(unconfirmed_client, client):
    reset_password(client)
    assert User.objects.get().unconfirmed_since is None


def test_confirming_a_new_address_counts_too(unconfirmed_client):
    user = User.objects.get()
    address_links.send_link(user, "mine@example.com", timezone.now())
    unconfirmed_client.post(link())
    assert User.objects.get().unconfirmed_since is None


# Letters to an address that may be someone else's


def change_password(client, times):
    for n in range(times):
        old = f"{NEW_PASSWORD} {n - 1}" if n else PASSWORD
        new = dict.fromkeys(["new_password1", "new_password2"], f"{NEW_PASSWORD} {n}")
        client.post("/accounts/password_change/", {"old_password": old, **new})


def test_an_address_nobody_confirmed_hears_once_a_day_of_what_happens(unconfirmed_client, clock):
    letters().clear()
    change_password(unconfirmed_client, 3)
    assert [letter.to for letter in letters()] == [[ALICE]]


def test_the_one_letter_a_day_is_of_any_kind(unconfirmed_client):
    user = User.objects.get()
    letters().clear()
    for kind in ("password_changed", "new_browser", "phone_changed"):
        events.record(kind, user, None)
    assert len(letters()) == 1


def test_a_confirmed_address_hears_of_everything(unconfirmed_client):
    unconfirmed_client.post(link(), {"password": PASSWORD})
    letters().clear()
    for _ in range(3):
        events.record("password_changed", User.objects.get(), None)
    assert len(letters()) == 3


# Pruning

OLD = prune.UNCONFIRMED_KEPT + timedelta(seconds=1)


def prune_after(age, **fields):
    User.objects.update(**fields)
    return prune.prune(timezone.now() + age)["accounts nobody confirmed"]


def test_an_account_nobody_confirmed_goes_after_a_while(unconfirmed_client):
    assert (prune_after(OLD), User.objects.count()) == (1, 0)


def test_an_account_nobody_confirmed_is_kept_for_a_while(unconfirmed_client):
    assert prune_after(prune.UNCONFIRMED_KEPT - timedelta(minutes=1)) == 0


def test_an_account_that_is_in_use_is_kept(unconfirmed_client):
    assert prune_after(OLD, last_login=timezone.now() + timedelta(days=20)) == 0


@pytest.mark.parametrize("fields", [{"unconfirmed_since": None}, {"is_staff": True}, {"is_superuser": True}])
def test_an_account_that_is_not_only_someones_own_sign_up_is_kept(unconfirmed_client, fields):
    assert prune_after(OLD, **fields) == 0


def test_someone_who_was_put_into_a_group_is_kept(unconfirmed_client):
    User.objects.get().groups.add(Group.objects.create(name="authors"))
    assert prune_after(OLD) == 0


def test_someone_who_was_given_a_permission_is_kept(unconfirmed_client):
    User.objects.get().user_permissions.add(Permission.objects.first())
    assert prune_after(OLD) == 0


def test_nobody_goes_while_no_mail_could_confirm_them(unconfirmed_client, settings):
    settings.TWOFACTOR_HAS_MAIL = False
    assert prune_after(OLD) == 0


def test_an_account_with_a_factor_is_kept(unconfirmed_client):
    enrol(User.objects.get())
    assert prune_after(OLD) == 0


def test_a_dry_run_removes_nobody(unconfirmed_client):
    found = prune.prune(timezone.now() + OLD, dry_run=True)["accounts nobody confirmed"]
    assert (found, User.objects.count()) == (1, 1)
