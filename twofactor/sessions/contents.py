"""The keys of what a session holds that its row in the database shows, too; and how long a session lasts.

Written in signin/session.py, and read by the store.
"""

from datetime import timedelta

from twofactor import conf

AMR = "twofactor_amr"  # how the second factor was met: a method of factors/methods.py, or NONE, TRUSTED, HELD
AUTH_AT = "twofactor_auth_at"  # when the person signed in
SEEN_AT = "twofactor_seen_at"  # the last request, at most a minute old
BROWSER = "twofactor_browser"  # at that request, as web/browser_names.py describes it
ADDRESS = "twofactor_address"  # at that request
TRUSTED_BROWSER = "twofactor_trusted_browser"  # the key of the row that it was opened with, or made

UNLIMITED = timedelta(days=36500)  # by us: the session ends when Django says so


def longest_idle() -> timedelta:
    return conf.session_idle() or UNLIMITED


def longest_age() -> timedelta:
    return conf.session_age() or UNLIMITED
