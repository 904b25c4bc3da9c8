from async_views import Export, delete_everything, reports, status
from django.contrib.auth import views as auth_views

from mysite.views import home, stream

urlpatterns += [
    path("", home, name="home"),
    path("login/", auth_views.LoginView.as_view(), name="login"),
    path("logout/", auth_views.LogoutView.as_view(next_page="login"), name="logout"),
    path("stream/", stream),
    path("reports/", reports),
    path("delete/", delete_everything),
    path("export/", Export.as_view()),
    path("status/", status),
]
