"""The names of the ways to give a second factor, as sessions, tokens and the audit log have them."""

TOTP = "totp"
BACKUP = "backup"
SMS = "sms"
RECOVERY = "recovery"  # a code by email: the way back for a person who lost the app, and no factor
PASSKEY = "passkey"
KEY = "key"
CONFIRMED = "confirmed"  # a code that was sent to a person who has no factor, and is none either
WAITED = "waited"  # all was lost and the wait is over (recovery/): opens the setup, and proves nothing
FACTORS = frozenset({TOTP, BACKUP, PASSKEY, KEY})  # a session with any other method is not verified
CODES = frozenset({TOTP, BACKUP})  # what the field for codes takes
SENT = frozenset({SMS, RECOVERY})  # what the field for a sent code takes
CONFIRMING = frozenset({CONFIRMED})  # what the same field takes of people without a factor
