"""The fields of requests and responses. The names of fields and of classes are part of the public schema."""

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from twofactor.forms import PASSWORD_LENGTH, visible_name
from twofactor.models import FACTOR_NAME_LENGTH
from twofactor.operations.rules import MAX_GRACE_DAYS

ONE_CODE = _("Enter one of the codes, and only one.")
CHOOSE_A_CHANNEL = _("Choose how you want to sign in.")
CHANNELS = ("email", "sms")
TOTP, PHONE = "totp", "phone"
MAX_ID = 2**63 - 1


class Text(serializers.CharField):
    """Accepts only strings; DRF's CharField also accepts numbers (ASVS 15.3.5)."""

    def __init__(self, max_length: int, **more: Any) -> None:
        super().__init__(max_length=max_length, trim_whitespace=False, **more)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class Name(Text):
    """As twofactor.forms.NameForm takes it."""

    def run_validation(self, data: Any = serializers.empty) -> str:
        name = visible_name(super().run_validation(data))
        if not name:
            self.fail("blank")
        return name


class WholeNumber(serializers.IntegerField):
    """Accepts only numbers; DRF's IntegerField also accepts text and true (ASVS 15.3.5)."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            self.fail("invalid")
        return int(super().to_internal_value(data))


class YesOrNo(serializers.BooleanField):
    """Accepts only true and false; DRF's BooleanField also accepts text and numbers (ASVS 15.3.5)."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.fail("invalid", input=data)
        return data


@extend_schema_field({"type": "string", "enum": list(CHANNELS)})
class ChannelName(Text):
    """Takes one of CHANNELS. DRF's ChoiceField would repeat the value that was sent in its error message."""

    def __init__(self, **more: Any) -> None:
        super().__init__(max_length=max(map(len, CHANNELS)), **more)

    def to_internal_value(self, data: Any) -> str:
        if data not in (*CHANNELS, PHONE):
            raise serializers.ValidationError(CHOOSE_A_CHANNEL)
        return super().to_internal_value(data)


class OneCode(serializers.Serializer):
    """Requires exactly one of the `*_code` fields."""

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if sum(name.endswith("_code") for name in attrs) != 1:
            raise serializers.ValidationError(ONE_CODE)
        return attrs


def otp_code(**more: Any) -> Text:
    return Text(64, help_text="The code from the authenticator app. Spaces and hyphens are ignored.", **more)


def backup_code() -> Text:
    return Text(64, required=False, help_text="A backup code. Each one works once.")


def client_token(**more: Any) -> serializers.CharField:
    text = "Keep it, and send it as `X-Client-Token` with each later sign-in."
    return serializers.CharField(help_text=text, **more)


def password() -> Text:
    text = "Required once the sign-in is a few minutes old (`password_needed`)."
    return Text(PASSWORD_LENGTH, required=False, help_text=text)


class Nothing(serializers.Serializer):
    pass


class Credentials(serializers.Serializer):
    username = Text(254, help_text="The email address.")
    password = Text(PASSWORD_LENGTH)


class Channel(serializers.Serializer):
    channel = serializers.ChoiceField(CHANNELS, source="kind")
    target = serializers.CharField(source="masked", help_text="The masked email address or phone number.")


class SignIn(serializers.Serializer):
    """Tokens, or a challenge for the second factor or for a code that confirms the sign-in."""

    is_totp_enabled = serializers.BooleanField()
    access = serializers.CharField(required=False)
    refresh = serializers.CharField(required=False)
    client_token = client_token(required=False)
    totp_challenge_token = serializers.CharField(required=False)
    channels = Channel(many=True, required=False, help_text="The channels that can send a code.")
    channel = serializers.CharField(
        required=False,
        help_text="Where the code is: `totp`, in the app; or where it was sent, `phone` or `email`.",
    )
    target = serializers.CharField(required=False, help_text="Where it was sent, masked.")
    has_phone = serializers.BooleanField(required=False, help_text="Can a code go to a phone?")


class SecondFactor(OneCode):
    totp_challenge_token = Text(1024)
    otp_code = otp_code(required=False)
    backup_code = backup_code()
    sent_code = Text(64, required=False, help_text="The code sent by `/api/jwt/totp/send/`.")


class Tokens(serializers.Serializer):
    access = serializers.CharField()
    refresh = serializers.CharField()


class SignedIn(Tokens):
    client_token = client_token()


class Send(serializers.Serializer):
    totp_challenge_token = Text(1024)
    channel = ChannelName(
        required=False,
        help_text="`phone` is another name for `sms`. May be left out where a code was sent at sign-in.",
    )


class Sent(Channel):
    channel = serializers.CharField(  # type: ignore[assignment]  # "phone", too
        help_text="As it was named in the request."
    )
    has_phone = serializers.BooleanField(help_text="Can a code go to a phone?")
    totp_challenge_token = serializers.CharField(
        help_text="Replaces the earlier challenge, and works for as long as the code."
    )
    expires_at = serializers.DateTimeField()


class RefreshToken(serializers.Serializer):
    refresh = Text(2048)


class AnyToken(serializers.Serializer):
    token = Text(2048)


class Password(serializers.Serializer):
    password = password()


