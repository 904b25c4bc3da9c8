"""The least that a correct sign-in in two steps must do with Django's own users and sessions.

No lockout, no audit log, no mail, no other way in. Where BENCH_SUBJECT is "floor-signed", the pending sign-in
stands in a signed cookie instead of a session row.
"""

import hashlib
import secrets
import time
from hmac import compare_digest

import pyotp
import segno
from django.conf import settings
from django.contrib.auth import authenticate, get_user_model, login
from django.contrib.auth.decorators import login_required
from django.core import signing
from django.http import HttpResponseRedirect
from django.shortcuts import render
from django.urls import path
from django.utils.safestring import mark_safe

from tests.machinery.bench.floor.models import Authenticator, BackupCode

SIGNED = settings.SUBJECT == "floor-signed"
BACKEND = "django.contrib.auth.backends.ModelBackend"
MAX_AGE = 600


def page(request, name, status=200, **context):
    return render(request, f"{name}.html", context, status=status)


def sign_in(request):
    if request.method != "POST":
        return page(request, "login")
    user = authenticate(request, username=request.POST["username"], password=request.POST["password"])
    if user is None:
        return page(request, "login", 422, problem="Wrong name or password")
    if not Authenticator.objects.filter(pk=user.pk).exists():
        login(request, user)
        return HttpResponseRedirect("/page/")
    response = HttpResponseRedirect("/code/")
    if SIGNED:
        response.set_cookie("pending", signing.dumps(user.pk), httponly=True, samesite="Lax")
    else:
        request.session["pending"] = [user.pk, time.time()]
    return response


def pending(request):
    """The user who has given the password, if that was not long ago."""
    if SIGNED:
        try:
            return signing.loads(request.COOKIES.get("pending", ""), max_age=MAX_AGE)
        except signing.BadSignature:
            return None
    pk, began = request.session.get("pending", (None, 0))
    return pk if time.time() - began < MAX_AGE else None


def code(request):
    pk = pending(request)
    if pk is None:
        return HttpResponseRedirect("/login/")
    if request.method != "POST":
        return page(request, "code")
    user = get_user_model().objects.get(pk=pk)
    typed = request.POST["code"]
    if not (spend_code(pk, typed) if len(typed) == 6 else spend_backup_code(pk, typed)):
        return page(request, "code", 422, problem="Wrong code")
    login(request, user, backend=BACKEND)
    response = HttpResponseRedirect("/page/")
    if SIGNED:
        response.delete_cookie("pending")
    else:
        del request.session["pending"]
    return response


def spend_code(pk, typed):
    step = matching_step(Authenticator.objects.get(pk=pk).key, typed)
    if step is None:
        return False
    return Authenticator.objects.filter(pk=pk, last_step__lt=step).update(last_step=step) == 1


def matching_step(key, typed):
    now, app = int(time.time()) // 30, pyotp.HOTP(key)
    return next((step for step in (now - 1, now, now + 1) if compare_digest(app.at(step), typed)), None)


def spend_backup_code(pk, typed):
    found = BackupCode.objects.filter(user_id=pk, digest=digest(typed), used=False).first()
    return found and BackupCode.objects.filter(pk=found.pk, used=False).update(used=True) == 1


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


@login_required
def overview(request):
    return page(
        request,
        "settings",
        on=Authenticator.objects.filter(pk=request.user.pk).first(),
        left=BackupCode.objects.filter(user_id=request.user.pk, used=False).count(),
    )


@login_required
def set_up(request):
    """GET: the QR code. POST: a code from it, and the backup codes are shown."""
    if request.method != "POST":
        key = request.session["key"] = pyotp.random_base32()
        address = pyotp.TOTP(key).provisioning_uri(name=request.user.get_username(), issuer_name="Floor")
        picture = segno.make(address, micro=False, error="m").svg_inline(
            border=4, light="#fff", omitsize=True
        )
        return page(request, "setup", key=key, picture=mark_safe(picture))  # noqa: S308 - drawn by segno
    step = matching_step(request.session["key"], request.POST["code"])
    if step is None:
        return page(request, "code", 422, problem="Wrong code")
    codes = [secrets.token_hex(5) for _ in range(10)]
    Authenticator.objects.create(user=request.user, key=request.session.pop("key"), last_step=step)
    BackupCode.objects.bulk_create(BackupCode(user=request.user, digest=digest(each)) for each in codes)
    return page(request, "codes", codes=codes)


urlpatterns = [
    path("login/", sign_in),
    path("code/", code),
    path("settings/", overview),
    path("setup/", set_up),
]
