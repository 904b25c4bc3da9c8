import pytest
from django.test import Client

from accounts.models import User
from tests.people import NOW, PASSWORD, give_password, person

pytestmark = pytest.mark.django_db
PEOPLE = "/admin/accounts/user/"


@pytest.fixture
def admin(client):
    """The browser of somebody who may do everything."""
    person("root@example.com", is_staff=True, is_superuser=True)
    give_password(client, "root@example.com")
    return client


def fields(user, **changed):
    return {"email": user.email, "name": user.name, "language": "", "is_active": "on", **changed}


@pytest.mark.parametrize("page", ["", "add/", "{}/change/", "{}/password/", "{}/history/", "{}/delete/"])
def test_every_page_about_people_opens(admin, bob, page):
    assert admin.get(PEOPLE + page.format(bob.pk)).status_code == 200


@pytest.mark.parametrize("page", ["", "{}/change/", "{}/password/", "{}/delete/"])
def test_no_page_shows_the_hash_of_a_password(admin, bob, real_hasher, page):
    bob.set_password(PASSWORD)
    bob.save()
    shown = admin.get(PEOPLE + page.format(bob.pk)).content.decode()
    assert bob.password.rsplit("$", 1)[1] not in shown


def test_no_page_shows_the_epoch(admin, bob):
    assert "epoch" not in admin.get(f"{PEOPLE}{bob.pk}/change/").content.decode()


def test_people_are_found_by_address(admin, bob):
    assert "bob@example.com" in admin.get(PEOPLE, {"q": "bob@"}).content.decode()


def test_a_name_is_text_and_never_markup(admin):
    person("eve@example.com", name="<img src=x onerror=alert(1)>")
    assert "<img src=x" not in admin.get(PEOPLE).content.decode()


def test_a_person_can_be_added(admin):
    data = {
        "email": "Carol@Example.com",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    admin.post(f"{PEOPLE}add/", data)
    assert give_password(Client(), "carol@example.com").status_code == 303


def test_an_added_person_has_confirmed_nothing(admin):
    admin.post(f"{PEOPLE}add/", {"email": "carol@example.com", "usable_password": "false"})
    assert User.objects.get(email="carol@example.com").email_verified_at is None


def test_another_spelling_of_a_taken_address_is_refused(admin, bob):
    data = {
        "email": "BOB@example.com",
        "usable_password": "true",
        "password1": PASSWORD,
        "password2": PASSWORD,
    }
    assert "This address is taken" in admin.post(f"{PEOPLE}add/", data).content.decode()


def test_a_name_can_be_changed(admin, bob):
    admin.post(f"{PEOPLE}{bob.pk}/change/", fields(bob, name="Bob"))
    assert User.objects.get(pk=bob.pk).name == "Bob"


def test_changing_a_name_leaves_the_address_confirmed(admin):
    bob = person("bob@example.com", email_verified_at=NOW)
    admin.post(f"{PEOPLE}{bob.pk}/change/", fields(bob, name="Bob"))
    assert User.objects.get(pk=bob.pk).email_verified_at == NOW


def test_nobody_confirms_an_address_for_somebody_else(admin):
    bob = person("bob@example.com", email_verified_at=None)
    sent = {"email_verified_at_0": "2026-01-01", "email_verified_at_1": "12:00"}
    admin.post(f"{PEOPLE}{bob.pk}/change/", fields(bob, **sent))
    assert User.objects.get(pk=bob.pk).email_verified_at is None


def test_blocking_a_person_signs_them_out(admin, bob):
    bobs = Client()
    give_password(bobs, "bob@example.com")
    admin.post(f"{PEOPLE}{bob.pk}/change/", fields(bob, is_active=""))
    assert bobs.get("/accounts/profile/").status_code == 302


def test_a_password_set_by_an_administrator_signs_the_person_out(admin, bob):
    bobs = Client()
    give_password(bobs, "bob@example.com")
    data = {"usable_password": "true", "password1": "another good one", "password2": "another good one"}
    admin.post(f"{PEOPLE}{bob.pk}/password/", data)
    assert bobs.get("/accounts/profile/").status_code == 302


def test_changing_the_own_password_keeps_the_administrator_signed_in(admin):
    new = "another good one"
    admin.post(
        "/admin/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    )
    assert admin.get(PEOPLE).status_code == 200


def test_a_password_taken_away_opens_nothing(admin, bob):
    admin.post(f"{PEOPLE}{bob.pk}/password/", {"usable_password": "false", "unset-password": "1"})
    assert give_password(Client(), "bob@example.com").status_code == 422


def test_somebody_who_is_not_staff_is_kept_out(as_alice):
    assert as_alice.get(PEOPLE)["Location"].startswith("/admin/login/")


def test_nobody_gets_in_without_signing_in(client, db):
    assert client.get("/admin/")["Location"].startswith("/admin/login/")


def test_a_deleted_person_is_signed_out(admin, bob):
    bobs = Client()
    give_password(bobs, "bob@example.com")
    admin.post(f"{PEOPLE}{bob.pk}/delete/", {"post": "yes"})
    assert bobs.get("/accounts/profile/").status_code == 302


def test_the_administration_is_offered_to_staff(admin):
    assert 'href="/admin/"' in admin.get("/").content.decode()


def test_the_administration_is_not_offered_to_others(as_alice):
    assert 'href="/admin/"' not in as_alice.get("/").content.decode()
