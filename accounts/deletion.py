"""Deleting one's own account: requested, stopped while it waits, and carried out by prune.

User.deletion_due_at says that one waits. Stopping, signing in and deleting all change that one row, so the
database decides which of them comes first.
"""

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.admin.models import LogEntry
from django.contrib.auth.signals import user_logged_in
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.dispatch import receiver
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import User
from twofactor import events, own_data, sealing
from twofactor.clocks import DAY, MINUTE
from twofactor.limits import allowances
from twofactor.limits.allowances import Limit
from twofactor.operations import administrators, prune
from twofactor.operations.batches import in_batches
from twofactor.outgoing import outbox
from twofactor.signals import said_not_me, signed_in_over_api
from twofactor.signin.session import WITHOUT_FACTOR, is_factor, method_of_login

WAIT = timedelta(days=7)
PURPOSE = "stop deletion"
REQUESTED, DELETED = "accounts/mail/deletion_requested", "accounts/mail/account_deleted"
BATCH = 100
REQUESTS = Limit("deletions asked for by one person", 5, DAY)  # each sends mails, and so does each stop
SIGN_IN_TAKES = MINUTE  # from the code that was accepted until the session is open, which stops it

IS_STAFF = gettext_lazy(
    "Staff accounts can't be deleted here. Ask an administrator to remove your staff rights first."
)
IS_LAST = gettext_lazy(
    "You're the only administrator. Give someone else these rights first. They can then remove yours."
)


class DeadLink(Exception):
    """It was stopped, the account is gone, or the link was not made by us."""


def why_not(user: User) -> Any:
    """The sentence for someone whose account cannot be deleted; empty for anyone else.

    What staff have done stands in the administration's own log, which goes with their account.
    """
    if user.is_superuser and administrators.superusers() == [user]:
        return IS_LAST
    return IS_STAFF if user.is_staff or user.is_superuser else ""


# Asking and stopping


def request_deletion(user: User, request: HttpRequest, now: datetime) -> bool:
    """False if it waits already, or the account cannot be deleted. Raises allowances.TooOften."""
    due_at = now + WAIT
    people = User.objects.filter(is_staff=False, is_superuser=False)
    with events.atomic():
        if not people.filter(pk=user.pk, deletion_due_at=None).update(deletion_due_at=due_at):
            return False
        REQUESTS.charge_or_raise(user.pk, now)  # not for a double click, which changes nothing
        user.deletion_due_at = due_at
        events.record("deletion_requested", user, request)
        addresses = events.warnings_address(user)  # a thief may read the other mail
        # An unconfirmed address may belong to someone else, who gets one mail a day at most.
        if user.unconfirmed_since is None or allowances.MAILS_TO_UNCONFIRMED.charge(user.pk, now):
            addresses.append(user.email)
        for address in addresses:
            outbox.write(REQUESTED, user, address, user.language, due_at=due_at.isoformat())
    return True


@outbox.makes_context(REQUESTED)
def context_of_request(user: User, contents: dict[str, Any]) -> dict[str, Any] | None:
    """Called when the mail is sent. None if the deletion was stopped meanwhile."""
    due_at = datetime.fromisoformat(contents["due_at"])
    if user.deletion_due_at != due_at:
        return None
    token = sealing.seal(PURPOSE, "", [user.pk, contents["due_at"]], due_at - WAIT)
    path = reverse("account_delete_stop", args=[token])
    return {"link": settings.TWOFACTOR_BASE_URL + path, "due_at": due_at}


def read_link(token: str, now: datetime) -> User:
    """The person whose deletion the link stops. Raises DeadLink."""
    try:
        pk, due_at = sealing.unseal(PURPOSE, "", token, now)
    except sealing.UnsealError:
        raise DeadLink from None
    user = User.objects.filter(pk=pk, deletion_due_at=datetime.fromisoformat(due_at)).first()
    if user is None:
        raise DeadLink
    return user


def stop(user: User, request: HttpRequest | None, **detail: str) -> bool:
    """Keep the account. One UPDATE decides: False if it was stopped already, or the account is gone."""
    waiting = User.objects.filter(pk=user.pk, deletion_due_at=user.deletion_due_at)
    with events.atomic():
        if user.deletion_due_at is None or not waiting.update(deletion_due_at=None):
            return False
        user.deletion_due_at = None
        events.record("deletion_stopped", user, request, **detail)
    return True


# Signing in stops it. Whoever has a second factor must have given it: a thief of the password does not count.


@receiver(user_logged_in, dispatch_uid="accounts.deletion.stop_by_session")
def stop_by_session(sender: Any, request: HttpRequest | None, user: User, **kwargs: Any) -> None:
    if user.deletion_due_at:
        stop_by_sign_in(user, request, method_of_login(request, user))


@receiver(signed_in_over_api, dispatch_uid="accounts.deletion.stop_by_program")
def stop_by_program(sender: Any, request: HttpRequest, user: User, method: str, **kwargs: Any) -> None:
    if user.deletion_due_at:
        stop_by_sign_in(user, request, method)


@receiver(said_not_me, dispatch_uid="accounts.deletion.stop_by_report")
def stop_by_report(sender: Any, user: User, request: HttpRequest | None, **kwargs: Any) -> None:
    """Whoever did something else in the account may have asked for its deletion, too."""
    stop(user, request)


def stop_by_sign_in(user: User, request: HttpRequest | None, method: str) -> None:
    if not is_factor(method) and method not in WITHOUT_FACTOR:
        return
    if not stop(user, request):
        if not User.objects.filter(pk=user.pk).exists():
            raise PermissionDenied  # it was deleted since the password was looked at
    elif request is not None:
        sentence = _("You signed in, so your account will not be deleted.")
        messages.success(request, sentence, fail_silently=True)


# Carrying it out


def due(now: datetime) -> QuerySet[User]:
    """Without those who are just signing in, which stops it."""
    is_not_signing_in = Q(last_login=None) | Q(last_login__lt=now - SIGN_IN_TAKES)
    return User.objects.filter(is_not_signing_in, deletion_due_at__lte=now)


def delete_due(now: datetime, dry_run: bool) -> int:
    """How many accounts were deleted, or would be."""
    if dry_run:
        return due(now).filter(is_staff=False, is_superuser=False).count()
    return sum(delete(user.pk, now) for users in in_batches(due(now).only("pk"), BATCH) for user in users)


prune.OTHER_STEPS["accounts to be deleted"] = delete_due


def delete(pk: Any, now: datetime) -> bool:
    """All of it or nothing. Locking filters again: someone may have stopped it meanwhile."""
    with events.atomic():
        own_data.lock_factors(pk)
        user = due(now).select_for_update().filter(pk=pk).first()
        if user is None:
            return False
        if user.is_staff or user.is_superuser:  # since they asked for it
            stop(user, None)
            return False
        for address in [user.email, *events.warnings_address(user)]:
            outbox.write(DELETED, user, address, user.language)
        own_data.anonymise_log(user)
        events.record("account_deleted", user, None)
        remove_name_from_admin_log(user)
        user.delete()
    return True


@outbox.makes_context(DELETED)
def context_of_deleted(user: User, contents: dict[str, Any]) -> dict[str, Any]:
    return {}


def remove_name_from_admin_log(user: User) -> None:
    """What administrators did to the account, and to rules for this person, which carry the name, too."""
    about_user = Q(content_type=ContentType.objects.get_for_model(User), object_id=str(user.pk))
    is_named = Q(object_repr=str(user)) | Q(object_repr__startswith=f"{user}, ")
    LogEntry.objects.filter(about_user | is_named).update(object_repr="")
