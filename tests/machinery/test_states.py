"""Random sequences of events, compared with a model: stranger, password entered, signed in, stepped up.

Hypothesis chooses the events; the model keeps account of what each browser may open, and every step
compares the two. It finds the order of events that skips a state. Part of make test; longer with make
assurance PART=fuzz.
"""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.db import transaction
from django.test import Client
from django.urls import include, path
from django.utils import timezone
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from tests.accounts.letters import letters, link
from tests.api.program import Program
from tests.people import NOW, PASSWORD, PRINTED_CODES, enrol, person, signed_in_as
from tests.savepoints import savepoint
from tests.twofactor.guarded_pages import urlpatterns as pages
from tests.twofactor.sent_codes import SENT, mailed_code, request_code
from tests.twofactor.setup_steps import ADD, SAVED, add_app, set_up
from twofactor.factors import backup_codes, code_text, enrolled, totp
from twofactor.factors.methods import FACTORS
from twofactor.models import Allowance

VERIFY, CONFIRM, RENEW = "/two-factor/verify/", "/two-factor/confirm/", "/two-factor/backup-codes/"
LOGIN_VIEWS = [
    "/accounts/login/",
    "/admin/login/",
    "/django-login/",
]  # ours, the admin's, some other app's
PROGRAM = 2  # over the API; 0 and 1 are browsers
BROWSERS, ALL = st.integers(0, 1), st.integers(0, PROGRAM)
# Offsets in steps, a wrong code, backup codes.
CODES = st.sampled_from([0, 0, 1, -1, "wrong", *PRINTED_CODES[:2]])
SECONDS = st.sampled_from([1, 29, 31, 61, 120, 299, 301, 599, 601, 3601])
NEARLY_A_MONTH, A_MONTH = 30 * 24 * 3600 - 1, 30 * 24 * 3600
USUALLY = st.sampled_from([True, True, True, True, False])
SELDOM = st.sampled_from([False, False, False, True])
TWO_MINUTES, TEN_MINUTES, QUARTER = timedelta(minutes=2), timedelta(minutes=10), timedelta(minutes=15)
HOUR, DAY, MONTH = timedelta(hours=1), timedelta(hours=24), timedelta(days=30)

urlpatterns = [path("api/", include("config.api")), *pages]

EVENTS = {
    "deactivated": lambda machine, n: machine.deactivate_and_activate_again(really=True),
    "late": lambda machine, n: machine.wait(600),
    "in time": lambda machine, n: machine.wait(599),
    "overtaken": lambda machine, n: machine.sign_in(1 - n, LOGIN_VIEWS[0], 0),
    "overtaken by a program": lambda machine, n: machine.sign_in_over_api(0),
    "password given at another login view": lambda machine, n: machine.give_password(
        1 - n, LOGIN_VIEWS[2], right=True
    ),
    "reset": lambda machine, n: machine.reset_password(PASSWORD, really=True),
    "signed out elsewhere": lambda machine, n: machine.sign_out_elsewhere(1 - n, really=True),
}
MEANWHILE = {  # to a program that waits for a code
    **{name: event for name, event in EVENTS.items() if "time" not in name and "program" not in name},
    "in two minutes": lambda machine, n: machine.wait(119),
    "after two minutes": lambda machine, n: machine.wait(120),
    "in ten minutes, with a code sent": lambda machine, n: machine.ask_and_wait(599),
    "after ten minutes, with a code sent": lambda machine, n: machine.ask_and_wait(600),
}
WHILE_AWAY = {
    "nothing": lambda machine, n: None,
    "nearly a month": lambda machine, n: machine.wait(NEARLY_A_MONTH),
    "a month": lambda machine, n: machine.wait(A_MONTH),
    **{name: EVENTS[name] for name in ("deactivated", "reset", "signed out elsewhere")},
}


@dataclass
class Pending:
    """A sign-in that waits for its code."""

    began: object
    epoch: int
    last_login: object
    ends: object
    sent: list
    with_password: bool = True  # at a sign-in view of ours


@dataclass
class Session:
    began: object
    seen: object
    epoch: int
    method: str
    age: object = DAY
    confirmed: object = None
    confirmed_with: object = None  # the number of the app, if that is one that does not prove everything


@dataclass
class Trust:
    began: object
    epoch: int


