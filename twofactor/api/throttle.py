"""How often one person, or one address, may ask. Counted in the database, which every app server shares."""

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from twofactor import budget, rate
from twofactor.http import client_address, seconds_until

RATE = "10/minute"


def limit() -> tuple[int, timedelta]:
    return rate.parsed(getattr(settings, "TOTP_THROTTLE_RATE", RATE))


class Often(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        who = f"user:{request.user.pk}" if request.user.is_authenticated else client_address(request)
        self.key, self.now = f"api:{view.counts_as}:{who}", timezone.now()
        return budget.take(self.key, *limit(), self.now)

    def wait(self) -> float | None:
        until = budget.full_until(self.key, *limit(), self.now)
        return seconds_until(until) if until else None
