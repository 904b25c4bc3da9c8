"""The number for text messages. It counts once a code that was sent there has come back."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from twofactor import conf, events
from twofactor.decorators import recently_confirmed, what_for
from twofactor.factors import enrolled, sent_codes
from twofactor.factors.refusal import Changed
from twofactor.forms import PhoneForm, SentCodeForm
from twofactor.models import Phone
from twofactor.outgoing import sms
from twofactor.users import signed_in_user
from twofactor.views.panel import or_fresh_panel
from twofactor.web.client_address import client_address
from twofactor.web.pages import page, post_only, posted
from twofactor.web.redirects import next_or, see_other

TO_CHANGE = gettext_lazy("To change your phone number, confirm it's you.")


@what_for(TO_CHANGE)
@recently_confirmed()
def phone(request: HttpRequest) -> HttpResponse:
    if not sms.is_configured():
        raise Http404
    is_on = enrolled.is_on(signed_in_user(request))
    if not is_on and conf.code_without_app() == conf.NOBODY:
        return see_other("twofactor:setup")  # text messages stand beside the authenticator, never alone
    form = PhoneForm(posted(request), initial={"number": unconfirmed_number(request)})
    if form.is_valid():
        try:
            sent_codes.send_to_new_number(
                signed_in_user(request), form.cleaned_data["number"], client_address(request), timezone.now()
            )
        except sent_codes.NotSent:
            form.add_error("number", _("We couldn't send the message. Check the number, or try again later."))
        else:
            return see_other("twofactor:phone_verify")
    phone = sent_codes.find_confirmed_phone(signed_in_user(request))
    return page(request, "twofactor/phone.html", form=form, phone=phone, is_on=is_on)


@what_for(TO_CHANGE)
@recently_confirmed()
def phone_verify(request: HttpRequest) -> HttpResponse:
    phone = Phone.objects.filter(pk=request.user.pk).exclude(new_number="").first()
    if phone is None:
        return see_other("twofactor:phone")
    form = SentCodeForm(
        posted(request),
        accept=lambda code: sent_codes.verify_number(signed_in_user(request), code, request, timezone.now()),
    )
    if form.is_valid():
        messages.success(request, _("Your phone number is confirmed."), extra_tags="phone")
        return see_other("twofactor:settings")
    return page(
        request,
        "twofactor/phone_verify.html",
        form=form,
        number=sent_codes.mask_number(phone.new_number),
        max_age=conf.sent_code_age(),
    )


@what_for(gettext_lazy("To remove your phone number, confirm it's you."))
@post_only("twofactor:settings")
@recently_confirmed()
@or_fresh_panel
def phone_remove(request: HttpRequest) -> HttpResponse:
    with events.atomic():
        if not Phone.objects.filter(pk=request.user.pk).delete()[0]:
            raise Changed
        events.record("phone_changed", signed_in_user(request), request)
    messages.success(request, _("Phone number removed."), extra_tags="phone")
    return see_other(next_or(request, "twofactor:settings"))


def unconfirmed_number(request: HttpRequest) -> str:
    """Returns the number that was typed before, or came from another app."""
    return Phone.objects.filter(pk=request.user.pk).values_list("new_number", flat=True).first() or ""
