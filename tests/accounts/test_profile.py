import pytest

from accounts.forms import ProfileForm
from accounts.models import User

pytestmark = pytest.mark.django_db


def save(client, name="Alice", language="", **data):
    return client.post("/accounts/profile/", {"name": name, "language": language, **data})


def test_the_name_is_kept(as_alice):
    save(as_alice)
    assert User.objects.get().name == "Alice"


def test_saving_leads_back_to_the_profile(as_alice):
    response = save(as_alice)
    assert (response.status_code, response["Location"]) == (303, "/accounts/profile/")


def test_saving_is_told_once(as_alice):
    save(as_alice)
    pages = [as_alice.get("/accounts/profile/").text for _ in range(2)]
    assert [page.count("Your profile has been saved.") for page in pages] == [1, 0]


def test_saving_is_told_in_the_language_just_chosen(as_alice):
    save(as_alice, language="ar")
    assert '<html lang="ar" dir="rtl">' in as_alice.get("/accounts/profile/").text


def test_a_name_is_not_asked_for(as_alice):
    assert save(as_alice, name="").status_code == 303


def test_the_home_page_greets_by_name(as_alice):
    save(as_alice)
    assert "Hello, Alice" in as_alice.get("/").text


def test_who_has_no_name_is_greeted_by_address(as_alice):
    assert "Hello, alice@example.com" in as_alice.get("/").text


@pytest.mark.proves("3.2.2", "V-32")
@pytest.mark.parametrize("path", ["/", "/accounts/profile/", "/accounts/email/change/", "/two-factor/"])
def test_a_name_is_text_and_never_markup(as_alice, path):
    save(as_alice, name="<img src=x onerror=alert(1)>")
    assert "<img" not in as_alice.get(path).text


@pytest.mark.parametrize(("name", "language"), [("x" * 151, ""), ("a\0b", ""), ("Alice", "xx")])
def test_what_cannot_be_kept_is_refused(as_alice, name, language):
    assert save(as_alice, name, language).status_code == 422


def test_a_refused_name_is_not_shown_as_if_it_were_kept(as_alice):
    page = save(as_alice, "x" * 151).text
    assert f'<bdi class="who">{"x" * 151}' not in page


def test_a_refused_name_is_still_there_to_be_corrected(as_alice):
    assert f'value="{"x" * 151}"' in save(as_alice, "x" * 151).text


@pytest.mark.proves("15.3.3")
def test_nothing_but_name_and_language_is_taken(as_alice):
    save(as_alice, is_staff="on", email="eve@example.com", security_epoch="9", password="x")
    user = User.objects.get()
    assert (user.is_staff, user.email, user.security_epoch) == (False, "alice@example.com", 0)


def test_saving_a_name_does_not_bring_ended_sessions_back(alice):
    stale = User.objects.get(pk=alice.pk)
    alice.end_sessions()
    ProfileForm({"name": "Alice", "language": ""}, instance=stale).save()
    assert User.objects.get().security_epoch == 1


def test_saving_needs_someone_signed_in(client, alice):
    assert save(client)["Location"] == "/accounts/login/?next=%2Faccounts%2Fprofile%2F"


def test_the_page_says_whether_the_address_is_confirmed(as_alice):
    assert "not confirmed" not in as_alice.get("/accounts/profile/").text


def test_the_page_says_when_the_address_is_not_confirmed(as_alice):
    User.objects.update(email_verified_at=None)
    assert "not confirmed" in as_alice.get("/accounts/profile/").text


def test_the_home_page_reminds_of_an_address_that_is_not_confirmed(as_alice):
    User.objects.update(email_verified_at=None)
    assert 'action="/accounts/email/verify/send/"' in as_alice.get("/").text


def test_a_confirmed_person_is_not_reminded(as_alice):
    assert "/accounts/email/verify/send/" not in as_alice.get("/").text
