"""An administrator acts for a person: with django-hijack, or with a middleware that sets request.user."""

import pytest

from tests.doors.projects import PASSWORD, leads_to

OWN_PAGES = ["", "activity/", "devices/", "setup/", "confirm/", "backup-codes/", "disable/", "apps/add/"]


@pytest.fixture
def administrator(client, people):
    """Has given password and code."""
    person = people.take("with_factor")
    client.sign_in(person)
    client.give_code(person)
    return person


def act_for(client, person):
    return client.post("/hijack/acquire/", {"user_pk": person.pk})


def act_as(client, person):
    """With a middleware of the project, which reads the session for whom to act."""
    return client.post("/act-as/", {"username": person.name})


def connect_social_account(client, person):
    """To whoever is signed in, or acted for: the account of that person with a provider."""
    client.get("/accounts/dummy/login/?process=connect")
    to = client.post("/accounts/dummy/login/?process=connect").headers["Location"]
    client.get(to)
    return client.post(to, {"id": person.pk, "email": f"{person.name}@example.com", "email_verified": "on"})


def release(client):
    return client.post("/hijack/release/")


@pytest.mark.parametrize("kind", ["with_factor", "without_factor", "must_set_up"])
def test_nobody_is_asked_for_the_code_of_a_person_they_act_for(client, administrator, people, kind):
    person = people.take(kind)
    assert leads_to(act_for(client, person)) == (302, "/who/")
    assert client.who() == person.name


@pytest.mark.parametrize("kind", ["with_factor", "without_factor", "must_set_up"])
def test_who_acts_sees_and_changes_no_factor(client, administrator, people, kind):
    act_for(client, people.take(kind))
    pages = [f"/two-factor/{page}" for page in OWN_PAGES]
    answers = [*map(client.get, pages), *map(client.post, pages)]
    assert {answer.status_code for answer in answers} == {403}
    assert "acting for" in answers[0].text


@pytest.mark.parametrize("act", [act_for, act_as])
@pytest.mark.parametrize("kind", ["with_factor", "without_factor"])
def test_who_acts_sets_no_password(client, administrator, people, kind, act):
    person = people.take(kind)
    act(client, person)
    for page in ["/admin/password_change/", f"/admin/auth/user/{person.pk}/password/", "/django-password/"]:
        assert client.get(page).status_code == client.post(page).status_code == 403
        assert "acting for" in client.get(page).text


ALLAUTH_PAGES = [
    *("password/change/", "password/set/", "email/", "3rdparty/"),
    *("2fa/", "2fa/totp/activate/", "2fa/recovery-codes/generate/"),
]
ALLAUTH_API = ["account/password/change", "account/email", "account/authenticators/totp", "account/providers"]


@pytest.mark.parametrize("act", [act_for, act_as])
def test_who_acts_changes_nothing_on_allauths_pages(client, administrator, bob, act):
    """Not the password, nor the address, social accounts, and factors of allauth's own."""
    act(client, bob)
    pages = [f"/accounts/{page}" for page in ALLAUTH_PAGES]
    pages += [f"/_allauth/browser/v1/{page}" for page in ALLAUTH_API]
    answers = [*map(client.get, pages), *map(client.post, pages)]
    assert [(each.url, each.status_code) for each in answers if each.status_code != 403] == []
    assert all("acting for" in each.text for each in answers)


def test_who_acts_connects_no_social_account(client, administrator, bob):
    act_for(client, bob)
    answer = connect_social_account(client, administrator)
    assert (answer.status_code, "acting for" in answer.text) == (403, True)


def test_without_acting_people_use_allauths_pages(client, bob):
    client.sign_in(bob)
    assert client.get("/accounts/email/").status_code == 200
    assert leads_to(connect_social_account(client, bob)) == (302, "/accounts/3rdparty/")


def test_without_acting_an_administrator_may_set_passwords(client, administrator, bob):
    assert client.get(f"/admin/auth/user/{bob.pk}/password/").status_code == 200


