"""The OpenAPI document for programs, and a page that shows it to people."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from twofactor.api import schema
from twofactor.api.base import PublicApiView
from twofactor.decorators import open_before_set_up
from twofactor.web.pages import page


class SchemaView(PublicApiView):
    http_method_names = ["get"]
    throttle_classes = []
    schema = None  # type: ignore[assignment]  # the document does not describe itself

    def get(self, request: Request) -> Response:
        return Response(schema.openapi())


@open_before_set_up
@login_not_required
def docs(request: HttpRequest) -> HttpResponse:
    about = [" ".join(part.split()) for part in schema.ABOUT.replace("`", "").split("\n\n")]
    return page(request, "twofactor/api.html", about=about, operations=list(operations(schema.openapi())))


def operations(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield {
                "method": method.upper(),
                "path": path,
                "summary": operation["summary"],
                "text": operation["description"],
                "needs_token": {"access": []} in operation.get("security", []),
                "fields": list(fields(document, operation)),
                "examples": examples(operation),
            }


def fields(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "requestBody" in operation:
        body = operation["requestBody"]["content"]["application/json"]["schema"]
        component = document["components"]["schemas"][body["$ref"].rpartition("/")[2]]
        for name, field in component["properties"].items():
            required = name in component.get("required", [])
            text = field.get("description", "").replace("`", "")
            yield {"name": name, "required": required, "text": text}


def examples(operation: dict[str, Any]) -> list[dict[str, Any]]:
    """Each with its request body and the response to it."""
    body = operation.get("requestBody", {})
    bodies = {each["summary"]: as_text(each["value"]) for each in examples_of(body)}
    responses = {
        each["summary"]: {"status": status, "text": as_text(each["value"])}
        for status, response in operation["responses"].items()
        for each in examples_of(response)
    }
    without_body = {"status": min(operation["responses"]), "text": ""}
    return [
        {"name": name, "sent": bodies.get(name), **responses.get(name, without_body)}
        for name in bodies | responses
    ]


def examples_of(part: dict[str, Any]) -> list[dict[str, Any]]:
    return list(part.get("content", {}).get("application/json", {}).get("examples", {}).values())


def as_text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
