"""Whole sign-ins, one after the other in several threads, until they are stopped."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from math import ceil

from django.utils import timezone

from tests.machinery.drills.visitor import LOGIN, VERIFY, Answer, Visitor, credentials
from twofactor.factors import totp

RETRY_DELAY = 0.1  # seconds, before the next try of someone who was turned away or has no new code yet


@dataclass(frozen=True)
class SignIn:
    email: str
    code: str
    answers: list[Answer]

    @property
    def accepted(self):
        """Whether the code was accepted and the answer arrived."""
        return self.code != "" and self.entered.status == 303

    @property
    def entered(self):
        return self.answers[3] if len(self.answers) > 3 else self.answers[-1]

    @property
    def began(self):
        return self.answers[0].began

    @property
    def ended(self):
        return self.answers[-1].began + self.answers[-1].seconds

    @property
    def seconds(self):
        return self.ended - self.began


def sign_in(visitor, email, phone):
    """The form, the password, the form, the code, and the page it leads to."""
    answers, code = [visitor.get(LOGIN)], ""
    if answers[-1].status == 200:
        answers.append(visitor.post(LOGIN, credentials(email)))
    if answers[-1].to == VERIFY:
        answers.append(visitor.get(VERIFY))
    if answers[-1].status == 200 and len(answers) == 3:
        code = phone.code()
        answers.append(visitor.enter(code))
    if answers[-1].to == "/":
        answers.append(visitor.get("/"))
    return SignIn(email, code, answers)


class ContinuousSignIns:
    """Each thread has its own people, who take turns, so that none uses the same code twice."""

    def __init__(self, ports, phones, threads, pause=0.0):
        self.ports, self.phones, self.threads, self.pause = ports, phones, threads, pause
        self.enough, self.done = threading.Event(), []

    def __enter__(self):
        self.pool, everyone = ThreadPoolExecutor(self.threads), list(self.phones.items())
        self.running = [
            self.pool.submit(self.take_turns, everyone[start :: self.threads])
            for start in range(self.threads)
        ]
        return self

    def __exit__(self, *_):
        self.enough.set()
        self.pool.shutdown()
        for each in self.running:
            each.result()

    def take_turns(self, people):
        used = {}
        while not self.enough.is_set():
            for email, phone in people:
                while used.get(email) == totp.step_at(timezone.now()) and not self.enough.wait(RETRY_DELAY):
                    pass
                if self.enough.is_set():
                    return
                self.done.append(sign_in(Visitor(*self.ports), email, phone))
                if self.done[-1].code:
                    used[email] = totp.step_at(timezone.now())
                if self.enough.wait(self.pause if self.done[-1].accepted else RETRY_DELAY):
                    return

    def accepted(self, since=0.0):
        """The sign-ins that began after that moment."""
        return [each for each in list(self.done) if each.accepted and each.began > since]


def percentile(values, share):
    """The value that this share of all values does not exceed."""
    ordered = sorted(values)
    return ordered[max(ceil(len(ordered) * share), 1) - 1]
