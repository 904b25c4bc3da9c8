"""Recent activity on a page of its own: older rows, those of one group, and a search."""

from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from twofactor.activity import Cursor, list_rows
from twofactor.forms import ActivityForm
from twofactor.sessions.device_ids import id_of_device
from twofactor.users import signed_in_user
from twofactor.web.pages import page

ROWS = 20


def activity(request: HttpRequest) -> HttpResponse:
    asked = {name: request.GET.get(name, "").strip() for name in ("show", "q")}
    before = Cursor.from_text(request.GET.get("before", ""))
    found = list_rows(
        signed_in_user(request).pk,
        ROWS,
        before=before,
        group=asked["show"],
        search=asked["q"],
        this_device=id_of_device(request),
    )
    older = {name: value for name, value in {**asked, "before": found.next}.items() if value}
    return page(
        request,
        "twofactor/activity.html",
        events=found.rows,
        older=f"{request.path}?{urlencode(older)}" if found.next else "",
        continued=before is not None,
        is_narrowed=any(asked.values()),
        search=ActivityForm(initial=asked),
        not_me=reverse("twofactor:not_me_walk"),
    )