def test_who_acts_is_never_verified(client, administrator, people):
    act_for(client, people.take("with_factor"))
    assert client.get("/async/who/").text.endswith(" False")
    assert client.get("/me/verified/").status_code == 403
    assert leads_to(client.get("/async/recent/")) == (303, "/two-factor/confirm/")


def test_who_acts_goes_on_to_no_other_person(client, administrator, people, bob):
    act_for(client, people.take("with_factor"))
    act_for(client, bob)
    assert client.who() != bob.name


def test_only_who_has_given_a_factor_may_act(client, bob, ann):
    client.sign_in(bob)
    assert leads_to(act_for(client, ann)) == (303, "/two-factor/setup/")
    assert client.who() == bob.name


def test_after_the_release_one_gives_ones_own_code(client, administrator, bob):
    act_for(client, bob)
    assert leads_to(release(client)) == (303, "/two-factor/verify/")
    assert client.who() == ""


@pytest.mark.parametrize("kind", ["with_factor", "without_factor"])
def test_the_audit_log_says_who_acted(client, administrator, people, kind):
    person = people.take(kind)
    act_for(client, person)
    assert client.story_of(person)["events"] == [["impersonated", f"user {administrator.pk}"]]


def test_acting_is_no_sign_in_of_the_person(client, administrator, ann):
    act_for(client, ann)
    assert client.story_of(ann)["last_login"] is None


def test_after_acting_a_sign_in_that_waits_is_still_none(client, administrator, ann):
    """django-hijack takes a receiver away, and puts another one back."""
    act_for(client, ann)
    client.post("/alogin/", {"username": ann.name, "password": PASSWORD})
    assert client.story_of(ann)["last_login"] is None


@pytest.mark.parametrize("end", ["/end-sessions-of/", "/deactivate/"])
@pytest.mark.parametrize("kind", ["with_factor", "without_factor"])
def test_acting_ends_with_the_one_who_acts(client, new_client, administrator, people, kind, end):
    act_for(client, people.take(kind))
    new_client().post(end, {"username": administrator.name})
    assert leads_to(client.get("/who/")) == (303, "/accounts/login/")
    assert client.who() == ""


def test_acting_goes_on_when_others_are_signed_out(client, new_client, administrator, ann, bob):
    act_for(client, ann)
    new_client().post("/end-sessions-of/", {"username": bob.name})
    assert client.who() == ann.name


# A middleware that sets another request.user


@pytest.fixture
def acting(client, administrator, bob):
    act_as(client, bob)
    return client


def test_another_user_in_the_session_of_an_administrator_sees_no_factor(acting, bob):
    assert acting.who() == bob.name
    assert {acting.get(f"/two-factor/{page}").status_code for page in OWN_PAGES} == {403}


def test_another_user_in_the_session_of_an_administrator_is_not_verified(acting, bob):
    assert acting.get("/async/who/").text == f"{bob.name} False"
    assert leads_to(acting.get("/async/recent/")) == (303, "/two-factor/confirm/")


@pytest.fixture
def acting_before(client, administrator, bob):
    """As acting, with a middleware before the one of this app."""
    client.post("/act-as/", {"username": bob.name, "where": "before"})
    assert client.who() == bob.name
    return client


@pytest.mark.parametrize("end", ["/end-sessions-of/", "/deactivate/"])
@pytest.mark.parametrize("fixture", ["acting", "acting_before"])
def test_another_user_goes_with_the_session_of_who_acts(request, fixture, new_client, administrator, end):
    client = request.getfixturevalue(fixture)
    new_client().post(end, {"username": administrator.name})
    client.get("/who/")
    assert client.who() == ""


def test_who_acts_stays_signed_in_when_the_other_user_is_signed_out(acting_before, new_client, bob):
    new_client().post("/end-sessions-of/", {"username": bob.name})
    assert acting_before.who() == bob.name
