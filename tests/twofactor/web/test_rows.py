"""Rows that change in place: what htmx gets for one, and where message and focus are without htmx."""

import re

import pytest
from django.test import Client
from django.utils import timezone

from tests.htmx import HTMX
from tests.people import add_app, sign_in
from twofactor.factors import totp
from twofactor.models import Authenticator, Session
from twofactor.web.rows import next_row

SETTINGS = "/two-factor/"
DEVICES = "/two-factor/devices/"
STATUS = '<div hx-swap-oob="innerHTML:#tf-status">'


def asking_for(row):
    return {"HX-Request": "true", "HX-Target": row, "HX-Current-URL": "http://testserver/two-factor/"}


def rows_in(page):
    """{id: its HTML} of the rows of apps and devices."""
    return {found[1]: found[0] for found in re.finditer(r'<li\s+id="(\w+-[\w-]+)".*?</li>', page, re.DOTALL)}


def status(page):
    """What a screen reader says."""
    return re.search(rf"{STATUS}(.*?)</div>", page, re.DOTALL)[1]


def focused(page):
    """The labels of what takes the focus."""
    return re.findall(r'<a[^>]*\sautofocus[^>]*aria-label="(.*?)"', page)


@pytest.fixture
def tablet(alice, phone):
    add_app(alice, totp.generate_key(), timezone.now(), name="Tablet")
    return Authenticator.objects.get(name="Tablet")


@pytest.fixture
def rename(tablet):
    return f"/two-factor/apps/{tablet.pk}/rename/"


@pytest.fixture
def devices_of_alice(signed_in_client, phone, clock):
    """This one first, then the newest."""
    for _ in range(2):
        clock.shift(60)
        sign_in(Client(), phone)
    return [
        row.device_id
        for row in [Session.objects.earliest("began_at"), *Session.objects.order_by("-began_at")[:2]]
    ]


# What htmx gets for a row


def test_the_answer_for_a_row_is_that_row(signed_in_client, tablet):
    row = f"tf-app-{tablet.pk}"
    page = signed_in_client.get(SETTINGS, headers=asking_for(row)).text
    assert (list(rows_in(page)), "<h1" in page, "<title" in page) == ([row], False, False)


def test_a_renamed_row_comes_back_with_the_focus_and_is_announced(signed_in_client, tablet, rename):
    row = f"tf-app-{tablet.pk}"
    page = signed_in_client.post(rename, {"name": "Old"}, headers=asking_for(row), follow=True).text
    assert (
        list(rows_in(page)),
        focused(page),
        "You can undo this." in status(page),
    ) == (
        [row],
        ["Rename Old"],
        True,
    )


def test_the_message_is_shown_in_the_row(signed_in_client, tablet, rename):
    row = f"tf-app-{tablet.pk}"
    page = signed_in_client.post(rename, {"name": "Old"}, headers=asking_for(row), follow=True).text
    assert "The name was changed." in rows_in(page)[row]


def test_a_row_that_was_not_changed_after_all_has_the_focus(signed_in_client, tablet):
    page = signed_in_client.get(SETTINGS, headers=asking_for(f"tf-app-{tablet.pk}")).text
    assert focused(page) == ["Rename Tablet"]


def test_the_form_of_a_row_takes_its_place(signed_in_client, tablet, rename):
    row = f"tf-app-{tablet.pk}"
    page = signed_in_client.get(rename, headers=asking_for(row)).text
    assert (list(rows_in(page)), f'hx-target="#{row}"' in page, "<h1" in page) == ([row], True, False)


def test_a_refused_form_of_a_row_does_so_too(signed_in_client, tablet, rename):
    row = f"tf-app-{tablet.pk}"
    answer = signed_in_client.post(rename, {"name": ""}, headers=asking_for(row))
    assert (answer.status_code, list(rows_in(answer.text)), "Enter a name." in answer.text) == (
        422,
        [row],
        True,
    )


def test_forms_of_two_rows_have_fields_of_their_own(signed_in_client, tablet, rename):
    page = signed_in_client.get(rename).text
    assert f'id="tf-app-{tablet.pk}_name"' in page


def test_htmx_4_says_which_element_it_is_too(signed_in_client, tablet):
    page = signed_in_client.get(SETTINGS, headers=asking_for(f"li#tf-app-{tablet.pk}")).text
    assert list(rows_in(page)) == [f"tf-app-{tablet.pk}"]


def test_the_row_of_a_device_that_ended_is_gone_and_the_next_one_has_the_focus(
    signed_in_client, devices_of_alice
):
    _this, gone, following = devices_of_alice
    url = f"{DEVICES}{gone}/end/"
    page = signed_in_client.post(url, headers=asking_for(f"tf-device-{gone}"), follow=True).text
    [(row, text)] = rows_in(page).items()
    assert (row, 'hx-swap-oob="true"' in text, len(focused(page))) == (
        f"tf-device-{following}",
        True,
        1,
    )


