"""Login views of other packages in another project: the password alone gives no session and no token."""

import json

import pytest

from tests.other_sites.projects import start_project

ALLAUTH = """
INSTALLED_APPS += ["allauth", "allauth.account", "allauth.headless"]
MIDDLEWARE += ["allauth.account.middleware.AccountMiddleware"]
AUTHENTICATION_BACKENDS = [
    "django.contrib.auth.backends.ModelBackend", "allauth.account.auth_backends.AuthenticationBackend"
]
ACCOUNT_EMAIL_VERIFICATION = "none"
HEADLESS_SERVE_SPECIFICATION = False
"""
URLS = """
from elsewhere.login_views import LOGIN_VIEWS
urlpatterns += LOGIN_VIEWS + [
    path("accounts/", include("allauth.urls")),
    path("_allauth/", include("allauth.headless.urls")),
]
"""
# What knox, djoser and sites do: a token is made, and the signal is sent by hand.
LOGIN_VIEWS = """
from django.contrib.auth import authenticate, get_user_model, login
from django.contrib.auth.signals import user_logged_in
from django.http import HttpResponse, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt
from rest_framework.decorators import api_view, authentication_classes
from rest_framework.response import Response


def given(request):
    return authenticate(request, username=request.POST["username"], password=request.POST["password"])


@csrf_exempt
def token(request):
    user = given(request)
    user_logged_in.send(sender=type(user), request=request, user=user)
    return JsonResponse({"token": "secret"})


@csrf_exempt
def token_without_request(request):
    user = given(request)
    user_logged_in.send(sender=type(user), request=None, user=user)
    return HttpResponse(status=204)


@api_view(["POST"])
@authentication_classes([])
def token_of_drf(request):
    user = given(request)
    user_logged_in.send(sender=type(user), request=request, user=user)
    return Response({"token": "secret"})


@csrf_exempt
def session(request):
    login(request, given(request))
    return JsonResponse({"user": request.user.username})


LOGIN_VIEWS = [
    path("token/", token),
    path("token-without-request/", token_without_request),
    path("token-of-drf/", token_of_drf),
    path("session/", session),
]
"""


@pytest.fixture(scope="module")
def facts(tmp_path_factory, with_other_packages):
    settings = ALLAUTH + 'INSTALLED_APPS += ["rest_framework"]\n'
    folder = tmp_path_factory.mktemp("other_packages")
    project = start_project(folder, with_other_packages, settings, URLS)
    project.append("elsewhere/login_views.py", LOGIN_VIEWS)
    project.run("migrate")
    said = project.run_script("sign_in_everywhere.py").splitlines()
    return json.loads(next(line for line in said if line.startswith("{")))


# Status, whether a token was in the answer, sessions that were made, cookies.
SIGNED_IN = {
    "app bob": [200, True, [200]],
    "browser ann after": 200,
    "token bob": [200, True, 0, []],
    "token-of-drf bob": [200, True, 0, []],
    "token-without-request bob": [204, False, 0, []],
    "session bob": [200, False, 1, ["csrftoken", "sessionid"]],
}
ASKED_FOR_THE_CODE = {
    "browser ann": [303, "/two-factor/verify/"],
    "browser ann before": 401,
    "pages ann": [303, "/two-factor/verify/"],
    "session ann": [303, False, 0, ["csrftoken", "messages", "twofactor_pending"]],
}
REFUSED = {
    "app ann": [403, False, []],
    "sessions that authenticate ann": 0,
    "token ann": [403, False, 0, []],
    "token-of-drf ann": [403, False, 0, []],
    "token-without-request ann": [204, False, 0, []],  # without a request there is no token to refuse
}


@pytest.mark.proves("V-01", "V-33", "V-35")
@pytest.mark.parametrize(("sign_in", "fact"), (SIGNED_IN | ASKED_FOR_THE_CODE | REFUSED).items())
def test_the_password_alone_does_not_sign_in_someone_with_a_factor(facts, sign_in, fact):
    assert facts[sign_in] == fact
