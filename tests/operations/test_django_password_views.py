"""Django's own views that set a password, on another site: all of them ask for both factors first."""

from datetime import timedelta

import pytest
from django.contrib.admin import AdminSite
from django.contrib.auth import urls as auth_urls
from django.contrib.auth.admin import UserAdmin
from django.test import Client
from django.urls import include, path
from django.utils import timezone

from accounts.models import User
from config.urls import urlpatterns as ours
from tests.people import PASSWORD, add_app, enrol, give_password, person, sign_in
from twofactor.admin import TwoFactorUserAdmin
from twofactor.adminsite import TwoFactorAdminSite
from twofactor.factors import totp

NEW = "a quiet green harbour"


class Theirs(TwoFactorUserAdmin, UserAdmin):
    ordering = ("email",)
    list_display = ("email",)
    list_filter = ()


site = TwoFactorAdminSite(name="theirs")
site.register(User, Theirs)
plain = AdminSite(name="plain")


class Own(AdminSite):
    """With the page at another address, too."""

    def get_urls(self):
        return [path("own-password/", self.admin_view(self.password_change)), *super().get_urls()]


own = Own(name="own")
urlpatterns = [
    path("plain/", plain.urls),
    path("own/", own.urls),
    path("theirs/", site.urls),
    path("auth/", include((auth_urls.urlpatterns, "auth"))),
    *ours,
]

pytestmark = [pytest.mark.django_db, pytest.mark.urls(__name__)]


@pytest.fixture
def superuser(clock):
    return person(is_staff=True, is_superuser=True)


@pytest.fixture
def browser_and_phone(superuser, clock):
    """The browser of a superuser who signed in six minutes ago, and the phone with the next code."""
    client, phone = Client(), enrol(superuser)
    sign_in(client, phone)
    clock.shift(360)
    return client, phone


def confirm(client, phone):
    client.post("/two-factor/confirm/", {"password": PASSWORD, "code": phone.code()})


OWN = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
PAGES = {
    "of Django": ("/auth/password_change/", OWN),
    "of a plain admin site": ("/plain/password_change/", OWN),
    "of an admin site of their own": ("/own/own-password/", OWN),
    "of the administration": ("/theirs/accounts/user/{}/password/", {"password1": NEW, "password2": NEW}),
}


@pytest.mark.proves("L-4", "S-10")
@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_for_both_factors_first(browser_and_phone, superuser, page):
    to, form = PAGES[page]
    answer = browser_and_phone[0].post(to.format(superuser.pk), form)
    assert (answer.url.partition("?")[0], User.objects.get().check_password(NEW)) == (
        "/two-factor/confirm/",
        False,
    )


@pytest.mark.parametrize("page", PAGES)
def test_a_page_sets_the_password_after_that(browser_and_phone, superuser, page):
    to, form = PAGES[page]
    confirm(*browser_and_phone)
    browser_and_phone[0].post(to.format(superuser.pk), form)
    assert User.objects.get().check_password(NEW)


@pytest.mark.parametrize("page", PAGES)
def test_a_sign_in_with_both_is_enough_for_a_page(superuser, page):
    client = Client()
    sign_in(client, enrol(superuser))
    to, form = PAGES[page]
    client.post(to.format(superuser.pk), form)
    assert User.objects.get().check_password(NEW)


@pytest.mark.proves("S-10-recent")
def test_an_app_added_recently_sets_no_password_in_the_administration(superuser, clock):
    client, _older = Client(), enrol(superuser)
    recent = add_app(superuser, totp.generate_key(), timezone.now() - timedelta(minutes=59), name="New")
    sign_in(client, recent)
    to, form = PAGES["of the administration"]
    client.post(to.format(superuser.pk), form)
    assert User.objects.get().check_password(PASSWORD)


def test_without_a_second_factor_djangos_page_is_as_it_was(superuser):
    client = Client()
    give_password(client)
    client.post("/auth/password_change/", OWN)
    assert User.objects.get().check_password(NEW)


@pytest.mark.parametrize("confirmed", [False, True])
def test_an_administration_without_our_page_asks_first_too(browser_and_phone, settings, confirmed):
    settings.ROOT_URLCONF = "tests.operations.urls_without_accounts"
    if confirmed:
        confirm(*browser_and_phone)
    browser_and_phone[0].post("/theirs/password_change/", OWN)
    assert User.objects.get().check_password(NEW) is confirmed
