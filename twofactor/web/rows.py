"""Rows of a list that change in place: the rest of their page, its scroll position and the focus stay.

Each row has an id, and its links and forms have it as their hx-target, which htmx sends with the request and
again after a redirect. So addresses and redirects are the same with and without htmx, and page_with_rows() is
the one place where an answer is only a row: the one that was asked for, or nothing if it is gone.

A message of tell() names the row that the focus goes to, and is shown at the top of that row. It may have
a button that takes back what it tells.

To make another list change in place:
- each row has row_attributes.html in its tag, and shows the messages if it is the focused_row;
- its links have {% link_attributes to id %}, and its forms form_attributes.html with row=id;
- the rows stand in {% block rows %}, and a form that takes the place of one in {% block row_form %};
- the views answer with page_with_rows().
"""

import hashlib
import re
from collections.abc import Collection
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlencode

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest, HttpResponse

from twofactor.web.pages import page

Rows = list[tuple[Any, ...]]  # the id of each, and what its template shows

ROW = re.compile(r"tf-(?:app|device)-[0-9a-f-]{1,36}")


class RowResponse(HttpResponse):
    """Takes the place of the row that htmx asked for. Any other answer takes the place of the main part."""


def asked_row(request: HttpRequest) -> str:
    """The id of the row that htmx asks for; empty if a whole page or its main part is asked for."""
    htmx = getattr(request, "htmx", None)
    target = ((htmx and htmx.target) or "").rpartition("#")[2]  # htmx 4 sends li#tf-app-1
    return target if ROW.fullmatch(target) else ""


def next_row(ids: list[str], gone: str) -> str:
    """Which row takes the focus of one that goes: the next one, or the one before the last."""
    place = ids.index(gone)
    return next(iter(ids[place + 1 : place + 2] or ids[place - 1 : place]), "")


class Undo(NamedTuple):
    """A form with one button: where it goes, and its hidden fields."""

    to: str
    fields: dict[str, str]


def tell(request: HttpRequest, sentence: str, row: str, undo: Undo | None = None) -> None:
    """In extra_tags, because a message has no other place: the row, and the undo like a link."""
    link = f" {undo.to}?{urlencode(undo.fields)}" if undo else ""
    messages.success(request, sentence, extra_tags=row + link)


def fingerprint(state: object) -> str:
    """What a tab has seen: it says so when it is looked at again, and gets nothing if that still holds."""
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def undo_of(message: Message) -> Undo | None:
    to, _mark, fields = (message.extra_tags or "").partition(" ")[2].partition("?")
    return Undo(to, dict(parse_qsl(fields, keep_blank_values=True))) if to else None


def changed_part(request: HttpRequest) -> str:
    """What a message is about, which takes the focus. Asking uses the message up, so only a page that shows
    it may ask.
    """
    tags = (message.extra_tags or "" for message in messages.get_messages(request))
    return next(tags, "").partition(" ")[0]


def page_with_rows(
    request: HttpRequest, template: str, rows: Rows, *, parts: Collection[str] = (), **context: Any
) -> HttpResponse:
    """The page, or the row of it that htmx asked for. A message may also name one of the other `parts`."""
    asked, changed = asked_row(request), changed_part(request)
    focused = changed if changed in {*parts, *(row[0] for row in rows)} else ""
    if not asked or context.get("status"):
        response = page(request, template, rows=rows, focused_row=focused, **context)
        if focused:
            response.headers["HX-Reswap"] = "innerHTML"  # not to the top of the window, away from the focus
        return response
    context |= {
        "layout": "twofactor/layout/_row.html",
        "rows": [row for row in rows if row[0] in {asked, focused}],
        "asked_row": asked,
        "focused_row": focused or asked,
    }
    response = page(request, template, **context)
    return RowResponse(response.content, status=response.status_code)
