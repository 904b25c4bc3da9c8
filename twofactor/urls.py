from django.urls import path

from twofactor.views import codes, panel, phone, proof, sent, setup, verify

app_name = "twofactor"
urlpatterns = [
    path("", panel.settings, name="settings"),
    path("activity/", panel.activity, name="activity"),
    path("browsers/<int:pk>/forget/", panel.browser_forget, name="browser_forget"),
    path("browsers/forget/", panel.browsers_forget, name="browsers_forget"),
    path("sessions/end/", panel.sessions_end, name="sessions_end"),
    path("nudge/dismiss/", panel.nudge_dismiss, name="nudge_dismiss"),
    path("setup/", setup.setup, name="setup"),
    path("setup/verify/", setup.setup_verify, name="setup_verify"),
    path("setup/codes/", setup.setup_codes, name="setup_codes"),
    path("setup/cancel/", setup.setup_cancel, name="setup_cancel"),
    path("verify/", verify.verify, name="verify"),
    path("verify/other/", verify.verify_other, name="verify_other"),
    path("verify/backup/", verify.verify_backup, name="verify_backup"),
    path("verify/send/", sent.verify_send, name="verify_send"),
    path("verify/sent/", sent.verify_sent, name="verify_sent"),
    path("confirm/", proof.confirm, name="confirm"),
    path("backup-codes/", codes.backup_codes, name="backup_codes"),
    path("disable/", codes.disable, name="disable"),
    path("phone/", phone.phone, name="phone"),
    path("phone/verify/", phone.phone_verify, name="phone_verify"),
    path("phone/remove/", phone.phone_remove, name="phone_remove"),
]
