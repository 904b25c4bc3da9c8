"""What the OpenAPI document says about each view method, with an example of every response.

It is in English only, like the README. The tests send the request of every example.
"""

from datetime import timedelta

from twofactor import conf
from twofactor.api import serializers
from twofactor.api.schema import Example, describe_operation, refusal
from twofactor.factors.enrolled import MAX_APPS
from twofactor.limits import allowances

ACCESS, REFRESH = "eyJ0eXAiOiJhY2Nlc3Mrand0Iiwi…", "eyJ0eXAiOiJyZWZyZXNoK2p3dCIs…"
CHALLENGE = "b1946ac9.gAAAAABpo…"
PAIR = {"access": ACCESS, "refresh": REFRESH}
SIGNED_IN = {**PAIR, "client_token": "3f1d8a02.gAAAAABpo…"}
CODES = [
    "7QK2M-X04TN-9GDRA",
    "PZ8WC-H3VYE-25JSB",
    "K6N1F-QTR8D-XM4GC",
    "0V9HA-WS2KP-E7BYZ",
    "M3XJD-5RTQ8-NF6GK",
    "C1PWY-ZB4HE-S90VA",
    "R8DKM-2TNXQ-6JGF3",
    "E5YHS-VCPB7-W0ZTA",
    "9KGQN-M1XRD-4FJT6",
    "T2BWP-AZ8EC-Y5HVS",
]
SIGNED_OUT = "You were signed out. Sign in to continue."
NO_TOKEN = "Authentication credentials were not provided."  # noqa: S105 - a sentence
WRONG_CODE = (
    "The code is not correct. Wait for your app to show a new code, then try again. "
    "Check that your phone sets its time automatically."
)
PASSWORD_AGAIN = "Enter your password again."  # noqa: S105 - a sentence
OFF = "Two-factor authentication is off."
CODE_NEEDED = "Enter one of the codes, and only one."
WITH_PASSWORD = {"password": "correct horse battery"}
SET_UP = {
    "svg": '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 45 45">…</svg>',
    "key": "MZXW6YTBOI2GEMZXW6YTBOI2GEMZXW6Y",
    "otpauth_url": "otpauth://totp/Countersign:ann@example.com?secret=MZXW…&issuer=Countersign",
}

per_minute, per_hour = allowances.CODES_TO_TARGET[:2]


def minutes(span: timedelta) -> int:
    return span // timedelta(minutes=1)


STEP_UP_MINUTES = minutes(conf.step_up_age())


sign_in = describe_operation(
    "Sign in with the password",
    "Returns tokens, or a challenge if two-factor authentication is on. A challenge works once, and for "
    f"{conf.default_of('TOTP_TOKEN_MAX_AGE')} seconds unless the site sets a different time. "
    "Where the site confirms the sign-ins of people without two-factor authentication, a code is sent to "
    "them, and the challenge works as long as that code, which is a `sent_code`.",
    serializers.Credentials,
    {200: serializers.SignIn},
    Example(
        "without two-factor authentication",
        {"username": "ann@example.com", "password": "correct horse battery"},
        200,
        {"is_totp_enabled": False, **SIGNED_IN},
    ),
    Example(
        "with two-factor authentication",
        {"username": "ben@example.com", "password": "correct horse battery"},
        200,
        {
            "is_totp_enabled": True,
            "totp_challenge_token": CHALLENGE,
            "channels": [{"channel": "email", "target": "b•••n@example.com"}],
            "channel": "totp",
            "has_phone": False,
        },
    ),
    Example(
        "without two-factor authentication, where the site sends a code",
        {"username": "ann@example.com", "password": "correct horse battery"},
        200,
        {
            "is_totp_enabled": False,
            "totp_challenge_token": CHALLENGE,
            "channels": [
                {"channel": "sms", "target": "••• 00"},
                {"channel": "email", "target": "a•••n@example.com"},
            ],
            "channel": "phone",
            "target": "••• 00",
            "has_phone": True,
        },
    ),
    refusal(
        "a wrong password, or an unknown username",
        {"username": "ann@example.com", "password": "wrong horse battery"},
        401,
        "credentials_refused",
        "The email address or password is not correct.",
    ),
    also=(429,),
)

