"""Writes the OpenAPI document, and the decorator that adds a view method to it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.generators import EndpointEnumerator, SchemaGenerator
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.serializers import Serializer

from twofactor.api import serializers
from twofactor.api.base import ApiView

ABOUT = """\
Two-factor authentication over JSON. It has the same rules, limits and audit log as the pages.

Send `Content-Type: application/json`, and `Authorization: Bearer ACCESS` where an operation asks for it. The
response to a refused request has `{"detail", "code"}`: a sentence for the person, in the language of
`Accept-Language`, and a constant for the program. With 429, `Retry-After` gives the seconds to wait.

A program is recognised by the `client_token` that it gets with each sign-in. Keep it when the person signs
out, and send it as `X-Client-Token` with the next sign-in. Otherwise the person gets an email about a new
program."""

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # defining it registers it
    target_class = "twofactor.api.authentication.BearerAuthentication"
    name = "access"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}


class ApiEndpoints(EndpointEnumerator):
    """Leaves out the views of the site."""

    def should_include_endpoint(self, path: str, callback: Any) -> bool:
        is_ours = issubclass(getattr(callback, "cls", object), ApiView)
        return is_ours and super().should_include_endpoint(path, callback)


class ApiSchemaGenerator(SchemaGenerator):
    endpoint_inspector_cls = ApiEndpoints


@lru_cache(maxsize=1)
def openapi() -> dict[str, Any]:
    generator = ApiSchemaGenerator()  # type: ignore[no-untyped-call]
    document: dict[str, Any] = generator.get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return document | {"info": document["info"] | {"description": ABOUT}}


@dataclass(frozen=True)
class Example:
    """A request and the response to it. None stands for a body that is not there."""

    name: str
    sent: dict[str, Any] | None
    status: int
    answer: dict[str, Any] | None

    def as_openapi(self) -> list[OpenApiExample]:
        examples = []
        if self.sent is not None:
            examples.append(OpenApiExample(self.name, value=self.sent, request_only=True))
        if self.answer is not None:
            status = [str(self.status)]
            examples.append(
                OpenApiExample(self.name, value=self.answer, response_only=True, status_codes=status)
            )
        return examples


def refusal(
    name: str, sent: dict[str, Any] | None, status: int, code: str, detail: str, **more: Any
) -> Example:
    return Example(name, sent, status, {"detail": detail, "code": code, **more})


def describe_operation(
    summary: str,
    text: str,
    body: type[Serializer] | None,
    successes: dict[int, type[Serializer] | None],
    *examples: Example,
    also: tuple[int, ...] = (),
) -> Decorator:
    """A status that is in an example or in `also`, and not in `successes`, is documented as a refusal."""
    refusals = {example.status for example in examples} | {503, *also}
    if body is not None:
        refusals |= {400, 415}
    responses: dict[int, Any] = dict.fromkeys(sorted(refusals), serializers.Problem)
    for status, serializer in successes.items():
        responses[status] = serializer or OpenApiResponse(description="Done.")
    retry_after = [
        OpenApiParameter(
            "Retry-After",
            int,
            OpenApiParameter.HEADER,
            response=[status for status in (429, 503) if status in responses],
            description="Seconds.",
        )
    ]
    extend = extend_schema(
        summary=summary,
        description=text,
        request=body,
        responses=responses,
        examples=[part for example in examples for part in example.as_openapi()],
        parameters=retry_after,
    )

    def decorate(method: Callable[..., Any]) -> Callable[..., Any]:
        vars(method)["kwargs"] = {"schema": AutoSchema}  # overrides DEFAULT_SCHEMA_CLASS of the site
        return extend(method)

    return decorate
