"""Browsers that enter right and wrong passwords, from the IP addresses that a test chooses."""

from django.test import Client
from django.utils import timezone

from accounts import password_tries
from accounts.models import PasswordTries
from tests.people import PASSWORD

LOGIN = "/accounts/login/"


def enter_password(client, password=PASSWORD, email="alice@example.com", **extra):
    return client.post(LOGIN, {"username": email, "password": password}, **extra)


def enter_wrong(client, times=1, email="alice@example.com", **extra):
    """The last of that many answers to a wrong password."""
    for _ in range(times):
        answer = enter_password(client, "wrong", email, **extra)
    return answer


def browser_at(address):
    return Client(REMOTE_ADDR=address)


def enter_wrong_fifty_times(clients):
    """Leaves the count of fifty tries from one IP address. Only ten of them are requests."""
    for n in range(10):
        enter_wrong(clients[n % len(clients)], 1, f"p{n}@example.com")
    PasswordTries.objects.filter(name_digest=password_tries.digest_of("p9@example.com")).update(count=41)


def strangers_enter_wrong(tries, email="alice@example.com"):
    """Four tries from each address, as many requests as tries."""
    for n in range(tries // 4):
        enter_wrong(browser_at(f"198.51.100.{n}"), 4, email)


def strangers_have_entered_wrong(tries, email="alice@example.com"):
    """Leaves the count that strangers_enter_wrong() leaves. Only the last try is a request."""
    row = PasswordTries.objects.create(
        name_digest=password_tries.digest_of(email, password_tries.STRANGERS),
        address=password_tries.ANYWHERE,
        count=tries - 1,
        last_at=timezone.now(),
    )
    enter_wrong(browser_at("198.51.100.1"), 1, email)
    row.refresh_from_db()
    assert row.count == tries