class Api(Program):
    """The API, with its status codes translated to those of the pages."""

    STATUS_OF_PAGES = {"challenge_over": 302, "code_refused": 422, "locked": 429}

    def give(self, **code):
        answer = super().give(**code)
        return 303 if answer.status_code == 200 else self.STATUS_OF_PAGES[answer.json()["code"]]

    def method(self):
        """The method in the tokens, or None if they do not work."""
        answer = self.get("totp/status/")
        return answer.json()["amr"] if answer.status_code == 200 else None


class Guesses:
    """A second implementation of the limit on guesses (L-4), to compare with."""

    WAITS = {5: 30, 6: 60, 7: 120, 8: 240, 9: 480, 10: 960, 11: 1920}

    def __init__(self):
        self.in_a_row, self.until, self.day, self.day_began = 0, NOW, 0, NOW - DAY

    def locked(self, now):
        return self.in_a_row >= 100 or self.until > now or (self.day >= 20 and self.day_began + DAY > now)

    def charge(self, now):
        if self.day_began + DAY <= now:
            self.day, self.day_began = 0, now
        self.in_a_row, self.day = self.in_a_row + 1, self.day + 1
        self.until = now + timedelta(seconds=0 if self.in_a_row < 5 else self.WAITS.get(self.in_a_row, 3600))

    def refund(self):
        self.in_a_row, self.day, self.until = max(self.in_a_row - 1, 0), max(self.day - 1, 0), NOW - DAY

    def reset(self):
        self.in_a_row, self.day, self.until = 0, max(self.day - 1, 0), NOW - DAY


