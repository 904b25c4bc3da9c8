"""How often one person, or one address, may ask. Counted in the database, which every app server shares."""

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from twofactor import limits
from twofactor.web.client_address import client_address, has_address
from twofactor.web.pages import seconds_until


class Often(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        who = f"user:{request.user.pk}" if request.user.is_authenticated else client_address(request)
        if not has_address(who):
            return True
        self.limit, self.subject, self.now = limits.api_requests(), f"{view.counts_as}:{who}", timezone.now()
        return self.limit.take(self.subject, self.now)

    def wait(self) -> float | None:
        until = self.limit.full_until(self.subject, self.now)
        return seconds_until(until) if until else None
