"""How often one person, or one address, may ask. Counted in the database, which every app server shares."""

from typing import Any

from django.utils import timezone
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from twofactor import conf
from twofactor.limits import allowances
from twofactor.web.client_address import client_address, has_address
from twofactor.web.pages import seconds_until


class Often(BaseThrottle):
    def allow_request(self, request: Request, view: Any) -> bool:
        who = f"user:{request.user.pk}" if request.user.is_authenticated else client_address(request)
        if not has_address(who):
            return True
        self.key, self.now = f"api:{view.counts_as}:{who}", timezone.now()
        return allowances.take(self.key, *conf.throttle_rate(), self.now)

    def wait(self) -> float | None:
        until = allowances.full_until(self.key, *conf.throttle_rate(), self.now)
        return seconds_until(until) if until else None
