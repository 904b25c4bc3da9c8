"""The security settings: how things are, in words, and where each can be changed."""

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from twofactor import conf, devices, drafts, statements, warnings_address
from twofactor.activity import list_rows
from twofactor.decorators import must_use_passkey_first
from twofactor.factors import backup_codes, enrolled, passkeys, sent_codes
from twofactor.factors.accept import Overtaken
from twofactor.factors.enrolled import Factor
from twofactor.factors.methods import WAITED
from twofactor.factors.refusal import Changed
from twofactor.models import Draft, Passkey, TwoFactor
from twofactor.outgoing import sms
from twofactor.recovery import notice
from twofactor.sessions.device_ids import id_of_device
from twofactor.signin import step_up
from twofactor.signin.session import AMR
from twofactor.users import email_for_codes, signed_in_user
from twofactor.views import reminder
from twofactor.web.pages import page, post_only
from twofactor.web.redirects import safe_next, see_other
from twofactor.web.rows import fingerprint, page_with_rows
from twofactor.web.undo import TooLate

RECENT = 5  # rows of activity


def settings(request: HttpRequest) -> HttpResponse:
    """Answers 204 to a tab that is shown again and says that it has seen the present state."""
    state = panel_context(request)
    if request.GET.get("seen") == state["seen"]:
        return HttpResponse(status=204)
    return page_with_rows(request, "twofactor/settings.html", **state, parts=["codes", "phone", "warnings"])


def row_of(factor: Factor) -> str:
    return f"tf-{'passkey' if isinstance(factor, Passkey) else 'app'}-{factor.pk}"


def factor_row(factor: Factor, now: datetime) -> tuple[str, Factor, bool, bool]:
    """For _factor.html: does it prove everything, and is it a passkey?"""
    is_full = enrolled.proves_everything(factor, now)
    return row_of(factor), factor, is_full, isinstance(factor, Passkey)


def panel_context(request: HttpRequest) -> dict[str, Any]:
    user, now = signed_in_user(request), timezone.now()
    two_factor = with_all_that_belongs_to_it(user.pk)
    person = two_factor.user if two_factor else user
    apps, own_passkeys = list(enrolled.apps_of(user)), passkeys.all_of(user)
    factors: list[Factor] = [*apps, *own_passkeys]
    is_on = bool(two_factor) or enrolled.is_on(user)
    if two_factor:
        left, total = two_factor.codes_left, two_factor.all_codes or conf.number_of_backup_codes()
    else:
        left, total = backup_codes.count_unused_and_all(user) if is_on else (0, conf.number_of_backup_codes())
    unfinished = drafts.find_drafts(user, now)
    by_email = is_on and sent_codes.may_email(person)
    email = email_for_codes(user) if by_email else ""
    state: dict[str, Any] = {
        "is_on": is_on,
        "two_factor": two_factor,
        "rows": [factor_row(factor, now) for factor in factors],
        "can_turn_on": not is_on and bool(passkeys.usable(own_passkeys)),  # the codes are all that is missing
        "signs_in_alone": bool(passkeys.usable_alone(own_passkeys)),
        "offers_passkeys": passkeys.are_offered(),
        "passkey_due": reminder.passkey_due(user),
        "codes_left": left,
        "few": backup_codes.FEW_LEFT,
        "total": total,
        "setup": unfinished.get(Draft.Kind.SETUP),
        "new_codes": unfinished.get(Draft.Kind.CODES) if is_on else None,
        "sms": sms.is_configured(),
        "confirms": conf.code_without_app() != conf.NOBODY,
        "masked_email": email and sent_codes.mask_address(email),
        "shut_until": two_factor and sent_codes.shut_until(person),
        "phone": sent_codes.find_confirmed_phone(person),
        "devices": devices.list_devices(user, now, id_of_device(request)),
        "has_session_list": devices.has_session_list(),
        "not_me": reverse("twofactor:not_me_walk"),
        "warnings_address": warnings_address.confirmed(person) if warnings_address.is_offered() else None,
        "recovery": two_factor and notice.of(person, now),
        "events": list_rows(user.pk, RECENT, this_device=id_of_device(request)).rows,
        "recovered_by_email": step_up.recovered_by_email(request),
        "setup_age": conf.setup_age(),
    }
    state["masked_phone"] = state["phone"] and sent_codes.mask_number(state["phone"].number)
    state["seen"] = seen_on(state)
    return state


@statements.row
def with_all_that_belongs_to_it(user_id: Any) -> Any:
    """The row TwoFactor with the person and what else is one row of theirs, and how many codes are left."""
    joined = ("guess_budget", "twofactor_phone", "twofactor_recovery", "twofactor_warnings")
    row = TwoFactor.objects.filter(pk=user_id).select_related(*[f"user__{each}" for each in joined])
    return backup_codes.with_counts(row, "user__backup_codes")


def seen_on(state: dict[str, Any]) -> str:
    """Changes when anything on the panel does."""
    drafts = [
        state[name] and (state[name].row.pk, state[name].is_confirmed) for name in ("setup", "new_codes")
    ]
    phone = state["phone"] and state["phone"].pk
    factors = [
        (row, factor.name, is_full, getattr(factor, "suspected_at", None))
        for row, factor, is_full, _is_passkey in state["rows"]
    ]
    devices = [(device.device_id, bool(device.trusted_until)) for device in state["devices"]]
    listed = [*sorted(devices), *(event.pk for row in state["events"] for event in row.events)]
    more = [state["codes_left"], state["warnings_address"], bool(state["recovery"])]
    return fingerprint([drafts, state["is_on"], factors, phone, listed, *more])


def or_fresh_panel(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answers 409 and shows the panel as it is now, if another tab has changed it meanwhile."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except (Changed, Overtaken, TooLate) as stopped:
            if is_kept_from_panel(request):
                return see_other("twofactor:settings")  # the middleware leads them on
            response = page(
                request,
                "twofactor/settings.html",
                status=409,
                stale=True,
                too_late=isinstance(stopped, TooLate),
                **panel_context(request),
            )
            response.headers["Content-Location"] = reverse("twofactor:settings")
            return response

    return guarded


def is_kept_from_panel(request: HttpRequest) -> bool:
    """Some pages are open to people whom the middleware keeps from all others."""
    method = request.session.get(AMR, "")
    return method == WAITED or must_use_passkey_first(signed_in_user(request), method, settings)


def nothing_to_change(request: HttpRequest) -> HttpResponse:
    if request.method == "POST":
        raise Changed
    return see_other("twofactor:settings")


@post_only("twofactor:settings")
def reminder_dismiss(request: HttpRequest) -> HttpResponse:
    reminder.dismiss(signed_in_user(request), timezone.now())
    messages.success(request, _("Reminder dismissed."), extra_tags="reminder")
    return see_other(safe_next(request, request.POST.get("next")))
