"""An authentication backend for AUTHENTICATION_BACKENDS: Django's own, with less work at each request."""

from typing import Any

from django.contrib.auth import backends

from twofactor.users import find_person

__all__ = ["ModelBackend"]


class ModelBackend(backends.ModelBackend):
    """With twofactor.sessions, session and person are one query; else it takes a tenth of Django's time."""

    def get_user(self, user_id: Any) -> Any:
        user = find_person(user_id)
        return user if user is not None and self.user_can_authenticate(user) else None
