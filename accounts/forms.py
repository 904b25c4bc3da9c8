from collections.abc import Iterable
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import forms as auth_forms
from django.contrib.auth import password_validation
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from twofactor import mail

PASSWORD_HINT = _("At least 8 characters. A few words in a row are easy to remember and hard to guess.")
ADDRESS_ERRORS = {
    "required": _("Enter your e-mail address"),
    "invalid": _("Enter an e-mail address in the form name@example.com"),
}


def address_field(label: Any, autocomplete: str) -> forms.EmailField:
    attrs = {"autocomplete": autocomplete, "autocapitalize": "none", "spellcheck": "false"}
    return forms.EmailField(label=label, error_messages=ADDRESS_ERRORS, widget=forms.EmailInput(attrs))


def password_field(label: Any, autocomplete: str, help_text: Any = "") -> forms.CharField:
    return forms.CharField(
        label=label,
        strip=False,
        max_length=1024,  # hashing a novel is a way to keep a server busy
        help_text=help_text,
        error_messages={"required": _("Enter your password")},
        widget=forms.PasswordInput({"autocomplete": autocomplete}),
    )


class SignInForm(auth_forms.AuthenticationForm):
    password = password_field(_("Password"), "current-password")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].label = _("E-mail address")
        self.fields["username"].error_messages["required"] = ADDRESS_ERRORS["required"]
        self.fields["username"].widget = forms.EmailInput(
            {"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false", "maxlength": 254}
        )

    def get_invalid_login_error(self) -> ValidationError:
        sentence = str(_("The e-mail address or the password is not correct"))
        if getattr(self.request, "last_try", False):
            sentence += f". {_('After 1 more wrong password you have to wait before you can try again')}"
        return ValidationError({"password": sentence})


class SignUpForm(forms.Form):
    email = address_field(_("E-mail address"), "username")
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
    email = address_field(_("New e-mail address"), "email")


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ("name", "language")
        widgets = {"name": forms.TextInput({"autocomplete": "name"})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = self.fields["language"].choices  # type: ignore[attr-defined]
        self.fields["language"].choices = [("", _("As the browser asks for")), *choices[1:]]  # type: ignore[attr-defined]


class PasswordResetForm(auth_forms.PasswordResetForm):
    email = address_field(_("E-mail address"), "username")

    def get_users(self, email: str) -> Iterable[User]:
        # By the index; Django's own question, iexact, reads the whole table.
        return [
            user for user in User.objects.filter(email=email, is_active=True) if user.has_usable_password()
        ]

    def send_mail(
        self,
        subject_template_name: str,
        email_template_name: str,
        context: dict[str, Any],
        from_email: str | None,
        to_email: str,
        html_email_template_name: str | None = None,
    ) -> None:
        user = context["user"]
        link = settings.BASE_URL + reverse("password_reset_confirm", args=[context["uid"], context["token"]])
        mail.queue("accounts/mail/password_reset", to_email, user.language, link=link, user=user)


class NewPasswordForm(auth_forms.SetPasswordForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["new_password1"].help_text = PASSWORD_HINT


class PasswordChangeForm(NewPasswordForm, auth_forms.PasswordChangeForm):
    pass
