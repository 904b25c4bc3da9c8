"""The forms for signing up and in, for passwords, and for the profile."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from django import forms
from django.contrib.auth import forms as auth_forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.core.validators import MaxLengthValidator
from django.utils.functional import lazy
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from accounts import reset_mail
from accounts.models import User, refuse_unmailable
from twofactor.factors import passkeys
from twofactor.factors.refusal import Refused
from twofactor.forms import PASSWORD_LENGTH, CodeForm, show_advice, take_backup_codes, without_code
from twofactor.outgoing.email_address import LONGEST, normalise

ADDRESS_LENGTH = 254
ADDRESS_ATTRS = {"autocapitalize": "none", "spellcheck": "false", "maxlength": ADDRESS_LENGTH}
ADDRESS_ERRORS = {
    "required": _("Enter your email address."),
    "invalid": _("Enter an email address in the format name@example.com."),
}


class AddressField(forms.EmailField):
    def to_python(self, value: Any) -> Any:
        """Normalised before the validators run: a full-width comma is a comma."""
        text = super().to_python(value) or ""
        if len(text) > LONGEST:  # normalise() would cut it, to another address than was typed
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return normalise(text)

    def validate(self, value: Any) -> None:
        """Runs before the validators, because Django's email validator says less."""
        super().validate(value)
        refuse_unmailable(value)


def address_field(label: Any, autocomplete: str) -> AddressField:
    attrs = ADDRESS_ATTRS | {"autocomplete": autocomplete}
    return AddressField(
        label=label, max_length=ADDRESS_LENGTH, error_messages=ADDRESS_ERRORS, widget=forms.EmailInput(attrs)
    )


def shortest_password() -> int:
    """What MinimumLengthValidator demands."""
    validators = password_validation.get_default_password_validators()
    return max((getattr(validator, "min_length", 1) for validator in validators), default=1)


def password_hint() -> str:
    sentence = ngettext(
        "At least %(count)d character. A few words in a row are easy to remember and hard to guess.",
        "At least %(count)d characters. A few words in a row are easy to remember and hard to guess.",
        shortest_password(),
    )
    return sentence % {"count": shortest_password()}


PASSWORD_HINT = lazy(password_hint, str)()


def password_field(label: Any, autocomplete: str, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        max_length=PASSWORD_LENGTH,
        help_text=help_text,
        error_messages={"required": _("Enter your password.")},
        widget=forms.PasswordInput({"autocomplete": autocomplete}),
    )


class SignInForm(auth_forms.AuthenticationForm):
    password = password_field(_("Password"), "current-password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("Email address")
        self.fields["username"].error_messages["required"] = ADDRESS_ERRORS["required"]
        self.fields["username"].validators.append(MaxLengthValidator(ADDRESS_LENGTH))
        # With "webauthn" browsers offer passkeys in the list under the field.
        kinds = "username webauthn" if passkeys.are_offered() else "username"
        attrs = ADDRESS_ATTRS | {"autocomplete": kinds, "autofocus": True}
        self.fields["username"].widget = forms.EmailInput(attrs)

    def get_invalid_login_error(self) -> ValidationError:
        if getattr(self.request, "is_last_try", False):
            sentence = gettext(
                "The email address or password is not correct. "
                "One more wrong password and you'll have to wait before you can try again."
            )
        else:
            sentence = gettext("The email address or password is not correct.")
        return ValidationError({"password": sentence})


class SignUpForm(forms.Form):
    email = address_field(_("Email address"), "username")
    password = password_field(_("Password"), "new-password", PASSWORD_HINT)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("email") and cleaned.get("password"):
            try:
                password_validation.validate_password(cleaned["password"], User(email=cleaned["email"]))
            except ValidationError as weak:
                self.add_error("password", weak)
        return cleaned


class AddressForm(forms.Form):
    email = address_field(_("New email address"), "email")

    def __init__(self, current: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.current = current

    def clean_email(self) -> str:
        if self.cleaned_data["email"] == self.current:
            raise ValidationError(_("This is already your email address."))
        return str(self.cleaned_data["email"])


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name", "language")
        widgets = {"name": forms.TextInput({"autocomplete": "name"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = self.fields["language"].choices  # type: ignore[attr-defined]
        self.fields["language"].choices = [("", _("Use my browser's language")), *choices[1:]]  # type: ignore[attr-defined]


class PasswordResetForm(auth_forms.PasswordResetForm):
    email = address_field(_("Email address"), "username")

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Always one query and one row, so that timing does not tell whether the account exists."""
        email = self.cleaned_data["email"]
        # Django's own form searches with iexact, which reads the whole table, and leaves out people
        # without a password: those whom the admin has added choose their first one this way.
        reset_mail.queue_mail(User.objects.filter(email=email, is_active=True).first(), email)


class NewPasswordForm(auth_forms.SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = PASSWORD_HINT
        self.fields["new_password2"].help_text = ""  # Django's repeats the label
        self.error_messages |= {"password_mismatch": _("The two passwords don't match.")}
        self.fields["new_password1"].error_messages["required"] = _("Enter a new password.")
        self.fields["new_password2"].error_messages["required"] = _("Enter the new password again.")
        for name in ("new_password1", "new_password2"):
            self.fields[name].validators.append(MaxLengthValidator(PASSWORD_LENGTH))


class PasswordChangeForm(NewPasswordForm, auth_forms.PasswordChangeForm):
    """With a code in it for people who have a second factor: it is spent last, when all else is right."""

    field_order = ("old_password", "code", "new_password1", "new_password2")

    def __init__(
        self,
        *args: Any,
        password_is_right: Callable[[str], bool],
        accept: Callable[[str], Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.password_is_right = password_is_right
        self.accept = accept
        if accept:
            self.fields["code"] = deepcopy(CodeForm.base_fields["code"])
            del self.fields["code"].widget.attrs["autofocus"]
            take_backup_codes(self.fields["code"])
            self.order_fields(self.field_order)
        self.fields["old_password"].error_messages["required"] = _("Enter your password.")
        del self.fields["old_password"].widget.attrs["autofocus"]  # what happens elsewhere is read first

    def clean_old_password(self) -> str:
        """Asked where guesses are counted."""
        password: str = self.cleaned_data["old_password"]
        if not self.password_is_right(password):
            raise ValidationError(_("The password is not correct."))
        return password

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.accept and not self.errors:
            try:
                self.accept(cleaned["code"])
            except Refused as refused:
                if not refused.keep:
                    self.data = without_code(self.data)
                show_advice(self.fields["code"], refused)
                self.add_error("code", refused.problem)
        return cleaned
