"""What a developer of another site writes. mypy reads it in make check; an ignore too many is an error."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import assert_type

from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.utils import timezone
from django.views.generic import DetailView

from accounts.models import User
from twofactor.decorators import OTPRequiredMixin, otp_required, recently_confirmed
from twofactor.shortcuts import Proof, accept_code, after_password, is_verified


@otp_required
def download(request: HttpRequest) -> FileResponse:
    return FileResponse(open("report.pdf", "rb"))


@recently_confirmed(timedelta(minutes=1))
def export(request: HttpRequest, year: int) -> StreamingHttpResponse:
    return StreamingHttpResponse([f"{year}"])


@otp_required
@recently_confirmed()
async def feed(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


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


def call_them(request: HttpRequest) -> None:
    assert_type(download(request), FileResponse)
    assert_type(export(request, 2027), StreamingHttpResponse)
    response: Awaitable[HttpResponse] = feed(request)
    export(request, "2027")  # type: ignore[arg-type]
    download(request, response)  # type: ignore[call-arg]
