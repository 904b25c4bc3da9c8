"""Views of Django REST framework: a check reports those that take the password alone; ours refuse it."""

from base64 import b64encode
from types import ModuleType

import pytest
from django.core.checks import Tags, run_checks
from django.urls import include, path
from rest_framework.authentication import (
    BaseAuthentication,
    BasicAuthentication,
    SessionAuthentication,
    TokenAuthentication,
)
from rest_framework.authtoken.serializers import AuthTokenSerializer
from rest_framework.authtoken.views import ObtainAuthToken, obtain_auth_token
from rest_framework.decorators import action
from rest_framework.permissions import IsAuthenticated
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.serializers import TokenObtainPairSerializer, TokenObtainSlidingSerializer
from rest_framework_simplejwt.settings import api_settings as jwt_settings
from rest_framework_simplejwt.views import TokenObtainPairView, TokenObtainSlidingView, TokenRefreshView

from config import urls
from tests.people import PASSWORD, give_password, sign_in, signed_in_as
from twofactor import drf
from twofactor.signals import two_factor_enabled


class Orders(APIView):
    """With DRF's default authentication."""

    permission_classes = [IsAuthenticated]

    def get(self, request):
        return Response({"orders": request.user.pk})


class ByPassword(Orders):
    authentication_classes = [BasicAuthentication]


class ByPasswordAlone(Orders):
    """Takes the password of people without a second factor."""

    authentication_classes = [drf.BasicAuthentication]


class WrongOrder(BasicAuthentication, drf.RefuseTwoFactor):
    """Our class comes after the one that it should guard."""


class GuardedTooLate(Orders):
    authentication_classes = [WrongOrder]


class AuthTokenGuardedTooLate(AuthTokenSerializer, drf.RefuseTwoFactorSerializer):
    pass


class PairGuardedTooLate(TokenObtainPairSerializer, drf.RefuseTwoFactorSerializer):
    pass


class SlidingGuardedTooLate(TokenObtainSlidingSerializer, drf.RefuseTwoFactorSerializer):
    pass


class TokenGuardedTooLate(TokenAuthentication, drf.RefuseTwoFactor):
    pass


class KnoxAuthentication(BaseAuthentication):
    """Stands for that of knox, which is not among the apps of this site."""

    __module__, __qualname__ = "knox.auth", "TokenAuthentication"


class KnoxGuardedTooLate(KnoxAuthentication, drf.RefuseTwoFactor):
    pass


class JWTGuardedTooLate(JWTAuthentication, drf.RefuseTwoFactor):
    pass


class WithAction(ViewSet):
    authentication_classes = [SessionAuthentication]

    @action(detail=False, authentication_classes=[BasicAuthentication])
    def mine(self, request):
        return Response({})


class ByToken(Orders):
    authentication_classes = [TokenAuthentication]


class ByGuardedToken(Orders):
    authentication_classes = [drf.TokenAuthentication]


class Chooses(Orders):
    authentication_classes = [SessionAuthentication]

    def get_authenticators(self):
        return [BasicAuthentication()]


class Verified(Orders):
    authentication_classes = [SessionAuthentication]
    permission_classes = [drf.IsVerified]


class OwnTokens(TokenObtainPairView):
    pass


class TokenView:
    """Stands for the view of Django OAuth Toolkit, which is not installed. The check goes by its name."""

    __module__, __qualname__ = "oauth2_provider.views.base", "TokenView"


def oauth(request):
    pass


oauth.view_class = TokenView


@pytest.fixture
def add_view(settings):
    """Call add_view(view) to add it to the site as /v1/orders/."""

    def add_view(view):
        module = ModuleType("orders_urls")
        module.urlpatterns = [*urls.urlpatterns, path("v1/", include([path("orders/", view)]))]
        settings.ROOT_URLCONF = module

    return add_view


def check_messages():
    said = run_checks(tags=[Tags.security])
    return {message.id: message.msg for message in said if message.id.startswith("twofactor")}


@pytest.mark.proves("V-01", "V-33")
@pytest.mark.parametrize(
    ("view", "name"),
    [
        (Orders.as_view(), "twofactor.E020"),
        (ByPassword.as_view(), "twofactor.E020"),
        (Verified.as_view(authentication_classes=[BasicAuthentication]), "twofactor.E020"),
        (WithAction.as_view({"get": "mine"}, **WithAction.mine.kwargs), "twofactor.E020"),
        (GuardedTooLate.as_view(), "twofactor.E020"),
        (Chooses.as_view(), "twofactor.W022"),
        (obtain_auth_token, "twofactor.E021"),
        (TokenObtainPairView.as_view(), "twofactor.E021"),
        (OwnTokens.as_view(), "twofactor.E021"),
        (oauth, "twofactor.W020"),
        (ByToken.as_view(), "twofactor.W023"),
    ],
    ids=[
        "default",
        "basic",
        "of one address",
        "of one action",
        "guarded too late",
        "chooses",
        "authtoken",
        "jwt",
        "jwt of their own",
        "oauth",
        "old tokens",
    ],
)
def test_the_check_reports_a_view_that_takes_the_password_alone(add_view, view, name):
    add_view(view)
    found = check_messages()
    assert (list(found), "/v1/orders/" in found[name]) == ([name], True)


