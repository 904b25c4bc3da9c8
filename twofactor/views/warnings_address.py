"""The second email address, which only warnings go to."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from twofactor import conf
from twofactor import warnings_address as addresses
from twofactor.decorators import recently_confirmed, what_for
from twofactor.factors import sent_codes
from twofactor.forms import SentCodeForm, WarningsAddressForm
from twofactor.users import signed_in_user
from twofactor.views.panel import or_fresh_panel
from twofactor.web.client_address import client_address
from twofactor.web.pages import page, post_only, posted
from twofactor.web.redirects import see_other

TO_CHANGE = gettext_lazy("To change your address for warnings, confirm it's you.")
# A thief with a factor that was added recently must not turn the warnings away.
fully_confirmed = recently_confirmed(full_proof=True)


@what_for(TO_CHANGE)
@fully_confirmed
def warnings_address(request: HttpRequest) -> HttpResponse:
    if not addresses.is_offered():
        raise Http404
    user = signed_in_user(request)
    form = WarningsAddressForm(posted(request), user=user)
    if form.is_valid():
        try:
            addresses.send_code(user, form.cleaned_data["address"], client_address(request), timezone.now())
        except sent_codes.NotSent:
            form.add_error("address", _("We couldn't send the email. Check the address, or try again later."))
        else:
            return see_other("twofactor:warnings_address_verify")
    confirmed = addresses.confirmed(user)
    return page(request, "twofactor/warnings_address.html", form=form, confirmed=confirmed)


@what_for(TO_CHANGE)
@fully_confirmed
@or_fresh_panel
def warnings_address_verify(request: HttpRequest) -> HttpResponse:
    user = signed_in_user(request)
    row = addresses.find(user)
    if row is None or not row.new_address:
        return see_other("twofactor:warnings_address")
    form = SentCodeForm(
        posted(request), accept=lambda code: addresses.confirm(user, code, request, timezone.now())
    )
    if form.is_valid():
        messages.success(request, _("Your address for warnings is confirmed."), extra_tags="warnings")
        return see_other("twofactor:settings")
    return page(
        request,
        "twofactor/warnings_address_verify.html",
        form=form,
        address=row.new_address,
        max_age=conf.sent_code_age(),
    )


@what_for(gettext_lazy("To remove your address for warnings, confirm it's you."))
@post_only("twofactor:settings")
@fully_confirmed
@or_fresh_panel
def warnings_address_remove(request: HttpRequest) -> HttpResponse:
    addresses.remove(signed_in_user(request), request)
    messages.success(request, _("Address for warnings removed."), extra_tags="warnings")
    return see_other("twofactor:settings")
