"""Metrics in the text format of Prometheus, for requests that send METRICS_TOKEN."""

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.db.models import Count
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from twofactor.event_kinds import EventKind
from twofactor.models import Event
from twofactor.operations import adoption
from twofactor.outgoing import outbox

WINDOW = timedelta(minutes=5)
TEXT = "text/plain; version=0.0.4; charset=utf-8"


@login_not_required
def metrics(request: HttpRequest) -> HttpResponse:
    expected = f"Bearer {settings.METRICS_TOKEN}"
    if not constant_time_compare(request.headers.get("Authorization", ""), expected):
        raise Http404  # the same as for a page that does not exist
    return HttpResponse("".join(f"{line}\n" for line in lines()), content_type=TEXT)


def lines() -> Iterator[str]:
    """Counted in the database, so that every app server gives the same numbers."""
    now = timezone.now()
    for name, value in adoption.counts(now).items():
        yield f"# TYPE countersign_{name} gauge"
        yield f"countersign_{name} {value}"
    recent = Event.objects.filter(at__gt=now - WINDOW).values_list("kind")
    count_of = dict(recent.annotate(n=Count("pk")).order_by("kind"))
    yield "# TYPE countersign_events_5m gauge"
    for kind in EventKind.values:
        yield f'countersign_events_5m{{kind="{kind}"}} {count_of.get(kind, 0)}'
    yield "# TYPE countersign_mails_waiting gauge"
    yield f"countersign_mails_waiting {outbox.unsent().count()}"
