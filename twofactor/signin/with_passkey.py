"""Signing in with a passkey alone: no name and no password, because it has verified its person itself."""

from typing import Any

from django.contrib.auth import get_backends
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import get_token
from django.utils import timezone
from django.utils.translation import gettext as _

from twofactor.factors import challenges, enrolled, passkeys
from twofactor.factors.accept import Overtaken, Proof
from twofactor.factors.challenges import Purpose
from twofactor.factors.methods import PASSKEY
from twofactor.factors.refusal import Refused
from twofactor.models import Event
from twofactor.sessions import epoch
from twofactor.sessions.device_ids import choose_id
from twofactor.signin import step_up
from twofactor.signin.pending import spend_last_login
from twofactor.signin.session import open_session


def purpose(request: HttpRequest) -> Purpose:
    """For this browser, which nobody has signed in to yet."""
    get_token(request)  # makes the secret, if there is none
    return Purpose(challenges.SIGN_IN, "", request.META["CSRF_COOKIE"])


def sign_in(request: HttpRequest, answer: str, token: str, to: str) -> HttpResponse:
    """Raises Refused, with one sentence whatever the reason is, or TooOften."""
    now = timezone.now()

    def claim(proof: Proof) -> bool:
        user = person_of(proof)
        user.backend = backend_for(user)
        epoch.security_record(user)  # read by now, so that what ends all sessions from now on ends this one
        choose_id(request)  # which the event is recorded with, right after this
        return spend_last_login(user.pk, user.last_login, now) == 1

    try:
        proof = passkeys.accept(
            answer,
            token,
            purpose(request),
            request,
            now,
            claim=claim,
            recorded_as=Event.Kind.SIGNED_IN_WITH_PASSKEY,
        )
    except Overtaken:  # by another sign-in of the same person, at the same moment
        raise Refused(_("That didn't work. Try again, or use another way.")) from None
    response = open_session(request, person_of(proof), PASSKEY, to)
    step_up.mark(request, step_up.name_of_factor(proof))
    step_up.note_if_off(request, proof, is_on=enrolled.was_on(person_of(proof)))
    return response


def person_of(proof: Proof) -> Any:
    return proof.factor.user if proof.factor else None


def backend_for(user: Any) -> str:
    """The first that lets the person in, as it would with the password."""
    for backend in get_backends():
        may_sign_in = getattr(backend, "user_can_authenticate", None)
        if may_sign_in is not None and may_sign_in(user):
            return f"{type(backend).__module__}.{type(backend).__qualname__}"
    raise passkeys.NotAccepted("no authentication backend lets this person in")
