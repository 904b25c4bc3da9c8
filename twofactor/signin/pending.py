"""A sign-in that waits for a code. The password was right, and the person is still nobody.

It is that of the second factor, or of someone who has none and confirms the sign-in (confirmation.py).

What is known so far travels in a sealed token: in a cookie for pages, in the client's hands for the API. It
is bound to everything about the account that could change meanwhile, and works once.
"""

import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import get_user_model, load_backend
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import resolve_url
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from twofactor import breached_passwords, conf, events, sealing, statements
from twofactor.addresses import confirm_address
from twofactor.clocks import CLOCKS_APART
from twofactor.factors import (
    authenticator_app,
    challenges,
    confirmation_codes,
    enrolled,
    methods,
    passkeys,
    sent_codes,
)
from twofactor.factors.accept import Overtaken, Proof, accept_code
from twofactor.factors.challenges import Purpose
from twofactor.factors.refusal import Refused, Wrong
from twofactor.factors.sent_codes import Channel
from twofactor.limits import allowances, guesses
from twofactor.models import Event, Passkey, SentCode, TrustedBrowser
from twofactor.sessions import epoch
from twofactor.sessions.contents import TRUSTED_BROWSER
from twofactor.sessions.device_ids import choose_id
from twofactor.signin import confirmation, step_up, trusted_browsers
from twofactor.signin.session import (
    AUTH_AT,
    NONE,
    PASSWORD_AT,
    TRUSTED,
    is_factor,
    open_session,
    take_held_user,
)
from twofactor.users import TwoFactorUser, email_of, only_active, person_by_key, sign_in_name
from twofactor.web import cookies
from twofactor.web.client_address import client_address
from twofactor.web.pages import seconds_until
from twofactor.web.redirects import own_page, safe_next, see_other, with_next

COOKIE = "twofactor_pending"
PURPOSE = "pending sign-in"
CHANGED = gettext_lazy("Your account changed while you were signing in. Enter your password again.")
PREFILL_FOR = timedelta(minutes=5)  # after a sign-in has run out of time


class Gone(Exception):
    """No sign-in waits. Carries the page to go to instead, and what to tell there."""

    def __init__(self, to: str, sentence: str = "") -> None:
        self.to = to
        self.sentence = sentence


