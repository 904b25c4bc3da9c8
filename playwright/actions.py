"""What people do at the site, said once, and found by role, label or text alone."""

import re

from django.conf import settings
from django.core import mail
from django.test import Client
from django.utils import timezone
from playwright.sync_api import expect

from tests import people
from twofactor.factors import totp
from twofactor.models import Authenticator
from twofactor.outgoing.outbox import send_due

ALICE = "alice@example.com"
BACKUP_CODES = ["ABCDEFGHJKMNPQR", "0123456789ABCDE", "ZYXWVTSRQPNMKJH"]
KEY_PATTERN = re.compile(r"^[A-Z2-7]{32}$")


class Phone(people.Phone):
    """Shows every code once, as the site accepts it once: the one of now, then the one that comes next."""

    shown = 0

    def code(self):
        self.shown = max(self.shown + 1, totp.step_at(timezone.now()))
        return totp.code_at(self.key, self.shown)

    def wrong_code(self):
        return totp.code_at(self.key, totp.step_at(timezone.now()) + 1000)


def enrol(user, codes=None):
    return Phone(people.enrol(user, codes).key)


def open_session(context, user, phone=None):
    """A session for this browser, made without walking through the sign-in again."""
    client = Client(SERVER_NAME="127.0.0.1")
    people.give_password(client, user.email)
    if phone:
        client.post("/two-factor/verify/", {"code": people.Phone(phone.key).code()})
        Authenticator.objects.filter(pk=user.pk).update(last_step=0)
    context.add_cookies(
        [
            {"name": name, "value": cookie.value, "url": settings.BASE_URL, "httpOnly": True}
            for name, cookie in client.cookies.items()
        ]
    )


def expect_heading(page, heading):
    expect(page.get_by_role("heading", level=1)).to_have_text(heading)


def press(page, name):
    page.get_by_role("main").get_by_role("button", name=name, exact=True).click()


def follow(page, name):
    page.get_by_role("main").get_by_role("link", name=name).click()


def enter_password(page, email=ALICE, path="/accounts/login/", password=people.PASSWORD):
    page.goto(path)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(password)
    press(page, "Sign in")


def enter_code(page, code, button="Sign in"):
    page.get_by_label(re.compile("^Enter (the|a backup) code")).fill(code)
    press(page, button)


def confirm_identity(page, phone):
    """The step-up page."""
    expect_heading(page, "Confirm it is you")
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
    page.get_by_label("I have saved my backup codes").check()
    press(page, "Finish and turn on")
    expect_heading(page, "Security")


def set_up(page):
    """From the settings to the settings."""
    phone = start_setup(page)
    continue_to_backup_codes(page, phone)
    finish_setup(page)
    return phone


def sign_out(page, user):
    page.get_by_role("navigation", name="Account").get_by_text(user.get_short_name()).click()
    page.get_by_role("button", name="Sign out", exact=True).click()
    expect_heading(page, "Sign in")


def expect_announcement(page, text):
    """What a screen reader says after a swap; a whole page tells it in its text."""
    expect(page.get_by_role("status")).to_have_text(text)


def count_announcements(page):
    """The status region, which from now on keeps the count in data-told."""
    region = page.get_by_role("status")
    region.evaluate(
        """region => new MutationObserver(() => {
          if (region.textContent) region.dataset.told = Number(region.dataset.told ?? 0) + 1;
        }).observe(region, { childList: true })"""
    )
    return region


def bring_to_front(page):
    """The tab comes to the front."""
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
    """In the newest letter that has one: letters about events come at any time."""
    send_due()
    found = [re.match(r"\d{6}", letter.body) for letter in mail.outbox]
    return [code.group() for code in found if code][-1]


def record_posts(page):
    sent = []
    page.on("request", lambda asked: sent.append(asked.url) if asked.method == "POST" else None)
    return sent
