"""The URLs of the site with its API, two views that fail, and a view of another app."""

from django.db import OperationalError
from django.urls import include, path
from rest_framework.generics import ListAPIView

from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.config.failing_urls import raising

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


class Harbours(ListAPIView):
    """A view that the OpenAPI document cannot describe: without queryset and serializer."""


urlpatterns = [
    *urlpatterns,
    path("api/", include("config.api")),
    path("api/broken/500/", raising(RuntimeError("a secret reason"))),
    path("api/broken/503/", raising(OperationalError("a secret reason"))),
    path("harbours/", Harbours.as_view()),
]
