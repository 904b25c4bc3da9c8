"""Letters that nobody waits for: written to a table with what they tell of, sent once that is committed.

Any process sends what is due. A letter is claimed by a lease that is committed before the mail server is
spoken to, so no transaction is open meanwhile; when a process dies, another sends it after the lease.
"""

import hashlib
import logging
import os
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth import get_user_model
from django.core import mail as django_mail
from django.db import DatabaseError, connections, router, transaction
from django.db.models import Exists, F, Min, OuterRef, Q, QuerySet
from django.utils import timezone

from twofactor import conf, sealing
from twofactor.clocks import CLOCKS_APART, DAY, HOUR
from twofactor.models import Event, Letter
from twofactor.outgoing import mail

log = logging.getLogger("countersign.mail")

LEASE = timedelta(seconds=60)
PATIENCE = 30  # seconds for a mail server, well within the lease
FIRST_WAIT = timedelta(seconds=30)
AWAY_WAIT = timedelta(minutes=5)  # at most, when the mail server is away
LONGEST_WAIT = HOUR  # when it is about the letter
GIVEN_UP_AFTER = DAY
HOLDS_BACK = 2 * HOUR  # later letters to the same person, as long as no server answers about it
AFTER_THE_PAGE = 0.1  # seconds, so that this work does not show in the time of the page that caused it
LAST_ROUND = 5  # seconds in which a process that ends still begins to send

Contents = dict[str, Any]
Fill = Callable[[Any, Contents], Contents | None]
FILLS: dict[str, Fill] = {}


def fills(template: str) -> Callable[[Fill], Fill]:
    """For a function of the person and the sealed contents, called when the letter is sent.

    It returns what the template needs, or None if there is no reason left to send it. For an unknown address,
    or an account that is gone, the person is an unsaved one.
    """

    def register(fill: Fill) -> Fill:
        FILLS[template] = fill
        return fill

    return register


# Writing


def write(
    template: str, user: Any, to: str, language: str, *, event: Event | None = None, **contents: Any
) -> None:
    """Within the transaction of what it tells. Without a user it is written for show, and sent to nobody."""
    now, name = timezone.now(), user.get_username() if user else ""
    sealed = {"to": to, "name": name, "language": mail.language_for(language), **contents}
    user_id = user.pk if user else None
    letter = Letter.objects.create(
        user_id=user_id,
        event=event,
        template=template,
        sealed=sealing.seal(Letter.PURPOSE, sealing.owner_of(user_id), sealed, now),
        written_at=now,
        due_at=now,
    )
    transaction.on_commit(wake, using=letter._state.db)


# Choosing


def unsent() -> QuerySet[Letter]:
    return Letter.objects.using(router.db_for_write(Letter)).filter(ended_at=None)


def waiting(now: datetime) -> QuerySet[Letter]:
    """All that wait for no earlier letter to the same person."""
    holds_back = Q(user=OuterRef("user"), pk__lt=OuterRef("pk"), written_at__gt=now - HOLDS_BACK)
    return unsent().exclude(Exists(unsent().filter(holds_back, was_refused=False)))


def claim(now: datetime) -> Letter | None:
    """The next letter, which is nobody else's for the length of the lease. One UPDATE decides.

    A date that is too far ahead was written by a clock that was.
    """
    too_far = now + LONGEST_WAIT + CLOCKS_APART
    return claim_one(waiting(now).filter(due_at__lte=now), now) or claim_one(
        waiting(now).filter(due_at__gt=too_far), now
    )


def claim_one(due: QuerySet[Letter], now: datetime) -> Letter | None:
    due = due.order_by("tries", "due_at", "pk")  # what fails again and again delays nothing new
    can_skip = connections[due.db].features.has_select_for_update_skip_locked
    chosen = due.select_for_update(skip_locked=True) if can_skip else due
    while due.exists():
        with transaction.atomic(using=due.db):
            letter = chosen.first()
            if letter is None:
                return None  # others are claiming what is left
            unclaimed = unsent().filter(pk=letter.pk, due_at=letter.due_at)
            letter.due_at, letter.tries = now + LEASE, letter.tries + 1
            if unclaimed.update(due_at=letter.due_at, tries=F("tries") + 1):
                return letter
    return None


# Sending


def send_due(until: float = float("inf")) -> tuple[int, bool]:
    """How many letters were sent, and whether the mail server answers. Ends when nothing is due."""
    sent = 0
    while time.monotonic() < until and (letter := claim(timezone.now())):
        try:
            sent += send(letter)
        except mail.NotSent as failure:
            try_later(letter, failure)
            if not failure.is_about_the_letter:
                return sent, False
    return sent, True


def send(letter: Letter) -> bool:
    """Whether it went out; a letter that is not worth sending any more does not. Or NotSent."""
    try:
        message = compose(letter)
    except Exception as failure:  # whatever is wrong with a site's own text, the next letter is another
        log.exception("mail not sent: %s can not be written", letter.template)
        raise mail.NotSent(ValueError()) from failure
    if message is None or letter.user_id is None:
        end(letter)
        return False
    mail.deliver(message, PATIENCE)
    end(letter)
    return True