@dataclass(frozen=True)
class PendingSignIn:
    user: TwoFactorUser
    backend: str  # the dotted path of the authentication backend that checked the password
    last_login: str | None  # when the sign-in began; completing it changes the column, so it works once
    next: str  # the path to go to once it is complete
    nonce: str  # tells it from other sign-ins of the same person; codes are sent for this one
    began_at: datetime
    ends_at: datetime
    with_password: bool  # with the factor, it is then a step-up; not where other code has opened a session
    is_listed: bool = False  # the password is known from breaches, which the person is told at the end
    confirms: bool = False  # of someone who has no factor

    @classmethod
    def start(
        cls,
        user: TwoFactorUser,
        to: str,
        now: datetime,
        age: timedelta | None = None,
        *,
        with_password: bool = False,
        is_listed: bool = False,
        confirms: bool = False,
    ) -> "PendingSignIn":
        ends_at = now + min(age or conf.sign_in_age(), conf.sign_in_age())
        nonce, last_login = secrets.token_urlsafe(16), as_text(user.last_login)
        begun = (user, user.backend, last_login, to, nonce, now, ends_at)
        return cls(*begun, with_password, is_listed, confirms)

    def to_token(self) -> str:
        value = {
            "user": str(self.user.pk),
            "backend": self.backend,
            "hash": epoch.auth_hash(self.user),
            "last_login": self.last_login,
            "next": self.next,
            "nonce": self.nonce,
            "began": self.began_at.isoformat(),
            "ends": self.ends_at.isoformat(),
            "with_password": self.with_password,
            "is_listed": self.is_listed,
            "confirms": self.confirms,
        }
        # Sealed for no owner, because the browser that brings it back has not proved whose it is.
        return sealing.seal(PURPOSE, "", value, timezone.now())

    @classmethod
    def from_token(
        cls,
        token: str,
        to: str = "",
        read_person: Callable[[Any], Any] = authenticator_app.read_person_with_apps,
    ) -> "PendingSignIn":
        """Raises Gone if the token does not open, has expired, or no longer fits the account.

        `to` is where to go on to, for a token that does not open and so does not say it. `read_person` reads
        the person with what the answer is compared with.
        """
        value = read_token(token)
        if value is None:
            sentence = _("There's no sign-in waiting for a code in this browser. Enter your password again.")
            raise Gone(with_next_page(settings.LOGIN_URL, to), sentence)
        to, sign_in_page = value["next"], with_next_page(settings.LOGIN_URL, value["next"])
        began_at, ends_at = (datetime.fromisoformat(value[name]) for name in ("began", "ends"))
        if not began_at - CLOCKS_APART <= timezone.now() <= ends_at:
            sentence = _("Your sign-in timed out. Enter your password again.")
            raise Gone(sign_in_page, sentence)
        confirms = value.get("confirms", False)  # not in a token of an older version
        user = read_person(value["user"]) or person_with_factors(value["user"])
        if (
            user is None
            or not user.is_active
            or not backend_exists(value["backend"])
            or not constant_time_compare(epoch.auth_hash(user), value["hash"])
            or (confirms and enrolled.is_on(user))
        ):
            raise Gone(sign_in_page, str(CHANGED))
        if as_text(user.last_login) != value["last_login"]:
            raise Gone(to)  # completed already, by a double click or in another tab
        return cls(
            user,
            value["backend"],
            value["last_login"],
            to,
            value["nonce"],
            began_at,
            ends_at,
            value["with_password"],
            value.get("is_listed", False),
            confirms,
        )

    @property
    def first_page(self) -> str:
        return "twofactor:verify_sent" if self.confirms else "twofactor:verify"

    @property
    def purpose(self) -> str:
        """What codes are sent for: this sign-in and no other."""
        return f"signin:{self.nonce}"

    def find_channels(self) -> list[Channel]:
        if self.confirms:
            return confirmation_codes.find_channels(self.user)
        return sent_codes.find_channels(self.user)

    def claim(self, request: HttpRequest, now: datetime) -> bool:
        """One UPDATE decides, so of two right codes at the same moment one signs in."""
        choose_id(request)  # which the event is recorded with, right after this
        return spend_last_login(self.user.pk, self.user.last_login, now) == 1

    def claim_with(self, proof: Proof, request: HttpRequest, now: datetime) -> bool:
        """A code that came by email shows that the person reads mail there."""
        if proof.address and proof.address == email_of(self.user) and not self.has_confirmed_email():
            return confirm_address(self.user) and self.claim(request, now)
        return self.claim(request, now)

    def has_confirmed_email(self) -> bool:
        return epoch.security_record(self.user).email_verified_at is not None

    def was_completed(self) -> bool:
        people = get_user_model()._default_manager.filter(pk=self.user.pk)
        return as_text(people.values_list("last_login", flat=True).first()) != self.last_login

    def accept(self, request: HttpRequest, text: str, kinds: frozenset[str] = methods.CODES) -> Proof:
        """Raises Refused or Locked if the code is not accepted, or Gone if the sign-in is over."""
        now = timezone.now()
        recorded_as = Event.Kind.SIGN_IN_CONFIRMED if self.confirms else Event.Kind.SIGNED_IN_WITH_CODE
        try:
            with self.gone_if_deleted():
                return accept_code(
                    self.user,
                    text,
                    request,
                    now,
                    kinds=methods.CONFIRMING if self.confirms and kinds == methods.SENT else kinds,
                    purpose=self.purpose,
                    claim=lambda proof: self.claim_with(proof, request, now),
                    recorded_as=recorded_as,
                )
        except Overtaken:
            raise Gone(self.next) from None
        except (Refused, guesses.Locked) as refused:
            if not isinstance(refused, Wrong) and self.was_completed():
                raise Gone(self.next) from None  # the second click of a double click
            raise

    def find_newest_code(self) -> SentCode | None:
        return sent_codes.find_newest(self.user, self.purpose)

    def send_first_code(self, request: HttpRequest, now: datetime) -> None:
        """Raises as send_code(). To someone who has neither an address nor a phone nothing can be sent."""
        for channel in self.find_channels()[:1]:
            self.send_code(request, channel, now)

    @property
    def passkey_purpose(self) -> Purpose:
        return Purpose(challenges.SECOND, str(self.user.pk), self.nonce)

    def accept_passkey(self, request: HttpRequest, own: Sequence[Passkey], answer: str, token: str) -> Proof:
        """Raises Refused if the answer is not accepted, or Gone if the sign-in is over."""
        now = timezone.now()
        try:
            with self.gone_if_deleted():
                return passkeys.accept(
                    answer,
                    token,
                    self.passkey_purpose,
                    request,
                    now,
                    user=self.user,
                    own=own,
                    claim=lambda _proof: self.claim(request, now),
                    recorded_as=Event.Kind.SIGNED_IN_WITH_PASSKEY,
                )
        except Overtaken:
            raise Gone(self.next) from None
        except Refused:
            if self.was_completed():
                raise Gone(self.next) from None  # the second click of a double click
            raise

    @contextmanager
    def gone_if_deleted(self) -> Iterator[None]:
        """The account may be deleted meanwhile: then neither a guess nor an event can be stored."""
        try:
            yield
        except IntegrityError:
            if person_by_key(self.user.pk):
                raise
            raise Gone(with_next_page(settings.LOGIN_URL, self.next), str(CHANGED)) from None

    def proves_both(self, proof: Proof) -> bool:
        """Password and factor: that is as good as giving both on the confirm page."""
        return self.with_password and is_factor(proof.method)

    def send_code(self, request: HttpRequest, channel: Channel, now: datetime) -> None:
        """Counted with everything that is sent to this person, and with what sign-ins alone may send.

        Those that confirm a sign-in are counted apart.
        """
        address = client_address(request)
        if self.confirms:
            again = self.find_newest_code() is not None
            confirmation_codes.send(self.user, channel, self.purpose, address, now, again=again)
        else:
            also = [(allowances.CODES_AT_SIGN_IN, self.user.pk)]
            sent_codes.send(self.user, channel, self.purpose, address, now, also)
        events.record("code_sent", self.user, request, channel=channel.kind)


