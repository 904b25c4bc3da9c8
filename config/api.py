"""The URLs of the API. Imported only if API_ENABLED is set, because importing them imports DRF."""

from django.urls import include, path

from accounts.api import RegisterView

urlpatterns = [
    path("", include("twofactor.api.urls")),
    path("register/", RegisterView.as_view()),
]
