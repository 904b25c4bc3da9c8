"""The forms that ask a browser for a passkey: what each is for, and which page or session it is bound to."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.utils import timezone

from twofactor.factors import challenges, passkeys
from twofactor.factors.accept import Proof
from twofactor.factors.challenges import Purpose
from twofactor.factors.enrolled import Factor, Overview
from twofactor.factors.passkeys import NewPasskey
from twofactor.forms import NewPasskeyForm, PasskeyForm, PasswordAndPasskeyForm
from twofactor.models import Passkey
from twofactor.signin import step_up, with_passkey
from twofactor.signin.pending import PendingSignIn
from twofactor.users import signed_in_user
from twofactor.web.pages import posted


def of_session(request: HttpRequest, use: str) -> Purpose:
    """For the person and session of this request, and no other."""
    return Purpose(use, str(request.user.pk), request.session.session_key or "")


def is_answer(request: HttpRequest) -> bool:
    """Or was another form of the page sent?"""
    return "credential" in request.POST


def sign_in_form(request: HttpRequest, to: str = "", *, is_bound: bool = False) -> PasskeyForm:
    """Its result is the answer to the request."""
    ask = partial(passkeys.ask_for_one, with_passkey.purpose(request), timezone.now())
    data = posted(request) if is_bound else None
    return PasskeyForm(data, ask=ask, accept=partial(with_passkey.sign_in, request, to=to))


def second_step_form(
    request: HttpRequest, pending: PendingSignIn, usable: list[Passkey], *, is_bound: bool
) -> PasskeyForm | None:
    """None for someone who has no passkey, if the form was not sent."""
    if not usable and not is_bound:
        return None
    ask = partial(passkeys.ask_for_one, pending.passkey_purpose, timezone.now(), usable)
    data = posted(request) if is_bound else None
    return PasskeyForm(data, ask=ask, accept=partial(pending.accept_passkey, request, usable))


def proof_forms(
    request: HttpRequest, own: Sequence[Passkey], *, has_password: bool, **accept: Any
) -> list[PasskeyForm]:
    """One for passkeys that are enough, and one for keys that need the password beside them."""
    user, data = signed_in_user(request), posted(request) if is_answer(request) else None
    usable = passkeys.usable(own)
    alone = passkeys.usable_alone(usable)
    sent_password = data is not None and "password" in data
    forms: list[PasskeyForm] = []

    def spend(purpose: Purpose, answer: str, token: str) -> Proof:
        given = {"user": user, "own": usable, "recorded_as": "confirmed_with_passkey", **accept}
        return passkeys.accept(answer, token, purpose, request, timezone.now(), **given)

    def add(kind: Any, use: str, asked: list[Passkey], is_sent: bool, **more: Any) -> None:
        purpose = of_session(request, use)
        ask = partial(passkeys.ask_for_one, purpose, timezone.now(), asked)
        bound = data if is_sent else None
        forms.append(kind(bound, ask=ask, accept=partial(spend, purpose), auto_id=f"tf-{use}-%s", **more))

    if alone:
        add(PasskeyForm, challenges.STEP_UP, alone, data is not None and not sent_password)
    if has_password and len(usable) > len(alone):
        right = partial(step_up.password_is_right, request)
        keys = [each for each in usable if each.is_key]
        use = challenges.STEP_UP_WITH_PASSWORD
        add(PasswordAndPasskeyForm, use, keys, sent_password, password_is_right=right)
    return forms


def new_form(request: HttpRequest, use: str, own: Overview, lost: Sequence[Factor] = ()) -> NewPasskeyForm:
    """Bound if it was sent: the other form of the page says another use."""
    user, data, purpose = signed_in_user(request), posted(request), of_session(request, use)

    def read(answer: str, token: str) -> NewPasskey:
        return passkeys.read_new(answer, token, purpose, request, timezone.now())

    return NewPasskeyForm(
        data if data is not None and data.get("use") == use else None,
        ask=partial(passkeys.ask_for_new, user, purpose, timezone.now(), own),
        accept=read,
        auto_id=f"tf-{use}-%s",
        lost=list(lost),
    )
