"""The limits of this app: how often something may happen in a window of time.

A list stands for several windows, which all have to allow it. Wrong codes have rules of their own
(guesses.py). The accounts app limits its mails (mail_limits.py) and wrong passwords (password_tries.py)
itself.
"""

from twofactor import conf
from twofactor.clocks import DAY, HOUR, MINUTE
from twofactor.limits.allowances import Limit

# New backup codes are counted apart from setups.
SETUPS_STARTED = Limit("setups begun by one person", 10, HOUR)

CODES_TO_TARGET = [
    Limit("codes sent to one address or number", 1, MINUTE),
    Limit("codes sent to one address or number", 5, HOUR),
    Limit("codes sent to one address or number", 10, DAY),
]
CODES_TO_PERSON = [
    Limit("codes sent to one person", 5, HOUR),
    Limit("codes sent to one person", 10, DAY),
]
CODES_AT_SIGN_IN = Limit("codes sent for the sign-ins of one person", 6, HOUR)
CODES_FROM_NETWORK = Limit("codes sent from one network", 20, HOUR)

# For events that an attacker can repeat.
MAILS_ABOUT_EVENT = Limit("mails about the same event", 1, DAY)
# The address may belong to someone who never signed up.
MAILS_TO_UNCONFIRMED = Limit("mails to an address that nobody has confirmed", 1, DAY)


def api_requests() -> Limit:
    """A setting of the site."""
    count, window = conf.throttle_rate()
    return Limit("API requests of each kind, by one person or network", count, window)
