"""The document for programs, and as a page for people."""

import json
from collections.abc import Iterator
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from rest_framework.request import Request
from rest_framework.response import Response

from twofactor.api import document
from twofactor.api.door import OpenDoor
from twofactor.decorators import open_before_set_up


class Document(OpenDoor):
    http_method_names = ["get"]
    throttle_classes = []
    schema = None  # type: ignore[assignment]  # it does not describe itself

    def get(self, request: Request) -> Response:
        return Response(document.whole())


@open_before_set_up
@login_not_required
def page(request: HttpRequest) -> HttpResponse:
    doors = list(addresses(document.whole()))
    about = [" ".join(part.split()) for part in document.ABOUT.replace("`", "").split("\n\n")]
    return render(request, "twofactor/api.html", {"about": about, "doors": doors})


def addresses(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for path, methods in found["paths"].items():
        for method, told in methods.items():
            yield {
                "method": method.upper(),
                "path": path,
                "summary": told["summary"],
                "text": told["description"],
                "needs_token": {"access": []} in told.get("security", []),
                "fields": list(fields(found, told)),
                "examples": examples(told),
            }


def fields(found: dict[str, Any], told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    if "requestBody" in told:
        name = told["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
        shape = found["components"]["schemas"][name]
        for field, known in shape["properties"].items():
            needed = field in shape.get("required", [])
            yield {"name": field, "needed": needed, "text": known.get("description", "").replace("`", "")}


def examples(told: dict[str, Any]) -> list[dict[str, Any]]:
    """What is sent beside what comes back."""
    sent = {one["summary"]: as_text(one["value"]) for one in shown_in(told.get("requestBody", {}))}
    answers = {
        one["summary"]: {"status": status, "text": as_text(one["value"])}
        for status, answer in told["responses"].items()
        for one in shown_in(answer)
    }
    done = {"status": min(told["responses"]), "text": ""}
    return [{"name": name, "sent": sent.get(name), **answers.get(name, done)} for name in sent | answers]


def shown_in(part: dict[str, Any]) -> list[dict[str, Any]]:
    found = part.get("content", {}).get("application/json", {}).get("examples", {})
    return list(found.values())


def as_text(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)
