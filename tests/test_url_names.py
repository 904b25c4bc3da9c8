"""Names and paths that other sites, their templates and other programs rely on: a rename breaks them."""

import pytest
from django.urls import reverse

URLS = {
    "home": "/",
    "signup": "/accounts/signup/",
    "email_change": "/accounts/email/change/",
    "login": "/accounts/login/",
    "logout": "/accounts/logout/",
    "password_change": "/accounts/password_change/",
    "password_reset": "/accounts/password_reset/",
    "profile": "/accounts/profile/",
    "account_export": "/accounts/export/",
    "account_delete": "/accounts/delete/",
    "twofactor:settings": "/two-factor/",
    "twofactor:setup": "/two-factor/setup/",
    "twofactor:setup_verify": "/two-factor/setup/verify/",
    "twofactor:setup_codes": "/two-factor/setup/codes/",
    "twofactor:setup_cancel": "/two-factor/setup/cancel/",
    "twofactor:verify": "/two-factor/verify/",
    "twofactor:verify_other": "/two-factor/verify/other/",
    "twofactor:verify_backup": "/two-factor/verify/backup/",
    "twofactor:verify_send": "/two-factor/verify/send/",
    "twofactor:verify_sent": "/two-factor/verify/sent/",
    "twofactor:confirm": "/two-factor/confirm/",
    "twofactor:backup_codes": "/two-factor/backup-codes/",
    "twofactor:disable": "/two-factor/disable/",
    "twofactor:phone": "/two-factor/phone/",
    "twofactor:phone_verify": "/two-factor/phone/verify/",
    "twofactor:device_undo": "/two-factor/devices/undo/",
    "twofactor:factor_undo": "/two-factor/factors/undo/",
    "twofactor:browsers_forget": "/two-factor/browsers/forget/",
    "twofactor:sessions_end": "/two-factor/sessions/end/",
    "twofactor:devices": "/two-factor/devices/",
    "twofactor:activity": "/two-factor/activity/",
    "twofactor:nudge_dismiss": "/two-factor/nudge/dismiss/",
}


@pytest.mark.parametrize("name", URLS)
def test_a_name_has_its_path(name):
    assert reverse(name) == URLS[name]


def test_a_name_with_a_part_that_varies_has_its_path():
    assert reverse("email_verify", args=["t"]) == "/accounts/email/verify/t/"
    assert reverse("twofactor:browser_forget", args=[7]) == "/two-factor/browsers/7/forget/"
    device = "0b9f1f0c-58a1-4b6c-9a53-1f5b2a9d7c11"
    assert reverse("twofactor:device_end", args=[device]) == f"/two-factor/devices/{device}/end/"
    assert reverse("twofactor:device_rename", args=[device]) == f"/two-factor/devices/{device}/rename/"
