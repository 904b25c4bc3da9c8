"""This wasn't me: the link in mails about events, and the page that checks what was changed lately."""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from twofactor import conf, devices, events, not_me_links
from twofactor.clocks import DAY, format_duration
from twofactor.decorators import open_before_set_up, open_to_recovery
from twofactor.factors import enrolled, sent_codes
from twofactor.forms import DevicesForm, NotMeForm
from twofactor.models import Event
from twofactor.not_me import RECOVERY_SHUT_FOR, device_of, find, report
from twofactor.sessions.device_ids import id_of_device
from twofactor.signin.pending import clear_browser_after_sign_out
from twofactor.signin.session import AMR, keep_session
from twofactor.users import TwoFactorUser, signed_in_user
from twofactor.web.pages import page, posted
from twofactor.web.redirects import see_other

WALK = "twofactor:not_me_walk"
THANKS = gettext_lazy("Thanks for telling us. What is no longer safe has ended. Now check what was changed.")
CHANGED_WITHIN = timedelta(days=30)


# The link


@open_to_recovery
@open_before_set_up
@login_not_required
def not_me(request: HttpRequest, token: str) -> HttpResponse:
    """GET changes nothing, because mail programs open links, and shows nothing of the account."""
    now = timezone.now()
    try:
        event, user = find(token, now)
    except not_me_links.DeadLink:
        days = conf.not_me_age().days
        return page(request, "twofactor/not_me_dead.html", status=404, days=days)
    form, can_choose = NotMeForm(posted(request)), devices.has_session_list()
    if not form.is_valid():
        shut_for = format_duration(RECOVERY_SHUT_FOR)
        return page(request, "twofactor/not_me.html", form=form, can_choose=can_choose, shut_for=shut_for)
    everywhere = form.cleaned_data["everywhere"] or not can_choose
    is_own = request.user.is_authenticated and request.user.pk == user.pk
    is_others = request.user.is_authenticated and not is_own
    this = id_of_device(request) if is_own else None
    ended = device_of(event, user, now)
    report(user, request, now, about=event, ended=ended, everywhere=everywhere, keep=this)
    response = see_other(settings.LOGIN_REDIRECT_URL if is_others else WALK)
    if is_own and (everywhere or this == event.device_id):
        logout(request)
        clear_browser_after_sign_out(response)
    messages.success(request, THANKS)
    return response


# The page


def not_me_walk(request: HttpRequest) -> HttpResponse:
    """Each step is a form or a page of its own that comes back here, so the walk can be left and taken up."""
    user, now = signed_in_user(request), timezone.now()
    since, event = now - CHANGED_WITHIN, own_event(request, user)
    this, can_choose = id_of_device(request), devices.has_session_list()
    listed = devices.list_devices(user, now, this)
    others = [each for each in listed if each.began_at >= since and not each.is_this]
    form = DevicesForm(posted(request), devices=others, event=event)
    if form.is_valid():
        ended = form.ticked()
        with events.atomic():
            report(user, request, now, about=event, ended=ended, everywhere=not can_choose, keep=this)
            if not can_choose:
                keep_session(request, user, request.session[AMR])
        messages.success(request, _("Signed out what you ticked.") if ended else THANKS)
        return see_other(request.get_full_path())
    return page(
        request,
        "twofactor/not_me_walk.html",
        form=form,
        event=event,
        others=others,
        can_choose=can_choose,
        days=CHANGED_WITHIN.days,
        shut_for=format_duration(RECOVERY_SHUT_FOR),
        **changed_since(user, since),
        **steps_done(user, now),
    )


def own_event(request: HttpRequest, user: TwoFactorUser) -> Event | None:
    """The one in the address, if there is one and it is theirs."""
    pk = request.GET.get("event", "")
    return Event.objects.filter(pk=pk, user_id=user.pk).first() if pk.isdecimal() and len(pk) < 19 else None


def changed_since(user: TwoFactorUser, since: datetime) -> dict[str, Any]:
    phone = sent_codes.find_confirmed_phone(user)
    is_new = phone is not None and phone.verified_at is not None and phone.verified_at >= since
    addresses = Event.objects.filter(user_id=user.pk, at__gte=since, kind=Event.Kind.ADDRESS_CHANGED)
    return {
        "apps": enrolled.apps_of(user).filter(added_at__gte=since),
        "passkeys": enrolled.passkeys_of(user).filter(added_at__gte=since),
        "number": sent_codes.mask_number(phone.number) if phone and is_new else "",
        "address_changed_at": addresses.order_by("-at").values_list("at", flat=True).first(),
    }


def steps_done(user: TwoFactorUser, now: datetime) -> dict[str, bool]:
    """Since they said, within the last day, that something was not them."""
    lately = Event.objects.filter(user_id=user.pk, at__gte=now - DAY)
    said_at = lately.filter(kind=Event.Kind.NOT_ME).order_by("-at").values_list("at", flat=True).first()
    kinds = set(lately.filter(at__gte=said_at).values_list("kind", flat=True)) if said_at else set()
    return {
        "is_on": enrolled.is_on(user),
        "has_said": bool(kinds),
        "has_new_password": Event.Kind.PASSWORD_CHANGED in kinds,
        "has_new_codes": Event.Kind.BACKUP_CODES_REGENERATED in kinds,
    }
