"""/api/totp/: set up, turn off, make new backup codes. Calls the same functions as the pages."""

from functools import partial

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from twofactor import conf, enrolment, policy
from twofactor.api import descriptions, serializers, tokens
from twofactor.api.base import ApiView, django_request, serialized, token_family, validated
from twofactor.api.exceptions import ApiError
from twofactor.api.preconditions import (
    code_in,
    require_password,
    require_set_up_allowed,
    require_two_factor_on,
)
from twofactor.factors import backup_codes, methods, qr, sent_codes, totp
from twofactor.factors.accept import accept_code
from twofactor.models import Authenticator, Draft
from twofactor.signin import step_up
from twofactor.signin.session import NONE

SETUP, CODES = Draft.Kind.SETUP, Draft.Kind.CODES


def draft_owner(request: Request) -> str:
    """A secret name for the sign-in that started the setup, so that no other sign-in can finish it.

    The primary key alone is no secret: it counts up and stands in every token. The digest of the refresh
    token is one, but it changes at each renewal.
    """
    family = token_family(request)
    sign_in = f"{family.pk} {family.began_at.isoformat()}"
    return salted_hmac("twofactor.api.second_factor.draft_owner", sign_in, algorithm="sha256").hexdigest()


class SetUpView(ApiView):
    open_before_set_up = True

    @descriptions.create
    def post(self, request: Request) -> Response:
        require_set_up_allowed(request, validated(serializers.Password, request))
        user = token_family(request).user
        draft = enrolment.start(user, SETUP, timezone.now(), draft_owner(request))
        address = totp.otpauth_url(draft.key, user.get_username(), conf.issuer())
        svg = qr.svg(address, alone=True)
        return serialized(serializers.SetUp, {"svg": svg, "key": draft.key, "otpauth_url": address}, 201)


class ConfirmView(ApiView):
    open_before_set_up = True

    @descriptions.confirm
    def post(self, request: Request) -> Response:
        """Turns it on at once, as django-totp does. Only this response contains the backup codes."""
        data, now = validated(serializers.Confirmation, request), timezone.now()
        user = token_family(request).user
        require_set_up_allowed(request, data)
        if (draft := enrolment.find_draft(user, SETUP, now, draft_owner(request))) is None:
            raise ApiError(_("There is no setup to confirm. Start again."), "no_setup")
        enrolment.confirm(draft, data["input_code"], now)
        enrolment.finish(user, draft, django_request(request), now)
        pair = tokens.reissue(token_family(request), methods.TOTP, now)
        return serialized(serializers.Confirmed, {"backup_codes": draft.formatted_codes, **pair})


class TurnOffView(ApiView):
    @descriptions.disable
    def post(self, request: Request) -> Response:
        data, user = validated(serializers.TurnOff, request), token_family(request).user
        require_two_factor_on(request)
        require_password(request, data, step_up.STEP_UP_AGE, with_code=True)
        code, kinds = code_in(data)
        claim = partial(enrolment.turn_off, user, django_request(request))
        accept_code(user, code, django_request(request), timezone.now(), kinds=kinds, claim=claim)
        tokens.keep_sign_in(token_family(request), NONE)
        return Response(status=204)


class RotateBackupCodesView(ApiView):
    @descriptions.rotate
    def post(self, request: Request) -> Response:
        data, now = validated(serializers.Rotation, request), timezone.now()
        user = token_family(request).user
        require_two_factor_on(request)
        require_password(request, data, step_up.STEP_UP_AGE, with_code=True)
        code, kinds = code_in(data)
        accept_code(user, code, django_request(request), now, kinds=kinds)
        draft = enrolment.start(user, CODES, now, draft_owner(request))
        enrolment.save_new_codes(user, draft, django_request(request))
        tokens.keep_sign_in(token_family(request), methods.TOTP)
        return serialized(serializers.BackupCodes, {"backup_codes": draft.formatted_codes})


class StatusView(ApiView):
    http_method_names = ["get"]
    open_before_set_up = True
    throttle_classes = []

    @descriptions.status
    def get(self, request: Request) -> Response:
        user, now = token_family(request).user, timezone.now()
        authenticator = Authenticator.objects.filter(pk=user.pk).first()
        status = {
            "is_totp_enabled": authenticator is not None,
            "enabled_at": authenticator and authenticator.enabled_at,
            "backup_codes_left": backup_codes.count_unused(user) if authenticator else 0,
            "channels": sent_codes.find_channels(user) if authenticator else [],
            "is_required": policy.is_enforced_for(user, now),
            "amr": token_family(request).method,
        }
        return serialized(serializers.Status, status)
