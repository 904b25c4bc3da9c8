"""JSON in, JSON out, and nothing else: what a form of another site can send is not read (ASVS 3.5.2)."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

LONGEST = 16 * 1024  # bytes: the longest password and two tokens, with room to spare


class OneObject(BaseParser):
    """Each name once, no number that JSON does not know, and no half of a character."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = stream.read(LONGEST + 1)
        if len(body) > LONGEST:
            raise ParseError
        try:
            found = json.loads(body, object_pairs_hook=once, parse_constant=refuse)
            json.dumps(found, ensure_ascii=False).encode()  # fails on lone surrogates, such as "\\ud800"
        except (ValueError, RecursionError):
            raise ParseError from None
        if not isinstance(found, dict):
            raise ParseError
        return found


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found


def refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


class AlwaysJSON(BaseContentNegotiation):
    """Whatever a client says that it accepts."""

    def select_parser(self, request: Request, parsers: Any) -> Any:
        said = request.content_type.partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == said), None)

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type
