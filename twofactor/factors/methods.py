"""The names of the ways to prove who one is, as sessions, tokens and the audit log have them."""

TOTP = "totp"
BACKUP = "backup"
SMS = "sms"
RECOVERY = "recovery"  # a code by e-mail: a way back in, not a factor
PASSKEY = "passkey"
KEY = "key"
FACTORS = frozenset({TOTP, BACKUP, PASSKEY, KEY})  # whatever is not named here proves nothing
CODES = frozenset({TOTP, BACKUP})  # those that are typed
SENT = frozenset({SMS, RECOVERY})
