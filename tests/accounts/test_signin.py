"""The first step of signing in. The second step is in tests/twofactor."""

import re
import statistics
import time

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.test import Client

from accounts.models import User
from tests.accounts.comparison import headers
from tests.accounts.passwords import CountingHasher
from tests.htmx import HTMX
from tests.people import PASSWORD, enrol, give_password, person

LOGIN = "/accounts/login/"

pytestmark = pytest.mark.django_db


def without_token(response):
    """The page without the token, which is new each time."""
    return re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", response.text)


def test_the_right_password_leads_home(client, alice):
    response = give_password(client)
    assert (response.status_code, response["Location"]) == (303, "/")


def test_the_right_password_leads_to_the_page_that_was_asked_for(client, alice):
    assert give_password(client, next="/accounts/profile/?tab=1")["Location"] == "/accounts/profile/?tab=1"


def test_a_page_behind_sign_in_sends_people_to_sign_in_and_back(client, alice):
    to = client.get("/accounts/profile/")["Location"]
    response = client.post(to, {"username": alice.email, "password": PASSWORD})
    assert response["Location"] == "/accounts/profile/"


@pytest.mark.parametrize("next_page", ["foo", "a b", "admin:index", "profile"])
def test_where_to_go_on_is_a_path_and_nothing_else(client, alice, next_page):
    assert give_password(client, next=next_page)["Location"] == "/"


FOREIGN = [
    "//evil.example",
    "///evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https://evil.example",
    "http:///evil.example",
    "http://testserver@evil.example",
    "http://testserver.evil.example",
    "https://testserver:8443/",
    "http://testserver:1/",
    "ftp://testserver/",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//testserver",
    "data:text/html,x",
    " //evil.example",
    "\t//evil.example",
    "/\t/evil.example",
    "\x01//evil.example",
    "//evil.example/%2f..",
    "/%0d%0aHX-Redirect:https://evil.example".replace("%0d%0a", "\r\n") + "//",
    "http://[::1",
    "//testserver:80@evil.example",
]


@pytest.mark.proves("3.7.2", "V-25")
@pytest.mark.parametrize("next_page", FOREIGN, ids=range(len(FOREIGN)))
@pytest.mark.parametrize("htmx", [{}, HTMX], ids=["page", "htmx"])
def test_signing_in_never_leads_to_another_site(client, alice, next_page, htmx):
    data = {"username": alice.email, "password": PASSWORD, "next": next_page}
    response = client.post(LOGIN, data, headers=htmx)
    to = response.get("HX-Redirect") or response["Location"]
    assert re.fullmatch(r"/(?!/)[^\\\s]*", to)


@pytest.mark.parametrize("next_page", FOREIGN, ids=range(len(FOREIGN)))
def test_who_is_signed_in_already_is_never_led_to_another_site(as_alice, next_page):
    to = as_alice.get(LOGIN, {"next": next_page})["Location"]
    assert re.fullmatch(r"/(?!/)[^\\\s]*", to)


@pytest.mark.parametrize("next_page", FOREIGN, ids=range(len(FOREIGN)))
def test_the_form_does_not_carry_another_site_along(client, db, next_page):
    page = client.get(LOGIN, {"next": next_page}).text
    assert 'name="next" value=""' in page or re.search(r'name="next" value="/[^/\\]', page)


def test_who_is_signed_in_already_is_led_home(as_alice):
    assert as_alice.get(LOGIN)["Location"] == "/"


def test_who_is_signed_in_already_is_led_on(as_alice):
    assert as_alice.get(LOGIN, {"next": "/accounts/profile/"})["Location"] == "/accounts/profile/"


@pytest.mark.parametrize(
    "spelling", ["ALICE@example.com", " alice@example.com ", "ａｌｉｃｅ@example.com", "Alice@Example.COM"]
)
def test_every_spelling_of_an_address_signs_in(client, alice, spelling):
    assert give_password(client, spelling).status_code == 303


# Nobody learns who has an account


@pytest.fixture
def refused(client, alice):
    """A function: the page after a wrong password, with the email address replaced, for comparing."""

    def ask(email, words="not the right ones"):
        response = Client().post(LOGIN, {"username": email, "password": words})
        assert response.status_code == 422
        return without_token(response).replace(email, "WHO")

    return ask


@pytest.mark.proves("6.3.8")
def test_an_unknown_address_is_answered_like_a_wrong_password(refused):
    assert refused("alice@example.com") == refused("nobody@example.com")


def test_a_blocked_person_is_answered_like_a_wrong_password(refused):
    person("bob@example.com", is_active=False)
    assert refused("alice@example.com") == refused("bob@example.com", PASSWORD)


def test_a_person_without_a_password_is_answered_like_a_wrong_one(refused):
    User.objects.create_user("bob@example.com", None)
    assert refused("alice@example.com") == refused("bob@example.com", "None")


def test_a_person_with_a_second_factor_is_answered_like_one_without(refused, alice):
    before = refused("alice@example.com")
    enrol(alice)
    assert refused("alice@example.com") == before


