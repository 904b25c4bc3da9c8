"""The only parser of the API. A form of another site cannot send JSON, so only JSON is read (ASVS 3.5.2)."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

MAX_BYTES = 16 * 1024  # the longest password and two tokens fit several times


class StrictJSONParser(BaseParser):
    """One JSON object, without duplicate names, NaN or Infinity, or lone surrogates."""

    media_type = "application/json"

    def parse(
        self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise ParseError
        try:
            data = json.loads(body, object_pairs_hook=unique_names, parse_constant=refuse_constant)
            json.dumps(data, ensure_ascii=False).encode()  # fails on lone surrogates, such as "\\ud800"
        except (ValueError, RecursionError):
            raise ParseError from None
        if not isinstance(data, dict):
            raise ParseError
        return data


def unique_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    data = dict(pairs)
    if len(data) < len(pairs):
        raise ValueError("duplicate name")
    return data


def refuse_constant(name: str) -> NoReturn:
    """For NaN and Infinity, which Python's parser would accept."""
    raise ValueError(name)
