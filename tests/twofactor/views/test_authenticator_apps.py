"""Several authenticator apps: add, rename, remove, and what a new one may not do yet."""

import re
from datetime import timedelta
from html import unescape
from urllib.parse import quote, unquote

import pytest
from django.test import Client
from django.utils import timezone

from tests.people import NOW, PASSWORD, add_app, enrol, give_password, person, sign_in, signed_in_as
from tests.twofactor import setup_steps
from tests.twofactor.setup_steps import ADD, scan_key
from twofactor.factors import enrolled, totp
from twofactor.models import Authenticator, BackupCode, Event, GuessBudget, TrustedBrowser, TwoFactor
from twofactor.outgoing.outbox import send_due

VERIFY = "/two-factor/verify/"
SETTINGS = "/two-factor/"


def remove_url(app):
    return f"/two-factor/apps/{app.pk}/remove/"


def rename_url(app):
    return f"/two-factor/apps/{app.pk}/rename/"


def names(user):
    return list(enrolled.apps_of(user).values_list("name", flat=True))


def later(clock, phone):
    """A code that was not used yet."""
    clock.shift(60)
    return phone.code()


@pytest.fixture
def tablet(alice, phone):
    """A second app, added two days ago; the first one is older than that."""
    Authenticator.objects.update(added_at=timezone.now() - timedelta(days=30))
    return add_app(alice, totp.generate_key(), timezone.now() - timedelta(days=2), name="Tablet")


@pytest.fixture
def apps(alice, phone, tablet):
    return list(enrolled.apps_of(alice))


def remove(client, app, code):
    return client.post(remove_url(app), {"password": PASSWORD, "code": code})


# Signing in with any of them


@pytest.mark.parametrize("which", [0, 1])
def test_each_app_signs_in(client, alice, phone, tablet, which):
    sign_in(client, [phone, tablet][which])
    assert signed_in_as(client) == alice


def test_only_the_app_that_was_used_has_been_used(client, phone, tablet, apps):
    sign_in(client, tablet)
    used = [app.last_used_at is not None for app in enrolled.apps_of(apps[0].user)]
    assert used == [False, True]


def test_a_code_of_one_app_leaves_those_of_the_other(client, alice, phone, tablet):
    sign_in(Client(), tablet)
    sign_in(client, phone)
    assert signed_in_as(client) == alice


def test_a_used_code_is_used_whichever_app_it_is_of(client, phone, tablet, clock):
    code = tablet.code()
    sign_in(Client(), tablet)
    clock.shift(1)
    give_password(client)
    answer = client.post(VERIFY, {"code": code})
    assert re.search(r"Your app will show a new one in \d+ seconds?\.", answer.text)


def test_apps_may_have_codes_of_different_length(client, alice, phone, tablet, apps):
    Authenticator.objects.filter(pk=apps[1].pk).update(digits=8)
    give_password(client)
    client.post(VERIFY, {"code": totp.code_at(tablet.key, totp.step_at(timezone.now()), 8)})
    assert signed_in_as(client) == alice


def test_one_key_that_does_not_open_leaves_the_other_app_working(client, alice, phone, tablet, apps):
    Authenticator.objects.filter(pk=apps[0].pk).update(sealed_key="damaged")
    sign_in(client, tablet)
    assert signed_in_as(client) == alice


def test_the_audit_log_says_which_app_it_was(client, phone, tablet):
    sign_in(client, tablet)
    assert Event.objects.get(kind="signed_in_with_code").detail == {"method": "totp", "app": "Tablet"}


@pytest.mark.proves("MF-5")
def test_who_has_many_apps_has_fewer_guesses_a_day(client, stepped_up_client, alice):
    """One guess is compared with the codes of all of them."""
    for _ in range(2):
        add_app(alice, totp.generate_key(), timezone.now() - timedelta(days=2))
    setup_steps.add_app(stepped_up_client)
    GuessBudget.objects.update(day_failures=10, day_began_at=timezone.now())
    give_password(client)
    assert client.post(VERIFY, {"code": "000000"}).status_code == 429


# Adding


@pytest.mark.proves("N-12")
def test_adding_needs_a_step_up(signed_in_client, clock):
    clock.shift(timedelta(minutes=6))
    assert signed_in_client.get(ADD).url.startswith("/two-factor/confirm/?next=")


def test_an_added_app_signs_in(stepped_up_client, client, alice, clock):
    new = setup_steps.add_app(stepped_up_client)
    clock.shift(60)
    sign_in(client, new)
    assert signed_in_as(client) == alice


