"""For the tests of a site: people with a second factor, browsers in which it was given, and mail at once.

Fixtures for pytest with the same are in pytest_plugin.py. This module does not need pytest.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from asgiref.sync import sync_to_async
from django.core import mail
from django.core.mail import EmailMessage
from django.http import HttpRequest
from django.test import Client
from django.utils import timezone
from django.utils.translation import gettext as _

from twofactor import events, factor_changes
from twofactor.clocks import HOUR
from twofactor.drafts import OpenDraft
from twofactor.factors import backup_codes, code_text, enrolled, methods, totp
from twofactor.middleware import with_is_verified
from twofactor.models import Authenticator, Draft, TwoFactor
from twofactor.outgoing import outbox
from twofactor.sessions.contents import SEEN_AT
from twofactor.signin.session import (
    AMR,
    AUTH_AT,
    HELD_LOGIN,
    NONE,
    PASSWORD_AT,
    STEP_UP_AT,
    STEP_UP_WITH,
    TRUSTED,
)
from twofactor.users import TwoFactorUser

__all__ = [
    "Phone",
    "aenrol",
    "asign_in",
    "enrol",
    "make_backup_code",
    "send_mails",
    "sign_in",
    "sign_in_request",
]


def refuse_outside_tests(unsafe: bool) -> None:
    """Code that calls these functions signs in as anyone, without a password and without a code."""
    if not unsafe and not outbox.is_test_run():
        raise RuntimeError(
            "twofactor.testing works in a test run only. With unsafe=True it works elsewhere, for example to"
            " fill the database of a demonstration: never where real people sign in."
        )


@dataclass(frozen=True)
class Phone:
    """An authenticator app that has the key of a person."""

    app: Authenticator
    key: str = field(repr=False)

    def code(self) -> str:
        """What the app shows now. It is accepted once, also if an earlier call returned the same code.

        A person would have to wait up to 30 seconds for the next code. A test does not.
        """
        step = totp.step_at(timezone.now())
        Authenticator.objects.filter(pk=self.app.pk).update(last_step=step - 1)
        return totp.code_at(self.key, step)

    async def acode(self) -> str:
        return await sync_to_async(self.code)()


def enrol(user: Any, *, unsafe: bool = False) -> Phone:
    """Turn two-factor authentication on, as if an hour ago, with a new key each time.

    In place of any factor that the person has. Their sessions go on.
    """
    refuse_outside_tests(unsafe)
    then = timezone.now() - HOUR
    draft = OpenDraft(Draft(confirmed_step=totp.step_at(then)), totp.generate_key(), [])
    with events.atomic():
        factor_changes.forget_factors(user)
        factor_changes.save_budget(user, 1)
        TwoFactor.objects.create(user_id=user.pk, enabled_at=then, changed_at=then)
        app = factor_changes.save_app(user, draft, _("Authenticator app"), then, [], then)
    return Phone(app, draft.key)


def make_backup_code(user: Any, *, unsafe: bool = False) -> str:
    """One more backup code of the person, which works once."""
    refuse_outside_tests(unsafe)
    code = code_text.generate_backup_code()
    row = backup_codes.make_extra_row(user, code, None)
    row.save(force_insert=True)
    return code_text.format_backup_code(code)


def sign_in(
    client: Any,
    user: Any,
    verified: bool = True,
    *,
    backend: str | None = None,
    ago: timedelta = timedelta(0),
    unsafe: bool = False,
) -> None:
    """Like client.force_login(user), and the code was given, too. Who has no second factor gets one.

    Not verified: the password was enough, because the person has no second factor or the browser is trusted.
    With `ago`, the sign-in was that long ago.
    """
    refuse_outside_tests(unsafe)
    app = enrolled.apps_of(user).first()
    if verified and app is None:
        app = enrol(user, unsafe=unsafe).app
    client.force_login(user, backend)
    session = client.session
    session.update(session.pop(HELD_LOGIN, {}))
    session.update(marks_of_sign_in(user, app if verified else None, int((timezone.now() - ago).timestamp())))
    session.save()


def marks_of_sign_in(user: TwoFactorUser, app: Authenticator | None, at: int) -> dict[str, Any]:
    """As a sign-in leaves them in the session. Without an app no code was given."""
    given = {AUTH_AT: at, PASSWORD_AT: at, SEEN_AT: at}
    if app is None:
        return {**given, AMR: TRUSTED if enrolled.is_on(user) else NONE}
    return {**given, AMR: methods.TOTP, STEP_UP_AT: at, STEP_UP_WITH: str(app.pk)}


def sign_in_request(request: HttpRequest, user: Any, verified: bool = True, **options: Any) -> HttpRequest:
    """For a request of RequestFactory, which passes no middleware: gives it a session and the user."""
    client = Client()
    sign_in(client, user, verified, **options)
    request.session = client.session
    request.user = with_is_verified(request, user)
    return request


aenrol = sync_to_async(enrol)
asign_in = sync_to_async(sign_in)


def send_mails() -> list[EmailMessage]:
    """Send what waits to be sent, and return django.core.mail.outbox.

    Mails wait for the COMMIT of what they tell, which never comes in django.test.TestCase.
    """
    refuse_outside_tests(unsafe=False)
    outbox.send_due()
    sent: list[EmailMessage] = mail.outbox
    return sent
