"""What every address of the API has in common."""

from typing import Any

from django.http import HttpRequest
from drf_spectacular.openapi import AutoSchema
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from twofactor.api import answers
from twofactor.api.bearer import Bearer
from twofactor.api.throttle import Often
from twofactor.api.wire import AlwaysJSON, OneObject
from twofactor.models import TokenFamily
from twofactor.web.pages import never_atomic


class Door(APIView):
    """For people who are signed in. Nothing of it comes from the settings of a site that uses DRF itself."""

    authentication_classes = [Bearer]
    permission_classes = [IsAuthenticated]
    throttle_classes = [Often]
    parser_classes = [OneObject]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJSON
    schema = AutoSchema()
    http_method_names = ["post"]
    counts_as = "totp"  # what is throttled together

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Any:
        return never_atomic(super().as_view(**initkwargs))

    def get_exception_handler(self) -> Any:
        return answers.to

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        """Tokens, keys and codes are in the answers: nobody keeps one, in whatever site this is."""
        found = super().finalize_response(request, response, *args, **kwargs)
        found.headers["Cache-Control"] = "no-store, private"
        return found


class OpenDoor(Door):
    """For strangers: what an Authorization header says does not matter."""

    authentication_classes = []
    permission_classes = []
    counts_as = "jwt"


def said(body: type[Serializer], request: Request) -> dict[str, Any]:
    """What was sent, once it has the right shape."""
    serializer = body(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def plain(request: Request) -> HttpRequest:
    """Django's own, on which others leave marks."""
    return request._request


def family(request: Request) -> TokenFamily:
    assert isinstance(request.auth, TokenFamily)  # noqa: S101 - as IsAuthenticated had it
    return request.auth


def shown(body: type[Serializer], value: Any, status: int = 200) -> Response:
    return Response(body(value).data, status=status)