class Assurance(RuleBasedStateMachine):
    clock = None  # the test's
    is_staff = True

    def __init__(self):
        super().__init__()
        self.clock.move_to(NOW)
        self.back = savepoint()
        self.alice = person(is_staff=self.is_staff, is_superuser=self.is_staff)
        self.phone = enrol(self.alice)
        backup_codes.replace_all(self.alice, backup_codes.make_rows(self.alice, PRINTED_CODES))
        self.browsers, self.program = [Client(), Client()], Api(self.alice.email)
        self.program.challenge = "none"
        self.pending, self.sessions, self.trust = [None] * 3, [None] * 3, [None] * 2
        self.guesses, self.spent, self.last_step, self.proven = Guesses(), set(), 0, True
        self.password, self.epoch, self.last_login, self.active, self.asked = PASSWORD, 0, None, True, 0
        self.app, self.after_recovery, self.proves_everything_from = 0, False, NOW

    def teardown(self):
        letters().clear()
        transaction.savepoint_rollback(self.back)

    # The model's state

    def is_pending(self, n):
        found = self.pending[n]
        return (
            found is not None
            and self.active
            and (found.epoch, found.last_login) == (self.epoch, self.last_login)
            and timezone.now() <= found.ends
        )

    def goes_on(self, n):
        """A browser that is signed in is asked for nothing."""
        inside = n != PROGRAM and self.is_in(n)
        return self.is_pending(n) and not inside

    def is_in(self, n):
        """As at a request, which ends a session that is too old and notes when it was last used."""
        found, now = self.sessions[n], timezone.now()
        if found is None or found.epoch != self.epoch or not self.active or self.is_too_old(n):
            self.sessions[n] = None
        elif now - found.seen >= timedelta(minutes=1):
            found.seen = now
        return self.sessions[n] is not None

    def confirmed_just_now(self, n):
        confirmed = self.is_in(n) and self.sessions[n].confirmed
        return bool(confirmed) and timezone.now() - confirmed <= timedelta(minutes=5)

    def is_too_old(self, n):
        found, now = self.sessions[n], timezone.now()
        return found is not None and (now - found.began >= found.age or now - found.seen >= HOUR)

    def code(self, what):
        """What is typed, whether it is right, and whether it was spent before."""
        now = timezone.now()
        window = [self.phone.code(now, off) for off in (-1, 0, 1)]
        if what == "wrong":
            return next(code for code in ("000000", "111111", "222222", "333333") if code not in window), None
        if what in PRINTED_CODES:
            return code_text.format_backup_code(what), what
        return window[what + 1], totp.step_at(now) + what

    def expected_status(self, key):
        """The status of the answer. Counts the guess, and spends the code if it is accepted."""
        now = timezone.now()
        if self.guesses.locked(now):
            return 429
        self.guesses.charge(now)
        if key is None:
            return 422
        if key in self.spent or (isinstance(key, int) and key <= self.last_step):
            self.guesses.refund()
            return 422
        assert key not in self.spent
        self.spent.add(key)
        self.last_step = max(self.last_step, key) if isinstance(key, int) else self.last_step
        self.proven = self.proven or not isinstance(key, tuple)  # a sent code is no factor
        self.guesses.reset()
        return 303

    def signed_in(self, n, method):
        now = timezone.now()
        self.last_login, self.pending[n] = now, None
        self.sessions[n] = Session(now, now, self.epoch, method, QUARTER if n == PROGRAM else DAY)

    def is_trusted(self, n):
        found = self.trust[n]
        return found and found.epoch == self.epoch and timezone.now() < found.began + MONTH

    def new_password(self, password):
        """Gives back no guess (L-4); and a code by mail helps again only after a factor (D-2)."""
        self.password, self.epoch, self.proven = password, self.epoch + 1, False

    def new_address(self):
        """A new client address for each try, because the limits on passwords have tests of their own."""
        self.asked += 1
        return f"10.0.{self.asked // 250}.{self.asked % 250}"

    # What people do

    @rule(n=BROWSERS, login_view=st.sampled_from(LOGIN_VIEWS), right=USUALLY)
    def give_password(self, n, login_view, right):
        form = {"username": self.alice.email, "password": self.password if right else "wrong", "next": "/"}
        address = self.new_address()
        # After a day its row is gone.
        told_session_ended = self.is_too_old(n) and timezone.now() - self.sessions[n].seen < DAY
        inside = self.is_in(n)
        if login_view == LOGIN_VIEWS[2] and not (right and self.active):
            return  # it shows no page of ours that could refuse
        self.browsers[n].post(login_view, form, REMOTE_ADDR=address)
        if told_session_ended or not (right and self.active) or (inside and login_view == LOGIN_VIEWS[0]):
            return
        if login_view == LOGIN_VIEWS[1] and (
            not self.is_staff or (inside and self.sessions[n].method == "recovery")
        ):
            return  # the admin refuses them
        if login_view == LOGIN_VIEWS[0] and self.is_trusted(n):
            self.signed_in(n, "trusted")
            return
        if login_view == LOGIN_VIEWS[2] and inside and self.sessions[n].method in FACTORS:
            return  # it calls login(), and this session has given its code
        if login_view != LOGIN_VIEWS[0]:
            self.sessions[n] = None
        self.begin(n, TEN_MINUTES, with_password=login_view != LOGIN_VIEWS[2])

    def begin(self, n, age, *, with_password=True):
        now = timezone.now()
        self.pending[n] = Pending(now, self.epoch, self.last_login, now + age, [], with_password)

    @rule(n=BROWSERS, what=CODES, trusting=SELDOM)
    def give_code(self, n, what, trusting=False):
        code, key = self.code(what)
        box = {"trust_browser": "on"} if trusting else {}
        answer = self.browsers[n].post(VERIFY, {"code": code, **box})
        if not self.goes_on(n):
            assert answer.status_code in {302, 303}
            return
        expected = self.expected_status(key)
        assert answer.status_code == expected
        if expected == 303:
            began, with_password = self.pending[n].began, self.pending[n].with_password
            self.signed_in(n, "totp" if isinstance(key, int) else "backup")
            if with_password:
                self.step_up(n, key, began)
            if trusting and self.sessions[n].method == "totp" and not self.is_staff:
                self.trust[n] = Trust(timezone.now(), self.epoch)

    @rule(n=BROWSERS, login_view=st.sampled_from(LOGIN_VIEWS), what=CODES)
    def sign_in(self, n, login_view, what):
        self.give_password(n, login_view, right=True)
        self.give_code(n, what)
        self.look(n)

    @rule(right=USUALLY)
    def give_password_over_api(self, right):
        self.wait(1)  # a challenge is told from the one before by the moment of the last sign-in
        password = self.password if right else "wrong"
        body = {"username": self.alice.email, "password": password}
        self.program.post("jwt/create/", body, REMOTE_ADDR=self.new_address())
        if right and self.active:
            self.begin(PROGRAM, TWO_MINUTES)

    @rule(what=CODES)
    def give_code_over_api(self, what):
        code, key = self.code(what)
        answer = self.program.give(**{"backup_code" if what in PRINTED_CODES else "otp_code": code})
        expected = self.expected_status(key) if self.goes_on(PROGRAM) else 302
        assert answer == expected
        if expected == 303:
            self.signed_in(PROGRAM, "totp" if isinstance(key, int) else "backup")

    @rule(what=CODES)
    def sign_in_over_api(self, what):
        self.give_password_over_api(right=True)
        self.give_code_over_api(what)
        self.look_over_api()

    @rule()
    def look_over_api(self):
        """Tokens work as long as their sign-in does, and name its method."""
        assert self.program.method() == (self.sessions[PROGRAM].method if self.is_in(PROGRAM) else None)

    @rule(n=BROWSERS, times=st.integers(2, 6))
    def guess(self, n, times):
        for _ in range(times):
            self.give_code(n, "wrong")

    @rule(n=ALL)
    def ask_for_a_code(self, n):
        before = len(letters())
        self.program.send() if n == PROGRAM else request_code(self.browsers[n])
        assert (self.goes_on(n) and self.proven) or len(letters()) == before
        if len(letters()) > before:
            self.pending[n].sent.append([mailed_code(), timezone.now(), 0])
            self.pending[n].ends = self.pending[n].began + TEN_MINUTES

    def ask_and_wait(self, seconds):
        self.ask_for_a_code(PROGRAM)
        self.wait(seconds)

    @rule(n=ALL, other=ALL, right=USUALLY)
    def give_sent_code(self, n, other, right):
        """Also one that was sent for the sign-in of another browser, or an older one."""
        source = self.pending[other].sent if self.pending[other] else []
        code = source[0][0] if right and source else "000000"
        if n == PROGRAM:
            answer = self.program.give(sent_code=code)
        else:
            answer = self.browsers[n].post(SENT, {"code": code}).status_code
        if not self.goes_on(n):
            assert answer in {302, 303 if n != PROGRAM else 302}
            return
        if not self.pending[n].sent:
            assert answer == (422 if n == PROGRAM else 303)
            return
        now = timezone.now()
        live = [sent for sent in self.pending[n].sent if now - sent[1] < TEN_MINUTES]
        if not live:
            assert answer == 422
            return
        newest, tries_left = live[-1], live[-1][2] < 5
        known = [sent[0] for sent in live]
        if self.guesses.locked(now):
            assert answer == 429
            return
        newest[2] += tries_left
        if tries_left and code == newest[0]:
            assert (answer, self.expected_status(("sent", n, code, newest[1]))) == (303, 303)
            self.signed_in(n, "recovery")
            return
        assert answer == 422
        self.guesses.charge(now)
        if not tries_left or code in known:
            self.guesses.refund()

    @rule(n=ALL, other=ALL, asks=st.booleans())
    def borrow_a_sent_code(self, n, other, asks):
        """Each code is for the sign-in that it was sent for, and for no other."""
        for waiting in (other, n):
            if waiting == PROGRAM:
                self.give_password_over_api(right=True)
            else:
                self.give_password(waiting, LOGIN_VIEWS[0], right=True)
        self.ask_for_a_code(other)
        self.wait(61)
        if asks:
            self.ask_for_a_code(n)
        self.give_sent_code(n, other, right=True)
        self.look_over_api()

    @rule(n=BROWSERS, what=CODES, right=USUALLY)
    def confirm(self, n, what, right):
        code, key = self.code(what)
        inside = self.is_in(n)
        answer = self.browsers[n].post(
            CONFIRM,
            {"password": self.password if right else "wrong", "code": code, "next": "/recent/"},
            REMOTE_ADDR=self.new_address(),
        )
        if not inside:
            assert answer.status_code in {302, 303}
        elif right and self.expected_status(key) == 303:
            self.step_up(n, key, timezone.now())
            self.sessions[n].method = "totp" if isinstance(key, int) else "backup"
            assert answer.status_code == 303
        else:
            assert answer.status_code in {422, 429}

    @rule(n=BROWSERS)
    def look(self, n):
        statuses = [self.browsers[n].get(page).status_code for page in ("/function/", "/recent/")]
        verified = self.is_in(n) and self.sessions[n].method in {"totp", "backup"}
        assert [status == 200 for status in statuses] == [verified, self.confirmed_just_now(n)]

    # What changes the factor itself

    def changed(self, n):
        """Every other session ends. This one keeps its step-up."""
        backup_codes.replace_all(self.alice, backup_codes.make_rows(self.alice, PRINTED_CODES))
        self.epoch, self.spent = self.epoch + 1, self.spent - set(PRINTED_CODES)
        self.sessions[n].epoch, self.sessions[n].method = self.epoch, "totp"
        Allowance.objects.all().delete()  # the limit on changes has tests of its own

    def step_up(self, n, key, moment):
        self.sessions[n].confirmed = moment
        self.sessions[n].confirmed_with = self.app if self.is_of_recent_app(key) else None

    def is_of_recent_app(self, key):
        return isinstance(key, int) and timezone.now() < self.proves_everything_from

    def prove(self, n, page, what, right):
        """Enters password and code in the page's own form. Returns whether they were accepted."""
        code, key = self.code(what)
        inside = self.is_in(n)
        if inside and right and self.is_of_recent_app(key) and not self.guesses.locked(timezone.now()):
            self.guesses.charge(timezone.now())
            self.guesses.refund()
            form = {"password": self.password, "code": code}
            answer = self.browsers[n].post(page, form, REMOTE_ADDR=self.new_address())
            assert answer.status_code == 422
            return False
        form = {"password": self.password if right else "wrong", "code": code}
        answer = self.browsers[n].post(page, form, REMOTE_ADDR=self.new_address())
        taken = inside and right and self.expected_status(key) == 303
        assert answer.status_code in ({303} if taken else {422, 429} if inside else {302, 303})
        return taken

    @rule(n=BROWSERS, what=st.sampled_from([0, -1, "wrong"]), right=USUALLY)
    def renew_codes(self, n, what, right):
        if self.prove(n, RENEW, what, right):
            self.sessions[n].confirmed, self.sessions[n].confirmed_with = timezone.now(), None
            assert self.browsers[n].post(RENEW, SAVED).status_code == 303
            self.changed(n)

    @rule(n=BROWSERS)
    def replace(self, n):
        """Needs a step-up just before, or a sign-in with a mailed code."""
        inside = self.is_in(n)
        may_add = self.browsers[n].get(ADD).status_code == 200
        assert inside or not may_add
        recovered = inside and self.sessions[n].method == "recovery"
        if inside and not recovered:
            assert may_add == self.confirmed_just_now(n)
        if not may_add:
            return
        if not recovered:
            may_add = self.sessions[n].confirmed_with in {None, self.app}  # else with an app that has gone
            add_app(self.browsers[n])
            assert enrolled.apps_of(self.alice).count() == 1 + may_add
            enrolled.apps_of(self.alice).exclude(name=self.name_of_app()).delete()
            Allowance.objects.all().delete()
            return
        phone = add_app(self.browsers[n], f"App {self.app + 1}", enrolled.apps_of(self.alice))
        self.bind_a_phone(n, phone, after_recovery=True)

    def name_of_app(self):
        return f"App {self.app}" if self.app else "Authenticator app"

    def bind_a_phone(self, n, phone, *, after_recovery=False):
        now = timezone.now()
        self.phone, self.app, self.after_recovery = phone, self.app + 1, after_recovery
        self.proves_everything_from = now + DAY if after_recovery else now
        self.spent, self.last_step, self.proven = set(), totp.step_at(now), True
        self.changed(n)

    @rule(n=BROWSERS, what=CODES, right=USUALLY)
    def turn_off_and_on(self, n, what, right):
        if not self.prove(n, "/two-factor/disable/", what, right):
            return
        self.browsers[1 - n].post(VERIFY, {"code": self.phone.code()})
        assert self.browsers[1 - n].get("/two-factor/").status_code != 200
        assert [self.opens_something(each) for each in (0, 1)] == [False, False]
        self.epoch += 1
        self.browsers[n].post(CONFIRM, {"password": self.password}, REMOTE_ADDR=self.new_address())
        self.bind_a_phone(n, set_up(self.browsers[n]))
        enrolled.apps_of(self.alice).update(name=self.name_of_app())
        self.sessions[n].confirmed = None  # with the password alone

    @rule(n=BROWSERS, change=st.sampled_from(["renew_codes", "replace", "turn_off_and_on"]))
    def change_elsewhere(self, n, change):
        """A change of the factor ends pending sign-ins and other sessions."""
        self.sign_in(1 - n, LOGIN_VIEWS[0], 0)
        self.wait(61)
        self.confirm(1 - n, -1, right=True)
        self.give_password(n, LOGIN_VIEWS[0], right=True)
        getattr(self, change)(1 - n, **({} if change == "replace" else {"what": 0, "right": True}))
        self.wait(61)
        self.give_code(n, 0)
        self.look(0)
        self.look(1)
        self.look_over_api()

    # What ends sign-ins

    @rule(n=BROWSERS, really=SELDOM)
    def sign_out(self, n, really):
        if not really:
            return
        self.browsers[n].post("/accounts/logout/")
        self.sessions[n] = self.pending[n] = None

    @rule(n=BROWSERS, really=SELDOM)
    def sign_out_elsewhere(self, n, really):
        if not really:
            return
        self.browsers[n].post("/two-factor/sessions/end/")
        if self.is_in(n):
            self.epoch += 1
            self.sessions[n].epoch = self.epoch

    @rule(password=st.sampled_from([PASSWORD, "a quiet green harbour"]), really=SELDOM)
    def reset_password(self, password, really):
        if not really:
            return
        stranger, before = Client(), len(letters())
        stranger.post("/accounts/password_reset/", {"email": self.alice.email})
        if len(letters()) > before:
            form = stranger.get(link()).headers["Location"]
            stranger.post(form, {"new_password1": password, "new_password2": password})
            assert signed_in_as(stranger) is None
            self.new_password(password)

    @rule(really=SELDOM)
    def deactivate_and_activate_again(self, really):
        if not really:
            return
        for self.active in (False, True):
            user = get_user_model().objects.get()
            user.is_active = self.active
            user.save()
            self.look(0)
        self.epoch += 1

    @rule(n=BROWSERS, inside=st.booleans(), event=st.sampled_from(sorted(EVENTS)))
    def outlive(self, n, inside, event):
        """Some events end a pending sign-in or a session, and others do not."""
        self.give_password(n, LOGIN_VIEWS[0], right=True)
        if inside:
            self.give_code(n, -1)
            self.confirm(n, 0, right=True)
        self.wait(1)
        EVENTS[event](self, n)
        self.look(n)
        self.give_code(n, 1)
        self.look(n)

    @rule(event=st.sampled_from(sorted(MEANWHILE)))
    def outlive_over_api(self, event):
        """As outlive, for a program. After a code was sent, it may wait longer."""
        self.give_password_over_api(right=True)
        self.wait(1)
        MEANWHILE[event](self, 0)
        self.give_code_over_api(1)
        self.look_over_api()

    @rule(n=BROWSERS, what=CODES, event=st.sampled_from(sorted(WHILE_AWAY)))
    def come_back_trusting(self, n, what, event):
        """A trusted browser needs the password alone, until something ends the trust."""
        self.give_password(n, LOGIN_VIEWS[0], right=True)
        self.give_code(n, what, trusting=True)
        self.sign_out(n, really=True)
        self.wait(61)
        self.sign_in(1 - n, LOGIN_VIEWS[0], 0)
        WHILE_AWAY[event](self, n)
        self.give_password(n, LOGIN_VIEWS[0], right=True)
        self.look(n)

    @rule(seconds=SECONDS)
    def wait(self, seconds):
        self.clock.shift(seconds)

    @invariant()
    def nobody_is_in_without_a_code(self):
        signed_in = [n for n, browser in enumerate(self.browsers) if signed_in_as(browser)]
        assert [n for n in signed_in if self.sessions[n] is None and self.opens_something(n)] == []

    def opens_something(self, n):
        """False for a session that has ended, even if its row is still there."""
        return self.browsers[n].get("/function/").status_code == 200


