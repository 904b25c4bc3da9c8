"""The draft of a setup or of new backup codes: only the browser that began it sees it again."""

from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.safestring import mark_safe  # noqa: TID251 - for the one picture below

from twofactor import conf, drafts, sealing
from twofactor.drafts import OpenDraft
from twofactor.factors import qr, totp
from twofactor.models import Draft
from twofactor.users import sign_in_name, signed_in_user
from twofactor.web import cookies

PURPOSE = "draft owner"


def draft_owner(request: HttpRequest) -> str:
    """Names the browser that begins: it alone may go on with the draft, until it signs out.

    Without a cookie the session gives the name, so that two tabs that begin at once get the same one. The
    cookie outlasts a change of the session key. It is sealed for the person: nobody can write the name of
    another browser into it.
    """
    sealed, person = cookies.read(request, cookies.DRAFT), sealing.owner_of(request.user.pk)
    try:
        return str(sealing.unseal(PURPOSE, person, sealed, timezone.now(), conf.draft_age()))
    except sealing.UnsealError:
        key = request.session.session_key or ""
        return salted_hmac("twofactor.views.drafts.draft_owner", key, algorithm="sha256").hexdigest()


def set_draft_cookie(request: HttpRequest, response: HttpResponse, owner: str) -> HttpResponse:
    sealed = sealing.seal(PURPOSE, sealing.owner_of(request.user.pk), owner, timezone.now())
    cookies.write(response, cookies.DRAFT, sealed, max_age=int(conf.draft_age().total_seconds()))
    return response


def current_draft(request: HttpRequest, kind: str) -> OpenDraft | None:
    return drafts.find_draft(signed_in_user(request), kind, timezone.now(), draft_owner(request))


def own_draft(request: HttpRequest, row: Draft | None) -> OpenDraft | None:
    return drafts.open_for(draft_owner(request), row, timezone.now())


def key_context(request: HttpRequest, draft: OpenDraft) -> dict[str, Any]:
    """For twofactor/_key.html: the new key as QR code, link and text."""
    address = totp.otpauth_url(draft.key, sign_in_name(signed_in_user(request)), conf.issuer())
    return {
        "draft": draft,
        "address": address,
        "issuer": conf.issuer(),
        "picture": mark_safe(qr.svg(address)),  # noqa: S308 - drawn by us from numbers, no text in it
        "digits": totp.DIGITS,
        "period": timedelta(seconds=totp.PERIOD),
    }
