from django.urls import path

from twofactor.api import reference, second_factor, sign_in

urlpatterns = [
    path("docs/", reference.page, name="api_docs"),
    path("schema/", reference.Document.as_view()),
    path("jwt/create/", sign_in.Create.as_view()),
    path("jwt/totp/verify/", sign_in.Verify.as_view()),
    path("jwt/totp/send/", sign_in.Send.as_view()),
    path("jwt/refresh/", sign_in.Refresh.as_view()),
    path("jwt/verify/", sign_in.Check.as_view()),
    path("jwt/logout/", sign_in.Logout.as_view()),
    path("totp/create/", second_factor.Create.as_view()),
    path("totp/confirm/", second_factor.Confirm.as_view()),
    path("totp/disable/", second_factor.Disable.as_view()),
    path("totp/rotate_backup_codes/", second_factor.Rotate.as_view()),
    path("totp/status/", second_factor.Status.as_view()),
]