def test_the_app_that_was_there_goes_on_working(stepped_up_client, client, phone, alice, clock):
    setup_steps.add_app(stepped_up_client)
    clock.shift(60)
    sign_in(client, phone)
    assert signed_in_as(client) == alice


def test_what_cannot_be_seen_is_not_in_the_name_of_an_added_app(stepped_up_client, alice):
    setup_steps.add_app(stepped_up_client, "\u202eNew\nphone")
    assert names(alice) == ["Authenticator app", "New phone"]


def test_the_code_that_confirmed_it_does_not_sign_in(stepped_up_client, client):
    new = setup_steps.add_app(stepped_up_client)
    sign_in(client, new)
    assert signed_in_as(client) is None


@pytest.mark.proves("MF-3")
def test_adding_ends_no_session(stepped_up_client, client, phone, alice):
    sign_in(client, phone)
    setup_steps.add_app(stepped_up_client)
    assert signed_in_as(client) == alice


@pytest.mark.proves("MF-6")
def test_adding_makes_no_new_backup_codes(stepped_up_client, printed_codes):
    before = list(BackupCode.objects.values())
    setup_steps.add_app(stepped_up_client)
    assert list(BackupCode.objects.values()) == before


@pytest.mark.django_db(transaction=True)
def test_the_person_is_told_of_an_added_app(stepped_up_client, mailoutbox):
    setup_steps.add_app(stepped_up_client)
    send_due()
    assert mailoutbox[-1].subject == "You added an authenticator app – Countersign"


def test_a_wrong_code_adds_nothing_and_keeps_the_key(stepped_up_client, alice):
    new = scan_key(stepped_up_client, ADD)
    answer = stepped_up_client.post(ADD, {"code": "000000", "name": "Work phone"})
    assert (answer.status_code, "Work phone" in answer.text, names(alice)) == (
        422,
        True,
        ["Authenticator app"],
    )
    assert scan_key(stepped_up_client, ADD).key == new.key


def test_a_code_of_the_old_app_does_not_add_the_new(stepped_up_client, phone, alice):
    scan_key(stepped_up_client, ADD)
    assert stepped_up_client.post(ADD, {"code": phone.code(), "name": "New"}).status_code == 422


def test_without_a_name_it_gets_one(stepped_up_client, alice):
    assert 'value="Authenticator app (2)"' in stepped_up_client.get(ADD).text


def test_two_of_one_name_are_told_apart(stepped_up_client, alice):
    setup_steps.add_app(stepped_up_client, "Authenticator app")
    assert names(alice) == ["Authenticator app", "Authenticator app (2)"]


@pytest.mark.parametrize("name", ["", " ", "x" * 61])
def test_a_name_that_is_none_is_refused_and_the_code_can_be_sent_again(stepped_up_client, alice, name):
    new = scan_key(stepped_up_client, ADD)
    form = {"code": new.code(), "name": name}
    assert stepped_up_client.post(ADD, form).status_code == 422
    stepped_up_client.post(ADD, form | {"name": "New"})
    assert names(alice) == ["Authenticator app", "New"]


def test_sending_the_page_twice_adds_one_app(stepped_up_client, alice):
    new = scan_key(stepped_up_client, ADD)
    form = {"code": new.code(), "name": "New"}
    answers = [stepped_up_client.post(ADD, form).status_code for _ in range(2)]
    assert (answers, len(names(alice))) == ([303, 422], 2)


def test_someone_without_two_factor_is_led_to_setup(no_factor_client):
    assert no_factor_client.get(ADD).url == "/two-factor/setup/"


def add_four_apps(user):
    for number in range(4):
        add_app(user, totp.generate_key(), timezone.now(), name=f"Phone {number}")


@pytest.mark.proves("MF-5")
def test_before_a_sixth_app_one_has_to_be_removed(stepped_up_client, alice):
    new = scan_key(stepped_up_client, ADD)
    add_four_apps(alice)
    refused = stepped_up_client.post(ADD, {"code": new.code(), "name": "New"})
    assert (refused.status_code, "You have 5 apps. Remove one" in refused.text) == (409, True)
    assert len(names(alice)) == 5


def test_that_is_said_before_a_key_is_shown_or_a_password_asked_for(older_client, alice):
    add_four_apps(alice)
    page = older_client.get(ADD).text
    assert ("You have 5 apps. Remove one before you add another." in page, "data-secret" in page) == (
        True,
        False,
    )
    links = [f'href="{remove_url(app)}?next={quote(ADD, safe="")}"' for app in enrolled.apps_of(alice)]
    assert [link for link in links if link not in page] == []


