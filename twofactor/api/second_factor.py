"""/api/totp/: set up, turn off, make new backup codes. Calls the same functions as the pages."""

from functools import partial

from django.utils import timezone
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _
from rest_framework.request import Request
from rest_framework.response import Response

from twofactor import conf, drafts, factor_changes, policy
from twofactor.api import descriptions, serializers, tokens
from twofactor.api.base import ApiView, django_request, serialized, token_family, validated
from twofactor.api.exceptions import ApiError
from twofactor.api.preconditions import (
    code_in,
    require_app_allowed,
    require_password,
    require_set_up_allowed,
    require_step_up_with_app,
    require_two_factor_on,
)
from twofactor.drafts import OpenDraft
from twofactor.factors import backup_codes, enrolled, methods, qr, sent_codes, totp
from twofactor.factors.accept import accept_code
from twofactor.factors.refusal import Changed
from twofactor.models import Draft, TwoFactor
from twofactor.signin import step_up
from twofactor.signin.session import NONE
from twofactor.users import TwoFactorUser, sign_in_name

SETUP, CODES, APP = Draft.Kind.SETUP, Draft.Kind.CODES, Draft.Kind.APP


def draft_owner(request: Request) -> str:
    """A secret name for the sign-in that started the setup, so that no other sign-in can finish it.

    The primary key alone is no secret: it counts up and stands in every token. The digest of the refresh
    token is one, but it changes at each renewal.
    """
    family = token_family(request)
    sign_in = f"{family.pk} {family.began_at.isoformat()}"
    return salted_hmac("twofactor.api.second_factor.draft_owner", sign_in, algorithm="sha256").hexdigest()


def kind_of_setup(user: TwoFactorUser) -> str:
    """Someone for whom it is on is here only after a recovery by email, and has lost the app."""
    return APP if enrolled.is_on(user) else SETUP


def start_draft(request: Request, kind: str) -> Response:
    user = token_family(request).user
    draft = drafts.start(user, kind, timezone.now(), draft_owner(request))
    address = totp.otpauth_url(draft.key, sign_in_name(user), conf.issuer())
    svg = qr.svg(address, alone=True)
    return serialized(serializers.SetUp, {"svg": svg, "key": draft.key, "otpauth_url": address}, 201)


def confirm_draft(request: Request, kind: str, code: str) -> OpenDraft:
    """The draft of this sign-in, which the app has now shown a right code of."""
    user, now = token_family(request).user, timezone.now()
    draft = drafts.find_draft(user, kind, now, draft_owner(request))
    if draft is None:
        raise ApiError(_("There is no setup to confirm. Start again."), "no_setup")
    drafts.confirm(draft, code, now)
    return draft


class SetUpView(ApiView):
    open_before_set_up = True

    @descriptions.create
    def post(self, request: Request) -> Response:
        require_set_up_allowed(request, validated(serializers.Password, request))
        return start_draft(request, kind_of_setup(token_family(request).user))


class ConfirmView(ApiView):
    open_before_set_up = True

    @descriptions.confirm
    def post(self, request: Request) -> Response:
        """Turns it on at once, as django-totp does. Only this response contains the backup codes."""
        data, now = validated(serializers.Confirmation, request), timezone.now()
        user = token_family(request).user
        require_set_up_allowed(request, data)
        kind = kind_of_setup(user)
        draft = confirm_draft(request, kind, data["input_code"])
        if kind == APP:
            name, lost = _("Authenticator app"), [enrolled.id_of(app) for app in enrolled.apps_of(user)]
            factor_changes.add_app_after_recovery(user, draft, name, django_request(request), now, lost)
        else:
            factor_changes.turn_on(user, draft, django_request(request), now)
        pair = tokens.reissue(token_family(request), methods.TOTP, django_request(request), now)
        return serialized(serializers.Confirmed, {"backup_codes": draft.formatted_codes, **pair})


