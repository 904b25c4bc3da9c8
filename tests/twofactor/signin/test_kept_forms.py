"""A form that is sent when the step-up has run out is offered again after the confirmation."""

import re
from datetime import timedelta
from html.parser import HTMLParser

import pytest
from django.contrib.auth.views import PasswordChangeView
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import JsonResponse
from django.test import Client
from django.urls import path
from django.views.decorators.debug import sensitive_post_parameters

from config.urls import urlpatterns as pages_of_site
from tests.people import PASSWORD, give_password, open_sessions, person, sign_in
from tests.twofactor.code_forms import enter_password_and_code
from tests.twofactor.sent_codes import add_number
from twofactor.decorators import otp_required, recently_confirmed
from twofactor.models import Phone
from twofactor.signin.kept_forms import KEPT_FORMS, MAX_BYTES

CONFIRM = "/two-factor/confirm/"
PHONE = "/two-factor/phone/"
OFFER = "Send it again"


def show_fields(request):
    return JsonResponse(dict(request.POST.lists()))


urlpatterns = [
    *pages_of_site,
    path("form/", recently_confirmed()(show_fields)),
    path("other/", recently_confirmed()(show_fields)),
    path("strict/", recently_confirmed(max_age=timedelta(seconds=5))(show_fields)),
    path("verified/", otp_required(show_fields)),
    path("named/", sensitive_post_parameters("pet")(recently_confirmed()(show_fields))),
    path("password/", PasswordChangeView.as_view()),
    path("guarded-password/", recently_confirmed()(PasswordChangeView.as_view())),
    path("all/", sensitive_post_parameters()(recently_confirmed()(show_fields))),
]
pytestmark = pytest.mark.urls(__name__)


class Form(HTMLParser):
    """The form of the main part: where it is sent, and its hidden fields."""

    def __init__(self, html):
        super().__init__()
        self.action, self.fields = None, []
        self.feed(html[html.index('<main id="tf-main"') : html.index("</main>")])

    def handle_starttag(self, tag, attrs):
        found = dict(attrs)
        if tag == "form":
            assert (found["method"], set(found)) == ("post", {"method", "action"})
            self.action = found["action"]
        if tag == "input":
            assert (found["type"], set(found)) == ("hidden", {"type", "name", "value"})
            self.fields.append((found["name"], found["value"]))


def confirm(client, phone, to):
    """The page that is shown next."""
    return client.get(enter_password_and_code(client, to, phone.code()).url)


def offered(client, phone, to, **fields):
    """What the page offers to send, after `fields` were sent too late."""
    page = confirm(client, phone, client.post(to, fields).url)
    return Form(page.text) if OFFER in page.text else None


def values(form):
    return [field for field in form.fields if field[0] != "csrfmiddlewaretoken"]


def send(client, form):
    data = {}
    for name, value in form.fields:
        data.setdefault(name, []).append(value)
    return client.post(form.action, data)


# It is offered, and one press sends it


@pytest.mark.proves("S-10-kept")
def test_a_number_that_was_typed_is_sent_with_one_press(older_client, phone, alice, text_messages):
    form = offered(older_client, phone, PHONE, number="+49 170 1234567")
    assert (form.action, values(form), text_messages) == (PHONE, [("number", "+49 170 1234567")], [])
    assert (send(older_client, form).url, len(text_messages)) == ("/two-factor/phone/verify/", 1)


def test_the_confirm_page_says_nothing_of_it_before(older_client):
    to = older_client.post(PHONE, {"number": "+49 170 1234567"}).url
    assert ("1234567" in older_client.get(to).text, OFFER in older_client.get(to).text) == (False, False)


def test_a_form_of_the_administration_is_offered_too(older_client, phone, alice):
    alice.is_staff = alice.is_superuser = True
    alice.save()
    other = person("other@example.com")
    address = f"/admin/accounts/user/{other.pk}/change/?_changelist_filters=q%3Do"
    typed = {"email": other.email, "name": "O'Neil", "language": "", "is_active": "on", "_continue": "Save"}
    send(older_client, offered(older_client, phone, address, **typed))
    other.refresh_from_db()
    assert other.name == "O'Neil"


def test_a_press_without_fields_is_offered_too(older_client, phone, alice, text_messages):
    add_number(alice)
    send(older_client, offered(older_client, phone, "/two-factor/phone/remove/"))
    assert not Phone.objects.exists()


def test_every_value_of_a_field_is_kept(older_client, phone):
    form = offered(older_client, phone, "/form/", group=["1", "2"], name="x")
    assert values(form) == [("group", "1"), ("group", "2"), ("name", "x")]


