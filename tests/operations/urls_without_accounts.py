"""The URLs of a site with the admin and twofactor, and without the pages of accounts."""

from django.contrib.auth.views import LoginView
from django.urls import include, path

from tests.operations.test_django_password_views import site

urlpatterns = [
    path("two-factor/", include("twofactor.urls")),
    path("theirs/", site.urls),
    path("login/", LoginView.as_view(), name="login"),
    path("", LoginView.as_view(), name="home"),
]