class TurnOffView(ApiView):
    @descriptions.disable
    def post(self, request: Request) -> Response:
        data, user = validated(serializers.TurnOff, request), token_family(request).user
        require_two_factor_on(request)
        if who := policy.who_requires_it(user, timezone.now()):
            raise factor_changes.Required(who)
        require_password(request, data, conf.step_up_age(), with_code=True)
        code, kinds = code_in(data)
        claim = partial(factor_changes.turn_off, user, django_request(request))
        accept_code(
            user,
            code,
            django_request(request),
            timezone.now(),
            kinds=kinds,
            claim=claim,
            changes_factors=True,
        )
        tokens.keep_sign_in(token_family(request), NONE)
        return Response(status=204)


class RotateBackupCodesView(ApiView):
    @descriptions.rotate
    def post(self, request: Request) -> Response:
        data, now = validated(serializers.Rotation, request), timezone.now()
        user = token_family(request).user
        require_two_factor_on(request)
        if "otp_code" in data:
            require_password(request, data, conf.step_up_age(), with_code=True)
            code, kinds = code_in(data)
            claim = factor_changes.may_make_codes
            accept_code(user, code, django_request(request), now, kinds=kinds, claim=claim)
        else:
            require_step_up_with_app(request)
        draft = drafts.start(user, CODES, now, draft_owner(request))
        factor_changes.save_new_codes(user, draft, django_request(request))
        tokens.keep_sign_in(token_family(request), methods.TOTP)
        return serialized(serializers.BackupCodes, {"backup_codes": draft.formatted_codes})


class AppsView(ApiView):
    http_method_names = ["get"]

    @descriptions.apps
    def get(self, request: Request) -> Response:
        apps = enrolled.apps_of(token_family(request).user)
        return serialized(serializers.Apps, {"apps": apps})


class CreateAppView(ApiView):
    @descriptions.create_app
    def post(self, request: Request) -> Response:
        require_app_allowed(request, validated(serializers.StepUp, request))
        return start_draft(request, APP)


class ConfirmAppView(ApiView):
    @descriptions.confirm_app
    def post(self, request: Request) -> Response:
        data, family = validated(serializers.NewApp, request), token_family(request)
        require_app_allowed(request, data)
        draft = confirm_draft(request, APP, data["input_code"])
        name = data.get("name") or _("Authenticator app")
        vouched = step_up.vouches(family.user, family.stepped_up_with)
        app = factor_changes.add_app(
            family.user, draft, name, django_request(request), timezone.now(), vouched=vouched
        )
        return serialized(serializers.App, app, 201)


class RenameAppView(ApiView):
    @descriptions.rename_app
    def post(self, request: Request) -> Response:
        data = validated(serializers.RenamedApp, request)
        user = token_family(request).user
        app = enrolled.find_factor(user, str(data["id"]))
        if app is None:
            raise Changed
        factor_changes.rename_factor(user, app, data["name"])
        return Response(status=204)


class RemoveAppView(ApiView):
    @descriptions.remove_app
    def post(self, request: Request) -> Response:
        data, now = validated(serializers.RemovedApp, request), timezone.now()
        user = token_family(request).user
        require_two_factor_on(request)
        require_password(request, data, conf.step_up_age(), with_code=True)
        code, kinds = code_in(data)
        claim = partial(factor_changes.remove_factor, user, str(data["id"]), django_request(request), now)
        accept_code(user, code, django_request(request), now, kinds=kinds, claim=claim, changes_factors=True)
        tokens.keep_sign_in(token_family(request), token_family(request).method)
        return Response(status=204)


class StatusView(ApiView):
    http_method_names = ["get"]
    open_before_set_up = True
    throttle_classes = []

    @descriptions.status
    def get(self, request: Request) -> Response:
        user, now = token_family(request).user, timezone.now()
        two_factor = TwoFactor.objects.filter(pk=user.pk).first()
        is_on = enrolled.is_on(user)
        status = {
            "is_totp_enabled": is_on,
            "enabled_at": two_factor and two_factor.enabled_at,
            "backup_codes_left": backup_codes.count_unused(user) if is_on else 0,
            "channels": sent_codes.find_channels(user) if is_on else [],
            "is_required": policy.is_enforced_for(user, now),
            "amr": token_family(request).method,
        }
        return serialized(serializers.Status, status)
