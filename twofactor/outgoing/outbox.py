"""Mails that nobody waits for. A row is written in the transaction of the event, and sent after its commit.

Any process sends what is due. It leases a letter, and commits that before it contacts the mail server, so
that no transaction stays open. If the process dies, another one sends the letter after the lease.
"""

import hashlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.db import DatabaseError, connections, router, transaction
from django.db.models import Exists, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from twofactor import conf, sealing, statements
from twofactor.clocks import CLOCKS_APART, DAY, HOUR
from twofactor.models import Event, Letter
from twofactor.outgoing import mail
from twofactor.transactions import atomic
from twofactor.users import TwoFactorUser, person_by_key

log = logging.getLogger("countersign.mail")

LEASE = timedelta(seconds=60)
DELIVERY_SECONDS = 30  # for a mail server, well within the lease
FIRST_WAIT = timedelta(seconds=30)
LONGEST_SERVER_WAIT = timedelta(minutes=5)  # when no mail server answers
LONGEST_WAIT = HOUR  # when the failure is about one letter
GIVEN_UP_AFTER = DAY
HOLDS_BACK = 2 * HOUR  # how long an unsent letter delays later ones to the same person
SECONDS_AFTER_PAGE = 0.1  # so that sending does not slow down the page that caused it
# No letter is due before or after them. The years 1 and 9999 have no time in other zones.
FIRST_MOMENT, LAST_MOMENT = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
LAST_SECONDS = 5  # in which a process that ends still begins to send

Context = dict[str, Any]
MakeContext = Callable[[Any, Context], Context | None]
CONTEXTS: dict[str, MakeContext] = {}
OF_EVENTS = "twofactor/mail/event"  # the template of mails about events that have none of their own


# What becomes due by the clock alone: writes its letters, and returns when there will be more.
InTime = Callable[[datetime], datetime | None]
IN_TIME: list[InTime] = []


def write_in_time(function: InTime) -> None:
    """Registers such a function. Workers call it before they send, and so does the command."""
    if function not in IN_TIME:
        IN_TIME.append(function)


def write_what_is_due(now: datetime) -> datetime | None:
    return min(filter(None, [function(now) for function in IN_TIME]), default=None)


def makes_context(template: str) -> Callable[[MakeContext], MakeContext]:
    """Registers a function that makes the template's context of the person and the sealed contents.

    It is called when the letter is sent, and returns None if there is no reason left to send it. If the
    address is unknown or the account is gone, the person is an unsaved instance.
    """

    def register(function: MakeContext) -> MakeContext:
        CONTEXTS[template] = function
        return function

    return register


# Writing


def write(
    template: str,
    user: TwoFactorUser | None,
    to: str,
    language: str,
    *,
    event: Event | None = None,
    **contents: Any,
) -> None:
    """Call it in the transaction of the event. Without a user the row is never sent, and only costs time."""
    now, name = timezone.now(), user.get_username() if user else ""
    sealed = {"to": to, "name": name, "language": mail.language_for(language), **contents}
    user_id = user.pk if user else None
    letter = Letter(
        user_id=user_id,
        event=event,
        template=template,
        sealed=sealing.seal(Letter.PURPOSE, sealing.owner_of(user_id), sealed, now),
        written_at=now,
        due_at=now,
    )
    statements.insert(letter)
    transaction.on_commit(wake, using=letter._state.db)


# Choosing. Statements, because a process asks at each letter.


def unsent() -> QuerySet[Letter]:
    return Letter.objects.filter(ended_at=None)


def not_held_back(since: datetime) -> QuerySet[Letter]:
    """The unsent letters that wait for no earlier letter to the same person, which was written since then."""
    holds_back = Q(user=OuterRef("user"), pk__lt=OuterRef("pk"), written_at__gt=since)
    return unsent().exclude(Exists(unsent().filter(holds_back, was_refused=False)))


@statements.exists
def is_due(since: datetime, after: datetime, until: datetime) -> Any:
    return not_held_back(since).filter(due_at__gt=after, due_at__lte=until)


