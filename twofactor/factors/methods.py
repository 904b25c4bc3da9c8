"""Is this code theirs? The one place that answers, for sign-in, step-up, turning off, and every other door.

Charge first, verify, then spend: one guess is paid for before it is looked at, and a code is spent by one
UPDATE together with whatever it was spent for.
"""

TOTP = "totp"
BACKUP = "backup"
SMS = "sms"
RECOVERY = "recovery"  # a code by e-mail: a way back in, not a factor
PASSKEY = "passkey"
KEY = "key"
FACTORS = frozenset({TOTP, BACKUP, PASSKEY, KEY})  # whatever is not named here proves nothing
CODES = frozenset({TOTP, BACKUP})  # those that are typed
SENT = frozenset({SMS, RECOVERY})
