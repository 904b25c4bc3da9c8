from collections.abc import Callable

from django.http import HttpResponse
from django.urls import path

from twofactor.decorators import own_view
from twofactor.views import (
    activity,
    authenticator_apps,
    codes,
    devices,
    not_me,
    own_factors,
    panel,
    passkeys,
    phone,
    proof,
    sent,
    setup,
    verify,
)

app_name = "twofactor"
PAGES: list[tuple[str, Callable[..., HttpResponse], str]] = [
    ("", panel.settings, "settings"),
    ("activity/", activity.activity, "activity"),
    ("not-me/<str:token>/", not_me.not_me, "not_me"),
    ("not-me/", not_me.not_me_walk, "not_me_walk"),
    ("devices/", devices.device_list, "devices"),
    ("devices/undo/", devices.device_undo, "device_undo"),
    ("devices/<uuid:pk>/end/", devices.device_end, "device_end"),
    ("devices/<uuid:pk>/rename/", devices.device_rename, "device_rename"),
    ("browsers/<int:pk>/forget/", devices.browser_forget, "browser_forget"),
    ("browsers/forget/", devices.browsers_forget, "browsers_forget"),
    ("sessions/end/", devices.sessions_end, "sessions_end"),
    ("nudge/dismiss/", panel.reminder_dismiss, "nudge_dismiss"),
    ("setup/", setup.setup, "setup"),
    ("setup/address/", setup.setup_address, "setup_address"),
    ("setup/verify/", setup.setup_verify, "setup_verify"),
    ("setup/codes/", setup.setup_codes, "setup_codes"),
    ("setup/cancel/", setup.setup_cancel, "setup_cancel"),
    ("factors/undo/", own_factors.factor_undo, "factor_undo"),
    ("apps/add/", authenticator_apps.app_add, "app_add"),
    ("apps/<int:pk>/rename/", authenticator_apps.app_rename, "app_rename"),
    ("apps/<int:pk>/remove/", authenticator_apps.app_remove, "app_remove"),
    ("passkeys/", panel.settings, "passkeys"),
    ("passkeys/add/", passkeys.passkey_add, "passkey_add"),
    ("passkeys/<int:pk>/rename/", passkeys.passkey_rename, "passkey_rename"),
    ("passkeys/<int:pk>/remove/", passkeys.passkey_remove, "passkey_remove"),
    ("passkeys/<int:pk>/clear/", passkeys.passkey_clear, "passkey_clear"),
    ("passkey/", passkeys.passkey_sign_in, "passkey_sign_in"),
    ("passkey/challenge/", passkeys.passkey_challenge, "passkey_challenge"),
    ("setup/passkey/", passkeys.setup_passkey, "setup_passkey"),
    ("verify/", verify.verify, "verify"),
    ("verify/passkey/", verify.verify_passkey, "verify_passkey"),
    ("verify/other/", verify.verify_other, "verify_other"),
    ("verify/backup/", verify.verify_backup, "verify_backup"),
    ("verify/send/", sent.verify_send, "verify_send"),
    ("verify/sent/", sent.verify_sent, "verify_sent"),
    ("confirm/", proof.confirm, "confirm"),
    ("confirm/passkey/", proof.confirm, "confirm_passkey"),
    ("backup-codes/", codes.backup_codes, "backup_codes"),
    ("disable/", codes.disable, "disable"),
    ("phone/", phone.phone, "phone"),
    ("phone/verify/", phone.phone_verify, "phone_verify"),
    ("phone/remove/", phone.phone_remove, "phone_remove"),
]
urlpatterns = [path(route, own_view(view), name=name) for route, view, name in PAGES]
