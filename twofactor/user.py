"""What a user model brings so that its sessions can be ended and its address trusted."""

from typing import Any, cast

from django.contrib.auth import get_user_model
from django.contrib.auth.base_user import AbstractBaseUser
from django.db import models
from django.db.models import F, QuerySet
from django.http import HttpRequest
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from twofactor.models import Draft


class SecurityMixin(AbstractBaseUser):
    _password: str | None  # Django's own: a new password that has not been saved yet

    password = models.CharField(_("password"), max_length=128, serialize=False)  # not for dumpdata either
    security_epoch = models.PositiveIntegerField(default=0, editable=False)
    email_verified_at = models.DateTimeField(_("address confirmed"), null=True, blank=True, editable=False)
    # When somebody signed up here by themselves, until this or another address is confirmed for the first
    # time. Empty for everybody whom an administrator, a command or an importer made.
    unconfirmed_since = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # The private method, because the public one does not see SECRET_KEY_FALLBACKS.
        salt = "twofactor.user.SecurityMixin.session"
        value = f"{self.password}|{self.security_epoch}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()

    def save(self, *args: Any, **kwargs: Any) -> None:
        created = self._state.adding
        new_password = self._password is not None and not created
        if not created and kwargs.get("update_fields") is None:
            # Only end_sessions() moves the epoch: what was read a while ago must not bring sessions back.
            names = [field.name for field in self._meta.concrete_fields if not field.primary_key]
            kwargs["update_fields"] = [name for name in names if name != "security_epoch"]
        super().save(*args, **kwargs)
        if new_password:
            self.end_sessions()
            Draft.objects.filter(user_id=self.pk).delete()  # whoever knew the old one may have seen its key
        elif not self.is_active and not created:
            self.end_sessions()  # for good: none comes back when the person is let in again

    def is_verified(self) -> bool:
        """Has this session given a second factor? The gate answers; without a session, no."""
        return False

    def end_sessions(self) -> None:
        """Every session, trusted browser and pending sign-in carries the epoch, and dies with it."""
        type(self)._default_manager.filter(pk=self.pk).update(security_epoch=F("security_epoch") + 1)
        self.refresh_from_db(fields=["security_epoch"])


def person(request: HttpRequest) -> SecurityMixin:
    """Whoever is signed in, behind LoginRequiredMiddleware."""
    return cast(SecurityMixin, request.user)


def has_column(name: str) -> bool:
    """Some user models have only an attribute of that name, or nothing."""
    return any(field.name == name for field in get_user_model()._meta.concrete_fields)


def has_relation(name: str) -> bool:
    return any(field.name == name for field in get_user_model()._meta.many_to_many)


def only_active(rows: QuerySet[Any], user: str = "") -> QuerySet[Any]:
    """As far as the database knows; where there is no column, is_active has to be asked of each person."""
    return rows.filter(**{f"{user}is_active": True}) if has_column("is_active") else rows


def is_staff(user: Any) -> bool:
    return bool(getattr(user, "is_staff", False))
