"""Which staff may help or change whom: nobody gains power, or touches people with more of it."""

from datetime import timedelta
from types import ModuleType

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, Permission
from django.db.models.signals import pre_save
from django.urls import path

from accounts.models import User
from config import urls
from tests.operations.admin_and_commands import PEOPLE, browser_of, help_page, step_up
from tests.people import PASSWORD, enrol, person
from twofactor.admin import TwoFactorUserAdmin
from twofactor.models import BackupCode, Event

pytestmark = pytest.mark.django_db


GROUPS = "/admin/auth/group/"


def staff(email, *rights):
    user = person(email, is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    return user


# Who may help whom


def test_help_needs_both_factors_once_more(admin, alice):
    assert admin.get(help_page(alice))["Location"].startswith("/two-factor/confirm/?")


@pytest.mark.proves("S-10")
def test_a_sign_in_of_the_last_five_minutes_is_enough(superuser, superuser_phone, clock, alice):
    client = browser_of(superuser, superuser_phone, clock)
    assert client.get(help_page(alice)).status_code == 200


def test_the_page_that_asks_says_what_for(admin, alice):
    page = admin.get(help_page(alice), follow=True).text
    assert "To continue to the administration, confirm it&#x27;s you." in page


def test_help_is_there_after_giving_them(stepped_up, alice):
    assert stepped_up.get(help_page(alice)).status_code == 200


def test_five_minutes_later_they_are_asked_for_again(stepped_up, alice, clock):
    clock.shift(timedelta(minutes=5))
    assert stepped_up.get(help_page(alice)).status_code == 303


@pytest.mark.parametrize("end", ["reset/", "emergency-code/", "end-sessions/"])
def test_no_help_is_given_without_them(admin, alice, phone, end):
    admin.post(help_page(alice, end), {"reset-reason": "x", "code-reason": "x", "sessions-reason": "x"})
    assert not Event.objects.filter(user=alice).exclude(kind="signed_in_with_code").exists()


def helper_with(clock, *rights):
    user = staff("helper@example.com", *rights)
    phone = enrol(user)
    return step_up(browser_of(user, phone, clock), phone, clock)


def test_staff_who_may_change_people_can_help(alice, clock):
    assert helper_with(clock, "change_user").get(help_page(alice)).status_code == 200


@pytest.mark.parametrize("end", ["", "reset/", "emergency-code/", "end-sessions/"])
def test_staff_who_may_only_look_cannot_help(alice, phone, clock, end):
    assert helper_with(clock, "view_user").post(help_page(alice, end)).status_code == 403


@pytest.mark.parametrize("end", ["", "reset/", "emergency-code/", "end-sessions/"])
def test_only_superusers_help_superusers(superuser, superuser_phone, clock, end):
    assert helper_with(clock, "change_user").post(help_page(superuser, end)).status_code == 403


def test_superusers_help_superusers(stepped_up):
    other = person("other@example.com", is_staff=True, is_superuser=True)
    assert stepped_up.get(help_page(other)).status_code == 200


def test_an_unknown_person_has_no_help_page(stepped_up):
    assert stepped_up.get(f"{PEOPLE}999/two-factor/").status_code == 403


def test_opening_the_url_of_an_action_redirects_to_its_page(stepped_up, alice, phone):
    assert stepped_up.get(help_page(alice, "reset/")).url == help_page(alice)


def test_helping_needs_the_token_of_its_page(stepped_up, alice, phone):
    stepped_up.handler.enforce_csrf_checks = True
    assert stepped_up.post(help_page(alice, "reset/"), {"reset-reason": "lost"}).status_code == 403


# Permissions


@pytest.fixture
def helper(clock):
    return helper_with(clock, "change_user", "add_user", "view_user")


def any_permission():
    """A key that exists: a flushed database gives its permissions new ones."""
    return Permission.objects.values_list("pk", flat=True).first()


def with_power(email):
    return {
        "email": email,
        "is_active": "on",
        "is_staff": "on",
        "is_superuser": "on",
        "user_permissions": [any_permission()],
    }


def test_staff_give_no_power_away(helper, alice):
    helper.post(f"{PEOPLE}{alice.pk}/change/", with_power(alice.email))
    alice.refresh_from_db()
    assert (alice.is_staff, alice.is_superuser, alice.user_permissions.count()) == (False, False, 0)


def test_staff_add_nobody_with_power(helper):
    helper.post(f"{PEOPLE}add/", with_power("eve@example.com"))
    eve = User.objects.get(email="eve@example.com")
    assert (eve.is_staff, eve.is_superuser, eve.user_permissions.count()) == (False, False, 0)


def test_staff_give_themselves_no_power(helper):
    own = User.objects.get(email="helper@example.com")
    helper.post(f"{PEOPLE}{own.pk}/change/", with_power(own.email))
    own.refresh_from_db()
    assert (own.is_superuser, own.user_permissions.count()) == (False, 3)


def test_changing_a_person_needs_both_factors_once_more(admin, alice):
    page = f"{PEOPLE}{alice.pk}/change/"
    answer = admin.post(page, {"email": "mine@example.com", "is_active": "on"})
    assert answer["Location"].startswith("/two-factor/confirm/?")
    alice.refresh_from_db()
    assert alice.email == "alice@example.com"


def test_adding_a_person_needs_both_factors_once_more(admin):
    answer = admin.post(f"{PEOPLE}add/", with_power("eve@example.com"))
    assert answer["Location"].startswith("/two-factor/confirm/?")
    assert not User.objects.filter(email="eve@example.com").exists()


def test_deleting_a_person_needs_both_factors_once_more(admin, alice):
    answer = admin.post(f"{PEOPLE}{alice.pk}/delete/", {"post": "yes"})
    assert answer["Location"].startswith("/two-factor/confirm/?")
    assert User.objects.filter(pk=alice.pk).exists()


def test_changing_a_group_needs_both_factors_once_more(admin):
    answer = admin.post(f"{GROUPS}add/", {"name": "chiefs"})
    assert answer["Location"].startswith("/two-factor/confirm/?")
    assert not Group.objects.exists()


def test_who_has_all_power_makes_groups(stepped_up):
    stepped_up.post(f"{GROUPS}add/", {"name": "chiefs", "permissions": [any_permission()]})
    assert Group.objects.get().permissions.count() == 1


def test_nobody_else_changes_what_a_group_may(clock):
    group = Group.objects.create(name="clerks")
    clerk = helper_with(clock, "view_group", "add_group", "change_group", "delete_group")
    answer = clerk.post(f"{GROUPS}{group.pk}/change/", {"name": "clerks", "permissions": [any_permission()]})
    assert (answer.status_code, group.permissions.count()) == (403, 0)


@pytest.mark.parametrize("end", ["change/", "two-factor/", "two-factor/emergency-code/"])
def test_a_helper_changes_no_people_with_more_rights(helper, end):
    chief = staff("chief@example.com", "change_group")
    enrol(chief)
    answer = helper.post(f"{PEOPLE}{chief.pk}/{end}", {"email": "mine@example.com", "code-reason": "x"})
    chief.refresh_from_db()
    assert (answer.status_code, chief.email, BackupCode.objects.count()) == (403, "chief@example.com", 0)


@pytest.fixture(params=["their own", "by a group", "all"])
def former_admin(request, db, clock):
    """Had more rights than a helper, and has been deactivated."""
    former = person("former@example.com", is_active=False, is_superuser=request.param == "all")
    right = Permission.objects.get(codename="change_group")
    if request.param == "their own":
        former.user_permissions.add(right)
    if request.param == "by a group":
        group = Group.objects.create(name="chiefs")
        group.permissions.add(right)
        former.groups.add(group)
    return former


@pytest.mark.parametrize("end", ["change/", "delete/", "two-factor/", "two-factor/reset/"])
def test_a_helper_changes_no_people_who_had_more_rights(helper, former_admin, end):
    enrol(former_admin)
    answer = helper.post(
        f"{PEOPLE}{former_admin.pk}/{end}",
        {"email": "mine@example.com", "is_active": "on", "post": "yes", "reset-reason": "x"},
    )
    now = User.objects.get(pk=former_admin.pk)
    unchanged = (now.is_active, now.email, hasattr(now, "two_factor"))
    assert (answer.status_code, *unchanged) == (403, False, "former@example.com", True)


@pytest.mark.parametrize("active", [True, False])
@pytest.mark.parametrize("power", ["staff", "a right"])
def test_only_superusers_let_someone_with_power_in_or_keep_them_out(helper, active, power):
    other = person("other@example.com", is_active=active, is_staff=power == "staff")
    if power == "a right":
        other.user_permissions.add(Permission.objects.get(codename="change_user"))
    sent = {"email": other.email, "name": "Other", **({} if active else {"is_active": "on"})}
    helper.post(f"{PEOPLE}{other.pk}/change/", sent)
    other.refresh_from_db()
    assert (other.name, other.is_active) == ("Other", active)


def test_a_helper_lets_people_without_power_in_again(helper):
    other = person("other@example.com", is_active=False)
    helper.post(f"{PEOPLE}{other.pk}/change/", {"email": other.email, "is_active": "on"})
    other.refresh_from_db()
    assert other.is_active


class WithPasswords(TwoFactorUserAdmin, UserAdmin):
    """The admin of another site, which sets passwords."""

    ordering = ("email",)


@pytest.fixture
def password_page(settings, alice):
    site = AdminSite(name="own")
    site.register(User, WithPasswords)
    module = ModuleType("own")
    module.__dict__.update(vars(urls), urlpatterns=[*urls.urlpatterns, path("own/", site.urls)])
    settings.ROOT_URLCONF = module
    return f"/own/accounts/user/{alice.pk}/password/"


def set_password(client, page):
    new = "a quiet green harbour"
    return client.post(page, {"password1": new, "password2": new, "usable_password": "true"})


def test_setting_a_password_in_ones_own_administration_needs_both_factors(admin, password_page, alice):
    assert set_password(admin, password_page)["Location"].startswith("/two-factor/confirm/?")
    alice.refresh_from_db()
    assert alice.check_password(PASSWORD)


def test_nobody_sets_the_password_of_people_with_more_rights(helper, password_page, alice):
    User.objects.filter(pk=alice.pk).update(is_superuser=True, is_active=False)
    assert set_password(helper, password_page).status_code == 403


def test_staff_who_may_help_set_a_password(helper, password_page, alice):
    set_password(helper, password_page)
    alice.refresh_from_db()
    assert not alice.check_password(PASSWORD)


@pytest.mark.parametrize("list_page", [GROUPS, PEOPLE])
def test_nothing_is_deleted_in_bulk(stepped_up, admin, alice, list_page):
    group = Group.objects.create(name="clerks")
    chosen = group.pk if list_page == GROUPS else alice.pk
    admin.post(list_page, {"action": "delete_selected", "_selected_action": [chosen], "post": "yes"})
    assert Group.objects.filter(pk=group.pk).exists()
    assert User.objects.filter(pk=alice.pk).exists()


def test_an_administrators_save_leaves_a_password_that_was_changed_meanwhile(stepped_up, alice):
    def meanwhile(sender, instance, **kwargs):
        User.objects.filter(pk=alice.pk).update(password="a newer hash")

    pre_save.connect(meanwhile, sender=User)
    try:
        stepped_up.post(
            f"{PEOPLE}{alice.pk}/change/", {"email": alice.email, "is_active": "on", "name": "Al"}
        )
    finally:
        pre_save.disconnect(meanwhile, sender=User)
    alice.refresh_from_db()
    assert (alice.name, alice.password) == ("Al", "a newer hash")


def test_people_with_the_same_rights_help_each_other(helper):
    other = staff("other@example.com", "change_user")
    assert helper.get(help_page(other)).status_code == 200


def test_a_person_who_trusts_a_browser_can_be_deleted(stepped_up, trusted, alice):
    stepped_up.post(f"{PEOPLE}{alice.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(email=alice.email).exists()


def test_superusers_give_power_away(stepped_up, alice):
    stepped_up.post(
        f"{PEOPLE}{alice.pk}/change/", {"email": alice.email, "is_active": "on", "is_staff": "on"}
    )
    alice.refresh_from_db()
    assert alice.is_staff


class WithFields(TwoFactorUserAdmin):
    list_display = ("email", "name")
    list_editable = ("name",)
    ordering = ("email",)


with_fields = AdminSite(name="with_fields")
with_fields.register(User, WithFields)
site_with_fields = ModuleType("site_with_fields")
vars(site_with_fields)["urlpatterns"] = [path("fields/", with_fields.urls), *urls.urlpatterns]


@pytest.mark.proves("S-10")
@pytest.mark.parametrize(("browser", "name"), [("admin", ""), ("stepped_up", "Alice")])
def test_changing_people_in_the_list_needs_both_factors(request, settings, alice, browser, name):
    settings.ROOT_URLCONF = site_with_fields
    client = request.getfixturevalue(browser)
    people = [alice, User.objects.get(is_superuser=True)]
    form = {"form-TOTAL_FORMS": "2", "form-INITIAL_FORMS": "2", "_save": "Save"}
    for number, user in enumerate(people):
        form |= {f"form-{number}-id": str(user.pk), f"form-{number}-name": "Alice" if user == alice else ""}
    client.post("/fields/accounts/user/", form)
    alice.refresh_from_db()
    assert alice.name == name
