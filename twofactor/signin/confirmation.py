"""Whether someone who has no second factor has to confirm a sign-in with a code that is sent to them.

It is asked whichever code signs them in: after_password(), or any other login(), whose session is then held.
"""

from datetime import datetime

from django.http import HttpRequest

from twofactor import conf
from twofactor.signin import trusted_browsers
from twofactor.users import TwoFactorUser


def must_confirm(request: HttpRequest | None, user: TwoFactorUser, now: datetime) -> bool:
    """For someone who is known to have no second factor. Without a request there is no browser to know."""
    if conf.code_without_app() == conf.NOBODY:
        return False
    return request is None or trusted_browsers.find(request, user, now, without_factor=True) is None
