"""Django's cached_db, which reads a session from the cache alone and may so bring back one that has ended."""

from django.contrib.sessions.backends import cached_db
from django.http import HttpRequest
from django.utils import timezone


def is_only_in_cache(request: HttpRequest) -> bool:
    """Was its row deleted while the cache could not be reached? One query, and none with other engines."""
    session = request.session
    if not isinstance(session, cached_db.SessionStore):
        return False
    rows = session.model.objects.filter(session_key=session.session_key, expire_date__gt=timezone.now())
    return not rows.exists()