@statements.row
def person_with_factors(pk: Any) -> Any:
    return get_user_model()._default_manager.filter(pk=pk).select_related("two_factor", "guess_budget")


@statements.update
def spend_last_login(pk: Any, last_login: datetime | None, now: datetime) -> Any:
    unused = get_user_model()._default_manager.filter(pk=pk, last_login=last_login)
    return only_active(unused), {"last_login": now}


def as_text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def read_token(token: str) -> dict[str, Any] | None:
    """What the token says, however old it is; None if it does not open."""
    try:
        return dict(sealing.unseal(PURPOSE, "", token, timezone.now()))
    except sealing.UnsealError:
        return None


def backend_exists(path: str) -> bool:
    try:
        load_backend(path)
    except ImportError:
        return False
    return True


def with_next_page(page: str, to: str) -> str:
    """The address of the page with ?next=, unless people are led to that place anyway."""
    return page if to in {"", resolve_url(settings.LOGIN_REDIRECT_URL)} else with_next(page, to)


# Beginning and ending one


def after_password(
    request: HttpRequest, user: TwoFactorUser, to: str, *, password: str = "", read_mail: bool = False
) -> HttpResponse:
    """For a login view, once the password was right: sign the person in, or ask for a code.

    `to` may come from the request: it is followed only to a page of this site. If the password is given and
    known from breaches, the person reads that once they are signed in. `read_mail`: the person has opened a
    link that was mailed to them, which stands for the code of someone without a second factor.
    """
    to, is_listed = own_page(request, to), breached_passwords.is_listed(password)
    if not enrolled.is_on(user):
        if read_mail or not confirmation.must_confirm(request, user, timezone.now()):
            return open_and_mention(request, user, NONE, to, is_listed=is_listed)
        return ask_to_confirm_sign_in(request, user, to, is_listed=is_listed)
    if trusted := trusted_browsers.use(request, user, timezone.now()):
        return open_and_mention(request, user, TRUSTED, to, trusted, is_listed=is_listed)
    with_password = user.has_usable_password()
    return ask_for_second_factor(request, user, to, with_password=with_password, is_listed=is_listed)


