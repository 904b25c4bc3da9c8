"""The URLs of a site that guards pages with our decorators, and has Django's own sign-in page as well."""

from datetime import timedelta

from django.contrib.auth.views import LoginView
from django.http import HttpResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from twofactor.decorators import OTPRequiredMixin, otp_required, recently_confirmed, what_for

DJANGO_LOGIN = "/django-login/"
WITH_FACTOR = ["/function/", "/method/", "/mixin/"]


def show_verified(request):
    return HttpResponse(f"verified: {request.user.is_verified()}")


class Page(View):
    get = staticmethod(show_verified)


@method_decorator(otp_required, name="dispatch")
class DecoratedPage(Page):
    pass


class MixinPage(OTPRequiredMixin, Page):
    pass


@what_for("To change the address on the invoice, confirm it's you.")
@recently_confirmed(full_proof=True)
def invoice_address(request):
    return show_verified(request)


urlpatterns = [
    path("unguarded/", show_verified),
    path("django-login/", LoginView.as_view()),
    path("function/", otp_required(show_verified)),
    path("method/", DecoratedPage.as_view()),
    path("mixin/", MixinPage.as_view()),
    path("recent/", recently_confirmed()(show_verified)),
    path("within-the-hour/", recently_confirmed(max_age=timedelta(hours=1))(show_verified)),
    path("address/", invoice_address),
    path("", include("config.urls")),
]