@pytest.mark.proves("V-01", "V-33")
@pytest.mark.parametrize(
    ("view", "serializer"),
    [
        (ObtainAuthToken, AuthTokenGuardedTooLate),
        (TokenObtainPairView, PairGuardedTooLate),
        (TokenObtainSlidingView, SlidingGuardedTooLate),
    ],
)
def test_the_check_reports_a_serializer_that_is_guarded_too_late(add_view, view, serializer):
    add_view(view.as_view(serializer_class=serializer))
    assert list(check_messages()) == ["twofactor.E021"]


@pytest.mark.parametrize("by", [TokenGuardedTooLate, KnoxGuardedTooLate, JWTGuardedTooLate])
def test_the_check_reports_old_tokens_that_are_guarded_too_late(add_view, by):
    add_view(Orders.as_view(authentication_classes=[by]))
    assert list(check_messages()) == ["twofactor.W023"]


@pytest.mark.parametrize("view", [ByPasswordAlone, ByGuardedToken, Verified, TokenRefreshView])
def test_the_check_does_not_report_a_view_that_asks_for_more(add_view, view):
    add_view(view.as_view())
    assert check_messages() == {}


def test_the_check_does_not_report_a_site_that_deletes_old_tokens(add_view):
    def delete_tokens(sender, **kwargs):
        pass

    add_view(ByToken.as_view())
    two_factor_enabled.connect(delete_tokens)
    found = check_messages()
    two_factor_enabled.disconnect(delete_tokens)
    assert found == {}


class GuardedSerializer(drf.RefuseTwoFactorSerializer, AuthTokenSerializer):
    pass


def test_the_check_does_not_report_a_guarded_token_view(add_view):
    add_view(ObtainAuthToken.as_view(serializer_class=GuardedSerializer))
    assert check_messages() == {}


def test_the_check_does_not_report_the_api_of_this_app(settings):
    settings.ROOT_URLCONF = "config.api"
    assert not {"twofactor.E020", "twofactor.E021"} & check_messages().keys()


def test_the_check_reports_basic_authentication_for_every_view(settings):
    basic = "rest_framework.authentication.BasicAuthentication"
    settings.REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": [basic]}
    assert list(check_messages()) == ["twofactor.E020"]


def test_the_check_reports_many_views_in_one_line(add_view, settings):
    add_view(Orders.as_view())
    settings.ROOT_URLCONF.urlpatterns += [path(f"{n}/", Orders.as_view()) for n in range(9)]
    assert "and 7 more" in check_messages()["twofactor.E020"]


def basic_auth(name="alice@example.com", password=PASSWORD):
    return {"Authorization": f"Basic {b64encode(f'{name}:{password}'.encode()).decode()}"}


def test_the_guarded_view_opens_without_a_second_factor(add_view, client, alice):
    add_view(ByPasswordAlone.as_view())
    assert client.get("/v1/orders/", headers=basic_auth()).json() == {"orders": alice.pk}


@pytest.mark.proves("V-01", "V-33")
def test_the_guarded_view_refuses_someone_with_a_second_factor(add_view, client, phone):
    add_view(ByPasswordAlone.as_view())
    answer = client.get("/v1/orders/", headers=basic_auth())
    assert (answer.status_code, "can't ask for the code" in answer.json()["detail"]) == (401, True)
    assert answer.json()["code"] == "second_factor_needed"


def test_the_guarded_view_refuses_someone_who_must_set_up(add_view, client, alice, settings):
    settings.TWOFACTOR_REQUIRED_FOR = "everyone"
    add_view(ByPasswordAlone.as_view())
    assert client.get("/v1/orders/", headers=basic_auth()).status_code == 401


def test_the_guarded_view_tells_nothing_without_the_password(add_view, client, phone):
    add_view(ByPasswordAlone.as_view())
    answer = client.get("/v1/orders/", headers=basic_auth(password="wrong"))
    assert (answer.status_code, "two-factor" in answer.text) == (401, False)


class GuardedPair(drf.RefuseTwoFactorSerializer, TokenObtainPairSerializer):
    pass


@pytest.fixture
def ask_for_tokens(add_view, client, monkeypatch):
    """With Alice's password, of a view that writes last_login; the answer."""
    monkeypatch.setattr(jwt_settings, "UPDATE_LAST_LOGIN", True)
    add_view(TokenObtainPairView.as_view(serializer_class=GuardedPair))
    return lambda: client.post("/v1/orders/", {"email": "alice@example.com", "password": PASSWORD})


def test_the_guarded_token_view_gives_tokens_without_a_second_factor(ask_for_tokens, alice):
    assert ask_for_tokens().json().keys() == {"access", "refresh"}


def test_a_refused_token_ends_no_sign_in_that_waits(ask_for_tokens, client, alice, phone):
    give_password(client)
    assert ask_for_tokens().status_code == 401
    client.post("/two-factor/verify/", {"code": phone.code()})
    assert signed_in_as(client) == alice


def test_the_verified_view_opens_with_both_factors(add_view, client, alice, phone):
    add_view(Verified.as_view())
    sign_in(client, phone)
    assert client.get("/v1/orders/").json() == {"orders": alice.pk}


def test_the_verified_view_is_closed_without_a_second_factor(add_view, client, alice):
    add_view(Verified.as_view())
    give_password(client)
    answer = client.get("/v1/orders/")
    assert (answer.status_code, answer.json()["code"]) == (403, "second_factor_needed")


def test_the_verified_view_is_closed_to_strangers(add_view, client, db):
    add_view(Verified.as_view())
    assert client.get("/v1/orders/").status_code == 403
