"""Pages with forms for passkeys, beside those of the site, and a server that only looks at the challenge."""

import json
import secrets
from collections import Counter

from django.contrib.auth.decorators import login_not_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import path
from webauthn.helpers import base64url_to_bytes, bytes_to_base64url

from config.urls import handler400, handler403, handler404, handler500, urlpatterns
from twofactor.web.pages import page

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

USER = {"id": bytes_to_base64url(b"alice"), "name": "alice@example.com", "displayName": "Alice"}


class Pages:
    """What the pages have been told, and what they are to answer."""

    def __init__(self):
        self.challenges = {}  # {token: challenge}, of those that are not spent
        self.asked = Counter()
        self.accepted = []  # credentials
        self.known = []  # ids of credentials that were created
        self.problem = None  # with it, every form is refused
        self.rp_id = "localhost"
        self.may_be_kept = False  # by the back/forward cache, after cookies have been set, too

    def challenge(self):
        challenge, token = (bytes_to_base64url(secrets.token_bytes(32)) for _ in range(2))
        self.challenges[token] = challenge
        return token, challenge

    def get(self, button, *, allowed=(), **more):
        token, challenge = self.challenge()
        options = {
            "challenge": challenge,
            "rpId": self.rp_id,
            "timeout": 300_000,
            "userVerification": "discouraged" if allowed else "required",
            "allowCredentials": [{"type": "public-key", "id": each} for each in allowed],
        }
        return {
            "kind": "get",
            "button": button,
            "challenge": token,
            "options": json.dumps(options),
            **more,
        }

    def create(self, button, **selection):
        token, challenge = self.challenge()
        options = {
            "challenge": challenge,
            "rp": {"id": self.rp_id, "name": "Countersign"},
            "user": USER,
            "pubKeyCredParams": [{"type": "public-key", "alg": number} for number in (-8, -7, -257)],
            "excludeCredentials": [{"type": "public-key", "id": each} for each in self.known],
            "authenticatorSelection": selection,
            "attestation": "none",
        }
        return {"kind": "create", "button": button, "challenge": token, "options": json.dumps(options)}

    def forms(self, use):
        match use:
            case "sign-in":
                return [self.get("Sign in with a passkey", renew=True)]
            case "second":
                return [self.get("Use a passkey", allowed=self.known)]
            case "password":
                return [self.get("Confirm with a key", allowed=self.known, asks_password=True)]
            case "add":
                return [
                    self.create("Add a passkey", residentKey="required", userVerification="required"),
                    self.create("Add a key", residentKey="discouraged", userVerification="discouraged"),
                ]
        return []

    def refusal(self, posted):
        """Why this form is refused, or None."""
        credential = json.loads(posted["credential"])
        client_data = json.loads(base64url_to_bytes(credential["response"]["clientDataJSON"]))
        if self.challenges.pop(posted["challenge"], None) != client_data["challenge"]:
            return "Another challenge was signed."
        if self.problem is None:
            self.accepted.append(credential)
            if client_data["type"] == "webauthn.create":
                self.known.append(credential["id"])
        return self.problem


pages = Pages()


@login_not_required
def passkeys(request, use):
    pages.asked[f"{request.method} {use}"] += 1
    problem = pages.refusal(request.POST) if request.method == "POST" else None
    if request.method == "POST" and problem is None:
        return redirect("/passkeys/accepted/")
    response = page(
        request,
        "passkeys.html",
        heading=use,
        problem=problem,
        forms=pages.forms(use),
        has_name=use == "sign-in",
        status=422 if problem else 200,
    )
    if pages.may_be_kept:
        response.headers["Cache-Control"] = "private"
    return response


@login_not_required
def challenge(request):
    pages.asked["challenge"] += 1
    form = pages.get("")
    return JsonResponse({"challenge": form["challenge"], "options": json.loads(form["options"])})


@login_not_required
def time(request):
    return HttpResponse("Twelve o'clock")


urlpatterns = [
    *urlpatterns,
    path("passkeys/challenge/", challenge),
    path("passkeys/time/", time),
    path("passkeys/<use>/", passkeys),
]
