"""What a site writes itself around django-mfa2, as its README says: a view for the password and a callback.

django-mfa3 brings a view of its own; the templates beside this file serve both.
"""

from django.contrib.auth import get_user_model, login
from django.contrib.auth.views import LoginView
from django.http import HttpResponseRedirect
from django.urls import include, path
from mfa.helpers import has_mfa

BACKEND = "django.contrib.auth.backends.ModelBackend"


class SignIn(LoginView):
    def form_valid(self, form):
        return has_mfa(self.request, form.get_user().get_username()) or super().form_valid(form)


def let_in(request, username):
    """MFA_LOGIN_CALLBACK: called after the second factor."""
    login(request, get_user_model().objects.get(username=username), backend=BACKEND)
    return HttpResponseRedirect("/page/")


urlpatterns = [path("login/", SignIn.as_view()), path("mfa/", include("mfa.urls"))]
