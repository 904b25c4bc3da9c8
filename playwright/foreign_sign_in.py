"""A site with a sign-in page of its own, and with a policy that wants a nonce of every script."""

import secrets

from django.conf import settings
from django.contrib.auth.views import LoginView
from django.urls import path

from config.urls import handler400, handler403, handler404, handler500, urlpatterns

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]


def nonce_policy(get_response):
    """As django-csp does it: the templates find the nonce on the request."""

    def respond(request):
        request.csp_nonce = secrets.token_urlsafe(16)
        response = get_response(request)
        policy = f"script-src 'nonce-{request.csp_nonce}'; base-uri 'none'; object-src 'none'"
        response.headers["Content-Security-Policy"] = policy
        return response

    return respond


class SignIn(LoginView):
    template_name = "frames/sign_in.html"

    def get_context_data(self, **kwargs):
        return super().get_context_data(base=settings.TWOFACTOR_BASE_TEMPLATE, **kwargs)


urlpatterns = [path("shop/sign-in/", SignIn.as_view()), *urlpatterns]
