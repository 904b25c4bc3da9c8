"""What is compared: where each app has its pages, what its forms are called, and how someone is enrolled.

Nothing here imports Django before it is needed: a process that asks over HTTP needs the addresses only.
"""

import re
import secrets
from base64 import b32decode
from dataclasses import dataclass, field

import pyotp

from tests.machinery.bench.browser import Unexpected

PASSWORD = "correct horse battery"
KEY = re.compile(rb"\b[A-Z2-7]{32}\b")
DIGITS = re.compile(rb"\b\d{5}-\d{5}\b")  # a backup code of django-mfa3
CODES = 10


@dataclass
class Person:
    name: str
    key: str = ""
    codes: list[str] = field(default_factory=list)

    def code(self, now):
        return pyotp.HOTP(self.key).at(int(now) // 30)


def new_person(name):
    """Ten hexadecimal digits are a backup code everywhere but with us, who have fifteen characters."""
    return Person(name, pyotp.random_base32(), [secrets.token_hex(5) for _ in range(CODES)])


def key_on(answer):
    return KEY.search(answer.body)[0].decode()


class Subject:
    """As most have it: a page for the password, and a page for the code.

    Each enrols people in its own way, and sets up in its own steps: it answers with what was asked for the
    QR code, and the rest up to the backup codes.
    """

    login = "/login/"
    verify = "/code/"
    backup = "/code/"
    settings = "/settings/"
    page = "/page/"
    after_password = 302

    def credentials(self, person, password=PASSWORD):
        return {"username": person.name, "password": password}

    def entered(self, code):
        return {"code": code}

    def entered_backup(self, code):
        return self.entered(code)

    def reach_code(self, browser):
        """From the answer to the password to the page that asks for a code."""
        return [browser.get(self.verify)]

    def reach_backup(self, browser):
        return [browser.get(self.backup)]

    def after_backup(self, browser, person):
        """For subjects that want a new backup code then. This is not measured."""

    def listen(self):
        """Once, when Django is there."""

    def settle(self):
        """Waits for work that continues after the answer, so that it counts for its request."""

    def taken_for_new(self):
        return 0

    def user(self, name):
        from django.contrib.auth import get_user_model

        return get_user_model().objects.create_user(name, f"{name}@example.com", PASSWORD)

    def confirm(self, browser):
        """For subjects that ask for the password again just after it was given. This is not measured."""


class Floor(Subject):
    def enrol(self, person):
        from tests.machinery.bench.floor.models import Authenticator, BackupCode
        from tests.machinery.bench.floor.views import digest

        user = self.user(person.name)
        Authenticator.objects.create(user=user, key=person.key)
        BackupCode.objects.bulk_create(BackupCode(user=user, digest=digest(each)) for each in person.codes)

    def set_up(self, browser, now):
        qr = browser.get("/setup/")
        code = Person("", key_on(qr)).code(now())
        return [qr], [browser.post("/setup/", {"code": code}, expect=200)]


class Ours(Subject):
    login = "/accounts/login/"
    verify = "/two-factor/verify/"
    backup = "/two-factor/verify/backup/"
    settings = "/two-factor/"

    def credentials(self, person, password=PASSWORD):
        return {"username": f"{person.name}@example.com", "password": password}

    def __init__(self):
        self.has_letters = False

    def listen(self):
        """A deployment looks into the outbox when a letter was written, and at no other request."""
        from django.db.models.signals import post_save

        from twofactor.models import Letter

        post_save.connect(self.remember_letter, sender=Letter)

    def remember_letter(self, **kwargs):
        self.has_letters = True

    def settle(self):
        from twofactor.outgoing.outbox import send_due

        if self.has_letters:
            send_due()
        self.has_letters = False

    def taken_for_new(self):
        from twofactor.models import Event

        return Event.objects.filter(kind=Event.Kind.NEW_BROWSER).count()

    def user(self, name):
        from tests.people import person

        return person(f"{name}@example.com")

    def enrol(self, person):
        from tests.people import enrol
        from twofactor.factors.code_text import generate_backup_code

        person.codes = [generate_backup_code() for _ in range(CODES)]
        person.key = enrol(self.user(person.name), person.codes).key

    def set_up(self, browser, now):
        setup = self.settings + "setup/"
        qr = browser.get(setup)
        code = Person("", key_on(qr)).code(now())
        rest = [browser.get(setup + "verify/"), browser.post(setup + "verify/", {"code": code})]
        rest += [browser.get(setup + "codes/"), browser.post(setup + "codes/", {"saved": "on"})]
        return [qr], rest


class TwoFactorAuth(Subject):
    """A wizard: the password is answered with the page for the code."""

    login = verify = backup = "/account/login/"
    settings = "/account/two_factor/"
    after_password = 200

    def credentials(self, person, password=PASSWORD):
        step = {"login_view-current_step": "auth"}
        return {**step, "auth-username": person.name, "auth-password": password}

    def entered(self, code):
        return {"login_view-current_step": "token", "token-otp_token": code}

    def entered_backup(self, code):
        return {"login_view-current_step": "backup", "backup-otp_token": code}

    def reach_code(self, browser):
        return []

    def reach_backup(self, browser):
        return [browser.post(self.login, {"wizard_goto_step": "backup"}, expect=200)]

    def enrol(self, person):
        user = self.user(person.name)
        user.totpdevice_set.create(name="default", key=b32decode(person.key).hex())
        codes = user.staticdevice_set.create(name="backup").token_set
        for code in person.codes:
            codes.create(token=code)

    def set_up(self, browser, now):
        setup, codes = self.settings + "setup/", self.settings + "backup/tokens/"
        first = browser.get(setup)
        shown = browser.post(setup, {"setup_view-current_step": "welcome"}, expect=200)
        qr = [shown, browser.get(self.settings + "qrcode/")]
        code = Person("", key_on(shown)).code(now())
        typed = {"setup_view-current_step": "generator", "generator-token": code}
        rest = [first, browser.post(setup, typed), browser.get(setup + "complete/")]
        return qr, [*rest, browser.get(codes), browser.post(codes, {}), browser.get(codes)]


class Allauth(Subject):
    login = "/accounts/login/"
    verify = backup = "/accounts/2fa/authenticate/"
    settings = "/accounts/2fa/"

    def credentials(self, person, password=PASSWORD):
        return {"login": person.name, "password": password}

    def enrol(self, person):
        from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
        from allauth.mfa.totp.internal.auth import TOTP

        user = self.user(person.name)
        TOTP.activate(user, person.key)
        person.codes = RecoveryCodes.activate(user).generate_codes()

    def confirm(self, browser):
        browser.post("/accounts/reauthenticate/", {"password": PASSWORD})

    def set_up(self, browser, now):
        setup = self.settings + "totp/activate/"
        qr = browser.get(setup)
        code = Person("", key_on(qr)).code(now())
        return [qr], [browser.post(setup, {"code": code}), browser.get(self.settings + "recovery-codes/")]


class Mfa2(Subject):
    """The password is answered with the list of a person's methods.

    To set up, JavaScript asks for JSON; the QR code is drawn in the browser.
    """

    verify = "/mfa/totp/auth"
    backup = "/mfa/recovery/auth"
    settings = "/mfa/"
    after_password = 200
    codes = 5

    def entered(self, code):
        return {"otp": code}

    def entered_backup(self, code):
        return {"recovery": code}

    def reach_code(self, browser):
        return [browser.get("/mfa/goto/TOTP", expect=302), browser.get(self.verify)]

    def reach_backup(self, browser):
        return [browser.get("/mfa/goto/RECOVERY", expect=302), browser.get(self.backup)]

    def enrol(self, person):
        from django.contrib.auth.hashers import make_password
        from mfa.models import User_Keys
        from mfa.recovery import Hash, randomGen

        name, salt = self.user(person.name).get_username(), randomGen(15)
        User_Keys.objects.create(username=name, key_type="TOTP", properties={"secret_key": person.key})
        person.codes = [f"{randomGen(5)}-{randomGen(5)}" for _ in range(self.codes)]
        hashes = [make_password(code, salt, Hash.algorithm) for code in person.codes]
        properties = {"secret_keys": hashes, "salt": salt}
        User_Keys.objects.create(username=name, key_type="RECOVERY", properties=properties)

    def set_up(self, browser, now):
        qr = [browser.get("/mfa/totp/start/"), browser.get("/mfa/totp/getToken")]
        key = key_on(qr[1])
        rest = [browser.get(f"/mfa/totp/verify?key={key}&answer={Person('', key).code(now())}")]
        if rest[0].body != b"Success":
            raise Unexpected(rest[0].body.decode())
        for step in ("start", "getTokenLeft", "genTokens"):
            rest.append(browser.get(f"/mfa/recovery/{step}"))
        return qr, rest


class Mfa3(Subject):
    """There is one backup code. Who has used it is sent to make a new one."""

    verify = "/mfa/auth/TOTP/"
    backup = "/mfa/auth/recovery/"
    settings = "/mfa/"

    def enrol(self, person):
        from django.contrib.auth.hashers import make_password

        keys = self.user(person.name).mfakey_set
        person.codes = person.codes[:1]
        keys.create(method="TOTP", name="App", secret=person.key)
        keys.create(method="recovery", name="Paper", secret=make_password(person.codes[0]))

    def set_up(self, browser, now):
        qr = browser.get("/mfa/create/TOTP/")
        code = Person("", key_on(qr)).code(now())
        rest = [browser.post("/mfa/create/TOTP/", {"name": "App", "code": code}), browser.get(self.settings)]
        return [qr], [*rest, *self.new_backup(browser)[1], browser.get(self.settings)]

    def new_backup(self, browser):
        """The code, and the answers."""
        page = browser.get("/mfa/create/recovery/")
        code = DIGITS.search(page.body)[0].decode()
        return code, [page, browser.post("/mfa/create/recovery/", {"name": "Paper", "code": code})]

    def after_backup(self, browser, person):
        person.codes.append(self.new_backup(browser)[0])


SUBJECTS = {
    "floor": Floor(),
    "floor-signed": Floor(),
    "ours": Ours(),
    "two-factor-auth": TwoFactorAuth(),
    "two-factor-auth-axes": TwoFactorAuth(),
    "allauth": Allauth(),
    "allauth-shared": Allauth(),
    "mfa2": Mfa2(),
    "mfa3": Mfa3(),
}