class SetUp(serializers.Serializer):
    svg = serializers.CharField(help_text="The QR code.")
    key = serializers.CharField(help_text="The same key, to enter by hand.")
    otpauth_url = serializers.CharField(help_text="The same key, for an app on the same device.")


class Confirmation(serializers.Serializer):
    input_code = otp_code()
    password = password()


class BackupCodes(serializers.Serializer):
    backup_codes = serializers.ListField(child=serializers.CharField())


class Confirmed(BackupCodes, Tokens):
    """The tokens from before the setup no longer work; these replace them."""


class TurnOff(OneCode):
    otp_code = otp_code(required=False)
    backup_code = backup_code()
    password = password()


class App(serializers.Serializer):
    id = serializers.IntegerField()
    name = serializers.CharField()
    added_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)


class Apps(serializers.Serializer):
    apps = App(many=True)


class AppId(serializers.Serializer):
    id = WholeNumber(min_value=1, max_value=MAX_ID, help_text="As `/api/totp/apps/` returns it.")


class RenamedApp(AppId):
    name = Name(FACTOR_NAME_LENGTH)


class StepUp(serializers.Serializer):
    """What makes a step-up. Without a code, that of the sign-in counts for some minutes."""

    otp_code = otp_code(required=False)
    backup_code = backup_code()
    password = password()

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if {"otp_code", "backup_code"} <= attrs.keys():
            raise serializers.ValidationError(ONE_CODE)
        return attrs


class NewApp(StepUp):
    input_code = Text(64, help_text="The code that the new app shows. Spaces and hyphens are ignored.")
    name = Name(FACTOR_NAME_LENGTH, required=False, help_text="To tell the apps of a person apart.")


class RemovedApp(OneCode, AppId):
    otp_code = otp_code(required=False)
    backup_code = backup_code()
    password = password()


class Rotation(serializers.Serializer):
    otp_code = otp_code(required=False)
    password = password()


class Status(serializers.Serializer):
    is_totp_enabled = serializers.BooleanField()
    enabled_at = serializers.DateTimeField(allow_null=True)
    backup_codes_left = serializers.IntegerField()
    channels = Channel(many=True)
    is_required = serializers.BooleanField(
        help_text="If true, only setup works until two-factor authentication is on."
    )
    amr = serializers.CharField(help_text="How this sign-in was authenticated.")


class Device(serializers.Serializer):
    id = serializers.UUIDField(source="device_id")
    kind = serializers.ChoiceField(
        ("session", "api", "trusted"),
        help_text="`trusted` is a browser that needs no code, and is not signed in.",
    )
    name = serializers.CharField(help_text="Given by the person. May be empty.")
    browser = serializers.CharField(help_text="Browser or program, and system. May be empty.")
    ip_address = serializers.IPAddressField(allow_null=True)
    began_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField()
    amr = serializers.CharField(
        source="method", help_text="How this sign-in was authenticated. May be empty."
    )
    trusted_until = serializers.DateTimeField(allow_null=True)
    is_this = serializers.BooleanField(help_text="True for the sign-in that asks.")


class Devices(serializers.Serializer):
    devices = Device(many=True)
    has_session_list = serializers.BooleanField(help_text="If false, this site cannot list sessions.")


class DeviceId(serializers.Serializer):
    id = serializers.UUIDField()


class Rule(serializers.Serializer):
    id = serializers.IntegerField(allow_null=True, help_text="Null for a rule that was not saved.")
    scope = serializers.CharField()
    group = serializers.IntegerField(source="group_id", allow_null=True)
    person = serializers.CharField(source="user_id", allow_null=True)
    factor = serializers.CharField(help_text="`any`, or `passkey`: a passkey or security key.")
    starts_on = serializers.DateField()
    grace_days = serializers.IntegerField()


class RuleWithNumbers(serializers.Serializer):
    rule = Rule()
    people = serializers.IntegerField(help_text="Whom it is for.")
    without = serializers.IntegerField(help_text="Of them, those who have no such factor.")
    at_once = serializers.IntegerField(help_text="Of those, who reach only the page for it from now on.")


class Rules(serializers.Serializer):
    rules = Rule(many=True)


class NewRule(StepUp):
    scope = Text(8, help_text="`everyone`, `staff`, `group` or `person`.")
    group = WholeNumber(required=False, min_value=1, max_value=MAX_ID, help_text="The id of the group.")
    person = Text(64, required=False, help_text="The id of the person.")
    factor = Text(7, required=False, help_text="`any`, as without it, or `passkey`.")
    starts_on = serializers.DateField(input_formats=["iso-8601"], help_text="The first day.")
    grace_days = WholeNumber(
        min_value=0, max_value=MAX_GRACE_DAYS, help_text="For each person from their first day on."
    )
    dry_run = YesOrNo(required=False, help_text="Only say whom it would be for.")


class RemovedRule(StepUp):
    id = WholeNumber(min_value=1, max_value=MAX_ID, help_text="As `/api/rules/` returns it.")


class Problem(serializers.Serializer):
    """The body of every refusal."""

    detail = serializers.CharField(help_text="For the person, in the language of `Accept-Language`.")
    code = serializers.CharField(help_text="For the program.")
    fields = serializers.DictField(  # type: ignore[assignment]  # serializers have an attribute of this name
        child=serializers.ListField(child=serializers.CharField()), required=False
    )
