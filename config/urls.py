from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from config import errors, health, mailbox, metrics, views, well_known

urlpatterns = [
    path("", views.home, name="home"),
    path("accounts/", include("accounts.urls")),
    path("admin/", admin.site.urls),
    path("csp-report/", errors.csp_report),
    path("healthz/live", health.live),
    path("healthz/ready", health.ready),
    path("two-factor/", include("twofactor.urls")),
    path(".well-known/change-password", well_known.change_password),
    path(".well-known/security.txt", well_known.security_txt),
    path("help/", views.help_page, name="help"),
]
if settings.METRICS_TOKEN:
    urlpatterns += [path("metrics", metrics.metrics)]
if settings.API_ENABLED:
    urlpatterns += [path("api/", include("config.api"))]
if settings.DEBUG:
    urlpatterns += [
        path("mailbox/", mailbox.inbox, name="mailbox"),
        path("mailbox/<int:number>/", mailbox.message, name="mailbox_message"),
    ]

handler400 = errors.bad_request
handler403 = errors.forbidden
handler404 = errors.not_found
handler500 = errors.server_error