def test_once_one_is_removed_the_page_goes_on_to_the_new_one(stepped_up_client, alice, phone):
    add_four_apps(alice)
    last = enrolled.apps_of(alice).last()
    form = {"password": PASSWORD, "code": phone.code()}
    assert stepped_up_client.post(f"{remove_url(last)}?next={ADD}", form).url == ADD


def test_an_app_just_added_was_used_just_now(stepped_up_client, alice):
    setup_steps.add_app(stepped_up_client)
    added = enrolled.apps_of(alice).last()
    assert added.last_used_at == added.added_at
    assert "not used yet" not in stepped_up_client.get(SETTINGS).text.rpartition(f"tf-app-{added.pk}")[2]


# A new one in place of an old one


def test_no_box_is_ticked(stepped_up_client):
    boxes = stepped_up_client.get(ADD).context["form"].boxes
    assert [(box.label, box.value()) for box in boxes] == [
        ("Remove Authenticator app once the new app works", False)
    ]


def test_a_ticked_one_is_removed_on_a_page_that_asks_for_password_and_code(stepped_up_client, alice, phone):
    new = scan_key(stepped_up_client, ADD)
    [old] = enrolled.apps_of(alice)
    to = stepped_up_client.post(ADD, {"code": new.code(), "name": "New", f"remove-{old.pk}": "on"}).url
    assert (to.partition("?")[0], len(names(alice))) == (remove_url(old), 2)
    answer = stepped_up_client.post(to, {"password": PASSWORD, "code": phone.code()})
    assert (answer.url, names(alice)) == (SETTINGS, ["New"])


def test_of_two_ticked_ones_each_has_its_page(stepped_up_client, alice):
    add_app(alice, totp.generate_key(), timezone.now(), name="Tablet")
    new, old = scan_key(stepped_up_client, ADD), list(enrolled.apps_of(alice))
    boxes = {f"remove-{app.pk}": "on" for app in old}
    to = stepped_up_client.post(ADD, {"code": new.code(), "name": "New", **boxes}).url
    assert [to.partition("?")[0], remove_url(old[1]) in unquote(to)] == [remove_url(old[0]), True]


@pytest.mark.proves("MF-4")
def test_an_open_session_alone_replaces_nothing(signed_in_client, alice):
    """A minute after the sign-in, with neither password nor code."""
    new = scan_key(signed_in_client, ADD)
    [old] = enrolled.apps_of(alice)
    signed_in_client.post(ADD, {"code": new.code(), "name": "New", f"remove-{old.pk}": "on"})
    assert names(alice) == ["Authenticator app", "New"]


def test_the_new_phone_proves_everything_at_once_if_a_code_of_the_old_one_removed_that(
    stepped_up_client, alice, phone, clock
):
    new = setup_steps.add_app(stepped_up_client)
    remove(stepped_up_client, enrolled.apps_of(alice).first(), phone.code())
    clock.shift(60)
    stepped_up_client.post("/two-factor/disable/", {"password": PASSWORD, "code": new.code()})
    assert not enrolled.is_on(alice)


def test_it_waits_a_day_if_a_backup_code_removed_the_old_one(stepped_up_client, alice, printed_codes, clock):
    """Someone else may have added it, and the owner no longer has the old one."""
    new = setup_steps.add_app(stepped_up_client)
    remove(stepped_up_client, enrolled.apps_of(alice).first(), printed_codes[0])
    clock.shift(60)
    stepped_up_client.post("/two-factor/disable/", {"password": PASSWORD, "code": new.code()})
    assert enrolled.is_on(alice)


def test_an_app_of_another_person_is_not_replaced(stepped_up_client, alice):
    bob = person("bob@example.com")
    enrol(bob)
    new = scan_key(stepped_up_client, ADD)
    [his] = enrolled.apps_of(bob)
    stepped_up_client.post(ADD, {"code": new.code(), "name": "New", f"remove-{his.pk}": "on"})
    assert (len(names(alice)), len(names(bob))) == (2, 1)


def test_adding_keeps_the_counts_of_wrong_codes(stepped_up_client, alice):
    """N-03: a new key does not reset them."""
    GuessBudget.objects.update(failures=3, day_failures=7, day_began_at=timezone.now())
    setup_steps.add_app(stepped_up_client)
    assert GuessBudget.objects.values_list("failures", "day_failures").get() == (3, 7)


# Renaming


def test_renaming_needs_no_step_up(signed_in_client, alice, apps, clock):
    clock.shift(timedelta(minutes=30))
    signed_in_client.post(rename_url(apps[1]), {"name": "Old tablet"})
    assert names(alice) == ["Authenticator app", "Old tablet"]


def test_the_page_shows_the_name(signed_in_client, apps):
    assert 'value="Tablet"' in signed_in_client.get(rename_url(apps[1])).text


