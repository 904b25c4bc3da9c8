"""What each subject does for security, found out by trying it: a figure of speed says little without.

Every trial has people of its own. They have signed in before, each in a browser of their own, so "refused" is
the answer to what was tried. Time stands still, but for the waits of a trial.
"""

import os
import time
from base64 import b32decode
from bisect import bisect_left
from contextlib import contextmanager, suppress
from itertools import count

from tests.machinery.bench.browser import Unexpected
from tests.machinery.bench.flows import WRONG, give_password, set_up, sign_in
from tests.machinery.bench.run import NAMES, as_markdown, say, started

MANY = 110  # guesses: more than the highest count of any subject, so that "no limit" means none
LOGS = {"twofactor_event", "axes_accesslog", "axes_accessfailurelog"}  # kept, while counts are forgotten
STEP, AN_HOUR = 30, 3600
WAITS = {
    "a second": 1,
    "a minute": 60,
    "5 minutes": 300,
    "15 minutes": 900,
    "an hour": AN_HOUR,
    "a day": 86400,
}
LAST = 1  # second, after which what ends at the end of a wait has ended
DOUBLED = [1, 2, 4, 8, 16, 32, 64, MANY]
STRANGERS = 12  # first number of the addresses from which nobody has signed in before
# What no trial here shows, with where it was read.
COUNTED_IN = {
    "floor": "nowhere",
    "floor-signed": "nowhere",
    "ours": "the database",
    "two-factor-auth": "the database (django_otp.models.ThrottlingMixin)",
    "two-factor-auth-axes": "the database (and axes.models.AccessAttempt)",
    "allauth": "a cache for each process (allauth.core.ratelimit)",
    "allauth-shared": "a cache in the database",
    "mfa2": "nowhere",
    "mfa3": "the database (mfa.models.MFAKey.next_use_at)",
}


NOTES = f"""\
No limit: after {MANY} guesses, the right one opens. Two requests at one moment were not tried. Read, and not
tried: allauth's 30 sign-ins a minute from an address are more here, because the visitors of a measurement
share one; it encrypts the key where a site writes an adapter for that, and mfa3 sends mail about wrong codes
where a site writes its template; ours writes wrong passwords to its log lines alone."""


