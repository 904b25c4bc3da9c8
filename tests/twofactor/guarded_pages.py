"""The URLs of a site that guards pages with our decorators, and has Django's own sign-in page as well."""

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.views import LoginView
from django.contrib.messages.views import SuccessMessageMixin
from django.http import HttpResponse
from django.urls import include, path
from django.utils.decorators import method_decorator
from django.views import View

from twofactor.decorators import OTPRequiredMixin, otp_required, recently_confirmed, what_for

DJANGO_LOGIN = "/django-login/"
GREETING_LOGIN = "/greeting-login/"
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


class GreetingLogin(SuccessMessageMixin, LoginView):
    success_message = "Welcome back."


@login_not_required
def put_into_cart(request):
    messages.info(request, "It is in your cart.")
    return HttpResponse("")


@what_for("To change the address on the invoice, confirm it's you.")
@recently_confirmed(full_proof=True)
def invoice_address(request):
    return show_verified(request)


urlpatterns = [
    path("unguarded/", show_verified),
    path("django-login/", LoginView.as_view()),
    path("greeting-login/", GreetingLogin.as_view()),
    path("put-into-cart/", put_into_cart),
    path("function/", otp_required(show_verified)),
    path("method/", DecoratedPage.as_view()),
    path("mixin/", MixinPage.as_view()),
    path("recent/", recently_confirmed()(show_verified)),
    path("within-the-hour/", recently_confirmed(max_age=timedelta(hours=1))(show_verified)),
    path("address/", invoice_address),
    path("", include("config.urls")),
]