@pytest.mark.parametrize(
    "text", ["two\r\nlines", "  spaces ", "日本語", "a & b", "", "\\", "\x01", "{{ user }}"]
)
def test_a_value_comes_back_as_it_was(older_client, phone, text):
    form = offered(older_client, phone, "/form/", note=text)
    assert send(older_client, form).json()["note"] == [text]


def test_someone_whose_browser_is_trusted_is_offered_it_too(trusted_client, phone, clock):
    give_password(trusted_client)
    form = offered(trusted_client, phone, "/verified/", note="typed")
    assert send(trusted_client, form).json()["note"] == ["typed"]


def test_forms_of_two_tabs_are_both_kept(older_client, phone, clock):
    first = older_client.post("/form/", {"note": "one"}).url
    assert values(offered(older_client, phone, "/other/", note="two")) == [("note", "two")]
    clock.shift(30)
    assert values(Form(confirm(older_client, phone, first).text)) == [("note", "one")]


def test_forms_that_two_tabs_sent_to_one_page_are_both_kept(older_client, phone, clock):
    first = older_client.post("/form/", {"note": "one"}).url
    assert values(offered(older_client, phone, "/form/", note="two")) == [("note", "two")]
    clock.shift(30)
    assert values(Form(confirm(older_client, phone, first).text)) == [("note", "one")]


def test_without_a_form_the_page_itself_comes_next(older_client, phone):
    to = older_client.get("/form/").url
    assert enter_password_and_code(older_client, to, phone.code()).url == "/form/"


# The page shows what it sends


def shown(html):
    """The address and the fields that a person reads."""
    address = re.search(r'<code class="address">(.*)</code>', html)[1]
    return address, re.findall(r'<dt>(.*)</dt><dd dir="auto">(.*)</dd>', html)


@pytest.mark.proves("S-10-kept")
def test_the_page_shows_where_it_sends_what(older_client, phone):
    fields = {"note": "<b>", "group": ["1", "2"], "name": ""}
    page = confirm(older_client, phone, older_client.post("/form/?a=1", fields).url)
    listed = [("note", "&lt;b&gt;"), ("group", "1"), ("group", "2"), ("name", "–")]
    assert shown(page.text) == ("/form/?a=1", listed)


@pytest.mark.parametrize(
    ("value", "as_shown"),
    [
        ("x" * 200, "x" * 200),
        ("x" * 201, "x" * 199 + "…"),
        (" \r\n" * 300 + "thief@example.com", "thief@example.com"),
        ("one" + " " * 300 + "two", "one two"),
    ],
)
def test_a_long_value_is_shortened_on_the_page_and_sent_whole(older_client, phone, value, as_shown):
    to = older_client.post("/form/", {"note": value}).url
    page = confirm(older_client, phone, to)
    assert shown(page.text)[1] == [("note", as_shown)]
    assert send(older_client, Form(page.text)).json()["note"] == [value]


# What is not kept


@pytest.mark.proves("S-10-kept")
@pytest.mark.parametrize(
    "name",
    [
        *("csrfmiddlewaretoken", "password", "password1", "old_password", "newPassword", "passphrase"),
        *("code", "verify-code", "otp_code", "backup_code", "input_code", "sent_code", "otp", "otp_token"),
        *("totp", "pin", "api_secret", "access-token", "pwd_now", "pass", "recovery_code", "sms_code"),
        *("verification", "verifyCode", "security_code", "securityCode", "api_key", "apiKey", "private_key"),
        *("MFA", "2fa", "auth", "authorization", "authorisation", "credential", "cvc", "card-cvv2"),
    ],
)
def test_a_password_a_code_or_a_token_is_not_kept(older_client, phone, name):
    form = offered(older_client, phone, "/form/", **{name: "s3cret", "note": "typed"})
    assert values(form) == [("note", "typed")]


@pytest.mark.parametrize(
    "name", ["postal_code", "code-hours", "reason", "shipping", "footprint", "encoder", "author_id"]
)
def test_a_field_that_only_sounds_alike_is_kept(older_client, phone, name):
    assert values(offered(older_client, phone, "/form/", **{name: "typed"})) == [(name, "typed")]


def test_what_the_site_calls_sensitive_is_not_kept(older_client, phone):
    form = offered(older_client, phone, "/named/", pet="Rex", note="typed")
    assert values(form) == [("note", "typed")]


def test_nothing_is_kept_where_the_site_calls_all_of_it_sensitive(older_client, phone):
    assert offered(older_client, phone, "/all/", pet="Rex", note="typed") is None


@pytest.mark.parametrize("page", ["/password/", "/guarded-password/"])
def test_nothing_of_a_form_that_changes_the_password_is_kept(older_client, phone, page):
    fields = {"current": "s3cret", "new_password1": "n3w", "note": "typed"}
    assert offered(older_client, phone, page, **fields) is None
    assert KEPT_FORMS not in older_client.session


