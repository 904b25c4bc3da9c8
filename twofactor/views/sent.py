"""Signing in with a code that was sent: by email or text message, sent again, or switched."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from twofactor import conf
from twofactor.decorators import sent_code_step
from twofactor.factors import methods, sent_codes
from twofactor.factors.sent_codes import Channel
from twofactor.forms import SentCodeForm
from twofactor.limits import allowances
from twofactor.models import SentCode
from twofactor.signin import trusted_browsers
from twofactor.signin.pending import PendingSignIn, when_to_ask_again
from twofactor.views.verify import finish, lock_to_show, other_ways_page
from twofactor.web.pages import page, post_only, posted, seconds_until
from twofactor.web.redirects import onward, see_other


@sent_code_step
@post_only("twofactor:verify_sent")
def verify_send(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    now, chosen = timezone.now(), (posted(request) or QueryDict()).get("channel")
    channel = next((c for c in pending.find_channels() if c.kind == chosen), None)
    if channel is None:
        return other_ways_page(request, pending, status=422, problem=_("Choose how you want to sign in."))
    again = sent_codes.find_newest(pending.user, pending.purpose) is not None
    try:
        pending.send_code(request, channel, now)
    except allowances.TooOften as refused:
        return too_soon_page(request, pending, refused.until)
    except sent_codes.NotSent:
        return other_ways_page(request, pending, status=503, problem=str(sent_codes.NOT_SENT))
    messages.success(request, sentence_after_sending(channel, again))
    return see_other(reverse("twofactor:verify_sent") + onward(request))


def sentence_after_sending(channel: Channel, again: bool) -> str:
    if not again:
        sentence = _("We sent a code to %(target)s.")
    elif channel.kind == sent_codes.SMS:
        sentence = _("We sent a new code by text message to %(target)s.")
    else:
        sentence = _("We sent a new code by email to %(target)s.")
    return sentence % {"target": channel.masked}


@sent_code_step
def verify_sent(request: HttpRequest, pending: PendingSignIn) -> HttpResponse:
    sent = sent_codes.find_newest(pending.user, pending.purpose)
    if sent is None:
        return see_other(reverse("twofactor:verify_other") + onward(request))
    form = SentCodeForm(posted(request), accept=lambda code: pending.accept(request, code, methods.SENT))
    if form.is_valid():
        return finish(request, pending, form.cleaned_data["code"])
    return sent_code_page(request, pending, form, sent)


def too_soon_page(request: HttpRequest, pending: PendingSignIn, until: datetime) -> HttpResponse:
    seconds = seconds_until(until)
    if sent := sent_codes.find_newest(pending.user, pending.purpose):
        form = SentCodeForm(accept=str)
        response = sent_code_page(request, pending, form, sent, status=429, seconds=seconds)
        response.headers["Content-Location"] = reverse("twofactor:verify_sent") + onward(request)
    else:
        response = other_ways_page(request, pending, status=429, problem=when_to_ask_again(until))
    response.headers["Retry-After"] = str(seconds)
    return response


def sent_code_page(
    request: HttpRequest, pending: PendingSignIn, form: SentCodeForm, sent: SentCode, **context: Any
) -> HttpResponse:
    return page(
        request,
        "twofactor/verify_sent.html",
        form=form,
        pending=pending,
        sent=Channel(sent.channel, sent.target),
        sent_at=sent.sent_at,
        until=min(sent.sent_at + conf.sent_code_age(), pending.ends_at),
        wait=lock_to_show(pending, form),
        channels=pending.find_channels(),
        remembered_for=days_to_remember(pending),
        onward=onward(request),
        **context,
    )


def days_to_remember(pending: PendingSignIn) -> int:
    """How long this browser leaves out the code, if the person who gives it now has no second factor."""
    is_remembered = pending.confirms and trusted_browsers.may_trust(pending.user, without_factor=True)
    return conf.trusted_age().days if is_remembered else 0