verify = describe_operation(
    "Sign in with a code",
    "Send exactly one of the three codes. A code and a challenge that were accepted do not work again.",
    serializers.SecondFactor,
    {200: serializers.SignedIn},
    Example(
        "a code from the authenticator app",
        {"totp_challenge_token": CHALLENGE, "otp_code": "492039"},
        200,
        SIGNED_IN,
    ),
    Example(
        "a backup code",
        {"totp_challenge_token": CHALLENGE, "backup_code": "7QK2M-X04TN-9GDRA"},
        200,
        SIGNED_IN,
    ),
    Example(
        "a code that was sent",
        {"totp_challenge_token": CHALLENGE, "sent_code": "731904"},
        200,
        SIGNED_IN,
    ),
    refusal(
        "a wrong code",
        {"totp_challenge_token": CHALLENGE, "otp_code": "000000"},
        400,
        "code_refused",
        WRONG_CODE,
    ),
    refusal(
        "a challenge that has been used or has expired",
        {"totp_challenge_token": CHALLENGE, "otp_code": "492039"},
        400,
        "challenge_over",
        "This sign-in has ended. Enter your password again.",
    ),
    refusal(
        "two codes",
        {"totp_challenge_token": CHALLENGE, "otp_code": "492039", "backup_code": "7QK2M-X04TN-9GDRA"},
        400,
        "invalid",
        CODE_NEEDED,
        fields={"non_field_errors": [CODE_NEEDED]},
    ),
    refusal(
        "too many wrong codes",
        {"totp_challenge_token": CHALLENGE, "otp_code": "492039"},
        429,
        "locked",
        "You entered the wrong code too many times. You can try again in 30 seconds, at about 12:00 (UTC).",
    ),
)

send = describe_operation(
    "Send a code",
    "Can be repeated, with the same channel or another. "
    f"At most {per_minute.count} a minute and {per_hour.count} an hour. Only the newest code works.",
    serializers.Send,
    {200: serializers.Sent},
    Example(
        "by email",
        {"totp_challenge_token": CHALLENGE, "channel": "email"},
        200,
        {
            "channel": "email",
            "target": "b•••n@example.com",
            "has_phone": False,
            "totp_challenge_token": CHALLENGE,
            "expires_at": "2026-03-01T12:10:00Z",
        },
    ),
    refusal(
        "a channel that this person does not have",
        {"totp_challenge_token": CHALLENGE, "channel": "sms"},
        400,
        "no_such_channel",
        "Choose how you want to sign in.",
    ),
    refusal(
        "too soon",
        {"totp_challenge_token": CHALLENGE, "channel": "email"},
        429,
        "too_often",
        "You can try again in 1 minute, at about 12:01 (UTC). Nothing has been changed.",
    ),
)

refresh = describe_operation(
    "Renew the tokens",
    "A refresh token works once. If it is used again, the sign-in ends, because someone else may have it.",
    serializers.RefreshToken,
    {200: serializers.Tokens},
    Example("for the first time", {"refresh": REFRESH}, 200, dict(PAIR)),
    refusal("again", {"refresh": REFRESH}, 401, "token_not_valid", SIGNED_OUT),
)

check = describe_operation(
    "Check a token",
    "Takes an access token or a refresh token.",
    serializers.AnyToken,
    {200: serializers.Nothing},
    Example("a token that works", {"token": ACCESS}, 200, {}),
    refusal("a token of a sign-in that has ended", {"token": ACCESS}, 401, "token_not_valid", SIGNED_OUT),
)

logout = describe_operation(
    "Sign out",
    "Ends the sign-in and all its tokens.",
    serializers.RefreshToken,
    {204: None},
    Example("signing out", {"refresh": REFRESH}, 204, None),
    refusal("signing out twice", {"refresh": REFRESH}, 401, "token_not_valid", SIGNED_OUT),
)

create = describe_operation(
    "Start setting up two-factor authentication",
    f"Changes nothing yet. Another request within {minutes(conf.draft_age())} minutes returns the same key.",
    serializers.Password,
    {201: serializers.SetUp},
    Example(
        "shortly after signing in",
        {},
        201,
        SET_UP,
    ),
    refusal("a while after signing in", {}, 403, "password_needed", PASSWORD_AGAIN),
    refusal("when it is on", {}, 400, "already_on", "Two-factor authentication is already on."),
    refusal("signed out", {}, 401, "not_authenticated", NO_TOKEN),
    also=(429,),
)