def test_nor_where_there_is_no_second_factor(client, alice, clock):
    give_password(client)
    clock.shift(301)
    assert client.post("/guarded-password/", {"current": "s3cret"}).url.startswith(CONFIRM)
    assert KEPT_FORMS not in client.session


def test_a_form_that_was_only_a_code_is_not_offered(older_client, phone):
    assert offered(older_client, phone, "/form/", code="123456") is None


@pytest.mark.parametrize(
    ("fields", "says_so"), [({"code": "123456"}, True), ({"code": ""}, False), ({}, False)]
)
def test_the_page_says_that_a_password_or_code_is_not_kept(older_client, phone, fields, says_so):
    page = confirm(older_client, phone, older_client.post("/form/", {"note": "typed", **fields}).url).text
    assert ("Passwords, codes and other secrets you entered aren't kept." in page) is says_so


def test_a_file_is_not_kept_and_the_page_says_so(older_client, phone):
    data = {"note": "typed", "file": SimpleUploadedFile("a.txt", b"contents of the file")}
    page = confirm(older_client, phone, older_client.post("/form/", data).url).text
    assert (values(Form(page)), "Files you chose aren't kept" in page) == ([("note", "typed")], True)
    assert b"contents of the file" not in str(open_sessions()).encode()


def test_a_body_that_is_no_form_is_not_kept(older_client, phone):
    to = older_client.post("/form/", {"note": "typed"}, content_type="application/json").url
    assert OFFER not in confirm(older_client, phone, to).text


@pytest.mark.proves("S-10-kept")
@pytest.mark.parametrize(("length", "is_kept"), [(MAX_BYTES - 300, True), (MAX_BYTES, False)])
def test_at_most_16_kb_are_kept(older_client, phone, length, is_kept):
    assert (offered(older_client, phone, "/form/", note="x" * length) is not None) is is_kept


def kept_paths(client):
    return [form["path"] for form in client.session[KEPT_FORMS].values()]


