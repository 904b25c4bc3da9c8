"""The URLs of each subject, and the one page that all of them have."""

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.urls import include, path


@login_required
def page(request):
    """A page behind sign-in, which says who is signed in."""
    return HttpResponse(f"<!doctype html><title>Page</title><h1>Good day, {request.user.get_username()}</h1>")


def addresses(subject):
    if subject == "ours":
        return [path("", include("config.urls"))]
    if subject in {"floor", "floor-signed"}:
        return [path("", include("tests.machinery.bench.floor.views"))]
    if subject in {"two-factor-auth", "two-factor-auth-axes"}:
        from two_factor.urls import urlpatterns

        return [path("", include(urlpatterns))]
    if subject in {"allauth", "allauth-shared"}:
        return [path("accounts/", include("allauth.urls"))]
    if subject == "mfa2":
        return [path("", include("tests.machinery.bench.host.views"))]
    if subject == "mfa3":
        from mfa.views import LoginView

        return [path("login/", LoginView.as_view()), path("mfa/", include("mfa.urls"))]
    return []


urlpatterns = [path("page/", page), *addresses(settings.SUBJECT)]