confirm = describe_operation(
    "Turn on two-factor authentication",
    "Needs a code from the app. Ends all earlier sign-ins, including this one, and returns new tokens.",
    serializers.Confirmation,
    {200: serializers.Confirmed},
    Example("the right code", {"input_code": "492039"}, 200, {"backup_codes": CODES, **PAIR}),
    refusal(
        "a wrong code",
        {"input_code": "000000"},
        400,
        "code_refused",
        WRONG_CODE,
    ),
    refusal(
        "nothing to confirm",
        {"input_code": "492039"},
        400,
        "no_setup",
        "There is no setup to confirm. Start again.",
    ),
    refusal("signed out", {"input_code": "492039"}, 401, "not_authenticated", NO_TOKEN),
    also=(403, 409, 429),
)

disable = describe_operation(
    "Turn off two-factor authentication",
    "Always needs a code, and the password as well if the sign-in is more than "
    f"{STEP_UP_MINUTES} minutes old. A code from an app that was added recently beside an older one "
    "is not enough. Ends all other sign-ins.",
    serializers.TurnOff,
    {204: None},
    Example("with a code from the authenticator app", {"otp_code": "492039"}, 204, None),
    Example("with a backup code and the password", {"backup_code": CODES[0], **WITH_PASSWORD}, 204, None),
    refusal("a wrong code", {"otp_code": "000000"}, 400, "code_refused", WRONG_CODE),
    refusal("a while later", {"otp_code": "492039"}, 403, "password_needed", PASSWORD_AGAIN),
    refusal("when it is off", {"otp_code": "492039"}, 400, "not_on", OFF),
    refusal(
        "someone who must have it",
        {"otp_code": "492039"},
        409,
        "required",
        "This site requires two-factor authentication for everyone. You can't turn it off.",
    ),
    refusal("signed out", {"otp_code": "492039"}, 401, "not_authenticated", NO_TOKEN),
    also=(429,),
)

rotate = describe_operation(
    "Make new backup codes",
    f"Within {STEP_UP_MINUTES} minutes of a sign-in with a code from the app, nothing more is needed. "
    "Otherwise it needs a code from the app, and the password as well once the sign-in is older than that. "
    "An app that was added recently beside an older one is not enough. The old backup codes stop working.",
    serializers.Rotation,
    {200: serializers.BackupCodes},
    Example("shortly after signing in with a code from the app", {}, 200, {"backup_codes": CODES}),
    Example("with a code from the authenticator app", {"otp_code": "492039"}, 200, {"backup_codes": CODES}),
    refusal("a wrong code", {"otp_code": "000000"}, 400, "code_refused", WRONG_CODE),
    refusal("a while later", {"otp_code": "492039"}, 403, "password_needed", PASSWORD_AGAIN),
    refusal("when it is off", {"otp_code": "492039"}, 400, "not_on", OFF),
    refusal("signed out", {"otp_code": "492039"}, 401, "not_authenticated", NO_TOKEN),
    also=(409, 429),
)

APP = {
    "id": 17,
    "name": "Work phone",
    "added_at": "2026-03-01T11:00:00Z",
    "last_used_at": "2026-03-01T11:58:00Z",
}

apps = describe_operation(
    "List authenticator apps",
    "Returns the apps of the person the token belongs to, the oldest first.",
    None,
    {200: serializers.Apps},
    Example("with one app", None, 200, {"apps": [APP]}),
    refusal("signed out", None, 401, "not_authenticated", NO_TOKEN),
    also=(429,),
)

FULL = "with as many apps as one may have"
TOO_MANY_APPS = f"You have {MAX_APPS} apps. Remove one before you add another."
STEP_UP = (
    f"Within {STEP_UP_MINUTES} minutes of a sign-in with a code from an app or a backup code, nothing "
    "more is needed. Otherwise it needs such a code, and the password as well once the sign-in is older."
)
CODE_ALONE = {"input_code": "492039", "otp_code": "731904"}

create_app = describe_operation(
    "Start adding an authenticator app",
    f"Changes nothing yet. Another request within {minutes(conf.draft_age())} minutes returns the same key. "
    f"{STEP_UP} They then count for {STEP_UP_MINUTES} minutes.",
    serializers.StepUp,
    {201: serializers.SetUp},
    Example("shortly after signing in with a code", {}, 201, SET_UP),
    Example(
        "a while later, with a code and the password", {"otp_code": "492039", **WITH_PASSWORD}, 201, SET_UP
    ),
    refusal(
        "a while later",
        {},
        400,
        "invalid",
        "Enter the code.",
        fields={"otp_code": ["Enter the code."]},
    ),
    refusal(
        "a while later, with a code alone", {"otp_code": "492039"}, 403, "password_needed", PASSWORD_AGAIN
    ),
    refusal("a wrong code", {"otp_code": "000000"}, 400, "code_refused", WRONG_CODE),
    refusal(FULL, {}, 409, "too_many_apps", TOO_MANY_APPS),
    refusal("when it is off", {}, 400, "not_on", OFF),
    refusal("signed out", {}, 401, "not_authenticated", NO_TOKEN),
    also=(429,),
)

