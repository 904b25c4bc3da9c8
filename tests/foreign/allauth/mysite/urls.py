from django.contrib.auth.decorators import login_required
from django.urls import include
from django.views.generic import TemplateView

home = login_required(TemplateView.as_view(template_name="home.html"))
urlpatterns += [path("", home, name="home"), path("_allauth/", include("allauth.headless.urls"))]
