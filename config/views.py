"""The home page and the help page."""

from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from twofactor import conf, policy
from twofactor.decorators import open_before_set_up
from twofactor.factors import passkeys, totp
from twofactor.recovery import notice
from twofactor.signin import step_up
from twofactor.views import reminder
from twofactor.web.pages import page
from twofactor.web.rows import changed_part


@login_not_required
def home(request: HttpRequest) -> HttpResponse:
    if not request.user.is_authenticated:
        codes = conf.number_of_backup_codes()
        return page(request, "landing.html", digits=totp.DIGITS, backup_codes=codes)
    context: dict[str, Any] = {
        "unconfirmed": conf.site_has_mail() and not request.user.email_verified_at,
        "reminder_due": reminder.is_due(request.user, timezone.now()),
        "required_from": policy.deadline(request.user),
        "passkey_due": reminder.passkey_due(request.user),
        "recovered_by_email": step_up.recovered_by_email(request),
        "recovery": notice.of(request.user, timezone.now()),
        "setup_age": conf.setup_age(),
        "changed_part": changed_part(request, {"reminder"}),
    }
    return page(request, "dashboard.html", **context)


@open_before_set_up
@login_not_required
def help_page(request: HttpRequest) -> HttpResponse:
    return page(request, "help.html", offers_passkeys=passkeys.are_offered())