confirm_app = describe_operation(
    "Add an authenticator app",
    f"Needs a code from the new app. {STEP_UP} If another app has the name, a number is added to it. "
    "No sign-in ends.",
    serializers.NewApp,
    {201: serializers.App},
    Example(
        "the right code",
        {"input_code": "492039", "name": "Work phone"},
        201,
        {**APP, "last_used_at": APP["added_at"]},
    ),
    Example(
        "a while later, with a code of the older app and the password",
        {**CODE_ALONE, **WITH_PASSWORD},
        201,
        {**APP, "name": "Authenticator app (2)", "last_used_at": APP["added_at"]},
    ),
    refusal("a wrong code", {"input_code": "000000"}, 400, "code_refused", WRONG_CODE),
    refusal(
        "nothing to confirm",
        {"input_code": "492039"},
        400,
        "no_setup",
        "There is no setup to confirm. Start again.",
    ),
    refusal("a while later, with a code alone", CODE_ALONE, 403, "password_needed", PASSWORD_AGAIN),
    refusal(FULL, {"input_code": "492039"}, 409, "too_many_apps", TOO_MANY_APPS),
    refusal("when it is off", {"input_code": "492039"}, 400, "not_on", OFF),
    refusal("signed out", {"input_code": "492039"}, 401, "not_authenticated", NO_TOKEN),
    also=(429,),
)

rename_app = describe_operation(
    "Rename an authenticator app",
    "If another app has the name, a number is added to it.",
    serializers.RenamedApp,
    {204: None},
    Example("with a new name", {"id": 17, "name": "Old phone"}, 204, None),
    refusal("signed out", {"id": 17, "name": "Old phone"}, 401, "not_authenticated", NO_TOKEN),
    also=(400, 409, 429),
)

remove_app = describe_operation(
    "Remove an authenticator app",
    "Needs a code, and the password as well if the sign-in is more than "
    f"{STEP_UP_MINUTES} minutes old. The last app stays. Ends all other sign-ins.",
    serializers.RemovedApp,
    {204: None},
    Example("with a code from an authenticator app", {"id": 17, "otp_code": "492039"}, 204, None),
    refusal("a wrong code", {"id": 17, "otp_code": "000000"}, 400, "code_refused", WRONG_CODE),
    refusal("a while later", {"id": 17, "otp_code": "492039"}, 403, "password_needed", PASSWORD_AGAIN),
    refusal(
        "the only one",
        {"id": 17, "otp_code": "492039"},
        409,
        "last_factor",
        "You have no other app or passkey. Add one first, or turn two-factor authentication off.",
    ),
    refusal("when it is off", {"id": 17, "otp_code": "492039"}, 400, "not_on", OFF),
    refusal("signed out", {"id": 17, "otp_code": "492039"}, 401, "not_authenticated", NO_TOKEN),
    also=(409, 429),
)

status = describe_operation(
    "Get the status",
    "Returns the status of the person the token belongs to.",
    None,
    {200: serializers.Status},
    Example(
        "with two-factor authentication",
        None,
        200,
        {
            "is_totp_enabled": True,
            "enabled_at": "2026-03-01T11:00:00Z",
            "backup_codes_left": 8,
            "channels": [{"channel": "email", "target": "b•••n@example.com"}],
            "is_required": False,
            "amr": "totp",
        },
    ),
    Example(
        "without",
        None,
        200,
        {
            "is_totp_enabled": False,
            "enabled_at": None,
            "backup_codes_left": 0,
            "channels": [],
            "is_required": False,
            "amr": "none",
        },
    ),
    refusal("signed out", None, 401, "not_authenticated", NO_TOKEN),
)

DEVICE = "0b9f1f0c-58a1-4b6c-9a53-1f5b2a9d7c11"