def test_a_refusal_leaves_the_same_headers_for_unknown_addresses(client, alice):
    known, unknown = (
        Client().post(LOGIN, {"username": name, "password": "wrong"})
        for name in (alice.email, "bruce@example.com")
    )
    assert headers(known) == headers(unknown)


@pytest.mark.proves("6.3.8")
@pytest.mark.parametrize("name", ["alice", "deactivated", "without", "nobody"])
def test_one_password_is_hashed_for_any_name(client, settings, name):
    settings.PASSWORD_HASHERS = ["tests.accounts.passwords.CountingHasher"]
    person("alice@example.com")
    person("deactivated@example.com", is_active=False)
    User.objects.create_user("without@example.com", None)
    before = CountingHasher.hashed
    give_password(client, f"{name}@example.com", password="wrong")
    assert CountingHasher.hashed - before == 1


@pytest.mark.long
@pytest.mark.proves("6.3.8-time")
def test_the_time_of_an_answer_tells_nothing(settings, real_hasher, record_property):
    """200 of each, in turns, in time of the processor: the medians are within a tenth of each other."""
    settings.AXES_ENABLED = False  # else the sixth would be refused sooner
    person("wrong@example.com")
    person("deactivated@example.com", is_active=False)
    User.objects.create_user("without@example.com", None)
    took = {name: [] for name in ("wrong", "deactivated", "without", "unknown")}
    for _ in range(200):
        for name, times in took.items():
            began = time.process_time()
            Client().post(LOGIN, {"username": f"{name}@example.com", "password": "not the right ones"})
            times.append(time.process_time() - began)
    middle = {name: statistics.median(times) for name, times in took.items()}
    record_property("medians", str(middle))
    assert max(middle.values()) / min(middle.values()) < 1.1


def test_the_refusal_stands_beside_the_password(client, alice):
    response = give_password(client, password="wrong")
    assert list(response.context["form"].errors) == ["password"]


def test_a_refused_sign_in_keeps_the_address(client, alice):
    assert 'value="alice@example.com"' in give_password(client, password="wrong").text


def test_a_refused_sign_in_never_sends_the_password_back(client, alice):
    assert "hunter2hunter2" not in give_password(client, password="hunter2hunter2").text


def test_a_refused_sign_in_still_knows_where_to_go_on(client, alice):
    page = give_password(client, password="wrong", next="/accounts/profile/").text
    assert 'name="next" value="/accounts/profile/"' in page


@pytest.mark.parametrize("data", [{}, {"username": "alice@example.com"}, {"password": PASSWORD}])
def test_a_field_left_empty_is_asked_for(client, alice, data):
    assert client.post(LOGIN, data).status_code == 422


@pytest.mark.parametrize("field", ["username", "password"])
@pytest.mark.parametrize("value", ["\0", "x" * 100_000, "\ud83d\ude00".encode(errors="ignore"), "'; --"])
def test_nonsense_is_refused_without_a_fuss(client, alice, field, value):
    assert give_password(client, **{"email": alice.email, field: value}).status_code == 422


@pytest.mark.proves("3.5.1", "V-26")
def test_signing_in_needs_the_token_of_its_page(alice):
    assert give_password(Client(enforce_csrf_checks=True)).status_code == 403


def test_signing_in_gives_the_browser_a_new_session(client, alice, bob):
    give_password(client)
    before = client.session.session_key
    client.post("/accounts/logout/")
    give_password(client, "bob@example.com")
    assert client.session.session_key != before


@pytest.mark.proves("V-27")
def test_a_session_planted_before_signing_in_is_not_kept(client, alice):
    planted = client.session
    planted["basket"] = 1
    planted.save()
    client.cookies["sessionid"] = planted.session_key
    give_password(client)
    assert client.session.session_key != planted.session_key


def test_the_session_holds_no_password(as_alice):
    assert PASSWORD not in str(dict(as_alice.session))


# S-14: a hash that is renewed at sign-in


@pytest.fixture
def old_hash(alice, real_hasher):
    """PBKDF2, with few iterations, because the number changes nothing here but the time."""
    User.objects.update(password=PBKDF2PasswordHasher().encode(PASSWORD, "somesalt", iterations=1000))


def test_an_old_hash_is_renewed_at_sign_in(client, old_hash):
    give_password(client)
    assert User.objects.get().password.startswith("argon2$argon2id$")


@pytest.mark.proves("S-14")
def test_a_person_who_signs_in_with_an_old_hash_stays_signed_in(client, old_hash):
    give_password(client)
    assert client.get("/accounts/profile/").status_code == 200


def test_a_renewed_hash_is_no_new_password(client, old_hash):
    give_password(client)
    assert User.objects.get().security_epoch == 0


def test_the_second_sign_in_renews_nothing(client, old_hash):
    give_password(client)
    first = User.objects.get().password
    give_password(Client())
    assert User.objects.get().password == first
