import pytest
from django.test import Client

from accounts.models import User
from tests.accounts.letters import letters, link
from tests.people import NOW, PASSWORD, enrol, give_password, person, sign_in

pytestmark = pytest.mark.django_db
PEOPLE = "/admin/accounts/user/"


@pytest.fixture
def admin(client, clock):
    """The browser of a superuser."""
    root = person("root@example.com", is_staff=True, is_superuser=True)
    phone = enrol(root)
    sign_in(client, phone, root.email)
    client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code(off=1)})
    return client


def fields(user, **changed):
    return {"email": user.email, "name": user.name, "language": "", "is_active": "on", **changed}


@pytest.mark.parametrize("page", ["", "add/", "{}/change/", "{}/history/", "{}/delete/"])
def test_every_page_about_people_opens(admin, bob, page):
    assert admin.get(PEOPLE + page.format(bob.pk)).status_code == 200


@pytest.mark.parametrize("page", ["", "{}/change/", "{}/history/", "{}/delete/"])
def test_no_page_shows_the_hash_of_a_password(admin, bob, real_hasher, page):
    bob.set_password(PASSWORD)
    bob.save()
    page = admin.get(PEOPLE + page.format(bob.pk))
    assert (page.status_code, bob.password.rsplit("$", 1)[1] in page.text) == (200, False)


def test_no_page_shows_the_epoch(admin, bob):
    assert "epoch" not in admin.get(f"{PEOPLE}{bob.pk}/change/").text


def test_people_are_found_by_address(admin, bob):
    assert "bob@example.com" in admin.get(PEOPLE, {"q": "bob@"}).text


@pytest.mark.proves("3.2.2")
def test_a_name_is_text_and_never_markup(admin):
    person("eve@example.com", name="<img src=x onerror=alert(1)>")
    assert "<img src=x" not in admin.get(PEOPLE).text


def add(admin, email="carol@example.com", **fields):
    return admin.post(f"{PEOPLE}add/", {"email": email, "is_active": "on", **fields})


def test_a_person_can_be_added(admin):
    add(admin, "Carol@Example.com")
    assert User.objects.filter(email="carol@example.com").exists()


def test_an_added_person_has_confirmed_nothing(admin):
    add(admin)
    assert User.objects.get(email="carol@example.com").email_verified_at is None


def test_an_added_person_has_no_password(admin):
    add(admin, password=PASSWORD, password1=PASSWORD, password2=PASSWORD, usable_password="true")
    assert not User.objects.get(email="carol@example.com").has_usable_password()


def test_an_added_person_chooses_a_password_with_the_reset_link(admin):
    add(admin)
    carols = Client()
    carols.post("/accounts/password_reset/", {"email": "carol@example.com"})
    form = carols.get(link())["Location"]
    carols.post(form, {"new_password1": PASSWORD, "new_password2": PASSWORD})
    assert give_password(carols, "carol@example.com").status_code == 303


def test_adding_a_person_sends_nothing(admin):
    add(admin)
    assert letters() == []


def test_another_spelling_of_a_taken_address_is_refused(admin, bob):
    assert "This email address is already in use." in add(admin, "BOB@example.com").text


def test_a_name_can_be_changed(admin, bob):
    admin.post(f"{PEOPLE}{bob.pk}/change/", fields(bob, name="Bob"))
    assert User.objects.get(pk=bob.pk).name == "Bob"


def test_changing_a_name_leaves_the_address_confirmed(admin):
    bob = person("bob@example.com", email_verified_at=NOW)
    admin.post(f"{PEOPLE}{bob.pk}/change/", fields(bob, name="Bob"))
    assert User.objects.get(pk=bob.pk).email_verified_at == NOW


def test_nobody_confirms_an_address_for_someone_else(admin):
    bob = person("bob@example.com", email_verified_at=None)
    sent = {"email_verified_at_0": "2026-01-01", "email_verified_at_1": "12:00"}
    admin.post(f"{PEOPLE}{bob.pk}/change/", fields(bob, **sent))
    assert User.objects.get(pk=bob.pk).email_verified_at is None


def test_blocking_a_person_signs_them_out(admin, bob):
    bobs = Client()
    give_password(bobs, "bob@example.com")
    admin.post(f"{PEOPLE}{bob.pk}/change/", fields(bob, is_active=""))
    assert bobs.get("/accounts/profile/").status_code == 302


def test_an_address_changed_by_an_administrator_is_not_confirmed(admin, bob):
    admin.post(f"{PEOPLE}{bob.pk}/change/", fields(bob, email="bob@new.example"))
    assert User.objects.get(pk=bob.pk).email_verified_at is None


@pytest.mark.parametrize(("own", "told"), [(True, True), (False, False)])
def test_a_changed_address_tells_where_its_owner_sat_and_never_support(admin, bob, own, told):
    user = User.objects.get(is_staff=True) if own else bob
    admin.defaults["REMOTE_ADDR"] = "203.0.113.7"
    powers = {"is_staff": "on", "is_superuser": "on"} if own else {}
    admin.post(f"{PEOPLE}{user.pk}/change/", fields(user, email="new@new.example", **powers))
    about = [letter for letter in letters() if "address was changed" in letter.subject]
    assert ["203.0.113.7" in letter.body for letter in about] == [told, told]


@pytest.mark.proves("6.4.6")
@pytest.mark.parametrize("send", [Client.get, Client.post])
def test_there_is_no_page_to_set_someones_password(admin, bob, send):
    send(
        admin,
        f"{PEOPLE}{bob.pk}/password/",
        {"password1": "another good one", "password2": "another good one"},
    )
    assert User.objects.get(pk=bob.pk).check_password(PASSWORD)


def test_changing_someone_leaves_their_password(admin, bob):
    admin.post(f"{PEOPLE}{bob.pk}/change/", fields(bob, password="another good one"))
    assert User.objects.get(pk=bob.pk).check_password(PASSWORD)


def test_changing_the_own_password_keeps_the_administrator_signed_in(admin):
    new = "another good one"
    admin.post(
        "/admin/password_change/", {"old_password": PASSWORD, "new_password1": new, "new_password2": new}
    )
    assert admin.get(PEOPLE).status_code == 200


def test_someone_who_is_not_staff_is_kept_out(as_alice):
    assert as_alice.get(PEOPLE)["Location"].startswith("/admin/login/")


def test_the_page_of_a_person_leads_to_help_with_signing_in(admin, bob):
    assert f'href="{PEOPLE}{bob.pk}/two-factor/"' in admin.get(f"{PEOPLE}{bob.pk}/change/").text


def test_nobody_gets_in_without_signing_in(client, db):
    assert client.get("/admin/")["Location"].startswith("/admin/login/")


def test_a_deleted_person_is_signed_out(admin, bob):
    bobs = Client()
    give_password(bobs, "bob@example.com")
    admin.post(f"{PEOPLE}{bob.pk}/delete/", {"post": "yes"})
    assert bobs.get("/accounts/profile/").status_code == 302


def test_the_administration_is_offered_to_staff(admin):
    assert 'href="/admin/"' in admin.get("/").text


def test_the_administration_is_not_offered_to_others(as_alice):
    assert 'href="/admin/"' not in as_alice.get("/").text