@statements.row
def next_due(since: datetime, after: datetime, until: datetime) -> Any:
    """Letters that have failed come last. PostgreSQL skips those that another process has locked."""
    due = not_held_back(since).filter(due_at__gt=after, due_at__lte=until)
    return due.order_by("tries", "due_at", "pk").select_for_update(skip_locked=True)[:1]


@statements.update
def change_unsent(pk: int, due_at: datetime, new: dict[str, Any]) -> Any:
    return unsent().filter(pk=pk, due_at=due_at), new


def lease_next(now: datetime) -> Letter | None:
    """Lease the next letter to this process. One UPDATE decides.

    A due date that is too far ahead was written by a clock that was wrong: the letter is due.
    """
    too_far = now + LONGEST_WAIT + CLOCKS_APART
    return lease_between(FIRST_MOMENT, now, now) or lease_between(too_far, LAST_MOMENT, now)


def lease_between(after: datetime, until: datetime, now: datetime) -> Letter | None:
    since = now - HOLDS_BACK
    while is_due(since, after, until):
        with atomic(router.db_for_write(Letter)):
            letter: Letter | None = next_due(since, after, until)
            if letter is None:
                return None  # other processes have locked the rest
            due_at, letter.due_at, letter.tries = letter.due_at, now + LEASE, letter.tries + 1
            if change_unsent(letter.pk, due_at, {"due_at": letter.due_at, "tries": letter.tries}):
                return letter
    return None


# Sending


def send_due(
    until: float = float("inf"), progress: Callable[[int], None] = lambda sent: None
) -> tuple[int, bool]:
    """Until nothing is due. Returns how many letters were sent, and whether the mail server answers."""
    sent = 0
    while time.monotonic() < until and (letter := lease_next(timezone.now())):
        try:
            sent += send(letter)
            progress(sent)
        except mail.NotSent as failure:
            reschedule(letter, failure)
            if not failure.is_about_the_letter:
                return sent, False
    return sent, True


def send(letter: Letter) -> bool:
    """False if there is no reason left to send it. Raises NotSent."""
    try:
        message = compose(letter)
    except Exception as failure:  # a mistake in a site's own template must not stop other letters
        log.exception("mail not sent: %s cannot be written", letter.template)
        raise mail.NotSent(ValueError()) from failure
    if message is None or letter.user_id is None:
        mark_ended(letter)
        return False
    mail.deliver(message, DELIVERY_SECONDS)
    mark_ended(letter)
    return True


def compose(letter: Letter) -> mail.Message | None:
    contents = sealing.unseal(Letter.PURPOSE, sealing.owner_of(letter.user_id), letter.sealed, timezone.now())
    to, name, language = (contents.pop(part) for part in ("to", "name", "language"))
    model = get_user_model()
    user = person_by_key(letter.user_id) if letter.user_id else None
    if user is None:  # the account is gone, and its owner is still told
        user = model(**{model.USERNAME_FIELD: name, model.get_email_field_name(): to})
    make_context = CONTEXTS[OF_EVENTS if letter.event_id else letter.template]
    context = make_context(user, contents | {"event_id": letter.event_id, "written_at": letter.written_at})
    if context is None:
        return None
    names = [letter.template, OF_EVENTS] if letter.event_id else letter.template
    message = mail.compose(names, to, language, {**context, "user": user})
    # The same at each try, so that a mail program can drop a second copy.
    message_id = hashlib.sha256(letter.sealed.encode()).hexdigest()[:32]
    message.extra_headers["Message-ID"] = f"<{message_id}@{urlsplit(conf.base_url()).hostname}>"
    return message


def mark_ended(letter: Letter) -> None:
    """Tried until the lease ends, because a letter that is not marked is sent twice."""
    while True:
        try:
            change_unsent(letter.pk, letter.due_at, {"ended_at": timezone.now(), "sealed": ""})
            return
        except DatabaseError:
            if connections[router.db_for_write(Letter)].in_atomic_block or timezone.now() > letter.due_at:
                raise
            connections.close_all()
            time.sleep(1)


