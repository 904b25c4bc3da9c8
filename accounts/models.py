"""The user model, which signs in with an email address, and the counts of wrong passwords."""

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.passwords import FROM_ANOTHER_SITE
from twofactor import statements
from twofactor.models import SecurityMixin
from twofactor.outgoing import email_address
from twofactor.outgoing.email_address import normalise


def refuse_unmailable(address: str) -> None:
    """An address that mail cannot be sent to, or for which it would reach someone else."""
    if "@" not in address:
        return  # Django's validator says more about this
    if not email_address.has_plain_name(address):
        raise ValidationError(_("Use only letters a to z, digits and symbols before the @."))
    if not email_address.has_public_domain(address):
        raise ValidationError(_("Check the part after the @. We can't send email to that domain."))


class AddressField(models.EmailField):
    """Normalises what is stored and what is looked up."""

    default_validators = [*models.EmailField.default_validators, refuse_unmailable]

    def to_python(self, value: Any) -> Any:
        return normalise(value) if isinstance(value, str) else value

    def get_prep_value(self, value: Any) -> Any:
        return self.to_python(super().get_prep_value(value))

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = self.to_python(super().pre_save(model_instance, add))
        refuse_unmailable(value)  # also when no form has validated it
        setattr(model_instance, self.attname, value)
        return value


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> "User":
        user: User | None = user_by_email(username)
        if user is None:
            raise self.model.DoesNotExist
        return user

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email, **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


@statements.row
def user_by_email(email: str | None) -> Any:
    return User.objects.filter(email=email)


class User(SecurityMixin, PermissionsMixin):
    email = AddressField(
        _("email address"), unique=True, error_messages={"unique": _("This email address is already in use.")}
    )
    name = models.CharField(_("name"), max_length=150, blank=True)
    language = models.CharField(_("language"), max_length=10, blank=True, choices=settings.LANGUAGES)
    is_active = models.BooleanField(_("active"), default=True)
    is_staff = models.BooleanField(_("staff"), default=False, help_text=_("Can use the admin site."))
    date_joined = models.DateTimeField(_("joined"), default=timezone.now, editable=False)
    # The person has asked for it (deletion.py). Setting it back to null keeps the account.
    deletion_due_at = models.DateTimeField(_("to be deleted on"), null=True, editable=False)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        indexes: ClassVar = [  # for passwords.most_iterations and deletion.due
            models.Index(fields=["password"], name="accounts_from_another_site", condition=FROM_ANOTHER_SITE),
            models.Index(
                fields=["deletion_due_at"],
                name="accounts_to_be_deleted",
                condition=models.Q(deletion_due_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name or self.email


class PasswordTries(models.Model):
    """How often a password was tried for a name: at one address, or anywhere (password_tries.py)."""

    name_digest = models.CharField(max_length=64, editable=False, serialize=False)
    address = models.GenericIPAddressField()
    count = models.PositiveIntegerField(default=1)
    last_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["name_digest", "address"], name="accounts_password_tries_one")
        ]
        indexes: ClassVar = [models.Index(fields=["address", "last_at"], name="accounts_tries_of_address")]

    def __str__(self) -> str:
        return f"{self.count} tries from {self.address}"


class KnownBrowser(models.Model):
    """A browser in which a person has signed in before, and the wrong passwords in it since."""

    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    digest = models.CharField(max_length=64, unique=True, editable=False, serialize=False)
    state = models.CharField(max_length=80, editable=False, serialize=False)  # of password and epoch
    tries = models.PositiveSmallIntegerField(default=0)
    in_a_row = models.PositiveSmallIntegerField(default=0)
    last_try_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"browser known to {self.user_id}"