def test_the_same_name_again_stays(signed_in_client, alice, apps):
    signed_in_client.post(rename_url(apps[1]), {"name": "Tablet"})
    assert names(alice)[1] == "Tablet"


@pytest.mark.parametrize("name", ["", " \n ", "\u200b", "\u2800 \x1b", "a\0b", "x" * 61])
def test_a_name_that_is_none_is_refused(signed_in_client, alice, apps, name):
    assert signed_in_client.post(rename_url(apps[1]), {"name": name}).status_code == 422
    assert names(alice)[1] == "Tablet"


@pytest.mark.parametrize("name", ["Old\ntablet", "\u202eOld\x1b tab\u200blet", "Old \u3000\u2800tablet\t"])
def test_what_cannot_be_seen_is_not_in_a_name(signed_in_client, alice, apps, name):
    signed_in_client.post(rename_url(apps[1]), {"name": name})
    assert names(alice)[1] == "Old tablet"


def test_a_name_may_have_the_letters_of_any_script(signed_in_client, alice, apps):
    signed_in_client.post(rename_url(apps[1]), {"name": "تلفون 携帯 नया Téléphone 📱"})
    assert names(alice)[1] == "تلفون 携帯 नया Téléphone 📱"


def test_a_name_is_text_and_no_markup(signed_in_client, apps):
    signed_in_client.post(rename_url(apps[1]), {"name": "<b>me</b>"})
    page = signed_in_client.get(SETTINGS).text
    assert ("<b>me</b>" in page, "&lt;b&gt;me&lt;/b&gt;" in page) == (False, True)


# Removing


def test_removing_asks_for_password_and_code_each_time(stepped_up_client, alice, apps):
    page = stepped_up_client.get(remove_url(apps[1])).text
    assert ('name="password"' in page, 'name="code"' in page) == (True, True)
    stepped_up_client.post(remove_url(apps[1]), {"password": PASSWORD})
    assert len(names(alice)) == 2


def test_the_page_names_what_goes_and_what_stays(signed_in_client, printed_codes, apps):
    page = signed_in_client.get(remove_url(apps[1])).text
    assert ("Codes from “Tablet” will no longer work" in page, "<li>Authenticator app</li>" in page) == (
        True,
        True,
    )


def test_a_removed_app_does_not_sign_in(signed_in_client, client, phone, tablet, apps, clock):
    remove(signed_in_client, apps[1], phone.code())
    clock.shift(60)
    sign_in(client, tablet)
    assert signed_in_as(client) is None


@pytest.mark.proves("7.4.3", "MF-3")
def test_removing_ends_the_other_sessions_and_trusted_browsers(
    signed_in_client, alice, phone, tablet, apps, trusted_client
):
    remove(signed_in_client, apps[1], phone.code())
    assert signed_in_client.get(SETTINGS).status_code == 200
    assert give_password(trusted_client).url.startswith(VERIFY)


@pytest.mark.django_db(transaction=True)
def test_the_person_is_told_of_a_removed_app(signed_in_client, phone, apps, mailoutbox):
    remove(signed_in_client, apps[1], phone.code())
    send_due()
    assert mailoutbox[-1].subject == "You removed an authenticator app – Countersign"


def test_an_app_may_prove_its_own_removal(signed_in_client, alice, tablet, apps):
    remove(signed_in_client, apps[1], tablet.code())
    assert names(alice) == ["Authenticator app"]


def test_a_wrong_code_removes_nothing(signed_in_client, alice, apps):
    assert remove(signed_in_client, apps[1], "000000").status_code == 422
    assert len(names(alice)) == 2


@pytest.mark.proves("MF-2")
def test_the_last_app_is_not_removed(signed_in_client, alice, phone):
    [app] = enrolled.apps_of(alice)
    page, answer = signed_in_client.get(remove_url(app)), remove(signed_in_client, app, phone.code())
    assert (page.status_code, answer.status_code, len(names(alice))) == (200, 409, 1)
    for way in (ADD, "/two-factor/disable/"):
        assert f'href="{way}"' in page.text


@pytest.mark.parametrize("url", [remove_url, rename_url])
def test_the_app_of_another_person_is_not_found_as_one_that_is_gone(signed_in_client, apps, url):
    """The answers do not tell which apps there are."""
    bob = person("bob@example.com")
    enrol(bob)
    [his] = enrolled.apps_of(bob)
    enrolled.apps_of(apps[1].user).filter(pk=apps[1].pk).delete()
    form = {"password": PASSWORD, "code": "000000", "name": "mine"}
    for app in (his, apps[1]):
        answers = [signed_in_client.get(url(app)), signed_in_client.post(url(app), form)]
        told = [(answer.status_code, "Something changed in another tab" in answer.text) for answer in answers]
        assert told == [(409, True)] * 2
    assert names(bob) == ["Authenticator app"]


