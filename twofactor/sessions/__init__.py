"""SESSION_ENGINE = "twofactor.sessions"."""

from twofactor.sessions.store import SessionStore

__all__ = ["SessionStore"]
