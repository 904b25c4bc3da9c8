"""Runs one subject in its own process: reads commands from standard input, answers with their costs.

BENCH_SUBJECT=… DATABASE_URL=… python -m tests.machinery.bench.worker
"""

import json
import os
import sys
import time
from collections import Counter
from contextlib import nullcontext
from itertools import count, cycle
from statistics import median

import django
import time_machine

STEP = 30  # seconds: before each flow the clock moves to where everyone's app shows a new code
EARLIER = 600  # seconds ago: when those signed in who come again later
PEOPLE = 101  # a prime number, so that every flow comes to use every person
FRAME = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")  # these open or close a transaction, and are not counted


def cpu_of(pid):
    """Seconds of CPU that another process has used, to the nanosecond."""
    return time.clock_gettime(~pid << 3 | 2)


class Worker:
    """Each public method is a command."""

    def __init__(self):
        django.setup()
        from django.core.management import call_command
        from django.core.wsgi import get_wsgi_application
        from django.db import connection

        from tests.machinery.bench.subjects import SUBJECTS

        name = os.environ["BENCH_SUBJECT"]
        call_command("migrate", verbosity=0)
        call_command("migrate", run_syncdb=True, verbosity=0)  # the floor has no migrations
        if name == "allauth-shared":
            call_command("createcachetable")
        if name == "ours":
            self.make_ready(call_command)
        self.subject, self.connection = SUBJECTS[name], connection
        self.subject.listen()
        self.application, self.newcomers = get_wsgi_application(), count()
        self.watching = nullcontext

    def make_ready(self, call_command):
        from twofactor.factors import backup_codes

        if not os.path.exists(os.environ["BENCH_STATIC"]):
            call_command("collectstatic", interactive=False, verbosity=0)
        # The cost of Argon2 is reported separately, as for passwords. Here its cheapest parameters are used.
        backup_codes.hash_code.__defaults__ = ((1, 8, 1),)

    def enrol(self, people, prefix="person"):
        from tests.machinery.bench.subjects import new_person

        self.people = [new_person(f"{prefix}{number}") for number in range(people)]
        for person in self.people:
            self.subject.enrol(person)

    def acquaint(self, people):
        """Each person signs in with a browser of their own. Returns names, keys and the browsers' cookies."""
        from tests.machinery.bench.flows import sign_in

        self.enrol(people)
        browsers = [self.browser(number) for number in range(people)]
        with time_machine.travel(time.time() - EARLIER, tick=False):
            for person, browser in zip(self.people, browsers, strict=True):
                sign_in(self.subject, browser, person, time.time)
                browser.leave()
        pairs = zip(self.people, browsers, strict=True)
        return [[person.name, person.key, browser.cookies] for person, browser in pairs]

    def warm_up(self):
        """Each person signs in once, with the browser that is used from then on."""
        self.moment = time.time() // STEP * STEP + 1
        self.clock = time_machine.travel(self.moment, tick=True).start()
        visitors = [(person, self.browser(number)) for number, person in enumerate(self.people)]
        self.visitors = cycle(visitors)
        self.block("sign_in_and_look", len(visitors))

    def block(self, flow, times):
        """For each row, the medians of CPU time, statements, bytes and requests."""
        from tests.machinery.bench.flows import FLOWS

        rows = {}
        for _ in range(times):
            for row, answers in self.walk(FLOWS[flow]).items():
                costs = [sum(part) for part in zip(*(answer.cost for answer in answers), strict=True)]
                rows.setdefault(row, []).append([*costs, len(answers)])
        return {row: [median(part) for part in zip(*costs, strict=True)] for row, costs in rows.items()}

    def profile(self, flow, times):
        """For each row, the seconds by what they were spent on."""
        from tests.machinery.bench.flows import FLOWS
        from tests.machinery.bench.profiles import profiled

        self.watching, rows = profiled, {}
        for _ in range(times):
            for row, answers in self.walk(FLOWS[flow]).items():
                for answer in answers:
                    rows.setdefault(row, Counter()).update(answer.spent)
        self.watching = nullcontext
        return rows

    def rules(self, times):
        """CPU time of each thing that a sign-in does for security alone."""
        from django.contrib.auth import get_user_model
        from django.contrib.auth.hashers import check_password, make_password
        from django.test import RequestFactory
        from django.test.utils import override_settings
        from django.utils import timezone

        from accounts import password_tries
        from accounts.passwords import Argon2
        from twofactor import events, sealing
        from twofactor.factors.backup_codes import COST, hash_code
        from twofactor.limits import guesses
        from twofactor.signin.pending import PURPOSE, PendingSignIn

        now, request = timezone.now(), RequestFactory().post("/")
        people = get_user_model().objects.select_related("guess_budget")
        guesses.charge(people.first(), now)  # the first of a day leaves another row than it found
        guesses.reset_after_success(people.first(), with_factor=True)
        user = people.first()
        user.backend = "django.contrib.auth.backends.ModelBackend"
        hashers = ["accounts.passwords.Argon2", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
        with override_settings(PASSWORD_HASHERS=hashers):
            ours, django_s = (
                make_password("secret", hasher=name) for name in (Argon2.algorithm, "pbkdf2_sha256")
            )
            rules = {
                "password, Argon2id as ours": lambda: check_password("secret", ours),
                "password, PBKDF2 as Django's": lambda: check_password("secret", django_s),
                "backup code, Argon2id": lambda: hash_code("secret", b"salt" * 4, COST),
                "wrong passwords, counted and forgotten": lambda: (
                    password_tries.charge(request, {"username": user.email}),
                    password_tries.clear(request, user),
                ),
                "pending sign-in, sealed and opened": lambda: sealing.unseal(
                    PURPOSE, "", PendingSignIn.start(user, "/", now).to_token(), now
                ),
                "guess, charged and given back": lambda: (
                    guesses.charge(user, now),
                    guesses.reset_after_success(user, with_factor=True),
                ),
                "audit log, a row and a line": lambda: events.record(
                    "signed_in_with_code", user, request, method="totp"
                ),
            }
            return {rule: self.median_cpu(times, act) for rule, act in rules.items()}

    def try_out(self):
        from tests.machinery.bench import promises

        return promises.try_out(self)

    def taken_for_new(self):
        """How many of the browsers that had signed in before were thought not to have."""
        return self.subject.taken_for_new()

    def fill(self, people):
        from tests.machinery.bench import size

        size.fill(self.connection, people)

    def unindexed(self, flow):
        """Statements of the flow for which a whole table or index is read."""
        from tests.machinery.bench.flows import FLOWS
        from tests.machinery.bench.plans import recorded_statements, without_index

        with recorded_statements(self.connection) as statements:
            self.walk(FLOWS[flow])
        return without_index(self.connection, statements)

    def waits(self, seconds):
        """Wall-clock times of whole sign-ins: how many, median, longest."""
        from tests.machinery.bench.flows import sign_in

        took, end = [], time.perf_counter() + seconds
        while (began := time.perf_counter()) < end:
            self.walk(sign_in)
            took.append((time.perf_counter() - began) * 1000)
        return [f"{len(took)}", f"{median(took):.0f}", f"{max(took):.0f}"]

    # Internals

    def cpu(self):
        own = time.process_time()
        if self.connection.vendor == "sqlite" or self.connection.connection is None:
            return own
        return own + cpu_of(self.connection.connection.info.backend_pid)

    def median_cpu(self, times, act):
        took = []
        for _ in range(times):
            began = self.cpu()
            act()
            took.append(self.cpu() - began)
        return median(took)

    def browser(self, number, network=10):
        from tests.machinery.bench.browser import Browser, into

        address = f"{network}.{number // 62500}.{number // 250 % 250}.{number % 250 + 1}"
        return Browser(self.measured(into(self.application, address)))

    def measured(self, ask):
        """Stores the cost of each request in its response."""

        def send(*request):
            statements = []

            def record(execute, sql, params, many, context):
                if not sql.startswith(FRAME):
                    statements.append(sql)
                return execute(sql, params, many, context)

            began = self.cpu()
            with self.connection.execute_wrapper(record), self.watching() as spent:
                answer = ask(*request)
                self.subject.settle()
            answer.spent = spent
            answer.cost = self.cpu() - began, len(statements), len(answer.body)
            answer.statements = statements
            return answer

        return send

    def walk(self, flow):
        person, browser = self.newcomer() if flow.__name__ == "set_up" else next(self.visitors)
        self.moment += STEP
        self.clock.move_to(self.moment)
        rows = flow(self.subject, browser, person, time.time)
        browser.leave()
        return rows

    def newcomer(self):
        from tests.machinery.bench.subjects import Person

        number = next(self.newcomers)
        person = Person(f"newcomer{number}")
        self.subject.user(person.name)
        return person, self.browser(number, network=11)


def main():
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # other output goes to standard error, apart from the answers
    worker = Worker()
    for line in sys.stdin:
        command, arguments = json.loads(line)
        print(json.dumps(getattr(worker, command)(**arguments)), file=answers, flush=True)


if __name__ == "__main__":
    main()
