"""What a developer of another site writes. mypy reads it in make check; an ignore too many is an error."""

from datetime import timedelta
from typing import assert_type

from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.generic import DetailView

from accounts.models import User
from twofactor.decorators import OTPRequiredMixin, otp_required, recently_confirmed
from twofactor.shortcuts import Proof, accept_code, after_password, is_verified


@otp_required
@recently_confirmed(timedelta(minutes=1))
def export(request: HttpRequest, year: int) -> HttpResponse:
    return HttpResponse(f"{year}")


class Profile(OTPRequiredMixin, DetailView[User]):
    model = User


def greeting(request: HttpRequest) -> str:
    request.user.is_verified()  # type: ignore[union-attr]  # unknown for AnonymousUser
    if is_verified(request.user):
        assert_type(request.user, User)
        return request.user.email
    return ""


def log_in(request: HttpRequest, user: User) -> HttpResponse:
    return after_password(request, user, "/")


def give_code(request: HttpRequest, user: User) -> Proof:
    return accept_code(user, request.POST["code"], request, timezone.now())


def call_it(request: HttpRequest) -> None:
    assert_type(export(request, 2027), HttpResponse)
    export(request, "2027")  # type: ignore[arg-type]
