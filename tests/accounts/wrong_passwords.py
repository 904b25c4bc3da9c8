"""Browsers that enter right and wrong passwords, from the IP addresses that a test chooses."""

from django.test import Client

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


def many_browsers(count):
    return [browser_at(f"198.51.{n // 250}.{n % 250}") for n in range(count)]


def enter_wrong_fifty_times(clients):
    for n in range(50):
        enter_wrong(clients[n % len(clients)], 1, f"p{n}@example.com")


def strangers_enter_wrong(tries):
    for client in many_browsers(tries // 4):
        enter_wrong(client, 4)
