"""/api/rules/: whom two-factor authentication is required of, with the permissions of the administration."""

from dataclasses import asdict
from typing import Any

from django.core.exceptions import NON_FIELD_ERRORS
from django.utils.translation import gettext as _
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from twofactor.api import descriptions, serializers
from twofactor.api.base import ApiView, django_request, serialized, token_family, validated
from twofactor.api.exceptions import ApiError
from twofactor.api.preconditions import require_step_up
from twofactor.factors.refusal import Changed
from twofactor.forms import RuleForm
from twofactor.models import Rule, actor
from twofactor.operations import rules
from twofactor.signin import step_up
from twofactor.signin.session import is_factor
from twofactor.users import is_staff


def require_permission(request: Request, name: str) -> None:
    """As in the administration, a sign-in without a factor is not enough."""
    family = token_family(request)
    user = family.user
    if not is_factor(family.method) or not is_staff(user) or not user.has_perm(f"twofactor.{name}_rule"):
        raise PermissionDenied


def require_full_step_up(request: Request, data: dict[str, Any]) -> None:
    """Someone who added an app to a stolen session must not take a rule away."""
    require_step_up(request, data)
    family = token_family(request)
    if not step_up.still_counts(family.user, family.stepped_up_with, full_proof=True):
        sentence = _("That app or passkey was added recently. Use an older one, or a backup code.")
        raise ApiError(sentence, "older_factor_needed", 403)


def errors_of(form: RuleForm) -> dict[str, Any]:
    """Under the names that the API has for the fields."""
    named = {"user": "person", NON_FIELD_ERRORS: "scope"}
    return {named.get(name, name): list(errors) for name, errors in form.errors.items()}


class RulesView(ApiView):
    http_method_names = ["get"]
    throttle_scope = "rules"

    @descriptions.rules
    def get(self, request: Request) -> Response:
        require_permission(request, "view")
        return serialized(serializers.Rules, {"rules": Rule.objects.order_by("pk")})


class CreateRuleView(ApiView):
    throttle_scope = "rules"

    @descriptions.create_rule
    def post(self, request: Request) -> Response:
        data, user = validated(serializers.NewRule, request), token_family(request).user
        require_permission(request, "add")
        require_full_step_up(request, data)
        form = RuleForm({**data, "user": data.get("person")})
        form.helper = user
        if not form.is_valid():
            raise ValidationError(errors_of(form))
        if not data.get("dry_run"):
            rules.write(form.instance, actor(user.pk), django_request(request))
            rules.tell_soon()
        found = {"rule": form.instance, **asdict(form.preview)}
        return serialized(serializers.RuleWithNumbers, found, 201)


class RemoveRuleView(ApiView):
    throttle_scope = "rules"

    @descriptions.remove_rule
    def post(self, request: Request) -> Response:
        data, user = validated(serializers.RemovedRule, request), token_family(request).user
        require_permission(request, "delete")
        rule = Rule.objects.filter(pk=data["id"]).first()
        if rule is None:
            raise Changed
        if not rules.may_write(user, rule):
            raise PermissionDenied
        require_full_step_up(request, data)
        rules.remove(rule, actor(user.pk), django_request(request))
        return Response(status=204)
