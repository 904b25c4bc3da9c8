"""The paths of the API: those that anyone may call, and those that need a token."""

SIGNED_IN_ONLY = [
    *(("post", "totp/create/"), ("post", "totp/confirm/"), ("post", "totp/disable/")),
    *(("post", "totp/rotate_backup_codes/"), ("get", "totp/status/"), ("get", "totp/apps/")),
    *(("post", "totp/apps/create/"), ("post", "totp/apps/confirm/")),
    *(("post", "totp/apps/rename/"), ("post", "totp/apps/remove/")),
    *(("get", "devices/"), ("post", "devices/end/")),
    *(("get", "rules/"), ("post", "rules/create/"), ("post", "rules/remove/")),
]


OPEN = ["jwt/create/", "jwt/totp/verify/", "jwt/totp/send/", "jwt/refresh/", "jwt/verify/", "jwt/logout/"]