def open_and_mention(
    request: HttpRequest,
    user: TwoFactorUser,
    method: str,
    to: str,
    trusted: TrustedBrowser | None = None,
    *,
    is_listed: bool,
) -> HttpResponse:
    response = open_session(request, user, method, to, trusted)
    if is_listed:
        breached_passwords.mention(request)
    return response


def ask_for_second_factor(
    request: HttpRequest,
    user: TwoFactorUser,
    to: str,
    *,
    with_password: bool = False,
    is_listed: bool = False,
) -> HttpResponse:
    pending = PendingSignIn.start(user, to, timezone.now(), with_password=with_password, is_listed=is_listed)
    return to_code_page(pending)


def ask_to_confirm_sign_in(
    request: HttpRequest, user: TwoFactorUser, to: str, *, is_listed: bool = False
) -> HttpResponse:
    """Sends the code at once. If it cannot be sent now, the page says so, and offers to try again."""
    now = timezone.now()
    pending = PendingSignIn.start(user, to, now, is_listed=is_listed, confirms=True)
    try:
        pending.send_first_code(request, now)
    except allowances.TooOften as refused:
        if waiting := confirmation_of(request, user):  # the password was given again, a moment later
            return to_code_page(replace(waiting, next=to))
        messages.warning(request, when_to_ask_again(refused.until))
    except sent_codes.NotSent:
        messages.warning(request, sent_codes.NOT_SENT)
    return to_code_page(pending)


def when_to_ask_again(until: datetime) -> str:
    seconds = seconds_until(until)
    sentence = ngettext(
        "You can ask for a code in %(seconds)d second.",
        "You can ask for a code in %(seconds)d seconds.",
        seconds,
    )
    return sentence % {"seconds": seconds}


def to_code_page(pending: PendingSignIn) -> HttpResponse:
    # ?next= stands in the address too, for a browser that loses the cookie.
    response = see_other(with_next_page(pending.first_page, pending.next))
    cookies.write(response, COOKIE, pending.to_token())
    return response


def complete_sign_in(request: HttpRequest, pending: PendingSignIn, proof: Proof) -> HttpResponse:
    pending.user.backend = pending.backend
    response = open_and_mention(
        request, pending.user, proof.method, pending.next, is_listed=pending.is_listed
    )
    if pending.with_password and proof.method == methods.PASSKEY:  # which alone says nothing of a password
        request.session[PASSWORD_AT] = request.session[AUTH_AT]
    if pending.proves_both(proof):
        step_up.mark(request, step_up.name_of_factor(proof), pending.began_at)
    wants_trust = proof.method == methods.TOTP and "trust_browser" in request.POST
    if wants_trust and trusted_browsers.may_trust(pending.user):
        with events.atomic():
            trusted = trusted_browsers.add(request, response, pending.user, timezone.now())
            request.session[TRUSTED_BROWSER] = trusted.pk
            events.record("browser_trusted", pending.user, request)
    if proof.method == methods.CONFIRMED and trusted_browsers.may_trust(pending.user, without_factor=True):
        trusted = trusted_browsers.add(request, response, pending.user, timezone.now(), without_factor=True)
        request.session[TRUSTED_BROWSER] = trusted.pk
    cookies.drop(response, COOKIE)
    return response


def clear_browser_after_sign_out(response: HttpResponse) -> None:
    cookies.drop(response, COOKIE)
    cookies.drop(response, cookies.DRAFT)  # whoever signs in next does not go on with it
    if conf.clears_site_data():
        response.headers["Clear-Site-Data"] = '"cache", "storage"'


# In the cookie of a request


def pending_of(request: HttpRequest, read_person: Callable[[Any], Any]) -> PendingSignIn:
    """Raises Gone if no sign-in waits in this browser."""
    to = safe_next(request, request.GET.get("next"))
    if request.user.is_authenticated:
        raise Gone(to)
    return PendingSignIn.from_token(cookies.read(request, COOKIE), to, read_person)


