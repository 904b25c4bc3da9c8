from django.urls import path

from twofactor.views import settings, setup, verify

app_name = "twofactor"
urlpatterns = [
    path("", settings.settings, name="settings"),
    path("setup/", setup.setup, name="setup"),
    path("setup/verify/", setup.setup_verify, name="setup_verify"),
    path("setup/codes/", setup.setup_codes, name="setup_codes"),
    path("setup/cancel/", setup.setup_cancel, name="setup_cancel"),
    path("verify/", verify.verify, name="verify"),
    path("verify/other/", verify.verify_other, name="verify_other"),
    path("verify/backup/", verify.verify_backup, name="verify_backup"),
    path("confirm/", settings.confirm, name="confirm"),
    path("backup-codes/", settings.backup_codes, name="backup_codes"),
    path("disable/", settings.disable, name="disable"),
]