# An app that a thief may have added


@pytest.fixture
def added_today(alice, phone):
    return add_app(alice, totp.generate_key(), timezone.now() - timedelta(hours=23), name="New")


@pytest.fixture
def first_app(alice, added_today):
    Authenticator.objects.exclude(name="New").update(added_at=timezone.now() - timedelta(days=9))
    return enrolled.apps_of(alice).first()


TOO_YOUNG = "A code from that app isn&#x27;t enough for this"


@pytest.mark.proves("MF-4")
def test_a_new_app_removes_no_older_one(signed_in_client, alice, first_app, added_today):
    answer = remove(signed_in_client, first_app, added_today.code())
    assert (answer.status_code, TOO_YOUNG in answer.text, len(names(alice))) == (422, True, 2)


def test_its_code_is_not_spent_by_that(signed_in_client, client, alice, first_app, added_today):
    remove(signed_in_client, first_app, added_today.code())
    sign_in(client, added_today)
    assert (signed_in_as(client), GuessBudget.objects.get().failures) == (alice, 0)


def test_a_day_later_it_does(client, alice, first_app, added_today, clock):
    clock.shift(timedelta(minutes=61))
    sign_in(client, added_today)
    remove(client, first_app, later(clock, added_today))
    assert names(alice) == ["New"]


CANNOT = "can't remove other apps or passkeys or turn two-factor authentication off."


@pytest.mark.parametrize(
    ("full_from", "told"),
    [(NOW + timedelta(hours=1), f"Until 1 March 2026, 13:00 (UTC), it {CANNOT}"), (None, f"It {CANNOT}")],
)
def test_the_row_of_a_new_app_says_what_it_cannot_do(signed_in_client, first_app, full_from, told):
    Authenticator.objects.filter(name="New").update(full_from=full_from)
    page = unescape(signed_in_client.get(SETTINGS).text)
    assert (page.count(CANNOT), told in page) == (1, True)


@pytest.mark.proves("MF-4")
def test_a_new_app_does_not_turn_it_off(signed_in_client, alice, first_app, added_today):
    form = {"password": PASSWORD, "code": added_today.code()}
    answer = signed_in_client.post("/two-factor/disable/", form)
    assert (answer.status_code, enrolled.is_on(alice)) == (422, True)


@pytest.mark.proves("MF-4")
def test_a_new_app_makes_no_backup_codes(signed_in_client, first_app, added_today):
    """With one of them it could do what it may not."""
    form = {"password": PASSWORD, "code": added_today.code()}
    assert signed_in_client.post("/two-factor/backup-codes/", form).status_code == 422


def test_a_backup_code_removes_the_older_one(signed_in_client, alice, printed_codes, first_app):
    remove(signed_in_client, first_app, printed_codes[0])
    assert names(alice) == ["New"]


def test_the_only_app_turns_it_off_on_its_first_day(signed_in_client, alice, phone):
    signed_in_client.post("/two-factor/disable/", {"password": PASSWORD, "code": phone.code()})
    assert not enrolled.is_on(alice)


# On is a row of its own


@pytest.mark.proves("MF-1")
def test_without_its_apps_it_is_still_on(client, alice, phone, printed_codes):
    Authenticator.objects.all().delete()
    give_password(client)
    assert signed_in_as(client) is None
    client.post("/two-factor/verify/backup/", {"code": printed_codes[0]})
    assert signed_in_as(client) == alice


@pytest.mark.proves("MF-1")
def test_with_an_app_and_without_the_row_it_is_on(client, alice, phone):
    TwoFactor.objects.all().delete()
    give_password(client)
    assert signed_in_as(client) is None
    client.post(VERIFY, {"code": phone.code()})
    assert signed_in_as(client) == alice


def test_without_any_app_a_code_is_refused_in_words(client, phone):
    Authenticator.objects.all().delete()
    give_password(client)
    answer = client.post(VERIFY, {"code": "123456"})
    assert (answer.status_code, "You have no authenticator app." in answer.text) == (422, True)


def test_turning_off_leaves_nothing(signed_in_client, alice, phone, tablet):
    signed_in_client.post("/two-factor/disable/", {"password": PASSWORD, "code": phone.code()})
    models = (TwoFactor, Authenticator, BackupCode, TrustedBrowser)
    assert [model.objects.count() for model in models] == [0, 0, 0, 0]