def pending_of_form(
    request: HttpRequest, read_person: Callable[[Any], Any] = authenticator_app.read_person_with_apps
) -> PendingSignIn:
    """Raises Gone if no sign-in waits, or it is of another person than the form. That costs no guess."""
    pending = pending_of(request, read_person)
    if request.POST.get("signing_in_as", pending.user.get_username()) != pending.user.get_username():
        sentence = _("Someone else started signing in from another tab. This page is now for them.")
        raise Gone(with_next_page(pending.first_page, pending.next), sentence)
    return pending


def pending_with_factor(
    request: HttpRequest, read_person: Callable[[Any], Any] = authenticator_app.read_person_with_apps
) -> PendingSignIn:
    """As pending_of_form(), for pages that take a second factor. Someone who has none is led to theirs."""
    pending = pending_of_form(request, read_person)
    if pending.confirms:
        raise Gone(with_next_page(pending.first_page, pending.next))
    return pending


def ask_for_waiting_code(request: HttpRequest) -> HttpResponse | None:
    """If a sign-in waits in this browser: for its code, which then leads to the page of this request."""
    token = cookies.read(request, COOKIE)
    if not token or not opens_a_page(request):
        return None
    try:
        pending = PendingSignIn.from_token(token)
    except Gone:
        return None
    return to_code_page(replace(pending, next=request.get_full_path()))


def opens_a_page(request: HttpRequest) -> bool:
    """Not a script or an image: what they ask for is no page to go on to."""
    is_document = request.headers.get("Sec-Fetch-Dest", "document") == "document"
    return request.method == "GET" and is_document and not getattr(request, "htmx", None)


def name_to_prefill(request: HttpRequest) -> str:
    """The sign-in name, for some minutes after the time ran out. Later, another person may sit here."""
    value = read_token(cookies.read(request, COOKIE))
    if value is None:
        return ""
    since = timezone.now() - datetime.fromisoformat(value["ends"])
    if not timedelta(0) <= since <= PREFILL_FOR:
        return ""
    user = get_user_model()._default_manager.filter(pk=value["user"]).first()
    return sign_in_name(user) if user else ""


# For someone whom other code has signed in (session.hold_login)


def ask_held_session(request: HttpRequest, to: str) -> HttpResponse:
    """The session ends, and a pending sign-in begins in its place."""
    forget_new_messages(request)
    user = take_held_user(request)
    if user is None:  # the password is a new one since that session began
        return see_other(resolve_url(settings.LOGIN_URL))
    messages.info(request, _("One more step: enter your code."))
    return ask_for_any_code(request, user, own_page(request, to))


def ask_for_any_code(request: HttpRequest, user: TwoFactorUser, to: str) -> HttpResponse:
    """A site's middleware may sign people in anew at each request: the code that was sent still holds."""
    if conf.code_without_app() == conf.NOBODY or enrolled.is_on(user):
        return ask_for_second_factor(request, user, to)
    waiting = confirmation_of(request, user)
    return to_code_page(replace(waiting, next=to)) if waiting else ask_to_confirm_sign_in(request, user, to)


def confirmation_of(request: HttpRequest, user: TwoFactorUser) -> PendingSignIn | None:
    """The sign-in of this person that waits in this browser for a code that was sent."""
    try:
        pending = PendingSignIn.from_token(cookies.read(request, COOKIE))
    except Gone:
        return None
    return pending if pending.confirms and pending.user == user and pending.find_newest_code() else None


def forget_new_messages(request: HttpRequest) -> None:
    """Those of this request, such as "You are signed in.", which is not true yet. Earlier ones stay."""
    storage: Any = messages.get_messages(request)
    len(storage)  # reads the earlier ones, before the session that may hold them ends
    storage._queued_messages.clear()


def go_on_with_code(request: HttpRequest) -> HttpResponse | None:
    """On the pages that take the code, in a site whose middleware signs people in anew at each request.

    None lets the view go on, with the pending sign-in that this person has begun already.
    """
    user = take_held_user(request)
    try:
        if user is not None and PendingSignIn.from_token(cookies.read(request, COOKIE)).user == user:
            return None
    except Gone:
        pass
    return ask_for_any_code(request, user, own_page(request, None)) if user else None
