"""/api/totp/: setting up, turning off, new backup codes. The verbs are those of the pages."""

from functools import partial

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from twofactor import enrolment, policy
from twofactor.api import bodies, document, proof, tokens
from twofactor.api.answers import Problem
from twofactor.api.door import Door, family, plain, said, shown
from twofactor.factors import backup_codes, methods, qr, sent_codes, totp
from twofactor.factors.accept import accept_code
from twofactor.models import Authenticator, Draft
from twofactor.outgoing import mail
from twofactor.signin import step_up
from twofactor.signin.session import NONE

SETUP, CODES = Draft.Kind.SETUP, Draft.Kind.CODES


def holder(request: Request) -> str:
    """Names the sign-in that began. Its number alone counts up and stands in every token, so it is no secret.

    The digest of its refresh token would be one, but changes with each renewal.
    """
    began = f"{family(request).pk} {family(request).began_at.isoformat()}"
    return salted_hmac("twofactor.api.second_factor.holder", began, algorithm="sha256").hexdigest()


class Create(Door):
    open_before_set_up = True

    @document.create
    def post(self, request: Request) -> Response:
        proof.may_set_up(request, said(bodies.Password, request))
        user = family(request).user
        draft = enrolment.start(user, SETUP, timezone.now(), holder(request))
        address = totp.address(draft.key, user.get_username(), mail.issuer())
        picture = qr.svg(address, alone=True)
        return shown(bodies.SetUp, {"svg": picture, "key": draft.key, "otpauth_url": address}, 201)


class Confirm(Door):
    open_before_set_up = True

    @document.confirm
    def post(self, request: Request) -> Response:
        """On at once, as this contract has it; so the codes are in the answer, and nowhere else."""
        body, user, now = said(bodies.Confirmation, request), family(request).user, timezone.now()
        proof.may_set_up(request, body)
        if (draft := enrolment.unfinished(user, SETUP, now, holder(request))) is None:
            raise Problem(_("There is no set-up to confirm. Begin again."), "no_set_up")
        enrolment.confirm(draft, body["input_code"], now)
        enrolment.finish(user, draft, plain(request), now)
        pair = tokens.replace(family(request), methods.TOTP, now)
        return shown(bodies.Confirmed, {"backup_codes": draft.shown_codes, **pair})


class Disable(Door):
    @document.disable
    def post(self, request: Request) -> Response:
        body, user = said(bodies.TurnOff, request), family(request).user
        proof.must_be_on(request)
        proof.password(request, body, step_up.STEP_UP_AGE, with_code=True)
        code, kinds = proof.code(body)
        claim = partial(enrolment.turn_off, user, plain(request))
        accept_code(user, code, plain(request), timezone.now(), kinds=kinds, claim=claim)
        tokens.keep(family(request), NONE)
        return Response(status=204)


class Rotate(Door):
    @document.rotate
    def post(self, request: Request) -> Response:
        body, user, now = said(bodies.Rotation, request), family(request).user, timezone.now()
        proof.must_be_on(request)
        proof.password(request, body, step_up.STEP_UP_AGE, with_code=True)
        code, kinds = proof.code(body)
        accept_code(user, code, plain(request), now, kinds=kinds)
        new = enrolment.start(user, CODES, now, holder(request))
        enrolment.save_new_codes(user, new, plain(request))
        tokens.keep(family(request), methods.TOTP)
        return shown(bodies.BackupCodes, {"backup_codes": new.shown_codes})


class Status(Door):
    http_method_names = ["get"]
    open_before_set_up = True
    throttle_classes = []

    @document.status
    def get(self, request: Request) -> Response:
        user, now = family(request).user, timezone.now()
        authenticator = Authenticator.objects.filter(pk=user.pk).first()
        state = {
            "is_totp_enabled": authenticator is not None,
            "enabled_at": authenticator and authenticator.enabled_at,
            "backup_codes_left": backup_codes.unused(user) if authenticator else 0,
            "channels": sent_codes.channels(user, now) if authenticator else [],
            "is_required": policy.holds_for(user, now),
            "amr": family(request).method,
        }
        return shown(bodies.Status, state)