devices = describe_operation(
    "List devices",
    "Where the person is signed in, and which browsers they trust. This sign-in comes first.",
    None,
    {200: serializers.Devices},
    Example(
        "an app, and a session in a trusted browser",
        None,
        200,
        {
            "devices": [
                {
                    "id": "5f0c7a3e-3c55-4f0e-8d8e-0d7a4a0d6a10",
                    "kind": "api",
                    "name": "",
                    "browser": "OkHttp 4",
                    "ip_address": "203.0.113.9",
                    "began_at": "2026-03-01T11:00:00Z",
                    "last_used_at": "2026-03-01T11:45:00Z",
                    "amr": "totp",
                    "trusted_until": None,
                    "is_this": True,
                },
                {
                    "id": DEVICE,
                    "kind": "session",
                    "name": "Laptop at work",
                    "browser": "Firefox 145 on Windows",
                    "ip_address": "198.51.100.7",
                    "began_at": "2026-03-01T08:10:00Z",
                    "last_used_at": "2026-03-01T11:30:00Z",
                    "amr": "trusted",
                    "trusted_until": "2026-03-20T08:00:00Z",
                    "is_this": False,
                },
            ],
            "has_session_list": True,
        },
    ),
    refusal("signed out", None, 401, "not_authenticated", NO_TOKEN),
    also=(429,),
)

end_device = describe_operation(
    "Sign out a device",
    "Ends the session or sign-in, and stops trusting the browser. There is no undo.",
    serializers.DeviceId,
    {204: None},
    Example("another device", {"id": DEVICE}, 204, None),
    refusal(
        "the device that asks",
        {"id": DEVICE},
        400,
        "this_device",
        "This is the device you're using. Sign out to end it.",
    ),
    refusal(
        "a device that has ended already",
        {"id": DEVICE},
        409,
        "changed",
        "This was changed in another tab or on another device. Nothing has been changed here.",
    ),
    refusal("signed out", {"id": DEVICE}, 401, "not_authenticated", NO_TOKEN),
    also=(404, 429),
)

RULE = {
    "id": 3,
    "scope": "staff",
    "group": None,
    "person": None,
    "factor": "any",
    "starts_on": "2027-01-31",
    "grace_days": 14,
}
NUMBERS = {"people": 12, "without": 5, "at_once": 0}
NEW_RULE = {"scope": "staff", "starts_on": "2027-01-31", "grace_days": 14}
MAY_NOT = "You do not have permission to perform this action."

rules = describe_operation(
    "List the rules",
    "Whom two-factor authentication is required of. For staff with the permission `twofactor.view_rule`, "
    "and a sign-in with two factors.",
    None,
    {200: serializers.Rules},
    Example("a rule for staff", None, 200, {"rules": [RULE]}),
    refusal("without the permission", None, 403, "permission_denied", MAY_NOT),
    refusal("signed out", None, 401, "not_authenticated", NO_TOKEN),
    also=(429,),
)

create_rule = describe_operation(
    "Make a rule",
    "Needs the permission `twofactor.add_rule`; a rule for more than one person is for superusers. Needs a "
    f"code, and the password as well if the sign-in is more than {STEP_UP_MINUTES} minutes old. Everyone "
    "whom the rule is for and who has no factor is told by email. With `dry_run`, nothing is saved.",
    serializers.NewRule,
    {201: serializers.RuleWithNumbers},
    Example("for staff", {**NEW_RULE, "otp_code": "492039"}, 201, {"rule": RULE, **NUMBERS}),
    Example(
        "without saving it",
        {**NEW_RULE, "dry_run": True, "otp_code": "492039"},
        201,
        {"rule": {**RULE, "id": None}, **NUMBERS},
    ),
    refusal(
        "for a group that is not named",
        {**NEW_RULE, "scope": "group", "otp_code": "492039"},
        400,
        "invalid",
        "Choose a group.",
        fields={"group": ["Choose a group."]},
    ),
    refusal("without the permission", {**NEW_RULE, "otp_code": "492039"}, 403, "permission_denied", MAY_NOT),
    refusal("signed out", {**NEW_RULE, "otp_code": "492039"}, 401, "not_authenticated", NO_TOKEN),
    also=(429,),
)

remove_rule = describe_operation(
    "Remove a rule",
    "Needs the permission `twofactor.delete_rule`, and what making one needs.",
    serializers.RemovedRule,
    {204: None},
    Example("a rule", {"id": 3, "otp_code": "492039"}, 204, None),
    refusal(
        "a rule that is gone",
        {"id": 3, "otp_code": "492039"},
        409,
        "changed",
        "This was changed in another tab or on another device. Nothing has been changed here.",
    ),
    refusal("without the permission", {"id": 3, "otp_code": "492039"}, 403, "permission_denied", MAY_NOT),
    refusal("signed out", {"id": 3, "otp_code": "492039"}, 401, "not_authenticated", NO_TOKEN),
    also=(409, 429),
)
