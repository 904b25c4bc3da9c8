"""Rows of a list that change in place: the rest of their page, its scroll position and the focus stay.

Each row has an id, and its links and forms have it as their hx-target, which htmx sends with the request and
again after a redirect. So addresses and redirects are the same with and without htmx, and page_with_rows() is
the one place where an answer is only a row: the one that was asked for, or nothing if it is gone.

A message of tell() names the row that the focus goes to, and is shown at the top of that row, or in the place
of the row that is gone. It may have a button that takes back what it tells (undo.py).

To make another list change in place:
- each row has row_attributes.html in its tag, and shows the messages if it is the focused_row;
- its links have {% link_attributes to id %}, and its forms form_attributes.html with row=id;
- the rows stand in {% block rows %}, and a form that takes the place of one in {% block row_form %};
- the views answer with page_with_rows().
"""

import hashlib
import re
from collections.abc import Collection
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse

from twofactor.web.pages import page, swapped_element

Rows = list[tuple[Any, ...]]  # the id of each, and what its template shows

ROW = re.compile(r"tf-(?:app|device|passkey)-[0-9a-f-]{1,36}")


class RowResponse(HttpResponse):
    """Takes the place of the row that htmx asked for. Any other answer takes the place of the main part."""


def asked_row(request: HttpRequest) -> str:
    """The id of the row that htmx asks for; empty if a whole page or its main part is asked for."""
    target = swapped_element(request)
    return target if ROW.fullmatch(target) else ""


def next_row(ids: list[str], gone: str) -> str:
    """Which row takes the focus of one that goes: the next one, or the one before the last."""
    place = ids.index(gone)
    return next(iter(ids[place + 1 : place + 2] or ids[place - 1 : place]), "")


def tell(request: HttpRequest, sentence: str, row: str, undo: str = "", gone: str = "") -> None:
    """The message stands in that row, or where the row `gone` was. `undo` is what undo.offer() returned."""
    messages.success(request, sentence, extra_tags=" ".join(filter(None, [row, undo, gone])))


def fingerprint(state: object) -> str:
    """What a tab has seen: it says so when it is looked at again, and gets nothing if that still holds."""
    return hashlib.sha256(repr(state).encode()).hexdigest()[:16]


def changed_part(request: HttpRequest, parts: Collection[str]) -> str:
    """Which of the parts the messages are about: that takes the focus. Asking uses the messages up, so only a
    page that shows them may ask.
    """
    return next((tag for tag in tags(request) if tag in parts), "")


def tags(request: HttpRequest) -> list[str]:
    told = messages.get_messages(request)
    return [tag for message in told for tag in (message.extra_tags or "").split()]


def page_with_rows(
    request: HttpRequest, template: str, rows: Rows, *, parts: Collection[str] = (), **context: Any
) -> HttpResponse:
    """The page, or the row of it that htmx asked for. A message may also name one of the other `parts`."""
    ids = [row[0] for row in rows]
    asked, focused = asked_row(request), changed_part(request, {*parts, *ids})
    gone = next((tag for tag in tags(request) if ROW.fullmatch(tag) and tag not in ids), "")
    if not asked or context.get("status"):
        response = page(request, template, rows=rows, focused_row=focused, gone_row=gone, **context)
        if focused:
            response.headers["HX-Reswap"] = "innerHTML"  # not to the top of the window, away from the focus
        return response
    context |= {
        "layout": "twofactor/layout/_row.html",
        "rows": [row for row in rows if row[0] in {asked, focused}],
        "asked_row": asked,
        "focused_row": focused or asked,
        "gone_row": gone,
    }
    response = page(request, template, **context)
    return RowResponse(response.content, status=response.status_code)
