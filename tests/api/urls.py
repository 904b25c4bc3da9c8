"""The site with its API, as API_ENABLED mounts it, and two doors that break."""

from django.db import OperationalError
from django.urls import include, path

from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from tests.config.broken import raising

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [
    *urlpatterns,
    path("api/", include("config.api")),
    path("api/broken/500/", raising(RuntimeError("a secret reason"))),
    path("api/broken/503/", raising(OperationalError("a secret reason"))),
]