def test_the_oldest_makes_room(older_client, phone):
    for each in range(5):
        older_client.post(f"/form/?{each}", {"note": "x" * (MAX_BYTES // 3)})
    assert kept_paths(older_client) == ["/form/?3", "/form/?4"]


def test_one_that_is_too_long_leaves_the_others(older_client):
    older_client.post("/form/", {"note": "typed"})
    older_client.post("/other/", {"note": "x" * MAX_BYTES})
    assert kept_paths(older_client) == ["/form/"]


# For how long, and for whom


@pytest.mark.proves("S-10-kept")
@pytest.mark.parametrize(("seconds", "is_offered"), [(300, True), (301, False)])
def test_it_waits_five_minutes_for_the_confirmation(older_client, phone, clock, seconds, is_offered):
    to = older_client.post("/form/", {"note": "typed"}).url
    clock.shift(seconds)
    assert (OFFER in confirm(older_client, phone, to).text) is is_offered


@pytest.mark.proves("S-10-kept")
@pytest.mark.parametrize(("seconds", "is_offered"), [(300, True), (301, False)])
def test_it_is_offered_as_long_as_the_step_up_lasts(older_client, phone, clock, seconds, is_offered):
    to = older_client.post("/form/", {"note": "typed"}).url
    offer = enter_password_and_code(older_client, to, phone.code()).url
    clock.shift(seconds)
    assert (OFFER in older_client.get(offer).text) is is_offered


def test_after_that_nothing_of_it_is_in_the_session(older_client, clock):
    older_client.post("/form/", {"note": "typed"})
    before = "typed" in str(open_sessions())
    clock.shift(301)
    older_client.get("/two-factor/")
    assert (before, "typed" in str(open_sessions())) == (True, False)


def test_one_from_the_future_is_not_kept(older_client, phone, clock):
    to = older_client.post("/form/", {"note": "typed"}).url
    clock.shift(-60)
    assert OFFER not in older_client.get(to).text


def test_once_sent_it_is_not_kept(older_client, phone):
    send(older_client, offered(older_client, phone, "/form/", note="typed"))
    assert "typed" not in str(open_sessions())


@pytest.mark.proves("S-10-kept")
def test_it_is_offered_in_no_other_session(older_client, phone, clock):
    other = Client()
    sign_in(other, phone)
    clock.shift(360)
    to = older_client.post("/form/", {"note": "typed"}).url
    assert OFFER not in confirm(other, phone, to).text


@pytest.mark.parametrize("way", ["signs out", "signs in over it"])
def test_it_is_not_offered_to_the_next_person_in_the_browser(older_client, phone, bob, way):
    form = offered(older_client, phone, "/form/", note="typed")
    if way == "signs out":
        older_client.post("/accounts/logout/")
        give_password(older_client, bob.email)
    else:
        older_client.force_login(bob)
    page = older_client.get(f"{CONFIRM}?next={form.action}").text
    assert (OFFER in page, "typed" in page, "typed" in str(older_client.session.items())) == (False,) * 3


@pytest.mark.proves("7.2.4")
def test_the_session_has_a_new_key_when_it_is_offered(older_client, phone):
    to = older_client.post("/form/", {"note": "typed"}).url
    before = older_client.session.session_key
    confirm(older_client, phone, to)
    assert older_client.session.session_key != before


# What an attacker may try


@pytest.fixture
def strict_client(older_client):
    """The same browser; this one sends no token by itself."""
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = older_client.cookies
    return strict


@pytest.mark.proves("3.5.1")
def test_another_site_can_leave_no_form_here(strict_client):
    assert strict_client.post("/form/", {"note": "of the attacker"}).status_code == 403
    assert KEPT_FORMS not in strict_client.session


@pytest.mark.proves("3.5.1")
def test_what_is_sent_again_carries_a_token(older_client, strict_client, phone):
    form = offered(older_client, phone, "/form/", note="typed")
    strict_client.cookies = older_client.cookies
    without = send(strict_client, type("", (), {"action": form.action, "fields": values(form)}))
    assert (without.status_code, send(strict_client, form).status_code) == (403, 200)


@pytest.fixture
def planted(older_client):
    """Where the form led that a thief of the session cookie has sent."""
    thief = Client()
    thief.cookies.load({name: cookie.value for name, cookie in older_client.cookies.items()})
    return thief.post("/form/", {"note": "of the thief"}).url


@pytest.mark.proves("S-10-kept")
def test_a_form_left_by_a_thief_of_the_cookie_is_not_offered(older_client, phone, planted):
    to = older_client.get("/form/").url
    assert enter_password_and_code(older_client, to, phone.code()).url == "/form/"
    for again in [to, planted]:
        assert OFFER not in older_client.get(again).text


@pytest.mark.proves("S-10-kept")
def test_nor_does_it_take_the_place_of_the_own_one(older_client, phone, planted):
    assert values(offered(older_client, phone, "/form/", note="typed")) == [("note", "typed")]


def test_an_address_made_by_the_thief_shows_what_it_sends(older_client, phone, planted):
    assert ("note", "of the thief") in shown(confirm(older_client, phone, planted).text)[1]


@pytest.mark.proves("S-10-kept")
def test_a_form_is_sent_only_where_it_was_sent_before(older_client, phone):
    to = older_client.post("/form/", {"note": "typed"}).url.replace("%2Fform%2F", "%2Fother%2F")
    assert enter_password_and_code(older_client, to, phone.code()).url == "/other/"
    assert OFFER not in older_client.get(to).text


def test_the_token_that_was_sent_before_is_not_the_one_on_the_page(older_client, phone):
    form = offered(older_client, phone, "/form/", csrfmiddlewaretoken="planted", note="typed")
    assert "planted" not in dict(form.fields).values()


def test_sending_again_takes_the_step_up_too(older_client, phone, clock):
    form = offered(older_client, phone, "/form/", note="typed")
    clock.shift(301)
    assert send(older_client, form).url.startswith(CONFIRM)


NAMES = [
    '"><script>alert(1)</script>',
    "' onfocus='x",
    "action",
    "method",
    "submit",
    "next",
    "name",
    "_charset_",
    "x" * 900,
    "<!--",
    "</form>",
    "\n",
    "a\x00b",
    "[]",
]


@pytest.mark.parametrize("name", NAMES)
def test_no_name_and_no_value_breaks_out_of_its_field(older_client, phone, name):
    form = offered(older_client, phone, "/form/", **{name: name, "note": "typed"})
    assert (form.action, ("note", "typed") in form.fields, len(form.fields)) == ("/form/", True, 3)


@pytest.mark.parametrize("to", ["//evil.example/", "https://evil.example/", "javascript:x", "/form/"])
def test_nothing_is_offered_for_an_address_that_was_not_asked_for(older_client, phone, to):
    older_client.post("/other/", {"note": "typed"})
    leads_to = enter_password_and_code(older_client, CONFIRM, phone.code(), next=to).url
    assert (leads_to, OFFER in older_client.get(CONFIRM, {"next": to}).text) == (
        to if to == "/form/" else "/",
        False,
    )


def test_a_page_that_is_stricter_does_not_send_round_in_circles(older_client, phone, clock):
    form = offered(older_client, phone, "/strict/", note="typed")
    clock.shift(30)
    to = send(older_client, form).url
    assert OFFER not in older_client.get(to).text
    assert values(Form(confirm(older_client, phone, to).text)) == [("note", "typed")]


def test_the_password_is_not_in_the_session(older_client, phone):
    offered(older_client, phone, "/form/", password=PASSWORD, note="typed")
    assert PASSWORD not in str(open_sessions())
