"""What people do on the site. Everything is found by role, label or text, as people find it."""

import re
from datetime import timedelta

from django.conf import settings
from django.core import mail
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from tests import people
from twofactor.factors import totp
from twofactor.models import Authenticator, TokenFamily, TrustedBrowser
from twofactor.outgoing.outbox import send_due
from twofactor.sessions import SessionStore, epoch
from twofactor.signin.session import STEP_UP_AT

ALICE = "alice@example.com"
NEW_PASSWORD = "a loud yellow mountain"
CHROME_ON_IPHONE = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "CriOS/142.0.7444.77 Mobile/15E148 Safari/604.1"
)
KEY_PATTERN = re.compile(r"^[A-Z2-7]{32}$")


class Phone(people.Phone):
    """Returns another code at each call, because the site accepts a code once."""

    shown = 0

    def code(self):
        self.shown = max(self.shown + 1, totp.step_at(timezone.now()))
        return totp.code_at(self.key, self.shown)

    def wrong_code(self):
        return totp.code_at(self.key, totp.step_at(timezone.now()) + 1000)


def create_alice(**fields):
    return people.person(ALICE, **{"name": "Alice", **fields})


def enrol(user, codes=None):
    return Phone(people.enrol(user, codes).key)


def add_trusted_browsers(user):
    now = timezone.now()
    for minutes, label in enumerate(["Firefox on Windows", "Safari on iPhone"], 1):
        TrustedBrowser.objects.create(
            user=user,
            digest=label,
            session_hash=epoch.auth_hash(user),
            browser=label,
            began_at=now,
            last_used_at=now - timedelta(minutes=minutes),
            expires_at=now + timedelta(days=30),
        )


def add_devices(user, phone):
    """A session on a telephone, a program, and two trusted browsers that are not signed in."""
    telephone = Client(SERVER_NAME="localhost", headers={"User-Agent": CHROME_ON_IPHONE})
    people.give_password(telephone, user.email)
    telephone.post("/two-factor/verify/", {"code": people.Phone(phone.key).code()})
    Authenticator.objects.filter(user=user).update(last_step=0)
    now = timezone.now()
    TokenFamily.objects.create(
        user=user,
        digest="0",
        session_hash=epoch.auth_hash(user),
        method="totp",
        browser="OkHttp 4",
        ip_address="203.0.113.9",
        began_at=now,
        last_used_at=now - timedelta(seconds=10),  # after the telephone in the list
        expires_at=now + timedelta(hours=1),
    )
    add_trusted_browsers(user)


def open_session(context, user, phone=None, *, stepped_up=False):
    """Signs in with Django's test client, which is quicker, and copies the cookies to this browser.

    As if that had been a while ago, unless `stepped_up`: so that password and code are asked for again.
    """
    client = Client(SERVER_NAME="localhost")
    people.give_password(client, user.email)
    if phone:
        client.post("/two-factor/verify/", {"code": people.Phone(phone.key).code()})
        Authenticator.objects.filter(user=user).update(last_step=0)
        if not stepped_up:
            end_step_up(client.session)
    context.add_cookies(
        [
            {"name": name, "value": cookie.value, "url": settings.TWOFACTOR_BASE_URL, "httpOnly": True}
            for name, cookie in client.cookies.items()
        ]
    )


def end_step_up(session):
    session.pop(STEP_UP_AT)
    session.save()


def session_of(page):
    cookies = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    return SessionStore(cookies[settings.SESSION_COOKIE_NAME])


def expect_heading(page, heading):
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def press(page, name):
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


def follow(page, name):
    page.get_by_role("main").get_by_role("link", name=name).click()


def open_whole_page(page, name):
    """Of a link that htmx would answer with a form in its row."""
    page.goto(page.get_by_role("main").get_by_role("link", name=name).get_attribute("href"))


def enter_password(page, email=ALICE, path="/accounts/login/", password=people.PASSWORD):
    page.goto(path)
    submit_sign_in_form(page, email, password)


def submit_sign_in_form(page, email=ALICE, password=people.PASSWORD):
    page.get_by_label("Email address").fill(email)
    page.get_by_label("Password").fill(password)
    press(page, "Sign in")


def enter_code(page, code, button="Sign in"):
    page.get_by_label(re.compile("^((6-digit|Backup) code|Code)")).fill(code)
    press(page, button)


def confirm_identity(page, phone):
    """On the step-up page."""
    expect_heading(page, "Confirm it's you")
    page.get_by_label("Password").fill(people.PASSWORD)
    enter_code(page, phone.code(), "Confirm")


def start_setup(page):
    page.goto("/two-factor/")
    follow(page, "Set up two-factor authentication")
    expect_heading(page, "Scan the QR code")
    return Phone(shown_key(page))


def shown_key(page):
    return page.get_by_role("main").get_by_text(KEY_PATTERN).text_content()


def continue_to_backup_codes(page, phone):
    follow(page, "Continue")
    expect_heading(page, "Enter the code from your app")
    enter_code(page, phone.code(), "Continue")
    expect_heading(page, "Save your backup codes")


def shown_codes(page):
    return page.get_by_role("main").get_by_role("listitem").all_text_contents()


def finish_setup(page):
    page.get_by_label("I've saved my backup codes").check()
    press(page, "Finish and turn on")
    expect_heading(page, "Security")


def set_up(page):
    """Begins and ends on the security settings."""
    phone = start_setup(page)
    continue_to_backup_codes(page, phone)
    finish_setup(page)
    return phone


def sign_out(page, user):
    page.get_by_role("navigation", name="Account").get_by_text(user.get_short_name()).click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect_heading(page, "Sign in")


def expect_announcement(page, text):
    """After a swap a screen reader reads the status region out. A whole page has the message in its text."""
    expect(page.get_by_role("status")).to_have_text(text)


def count_announcements(page):
    """Returns the status region, whose data-told counts from now on how often its text has changed."""
    region = page.get_by_role("status")
    region.evaluate(
        """region => new MutationObserver(() => {
          if (region.textContent) region.dataset.told = Number(region.dataset.told ?? 0) + 1;
        }).observe(region, { childList: true })"""
    )
    return region


def bring_to_front(page):
    """As if someone had switched to this tab."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def history_length(page):
    return page.evaluate("history.length")


def fill_new_password(page, once, again=None):
    page.get_by_label("New password", exact=True).fill(once)
    page.get_by_label("New password confirmation").fill(again or once)


def mailed_link():
    send_due()
    return re.search(r"http://\S+", mail.outbox[-1].body).group()


def mailed_code():
    """From the newest mail with a code: mails about events may come later."""
    send_due()
    found = [re.match(r"\d{6}", letter.body) for letter in mail.outbox]
    return [code.group() for code in found if code][-1]


def record_posts(page):
    sent = []
    page.on("request", lambda asked: sent.append(asked.url) if asked.method == "POST" else None)
    return sent
