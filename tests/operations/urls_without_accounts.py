"""A site that has the administration and two-factor sign-in, and no page of ours for a password."""

from django.contrib.auth.views import LoginView
from django.urls import include, path

from tests.operations.test_django_password_views import site

urlpatterns = [
    path("two-factor/", include("twofactor.urls")),
    path("theirs/", site.urls),
    path("login/", LoginView.as_view(), name="login"),
    path("", LoginView.as_view(), name="home"),
]
