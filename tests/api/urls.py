"""The site with its API, as API_ENABLED mounts it, two doors that break, and a view of its own."""

from django.db import OperationalError
from django.urls import include, path
from rest_framework.generics import ListAPIView

from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.config.failing_urls import raising

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class Harbours(ListAPIView):
    """Cannot be described: it has neither a queryset nor a serializer."""


urlpatterns = [
    *urlpatterns,
    path("api/", include("config.api")),
    path("api/broken/500/", raising(RuntimeError("a secret reason"))),
    path("api/broken/503/", raising(OperationalError("a secret reason"))),
    path("harbours/", Harbours.as_view()),
]
