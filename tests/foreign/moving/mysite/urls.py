from django.contrib.auth.decorators import login_required
from django.contrib.auth.views import LogoutView
from django.views.generic import TemplateView

home = login_required(TemplateView.as_view(template_name="home.html"))
urlpatterns += [
    path("", home, name="home"),
    path("logout/", LogoutView.as_view(next_page="/"), name="logout"),
]
