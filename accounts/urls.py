from django.urls import path

from accounts import views

urlpatterns = [
    path("signup/", views.signup, name="signup"),
    path("signup/sent/", views.signup_sent, name="signup_sent"),
    path("email/verify/send/", views.email_verify_send, name="email_verify_send"),
    path("email/verify/<token>/", views.email_verify, name="email_verify"),
    path("email/change/", views.email_change, name="email_change"),
    path("profile/", views.profile, name="profile"),
    path("export/", views.account_export, name="account_export"),
    path("delete/", views.account_delete, name="account_delete"),
    path("delete/keep/", views.account_keep, name="account_keep"),
    path("delete/stop/<token>/", views.account_delete_stop, name="account_delete_stop"),
    path("delete/stopped/", views.account_delete_stopped, name="account_delete_stopped"),
    path("language/", views.language, name="language"),
    path("login/", views.Login.as_view(), name="login"),
    path("logout/", views.Logout.as_view(), name="logout"),
    path("password_change/", views.PasswordChange.as_view(), name="password_change"),
    path("password_change/done/", views.PasswordChangeDone.as_view(), name="password_change_done"),
    path("password_reset/", views.PasswordReset.as_view(), name="password_reset"),
    path("password_reset/done/", views.PasswordResetDone.as_view(), name="password_reset_done"),
    path("reset/<uidb64>/<token>/", views.PasswordResetConfirm.as_view(), name="password_reset_confirm"),
    path("reset/done/", views.PasswordResetComplete.as_view(), name="password_reset_complete"),
]
