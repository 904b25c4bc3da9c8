"""Limits how often a person or an address sends requests; counted in the database, for all app servers."""

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from twofactor.limits import allowances
from twofactor.web.client_address import client_address, has_address
from twofactor.web.pages import seconds_until


class RequestThrottle(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        ident = f"user:{request.user.pk}" if request.user.is_authenticated else client_address(request)
        if not has_address(ident):
            return True
        self.limit, self.now = allowances.api_requests(), timezone.now()
        self.subject = f"{view.throttle_scope}:{ident}"
        return self.limit.charge(self.subject, self.now)

    def wait(self) -> float | None:
        until = self.limit.full_until(self.subject, self.now)
        return seconds_until(until) if until else None