class Trials:
    """Of one subject, in its own process."""

    def __init__(self, worker, clock):
        self.worker, self.subject, self.clock, self.numbers = worker, worker.subject, clock, count()

    def wait(self, seconds):
        self.clock.shift(seconds)

    def someone(self):
        """A person, and the browser in which they have signed in an hour ago."""
        from tests.machinery.bench.subjects import new_person

        number = next(self.numbers)
        person, browser = new_person(f"tried{number}"), self.worker.browser(number)
        self.subject.enrol(person)
        sign_in(self.subject, browser, person, time.time)
        browser.leave()
        self.wait(AN_HOUR)
        return person, browser

    def strangers(self, times, moving):
        """Browsers of someone else: one after the other at ever new addresses, or always the same."""
        if moving:
            return [self.worker.browser(next(self.numbers), network=STRANGERS) for _ in range(times)]
        return [self.worker.browser(next(self.numbers), network=STRANGERS)] * times

    # What people and strangers do

    def gets_in(self, person, browser, code=None, backup=""):
        subject = self.subject
        with self.leaving(browser), suppress(Unexpected):
            give_password(subject, browser, person)
            if backup:
                subject.reach_backup(browser)
                browser.post(subject.backup, subject.entered_backup(backup))
            else:
                subject.reach_code(browser)
                browser.post(subject.verify, subject.entered(code or person.code(time.time())))
            browser.get(subject.page)
            return True
        return False

    def guess_code(self, person, browser):
        """Knowing the password. Whether the code was looked at, or said to be."""
        with self.leaving(browser), suppress(Unexpected):
            give_password(self.subject, browser, person)
            self.subject.reach_code(browser)
            browser.post(self.subject.verify, self.subject.entered(WRONG), expect=200)
            return True
        return False

    def guess_password(self, person, browser):
        with self.leaving(browser), suppress(Unexpected):
            browser.get(self.subject.login)
            browser.post(self.subject.login, self.subject.credentials(person, "wrong"), expect=200)
            return True
        return False

    @contextmanager
    def leaving(self, browser):
        yield
        browser.leave()

    def mails(self):
        """How many were sent since this was asked last."""
        from django.core import mail

        sent, mail.outbox = len(mail.outbox), []
        return sent

    def logged(self):
        """Rows in tables that are there to be read later."""
        with self.worker.connection.cursor() as cursor:
            tables = LOGS & set(self.worker.connection.introspection.table_names(cursor))
            rows = 0
            for table in tables:
                cursor.execute(f"SELECT count(*) FROM {table}")  # noqa: S608 - a name from above
                rows += cursor.fetchone()[0]
        return rows

    # Trials: each answers with a cell of the table

    def same_code(self):
        person, browser = self.someone()
        code = person.code(time.time())
        self.must_get_in(person, browser, code=code)
        return opens(self.gets_in(person, browser, code=code))

    def earlier_code(self):
        person, browser = self.someone()
        code = person.code(time.time())
        self.wait(STEP)
        self.must_get_in(person, browser)
        return opens(self.gets_in(person, browser, code=code))

    def backup_code(self):
        person, browser = self.someone()
        code = person.codes[0]
        self.must_get_in(person, browser, backup=code)
        return opens(self.gets_in(person, browser, backup=code))

    def must_get_in(self, person, browser, **how):
        if not self.gets_in(person, browser, **how):
            raise RuntimeError(f"{how or 'a right code'} opens nothing")

    def oldest_code(self):
        for steps in count(1):
            person, browser = self.someone()
            if not self.gets_in(person, browser, code=person.code(time.time() - steps * STEP)):
                return f"{(steps - 1) * STEP} s"
        return ""

    def codes(self):
        return self.limit(self.guess_code, moving=False)

    def codes_from_everywhere(self):
        return self.limit(self.guess_code, moving=True)

    def codes_and_owner(self):
        return self.owner_after(self.guess_code)

    def passwords(self):
        return self.limit(self.guess_password, moving=False)

    def passwords_from_everywhere(self):
        return self.limit(self.guess_password, moving=True)

    def passwords_and_owner(self):
        return self.owner_after(self.guess_password)

    def limit(self, guess, moving):
        """The number of guesses after which a right answer is refused too, and for how long."""

        def opens_after(times, wait=0):
            return self.right_after(guess, times, moving, wait)

        if opens_after(MANY):
            return "no limit"
        most = next(times for times in DOUBLED if not opens_after(times))
        numbers = range(most // 2 + 1, most + 1)
        times = numbers[bisect_left(numbers, True, hi=len(numbers) - 1, key=lambda n: not opens_after(n))]
        waits = (f"up to {name}" for name, wait in WAITS.items() if opens_after(times, wait + LAST))
        return f"{times}, {next(waits, 'more than a day')}"

    def right_after(self, guess, times, moving, wait):
        person, _ = self.someone()
        first, *others, last = self.strangers(times + 1, moving)
        if not guess(person, first):
            raise RuntimeError("not even the first guess was looked at")
        for browser in others:
            guess(person, browser)
        self.wait(wait)
        return self.gets_in(person, last)

    def owner_after(self, guess):
        person, own = self.someone()
        for browser in self.strangers(MANY, moving=True):
            guess(person, browser)
        return "gets in" if self.gets_in(person, own) else "waits"

    def log(self):
        (person, browser), found = self.someone(), []
        acts = {"sign-in": self.gets_in, "wrong code": self.guess_code, "wrong password": self.guess_password}
        for what, act in acts.items():
            before = self.logged()
            act(person, browser)
            found += [what] if self.logged() > before else []
        return ", ".join(found) or "nothing"

    def new_browser(self):
        person, browser = self.someone()
        self.mails()
        self.must_get_in(person, browser)
        if self.mails():
            raise RuntimeError("a browser that has signed in before is taken for a new one")
        self.wait(STEP)
        [stranger] = self.strangers(1, moving=True)
        self.must_get_in(person, stranger)
        return "yes" if self.mails() else "no"

    def guessed(self):
        person, _ = self.someone()
        self.mails()
        for browser in self.strangers(MANY, moving=True):
            self.guess_code(person, browser)
        return "yes" if self.mails() else "no"

    def key(self):
        """Whether a copy of the database is enough to make codes."""
        person, _ = self.someone()
        readable = {person.key, b32decode(person.key).hex()}
        with self.worker.connection.cursor() as cursor:
            for table in self.worker.connection.introspection.table_names(cursor):
                cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608 - a name from the database
                rows = str(cursor.fetchall())
                if any(key in rows for key in readable):
                    return "readable"
        return "not readable"

    def qr(self):
        person, browser = self.worker.newcomer()
        pictures = set_up(self.subject, browser, person, time.time)["QR page"]
        drawn = any(b"<svg" in page.body or b"data:image" in page.body for page in pictures)
        return "the server" if drawn else "the browser"

    def counted_in(self):
        return COUNTED_IN[os.environ["BENCH_SUBJECT"]]


def opens(whether):
    return "**opens**" if whether else "refused"


TRIALS = {
    "a code, a second time": Trials.same_code,
    "the code before the last one used": Trials.earlier_code,
    "a backup code, a second time": Trials.backup_code,
    "oldest code that opens": Trials.oldest_code,
    "wrong codes until right ones are refused, and how long": Trials.codes,
    "… each from another address": Trials.codes_from_everywhere,
    "the owner meanwhile, where they have signed in before": Trials.codes_and_owner,
    "wrong passwords until right ones are refused, and how long": Trials.passwords,
    "… each from another address ": Trials.passwords_from_everywhere,
    "the owner meanwhile, where they have signed in before ": Trials.passwords_and_owner,
    "guesses are counted in (not tried: read)": Trials.counted_in,
    "audit log: a row is kept of": Trials.log,
    "a mail tells of a new browser": Trials.new_browser,
    "a mail tells of guessed codes": Trials.guessed,
    "the key of the app, in the database": Trials.key,
    "the QR code is drawn by": Trials.qr,
}


def try_out(worker):
    """Runs in a worker. Returns {trial: cell}."""
    import time_machine
    from django.core import mail
    from django.test import override_settings

    start = time.time() // STEP * STEP + 1
    keeping_mail = override_settings(EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend")
    with time_machine.travel(start, tick=False) as clock, keeping_mail:
        mail.outbox = []
        trials = Trials(worker, clock)
        return {name: trial(trials) for name, trial in TRIALS.items()}


def measure(databases):
    """Returns Markdown."""
    with started(NAMES, databases) as subjects:
        for subject in subjects:
            subject.tell("try_out")
        found = []
        for subject in subjects:
            found.append(subject.answer())
            say(f"{databases}: {subject.name} was tried")
    rows = [[trial.strip(), *(cells[trial] for cells in found)] for trial in TRIALS]
    return f"{as_markdown([[f'{databases}, what was tried', *NAMES], *rows])}\n\n{NOTES}"