def reschedule(letter: Letter, failure: mail.NotSent) -> None:
    now = timezone.now()
    if letter.written_at < now - GIVEN_UP_AFTER:
        log.error("mail given up after %d tries: %s: %s", letter.tries, letter.template, failure)
        mark_ended(letter)
        return
    log.warning("mail not sent: %s; tried again later", failure)
    longest = LONGEST_WAIT if failure.is_about_the_letter else LONGEST_SERVER_WAIT
    wait = min(FIRST_WAIT * int(2 ** min(letter.tries - 1, 10)), longest)
    change_unsent(letter.pk, letter.due_at, {"due_at": now + wait, "was_refused": failure.was_refused})


# Sending at once, in a thread of the process that wrote the letter


class Sender(threading.Thread):
    """Sends what is due, then sleeps until it is woken or the next letter is due. One in each process.

    While it sleeps, it holds no connection to the database.
    """

    def __init__(self) -> None:
        super().__init__(name="outbox", daemon=True)
        self.pid = os.getpid()  # a forked process has no copy of the thread
        self.woken, self.until, self.pause = threading.Event(), float("inf"), 0.0

    def run(self) -> None:
        while True:
            self.woken.clear()
            time.sleep(SECONDS_AFTER_PAGE)
            pause = self.round()
            if self.until < float("inf"):
                return
            self.woken.wait(pause)

    def round(self) -> float | None:
        """Returns the seconds until the next round. None: until it is woken."""
        try:
            next_at = write_what_is_due(timezone.now())
            _sent, answers = send_due(self.until)
            self.pause = 0 if answers else longer_pause(self.pause)
            return self.pause or seconds_until_due(next_at)
        except Exception:  # no database or no table yet must not end the thread
            log.exception("the outbox cannot be read")
            self.pause = longer_pause(self.pause)
            return self.pause
        finally:
            connections.close_all()

    def finish(self) -> None:
        """When the process ends: after the letter that is being sent, if the mail server answers in time."""
        threading.main_thread().join()
        self.stop()

    def stop(self) -> None:
        self.until = time.monotonic() + LAST_SECONDS
        self.woken.set()
        self.join(DELIVERY_SECONDS)


sender: Sender | None = None
starting = threading.Lock()


def longer_pause(pause: float) -> float:
    return min(pause * 2 or FIRST_WAIT.total_seconds(), LONGEST_SERVER_WAIT.total_seconds())


def seconds_until_due(next_at: datetime | None = None) -> float | None:
    """None if nothing waits. Never more than the longest wait, because the clock may be set back.

    `next_at` is when there will be more to write.
    """
    now = timezone.now()
    waiting = not_held_back(now - HOLDS_BACK).using(router.db_for_write(Letter))
    moments = [waiting.aggregate(Min("due_at"))["due_at__min"], next_at]
    due: datetime | None = min(filter(None, moments), default=None)
    if due is None:
        return None
    return min(max((due - now).total_seconds(), 0), LONGEST_WAIT.total_seconds())


def wake(**kwargs: Any) -> None:
    """After a COMMIT, and at the first request of a process, to send what another one has left."""
    global sender
    if not conf.workers_send_mail():
        return
    if is_test_run():
        send_due()
        return
    with starting:
        if sender is None or sender.pid != os.getpid() or not sender.is_alive():
            sender = Sender()
            sender.start()
            threading.Thread(target=sender.finish, name="outbox at the end").start()
    sender.woken.set()


def is_test_run() -> bool:
    """What setup_test_environment() alone leaves: one mail by locmem on a server creates mail.outbox, too.

    Then no thread is started: it would disturb the database.
    """
    utils = sys.modules.get("django.test.utils")  # a server need not import it
    return hasattr(getattr(utils, "_TestState", None), "saved_data")


def start(**kwargs: Any) -> None:
    if not is_test_run() and (sender is None or sender.pid != os.getpid()):
        wake()
