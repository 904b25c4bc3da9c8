"""All forms. Those for a code or password get a callable that checks it, and know no other rule about it."""

import json
import unicodedata
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator
from django.forms import BoundField
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import cached_property, lazy
from django.utils.translation import gettext, pgettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from twofactor import conf
from twofactor.activity import MAX_SEARCH
from twofactor.devices import ListedDevice
from twofactor.event_kinds import EventGroup
from twofactor.factors import enrolled, passkeys, sent_codes, totp
from twofactor.factors.enrolled import MAX_APPS, Factor
from twofactor.factors.passkeys import Question
from twofactor.factors.refusal import Refused
from twofactor.models import FACTOR_NAME_LENGTH, Authenticator, Event, Rule
from twofactor.operations import rules, support
from twofactor.outgoing import email_address, sms
from twofactor.recovery import requests
from twofactor.users import email_of, only_email_signs_in
from twofactor.web import browser_names

UNSEEN = {"Cc", "Cf"}  # Unicode's control and format characters
BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # look like a space, and are none to Python
LEAST_HOURS = requests.LEAST_WAIT // timedelta(hours=1)  # to which support may shorten a recovery
PASSWORD_LENGTH = 1024  # hashing a very long text would keep the server busy


def code_label(digits: int) -> str:
    return gettext("%(digits)d-digit code") % {"digits": digits}


def name_label() -> str:
    """Of the field that people sign in with."""
    people = get_user_model()
    is_address = people.get_email_field_name() == people.USERNAME_FIELD or only_email_signs_in()
    return gettext("Email address") if is_address else gettext("Username")


def take_backup_codes(field: forms.Field, *, alone: bool = False) -> None:
    """For a code field that takes those, too: a phone must offer letters. `alone`: nobody has an app here."""
    sentence = gettext("%(digits)d-digit code from your app, or a backup code.")
    field.label = gettext("Backup code") if alone else pgettext("two-factor", "Code")
    field.help_text = (
        gettext("Enter one of the codes you saved. Each code works once.")
        if alone
        else sentence % {"digits": totp.DIGITS}
    )
    field.widget.attrs["class"] = "code long"
    field.widget.attrs.pop("inputmode", None)


def without_code(data: Any) -> Any:
    """What was sent, with the code emptied. ({**data} would make a list of each value.)"""
    data = data.copy()
    data["code"] = ""
    return data


def show_advice(field: forms.Field, refused: Refused) -> None:
    """After the error of the field, in normal weight (components/field.html)."""
    vars(field)["advice"] = refused.advice