class NotStaff(Assurance):
    """People who are not staff may trust a browser."""

    is_staff = False


@pytest.mark.hypothesis
@pytest.mark.usefixtures("api")
@pytest.mark.proves("2.3.1", "6.3.4", "6.5.1", "D-2", "L-4", "S-01", "S-08", "S-10", "S-11", "S-12", "V-23")
@pytest.mark.parametrize("machine", [Assurance, NotStaff])
def test_no_order_of_events_skips_a_state(db, clock, settings, machine):
    settings.ROOT_URLCONF = __name__
    settings.TOTP_THROTTLE_RATE = "1000/minute"  # the throttle has tests of its own
    settings.TWOFACTOR_EMAIL_FALLBACK = "everyone"  # staff too, who may do more
    Assurance.clock = clock
    run_state_machine_as_test(machine)


# Someone who has no factor, and confirms each sign-in with a code that is sent


class Confirming(RuleBasedStateMachine):
    """The limits on sending have tests of their own: here each code is sent."""

    clock = None  # the test's

    def __init__(self):
        super().__init__()
        self.clock.move_to(NOW)
        self.back = savepoint()
        self.alice = person()
        self.browsers, self.pending, self.inside = [Client(), Client()], [None, None], [False, False]
        self.guesses, self.epoch, self.last_login, self.password = Guesses(), 0, None, PASSWORD
        self.asked = 0

    def teardown(self):
        letters().clear()
        transaction.savepoint_rollback(self.back)

    def new_address(self):
        """A new one for each try: the limits on passwords have tests of their own, too."""
        self.asked += 1
        return f"10.0.{self.asked // 250}.{self.asked % 250}"

    def is_pending(self, n):
        found = self.pending[n]
        if found is None or self.inside[n] or timezone.now() > found.ends:
            return False
        return (found.epoch, found.last_login) == (self.epoch, self.last_login)

    def forget_limits(self):
        self.wait(1)  # a sign-in is told from the one before by the moment of the last one
        Allowance.objects.all().delete()

    @rule(n=BROWSERS, right=USUALLY)
    def give_password(self, n, right):
        self.forget_limits()
        before = len(letters())
        form = {"username": self.alice.email, "password": self.password if right else "wrong"}
        self.browsers[n].post(LOGIN_VIEWS[0], form, REMOTE_ADDR=self.new_address())
        if not right or self.inside[n]:
            assert len(letters()) == before
            return
        assert len(letters()) == before + 1
        now = timezone.now()
        sent = [[mailed_code(), now, 0]]
        self.pending[n] = Pending(now, self.epoch, self.last_login, now + TEN_MINUTES, sent)

    @rule(n=BROWSERS)
    def send_again(self, n):
        self.forget_limits()
        before, waits = len(letters()), self.is_pending(n)
        request_code(self.browsers[n])
        assert len(letters()) == before + waits
        if waits:
            self.pending[n].sent.append([mailed_code(), timezone.now(), 0])

    @rule(n=BROWSERS, other=BROWSERS, newest=USUALLY, right=USUALLY)
    def give_code(self, n, other, newest, right):
        """Also one of another browser, an older one, or one that was used."""
        known = self.pending[other].sent if self.pending[other] else []
        code = known[-1 if newest else 0][0] if right and known else "000000"
        answer = self.browsers[n].post(SENT, {"code": code}).status_code
        assert answer == (self.expected(n, code) if self.is_pending(n) else 303)
        if self.is_pending(n) and answer == 303:
            self.last_login, self.inside[n] = timezone.now(), True
            self.guesses.reset()

    def expected(self, n, code):
        now = timezone.now()
        live = [sent for sent in self.pending[n].sent if now - sent[1] < TEN_MINUTES]
        if not live:
            return 422
        if self.guesses.locked(now):
            return 429
        newest = live[-1]
        tries_left = newest[2] < 5
        newest[2] += tries_left
        self.guesses.charge(now)
        if tries_left and code == newest[0]:
            return 303
        if not tries_left or code in [sent[0] for sent in live]:
            self.guesses.refund()
        return 422

    @rule(n=BROWSERS)
    def sign_out(self, n):
        self.browsers[n].post("/accounts/logout/")
        if self.inside[n]:
            self.inside[n], self.pending[n] = False, None

    @rule(really=SELDOM)
    def set_new_password(self, really):
        if really:
            self.epoch += 1
            self.password = f"{PASSWORD} {self.epoch}"
            self.alice.refresh_from_db()
            self.alice.set_password(self.password)
            self.alice.save()
            self.inside = [False, False]

    @rule(seconds=SECONDS)
    def wait(self, seconds):
        self.clock.shift(seconds)

    @invariant()
    def nobody_is_in_without_a_code(self):
        for n, browser in enumerate(self.browsers):
            is_in = browser.get("/accounts/profile/").status_code == 200
            assert self.inside[n] or not is_in
            self.inside[n] = is_in  # a session may have ended by its age
            assert browser.get("/function/").status_code != 200  # it is no factor


def test_no_order_of_events_skips_the_code_that_confirms(db, clock, settings):
    settings.ROOT_URLCONF = __name__
    settings.TWOFACTOR_CODE_WITHOUT_APP = "everyone"
    Confirming.clock = clock
    run_state_machine_as_test(Confirming)
