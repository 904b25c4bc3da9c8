from django.urls import path

from twofactor.api import devices, docs, rules, second_factor, sign_in

urlpatterns = [
    path("docs/", docs.docs, name="api_docs"),
    path("schema/", docs.SchemaView.as_view()),
    path("jwt/create/", sign_in.SignInView.as_view()),
    path("jwt/totp/verify/", sign_in.VerifyView.as_view()),
    path("jwt/totp/send/", sign_in.SendCodeView.as_view()),
    path("jwt/refresh/", sign_in.RefreshView.as_view()),
    path("jwt/verify/", sign_in.CheckTokenView.as_view()),
    path("jwt/logout/", sign_in.LogoutView.as_view()),
    path("devices/", devices.DevicesView.as_view()),
    path("devices/end/", devices.EndDeviceView.as_view()),
    path("rules/", rules.RulesView.as_view()),
    path("rules/create/", rules.CreateRuleView.as_view()),
    path("rules/remove/", rules.RemoveRuleView.as_view()),
    path("totp/create/", second_factor.SetUpView.as_view()),
    path("totp/confirm/", second_factor.ConfirmView.as_view()),
    path("totp/disable/", second_factor.TurnOffView.as_view()),
    path("totp/rotate_backup_codes/", second_factor.RotateBackupCodesView.as_view()),
    path("totp/apps/", second_factor.AppsView.as_view()),
    path("totp/apps/create/", second_factor.CreateAppView.as_view()),
    path("totp/apps/confirm/", second_factor.ConfirmAppView.as_view()),
    path("totp/apps/rename/", second_factor.RenameAppView.as_view()),
    path("totp/apps/remove/", second_factor.RemoveAppView.as_view()),
    path("totp/status/", second_factor.StatusView.as_view()),
]
