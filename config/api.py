"""Where the API is. Imported only where it is enabled, so that without it nothing of DRF is."""

from django.urls import include, path

from accounts.api import RegisterView

urlpatterns = [
    path("", include("twofactor.api.urls")),
    path("register/", RegisterView.as_view()),
]
