"""The base classes of the API's views, and what all of their methods use."""

from typing import Any

from django.http import HttpRequest
from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from twofactor.api.authentication import BearerAuthentication
from twofactor.api.exceptions import exception_handler
from twofactor.api.negotiation import JSONNegotiation
from twofactor.api.parsers import StrictJSONParser
from twofactor.api.throttling import RequestThrottle
from twofactor.models import TokenFamily
from twofactor.web.pages import never_atomic


class ApiView(APIView):
    """For people who are signed in. The REST_FRAMEWORK setting of a site changes nothing here."""

    authentication_classes = [BearerAuthentication]
    permission_classes = [IsAuthenticated]
    throttle_classes = [RequestThrottle]
    parser_classes = [StrictJSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = JSONNegotiation
    schema = AutoSchema()
    http_method_names = ["post"]
    throttle_scope = "totp"  # views of the same scope are counted together

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        return never_atomic(super().as_view(**initkwargs))

    def get_exception_handler(self) -> Any:
        return exception_handler

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Forbid caching, because responses contain tokens, keys and codes."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store, private"
        return response


class PublicApiView(ApiView):
    """For anyone: an Authorization header is not read."""

    authentication_classes = []
    permission_classes = []
    throttle_scope = "jwt"


def validated(serializer_class: type[Serializer], request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def serialized(serializer_class: type[Serializer], value: Any, status: int = 200) -> Response:
    return Response(serializer_class(value).data, status=status)


def django_request(request: Request) -> HttpRequest:
    """The request that DRF wraps. Functions below the API store attributes on it."""
    return request._request


def token_family(request: Request) -> TokenFamily:
    """The sign-in that the access token belongs to."""
    assert isinstance(request.auth, TokenFamily)  # noqa: S101 - BearerAuthentication and IsAuthenticated
    return request.auth