class CodeForm(forms.Form):
    code = forms.CharField(
        label=lazy(lambda: code_label(totp.DIGITS), str)(),  # in the language of each page
        help_text=_("Enter the code shown in your authenticator app."),
        required=False,  # accept has the sentence for an empty field, the same as for the API
        widget=forms.TextInput(
            {
                "class": "code",
                "inputmode": "numeric",
                "autocomplete": "one-time-code",
                "spellcheck": "false",
                "autocapitalize": "none",
                "autofocus": True,
            }
        ),
    )

    def __init__(self, *args: Any, accept: Callable[[str], Any], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.accept = accept

    def clean_code(self) -> Any:
        """What the callable returns, for example the method that was used."""
        try:
            return self.accept(self.cleaned_data["code"])
        except Refused as refused:
            if not refused.keep:
                self.data = without_code(self.data)
            show_advice(self.fields["code"], refused)
            raise ValidationError(refused.problem) from None


class BackupCodeForm(CodeForm):
    code = forms.CharField(
        label=_("Backup code"),
        # Without a sample: imported codes look different.
        help_text=_("Enter one of the codes you saved. Each code works once."),
        required=False,
        widget=forms.TextInput(
            {
                "class": "code long",
                "autocomplete": "off",
                "spellcheck": "false",
                "autocapitalize": "none",  # imported codes may differ in case
                "autofocus": True,
            }
        ),
    )


class SentCodeForm(CodeForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["code"].label = code_label(sent_codes.DIGITS)
        self.fields["code"].help_text = _("Enter the code from the message we sent you.")


class PhoneForm(forms.Form):
    number = forms.CharField(
        label=pgettext_lazy("two-factor", "Phone number"),
        help_text=_("Include the country code, like +49 170 1234567."),
        max_length=40,
        error_messages={"required": _("Enter your phone number.")},
        widget=forms.TextInput({"type": "tel", "autocomplete": "tel", "dir": "ltr"}),
    )

    def clean_number(self) -> str:
        number = sms.parse_number(self.cleaned_data["number"])
        if number is None:
            raise ValidationError(_("Enter the phone number with its country code, like +49 170 1234567."))
        return number


class WarningsAddressForm(forms.Form):
    address = forms.EmailField(
        label=_("Email address for warnings"),
        help_text=_("One that someone who reads your other email can't read."),
        error_messages={"required": _("Enter an email address."), "invalid": _("Enter an email address.")},
        widget=forms.EmailInput({"autocomplete": "off", "dir": "ltr"}),
    )

    def __init__(self, *args: Any, user: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_address(self) -> str:
        address = email_address.normalise(self.cleaned_data["address"])
        if not email_address.has_domain(address) or not address.isascii():
            raise ValidationError(_("No mail can be sent to this address."))
        if address == email_address.normalise(email_of(self.user)):
            raise ValidationError(_("That's the address of your account. Enter another one."))
        return address


class StopWithFactorForm(forms.Form):
    """Name and code, without the password."""

    name = forms.CharField(
        label=lazy(name_label, str)(),
        max_length=email_address.LONGEST,
        error_messages={"required": _("Enter the name you sign in with.")},
        widget=forms.TextInput({"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    code = forms.CharField(
        max_length=100,
        error_messages={"required": _("Enter a code.")},
        widget=forms.TextInput(
            {"autocomplete": "one-time-code", "spellcheck": "false", "autocapitalize": "none"}
        ),
    )

    def __init__(self, *args: Any, stop: Callable[[str, str], None], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.stop = stop
        take_backup_codes(self.fields["code"])

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors:
            try:
                self.stop(data["name"], data["code"])
            except Refused as refused:
                self.data = without_code(self.data)
                show_advice(self.fields["code"], refused)
                self.add_error("code", refused.problem)
        return data


class PasswordForm(forms.Form):
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=PASSWORD_LENGTH,
        error_messages={"required": _("Enter your password.")},
        widget=forms.PasswordInput({"autocomplete": "current-password"}),
    )

    def __init__(self, *args: Any, password_is_right: Callable[[str], bool], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.password_is_right = password_is_right

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        if not self.password_is_right(password):
            raise ValidationError(_("The password is not correct."))
        return password


class PasskeyForm(forms.Form):
    """What static/twofactor/passkeys.js fills in: nobody sees a field of it."""

    challenge = forms.CharField(required=False, widget=forms.HiddenInput)
    credential = forms.CharField(required=False, widget=forms.HiddenInput, strip=False)

    def __init__(
        self, *args: Any, ask: Callable[[], Question], accept: Callable[[str, str], Any], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.ask, self.accept = ask, accept
        self.result: Any = None
        """What accept returned, for example the proof."""

    @cached_property
    def question(self) -> Question:
        """A new one for each page: what was sent with the last one is spent, or was refused."""
        return self.ask()

    @property
    def options(self) -> str:
        return json.dumps(self.question.options, separators=(",", ":"))

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if not self.errors:
            try:
                self.result = self.accept(data["credential"], data["challenge"])
            except Refused as refused:
                raise ValidationError(refused.sentence) from None
        return data


class PasswordAndPasskeyForm(PasswordForm, PasskeyForm):
    """For a key that does not verify its person. With a wrong password it is not looked at."""


class NewPasskeyForm(PasskeyForm):
    """With a box for each factor that someone has lost who came back by email."""

    def __init__(self, *args: Any, lost: list[Factor], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields |= boxes_to_remove(lost, gettext("I've lost %(name)s: remove it"), ticked=True)

    def ticked(self) -> list[str]:
        return ticked_to_remove(self)

    @property
    def boxes(self) -> list[BoundField]:
        return [self[name] for name in self.fields if name.startswith(TO_REMOVE)]


TO_REMOVE = "remove-"  # begins the names of such boxes


def boxes_to_remove(factors: list[Factor], sentence: str, *, ticked: bool) -> dict[str, forms.Field]:
    return {
        f"{TO_REMOVE}{enrolled.id_of(factor)}": forms.BooleanField(
            label=sentence % {"name": factor.name}, required=False, initial=ticked
        )
        for factor in factors
    }


def ticked_to_remove(form: forms.Form) -> list[str]:
    """The keys of the factors."""
    names = (name for name, value in form.cleaned_data.items() if value is True)
    return [name.removeprefix(TO_REMOVE) for name in names if name.startswith(TO_REMOVE)]


class ProofForm(PasswordForm, CodeForm):
    """Password and code. With a wrong password the code is not checked, and costs no guess.

    If only the code was wrong, the page that says so has the password in its field, to be sent again: it is
    what this browser has just sent, in an answer that nothing stores (config/headers.py).
    """

    field_order = ("password", "code")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["code"].widget.attrs["autofocus"]

    def clean_code(self) -> Any:
        if "password" not in self.cleaned_data:
            return None
        self.fields["password"].widget.render_value = True
        return super().clean_code()


def visible_name(text: str) -> str:
    """On one line, and without characters that cannot be seen. Empty if nothing is left.

    Such characters would make two names look alike, or turn the words around a name.
    """
    spaced = (" " if character.isspace() or character in BLANKS else character for character in text)
    seen = (character for character in spaced if unicodedata.category(character) not in UNSEEN)
    return " ".join("".join(seen).split())


class NameForm(forms.Form):
    name = forms.CharField(
        label=pgettext_lazy("two-factor", "Name"),
        max_length=FACTOR_NAME_LENGTH,
        error_messages={"required": _("Enter a name.")},
        widget=forms.TextInput({"autocomplete": "off", "autofocus": True}),
    )

    def clean_name(self) -> str:
        field, name = self.fields["name"], visible_name(self.cleaned_data["name"])
        if field.required and not name:
            raise ValidationError(field.error_messages["required"])
        return name


class DeviceNameForm(NameForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = self.fields["name"]
        name.required = False
        name.help_text = _("For example “Laptop at work”. Leave it empty to see the browser only.")


class EndOthersForm(forms.Form):
    keep_trusted = forms.BooleanField(label=_("Keep trusted browsers"), required=False)


class NotMeForm(forms.Form):
    everywhere = forms.BooleanField(label=_("Sign out everywhere, on all devices"), required=False)


class DevicesForm(forms.Form):
    """A box for each device. Ticked is the one that the event happened on."""

    def __init__(self, *args: Any, devices: list[ListedDevice], event: Event | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.devices = {f"device-{device.device_id}": device for device in devices}
        for name, device in self.devices.items():
            ticked = event is not None and is_where(event, device)
            label = device_label(device)
            self.fields[name] = forms.BooleanField(label=label, required=False, initial=ticked)

    def ticked(self) -> list[ListedDevice]:
        return [device for name, device in self.devices.items() if self.cleaned_data[name]]


def too_many_apps() -> str:
    return gettext("You have %(count)d apps. Remove one before you add another.") % {"count": MAX_APPS}


class AddAppForm(NameForm, CodeForm):
    """The code of the new app, its name, and a box for each factor that it replaces."""

    field_order = ("code", "name")

    def __init__(self, *args: Any, factors: list[Factor], lost: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            del field.widget.attrs["autofocus"]  # the QR code comes first
        self.apps = {enrolled.id_of(each) for each in factors if isinstance(each, Authenticator)}
        sentence = gettext("Remove %(name)s once the new app works")
        self.fields |= boxes_to_remove(factors, sentence, ticked=lost)

    def ticked(self) -> list[str]:
        return ticked_to_remove(self)

    @property
    def boxes(self) -> list[BoundField]:
        return [self[name] for name in self.fields if name.startswith(TO_REMOVE)]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        is_full = len(self.apps) >= MAX_APPS  # only after a recovery, or the page has no form
        if is_full and not self.apps & set(self.ticked()):
            raise ValidationError(
                gettext("You have %(count)d apps. Choose one to remove before you add another.")
                % {"count": MAX_APPS}
            )
        return data


class SavedForm(forms.Form):
    saved = forms.BooleanField(
        label=_("I've saved my backup codes"),
        error_messages={"required": _("Save the codes, then tick the box.")},
    )


class ActivityForm(forms.Form):
    """Never bound: what it cannot read, the page takes for nothing that was asked."""

    show = forms.ChoiceField(
        label=pgettext_lazy("two-factor", "Show"),
        choices=[("", pgettext_lazy("two-factor", "All activity")), *EventGroup.choices],
        required=False,
    )
    q = forms.CharField(
        label=_("Search activity"),
        max_length=MAX_SEARCH,
        required=False,
        widget=forms.TextInput({"type": "search", "autocomplete": "off", "spellcheck": "false"}),
    )


class ReasonForm(forms.Form):
    """For the admin. Whatever support does for a person needs a reason."""

    reason = forms.CharField(
        label=_("Reason (for the audit log)"),
        max_length=support.MAX_REASON_LENGTH,
        error_messages={"required": _("Enter a reason.")},
    )

    def add_error(self, field: str | None, error: Any) -> None:
        super().add_error(field, error)
        if field:
            self.fields[field].widget.attrs["autofocus"] = True


class ShortenForm(ReasonForm):
    hours = forms.IntegerField(
        label=_("Hours to wait in all"),
        initial=LEAST_HOURS,
        min_value=LEAST_HOURS,
        max_value=conf.MOST_RECOVERY_HOURS,
    )
    field_order = ("hours", "reason")


class EmergencyCodeForm(ReasonForm):
    hours = forms.IntegerField(
        label=_("Hours until it expires"),
        initial=1,
        min_value=1,
        max_value=support.MAX_VALIDITY // timedelta(hours=1),
    )


class EndDeviceForm(ReasonForm):
    device = forms.ChoiceField(
        label=pgettext_lazy("two-factor", "Device"),
        error_messages={
            "required": _("Choose a device."),
            "invalid_choice": _("That device is signed out already. Choose another."),
        },
    )
    field_order = ("device", "reason")

    def __init__(self, *args: Any, listed: list[ListedDevice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(str(device.device_id), device_label(device)) for device in listed]
        self.fields["device"].choices = [("", _("Choose a device.")), *choices]  # type: ignore[attr-defined]


class RuleForm(forms.ModelForm):
    """For the admin and the command. `helper` is who makes the rule; None at the command line."""

    helper: Any = None

    class Meta:
        model = Rule
        fields = rules.RULE_FIELDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if grace := self.fields.get("grace_days"):  # whoever may only look gets no fields
            grace.help_text = gettext("For each person from their first day here on, if that is later.")
            grace.validators.append(MaxValueValidator(rules.MAX_GRACE_DAYS))
        factor: Any = self.fields.get("factor")
        if factor:
            factor.required = False
            kinds = Rule.Factor if passkeys.are_offered() else [Rule.Factor.ANY]
            factor.choices = [(kind.value, kind.label) for kind in kinds]
            if not passkeys.are_offered():
                factor.help_text = gettext("A passkey can't be required, because this site offers none.")

    def clean_factor(self) -> str:
        return self.cleaned_data["factor"] or Rule.Factor.ANY

    def clean_starts_on(self) -> date:
        day: date = self.cleaned_data["starts_on"]
        if abs(day.year - timezone.localdate().year) > rules.MAX_YEARS:
            raise ValidationError(_("Choose a first day that is not so far from today."))
        return day

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        self.check_target("group", Rule.Scope.GROUP, _("Choose a group."))
        self.check_target("user", Rule.Scope.PERSON, _("Choose a person."))
        if self.errors:
            return cleaned
        rule = Rule(**{name: cleaned[name] for name in self.Meta.fields})
        if self.helper and not rules.may_write(self.helper, rule):
            raise ValidationError(
                _("You can only make a rule for one person, and only if you have all of their permissions.")
            )
        self.preview = rules.preview(rule, timezone.now())
        if self.preview.locks_out:
            raise ValidationError(rules.LOCKS_OUT)
        if self.helper and rules.is_for_helper_without_passkey(self.helper, rule):
            raise ValidationError(rules.YOU_HAVE_NONE)
        if self.preview.lacks_passkey:
            raise ValidationError(rules.NO_PASSKEY)
        return cleaned

    def check_target(self, name: str, scope: str, missing: Any) -> None:
        if name in self.errors or "scope" not in self.cleaned_data:
            return
        chosen = self.cleaned_data.get(name)
        if self.cleaned_data["scope"] == scope and not chosen:
            self.add_error(name, missing)
        elif self.cleaned_data["scope"] != scope and chosen:
            self.add_error(name, _("Leave this empty, or change whom the rule is for."))


def is_where(event: Event, device: ListedDevice) -> bool:
    """Did it happen there? The session may be over, and the trust that it was opened with not."""
    in_that_browser = device.trusted_pk is not None and device.trusted_pk == event.trusted_browser_id
    return device.device_id == event.device_id or in_that_browser


def device_label(device: ListedDevice) -> str:
    browser = browser_names.localized(device.browser)
    named = f"{device.name} ({browser})" if device.name else browser
    used = f"{date_format(device.last_used_at, 'DATETIME_FORMAT')} (UTC)"
    # Isolated, so that text in the other direction does not scramble them.
    return " · ".join(f"\u2068{each}\u2069" for each in [named, device.ip_address, used] if each)
