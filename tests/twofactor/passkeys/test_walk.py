import pytest

from tests.people import PASSWORD, give_password, signed_in_as
from tests.twofactor.passkeys.browser import forms_of, new_key, new_passkey, next_use, store
from twofactor.models import Event, Passkey, TwoFactor


@pytest.mark.proves("N-16", "PK-01")
def test_sign_in_alone(alice, passkey, laptop):
    response = laptop.sign_in(passkey)
    assert (response.status_code, response.headers["Location"]) == (303, "/")
    assert signed_in_as(laptop) == alice
    assert laptop.session["twofactor_amr"] == "passkey"
    assert Event.objects.get(kind="signed_in_with_passkey").detail == {
        "method": "passkey",
        "passkey": "Laptop",
    }


def test_set_up_by_passkey(alice, laptop):
    give_password(laptop)
    page = laptop.get("/two-factor/passkeys/add/")
    passkey = new_passkey()
    response = laptop.use(forms_of(page)[0], passkey)
    assert response.status_code == 303, response.content.decode()
    assert not TwoFactor.objects.exists()
    page = laptop.get("/two-factor/setup/codes/", follow=True)
    assert page.status_code == 200
    assert "backup" in page.content.decode()
    response = laptop.post("/two-factor/setup/codes/", {"saved": "on"})
    assert response.status_code == 303, response.content.decode()
    assert TwoFactor.objects.exists()
    assert laptop.get("/two-factor/").status_code == 200


def test_after_the_password(alice, phone, passkey, laptop):
    response = give_password(laptop)
    assert response.headers["Location"] == "/two-factor/verify/"
    page = laptop.get("/two-factor/verify/")
    assert page.status_code == 200
    (form,) = forms_of(page)
    response = laptop.use(form, passkey)
    assert response.status_code == 303, response.content.decode()
    assert signed_in_as(laptop) == alice


@pytest.mark.proves("PK-01")
def test_with_a_key(alice, phone, laptop):
    key = new_key()
    store(alice, key, name="Key")
    give_password(laptop)
    (form,) = forms_of(laptop.get("/two-factor/verify/"))
    response = laptop.use(form, next_use(key))
    assert response.status_code == 303, response.content.decode()
    assert laptop.session["twofactor_amr"] == "key"
    assert Passkey.objects.get().sign_count == 2


def test_step_up(alice, phone, passkey, laptop):
    laptop.sign_in(passkey)
    page = laptop.get("/two-factor/disable/")
    (form,) = forms_of(page)
    response = laptop.use(form, passkey)
    assert response.status_code == 303, response.content.decode()
    assert not TwoFactor.objects.exists()


def test_step_up_with_key(alice, phone, laptop):
    key = new_key()
    store(alice, key, name="Key")
    give_password(laptop)
    laptop.use(forms_of(laptop.get("/two-factor/verify/"))[0], next_use(key))
    page = laptop.get("/two-factor/disable/")
    (form,) = forms_of(page)
    response = laptop.use(form, next_use(key), {"password": PASSWORD})
    assert response.status_code == 303, response.content.decode()
