"""The list of devices: where a person is signed in, and which browsers need no code."""

from collections import Counter
from collections.abc import Callable
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.exceptions import SessionInterrupted
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from twofactor import devices, events
from twofactor.clocks import format_age
from twofactor.devices import API, SESSION, TRUSTED, AlreadyEnded, ListedDevice
from twofactor.forms import DeviceNameForm, EndOthersForm
from twofactor.sessions.device_ids import id_of_device
from twofactor.signin import trusted_browsers
from twofactor.signin.session import AMR, keep_session
from twofactor.users import signed_in_user
from twofactor.web import browser_names, undo
from twofactor.web.pages import post_only, posted
from twofactor.web.redirects import see_other
from twofactor.web.rows import Rows, fingerprint, next_row, page_with_rows, tell
from twofactor.web.undo import TooLate

PAGE, UNDO = "twofactor:devices", "twofactor:device_undo"


def or_fresh_list(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Answers 409 and shows the list as it is now, if what the view was to change has ended meanwhile."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except (AlreadyEnded, TooLate) as stopped:
            response = list_page(request, status=409, stale=True, too_late=isinstance(stopped, TooLate))
            response.headers["Content-Location"] = reverse(PAGE)
            return response

    return guarded


def device_list(request: HttpRequest) -> HttpResponse:
    return list_page(request)


def list_page(request: HttpRequest, **context: Any) -> HttpResponse:
    """Answers 204 to a tab that is shown again and says that it has seen this list."""
    listed, now = own_devices(request), timezone.now()
    shown = [
        (device.device_id, device.name, device.trusted_until, format_age(now - device.last_used_at))
        for device in listed
    ]
    seen = fingerprint(sorted(map(str, shown)))
    if request.GET.get("seen") == seen:
        return HttpResponse(status=204)
    return page_with_rows(
        request,
        "twofactor/devices.html",
        with_names(listed),
        devices=listed,
        seen=seen,
        has_session_list=devices.has_session_list(),
        trusted=[device for device in listed if device.trusted_until],
        others=[device for device in listed if device.kind == SESSION and not device.is_this],
        api=[device for device in listed if device.kind == API],
        end_form=EndOthersForm(),
        **context,
    )


def with_names(listed: list[ListedDevice]) -> Rows:
    """Each with what its buttons call it: with its beginning, if another has the same name, and with a
    number, if that is the same too.
    """
    names = Counter(map(name_of, listed))
    seen: Counter[str] = Counter()
    rows: Rows = []
    for device in listed:
        name = name_of(device)
        if names[name] > 1:
            name = f"{name}, {date_format(device.began_at, 'DATETIME_FORMAT')}"
        seen[name] += 1
        rows.append((row_of(device), device, f"{name} ({seen[name]})" if seen[name] > 1 else name))
    return rows


def row_of(device: ListedDevice) -> str:
    return f"tf-device-{device.device_id}"


def name_of(device: ListedDevice) -> str:
    return device.name or browser_names.localized(device.browser)


def own_devices(request: HttpRequest) -> list[ListedDevice]:
    return devices.list_devices(signed_in_user(request), timezone.now(), id_of_device(request))


@post_only(PAGE)
@or_fresh_list
def device_end(request: HttpRequest, pk: UUID) -> HttpResponse:
    listed = own_devices(request)
    device = devices.find(listed, pk, signed_in_user(request))
    if device.is_this:
        raise AlreadyEnded  # the page has no button for it
    if device.kind == TRUSTED:
        return forget(request, device, listed)
    devices.end(device, signed_in_user(request), request)
    names = {row: name for row, _device, name in with_names(listed)}
    sentence = _("%(device)s was signed out.") % {"device": names[row_of(device)]}
    tell(request, sentence, next_row(list(names), row_of(device)))
    return see_other(PAGE)


def forget(request: HttpRequest, device: ListedDevice, listed: list[ListedDevice]) -> HttpResponse:
    user, row = signed_in_user(request), row_of(device)
    names = {row: name for row, _device, name in with_names(listed)}
    forgotten = trusted_browsers.forget(user, request, device.trusted_pk)
    sentence = _("%(device)s is no longer trusted.") % {"device": names[row]}
    offered = undo.offer(request, UNDO, row, trust=forgotten)
    if device.kind == SESSION:
        devices.rename(device, user, device.name)  # it may have been that of the trusted browser
        tell(request, sentence, row, offered)
    else:
        tell(request, sentence, next_row(list(names), row), offered, gone=row)
    return see_other(PAGE)


@or_fresh_list
def device_rename(request: HttpRequest, pk: UUID) -> HttpResponse:
    device = devices.find(own_devices(request), pk, signed_in_user(request))
    row = row_of(device)
    form = DeviceNameForm(posted(request), initial={"name": device.name}, auto_id=f"{row}_%s")
    if form.is_valid():
        name = form.cleaned_data["name"]
        devices.rename(device, signed_in_user(request), name)
        before = {"device": str(pk), "name": device.name, "instead_of": name}
        offered = undo.offer(request, UNDO, row, **before) if name != device.name else ""
        tell(request, _("The name was changed."), row, offered)
        return see_other(PAGE)
    return page_with_rows(request, "twofactor/device_rename.html", [(row,)], form=form, device=device)


@post_only(PAGE)
@or_fresh_list
def device_undo(request: HttpRequest) -> HttpResponse:
    """Trusts a browser again, or gives a device its name back."""
    user, offered = signed_in_user(request), undo.take(request, UNDO)
    if "trust" in offered:
        again = [browser.pk for browser in trusted_browsers.trust_again(offered["trust"], user, request)]
        if not again:
            raise TooLate
        for row, device, name in with_names(own_devices(request)):
            if device.trusted_until and device.trusted_pk in again:
                tell(request, _("%(device)s is trusted again.") % {"device": name}, row)
        return see_other(PAGE)
    device = devices.find(own_devices(request), UUID(offered["device"]), user)
    if device.name != offered["instead_of"]:
        raise TooLate
    devices.rename(device, user, offered["name"])
    tell(request, _("The old name is back."), row_of(device))
    return see_other(PAGE)


@post_only(PAGE)
def sessions_end(request: HttpRequest) -> HttpResponse:
    user, form = signed_in_user(request), EndOthersForm(posted(request))
    keep_trusted = form.is_valid() and form.cleaned_data["keep_trusted"]
    ended = [device for device in own_devices(request) if not device.is_this or device.trusted_until]
    with events.atomic():
        devices.end_others(user, id_of_device(request), timezone.now(), keep_trusted=keep_trusted)
        keep_session(request, user, request.session[AMR])
        save_now(request)
        events.record("sessions_ended", user, request)
    messages.success(request, what_ended(ended, keep_trusted=keep_trusted))
    return see_other(PAGE)


def save_now(request: HttpRequest) -> None:
    """In the transaction: of two sessions that end each other at once, one stays, and so does a double click.

    Raises SessionInterrupted, which Django's middleware has for the same, if this one was ended meanwhile.
    """
    try:
        request.session.save()
    except UpdateError:
        raise SessionInterrupted from None


def what_ended(ended: list[ListedDevice], *, keep_trusted: bool) -> str:
    sessions = sum(device.kind == SESSION and not device.is_this for device in ended)
    api = sum(device.kind == API for device in ended)
    trusted = 0 if keep_trusted else sum(bool(device.trusted_until) for device in ended)
    sentences = [_("You're signed out everywhere else.")]
    if sessions:
        sentence = ngettext("%(count)d session ended.", "%(count)d sessions ended.", sessions)
        sentences.append(sentence % {"count": sessions})
    if api:
        sentence = ngettext("%(count)d program was signed out.", "%(count)d programs were signed out.", api)
        sentences.append(sentence % {"count": api})
    if trusted:
        sentence = ngettext(
            "%(count)d browser is no longer trusted.", "%(count)d browsers are no longer trusted.", trusted
        )
        sentences.append(sentence % {"count": trusted})
    return " ".join(sentences)


@post_only(PAGE)
@or_fresh_list
def browser_forget(request: HttpRequest, pk: int) -> HttpResponse:
    """The keys count up, so that of another person is answered as one that is gone."""
    listed = own_devices(request)
    for device in listed:
        if device.trusted_until and device.trusted_pk == pk:
            return forget(request, device, listed)
    raise AlreadyEnded


@post_only(PAGE)
@or_fresh_list
def browsers_forget(request: HttpRequest) -> HttpResponse:
    forgotten = trusted_browsers.forget(signed_in_user(request), request)
    tell(request, _("No browser is trusted any longer."), "", undo.offer(request, UNDO, "", trust=forgotten))
    return see_other(PAGE)