def test_what_signing_out_everywhere_would_end_is_counted_again(signed_in_client, devices_of_alice):
    gone = devices_of_alice[1]
    url = f"{DEVICES}{gone}/end/"
    page = signed_in_client.post(url, headers=asking_for(f"tf-device-{gone}"), follow=True).text
    assert re.search(r'id="tf-all-devices"[^>]* hx-swap-oob="true".*1 other session<', page, re.DOTALL)


def test_a_device_that_is_gone_already_is_a_whole_list(signed_in_client, devices_of_alice):
    gone = devices_of_alice[1]
    Session.objects.filter(device_id=gone).delete()
    answer = signed_in_client.post(f"{DEVICES}{gone}/end/", headers=asking_for(f"tf-device-{gone}"))
    assert (answer.status_code, answer.text.lstrip()[:9], len(rows_in(answer.text))) == (
        409,
        "<!doctype",
        2,
    )


@pytest.mark.parametrize(
    "target",
    [
        "tf-main",
        "tf-app-",
        "tf-app-x",
        "li#tf-main",
        "tf-app-1<b>",
    ],
)
def test_any_other_target_of_ours_gets_the_main_part(signed_in_client, target):
    page = signed_in_client.get(SETTINGS, headers=asking_for(target)).text
    assert ("<h1" in page, "HX-Retarget" in page) == (True, False)


@pytest.mark.parametrize("target", ["", "body", "div#content", "\0<b>", "app-1"])
def test_a_target_that_is_not_ours_loads_a_new_document(signed_in_client, target):
    answer = signed_in_client.get(SETTINGS, headers=asking_for(target))
    assert (answer["HX-Redirect"], answer.content) == (SETTINGS, b"")


def test_the_row_of_another_persons_app_is_not_there(signed_in_client, bob):
    add_app(bob, totp.generate_key(), timezone.now(), name="Bob's phone")
    page = signed_in_client.get(SETTINGS, headers=asking_for(f"tf-app-{bob.authenticators.get().pk}")).text
    assert rows_in(page) == {}


# From a row to a page of its own


def test_a_page_that_asks_for_password_and_code_takes_the_main_part(signed_in_client, tablet, clock):
    clock.shift(3600 // 2)
    row = asking_for(f"tf-app-{tablet.pk}")
    answer = signed_in_client.get("/two-factor/apps/add/", headers=row, follow=True)
    told = [answer[name] for name in ("HX-Retarget", "HX-Reswap")]
    assert (told, "<h1" in answer.text) == (["#tf-main", "innerHTML show:window:top"], True)


def test_its_address_goes_into_the_history(signed_in_client, tablet):
    answer = signed_in_client.get("/two-factor/activity/", headers=asking_for(f"tf-app-{tablet.pk}"))
    assert answer["HX-Push-Url"] == "/two-factor/activity/"


def test_the_answers_for_row_and_main_part_are_kept_apart(signed_in_client):
    assert "HX-Target" in signed_in_client.get(SETTINGS)["Vary"]


# Whole pages


def test_a_whole_page_shows_the_message_in_the_row_with_the_focus(signed_in_client, tablet, rename):
    page = signed_in_client.post(rename, {"name": "Old"}, follow=True).text
    told = "The name was changed."
    shown = re.sub(r'aria-label="[^"]*"', "", page)
    assert (focused(page), shown.count(told), told in rows_in(page)[f"tf-app-{tablet.pk}"]) == (
        ["Rename Old"],
        1,
        True,
    )


def test_a_message_that_waited_does_not_take_the_focus(signed_in_client, tablet, rename):
    """For example of a page of the site that was never shown."""
    signed_in_client.post("/accounts/profile/", {"name": "Alice", "language": ""})
    page = signed_in_client.post(rename, {"name": "Old"}, follow=True).text
    assert focused(page) == ["Rename Old"]


def test_a_main_part_does_not_scroll_away_from_the_row_with_the_focus(signed_in_client, tablet, rename):
    answer = signed_in_client.post(rename, {"name": "Old"}, headers=HTMX, follow=True)
    assert (answer["HX-Reswap"], focused(answer.text)) == ("innerHTML", ["Rename Old"])


def test_a_message_about_a_row_of_another_page_stands_at_the_top(signed_in_client, tablet, rename):
    signed_in_client.post(rename, {"name": "Old"})
    page = signed_in_client.get(DEVICES).text
    assert (focused(page), page.index("The name was changed.") < page.index("<h1")) == ([], True)


@pytest.mark.parametrize(("gone", "focus"), [("a", "b"), ("b", "c"), ("c", "b")])
def test_the_focus_goes_to_the_next_row_or_from_the_last_to_the_one_before(gone, focus):
    assert next_row(["a", "b", "c"], gone) == focus


def test_an_only_row_leaves_the_focus_to_no_other():
    assert next_row(["a"], "a") == ""