def compose(letter: Letter) -> mail.Message | None:
    contents = sealing.unseal(Letter.PURPOSE, sealing.owner_of(letter.user_id), letter.sealed, timezone.now())
    to, name, language = (contents.pop(part) for part in ("to", "name", "language"))
    model = get_user_model()
    user = model._default_manager.filter(pk=letter.user_id).first() if letter.user_id else None
    if user is None:  # an account that is gone still gets the letters about it
        user = model(**{model.USERNAME_FIELD: name, model.get_email_field_name(): to})
    fill = fill_event if letter.event_id else FILLS[letter.template]
    context = fill(user, contents | {"event_id": letter.event_id, "written_at": letter.written_at})
    if context is None:
        return None
    names = [letter.template, "twofactor/mail/event"] if letter.event_id else letter.template
    message = mail.compose(names, to, language, {**context, "user": user})
    # The same at each try, so that a mail server or program can tell that it has the letter already.
    same = hashlib.sha256(letter.sealed.encode()).hexdigest()[:32]
    message.extra_headers["Message-ID"] = f"<{same}@{urlsplit(conf.base_url()).hostname}>"
    return message


def fill_event(user: Any, contents: Contents) -> Contents | None:
    event = Event.objects.filter(pk=contents["event_id"]).first()
    if event is None:
        return None
    if event.is_by_somebody_else:
        event.ip_address, event.browser = None, ""
    return {"event": event}


def end(letter: Letter) -> None:
    """Tried as long as the lease lasts: a letter whose end is not written down is sent twice."""
    while True:
        try:
            leased = unsent().filter(pk=letter.pk, due_at=letter.due_at)
            leased.update(ended_at=timezone.now(), sealed="")
            return
        except DatabaseError:
            if connections[router.db_for_write(Letter)].in_atomic_block or timezone.now() > letter.due_at:
                raise
            connections.close_all()
            time.sleep(1)


def try_later(letter: Letter, failure: mail.NotSent) -> None:
    now = timezone.now()
    if letter.written_at < now - GIVEN_UP_AFTER:
        log.error("mail given up after %d tries: %s: %s", letter.tries, letter.template, failure)
        end(letter)
        return
    log.warning("mail not sent: %s; tried again later", failure)
    longest = LONGEST_WAIT if failure.is_about_the_letter else AWAY_WAIT
    wait = min(FIRST_WAIT * int(2 ** min(letter.tries - 1, 10)), longest)
    leased = unsent().filter(pk=letter.pk, due_at=letter.due_at)
    leased.update(due_at=now + wait, was_refused=failure.was_refused)


# At once, from the process that wrote it


class Sender(threading.Thread):
    """Sends what is due, then sleeps until it is woken, or until the next letter that it knows of is due.

    One in each process. Between its rounds it holds no connection to the database.
    """

    def __init__(self) -> None:
        super().__init__(name="outbox", daemon=True)
        self.pid = os.getpid()  # threads do not follow into a process that is forked
        self.woken, self.until, self.pause = threading.Event(), float("inf"), 0.0

    def run(self) -> None:
        while True:
            self.woken.clear()
            time.sleep(AFTER_THE_PAGE)
            pause = self.round()
            if self.until < float("inf"):
                return
            self.woken.wait(pause)

    def round(self) -> float | None:
        """How many seconds until the next."""
        try:
            _sent, answers = send_due(self.until)
            self.pause = 0 if answers else longer(self.pause)
            return self.pause or seconds_until_due()
        except Exception:  # the database is away or lacks the table: neither may end this thread
            log.exception("the outbox can not be read")
            self.pause = longer(self.pause)
            return self.pause
        finally:
            connections.close_all()

    def finish(self) -> None:
        """When the process ends: not in the middle of a letter, if the mail server answers in time."""
        threading.main_thread().join()
        self.stop()

    def stop(self) -> None:
        self.until = time.monotonic() + LAST_ROUND
        self.woken.set()
        self.join(PATIENCE)


sender: Sender | None = None
starting = threading.Lock()


def longer(pause: float) -> float:
    return min(pause * 2 or FIRST_WAIT.total_seconds(), AWAY_WAIT.total_seconds())


def seconds_until_due() -> float | None:
    """Nothing waits: None. At most the longest wait, because clocks are set back."""
    now = timezone.now()
    due: datetime | None = waiting(now).aggregate(Min("due_at"))["due_at__min"]
    if due is None:
        return None
    return min(max((due - now).total_seconds(), 0), LONGEST_WAIT.total_seconds())


def wake(**kwargs: Any) -> None:
    """At a first request too: what another process left behind is then sent."""
    global sender
    if not conf.workers_send_mail() or is_test_run():
        return
    with starting:
        if sender is None or sender.pid != os.getpid() or not sender.is_alive():
            sender = Sender()
            sender.start()
            threading.Thread(target=sender.finish, name="outbox at the end").start()
    sender.woken.set()


def is_test_run() -> bool:
    """Django's test runner makes this list. A thread would look into the tests' database, at any moment."""
    return hasattr(django_mail, "outbox")


def start(**kwargs: Any) -> None:
    if sender is None or sender.pid != os.getpid():
        wake()
