"""Forms that take a code, and how many wrong codes have been counted."""

from tests.people import PASSWORD, client_after_password
from twofactor.models import GuessBudget


def enter_code(client, code, path="/two-factor/verify/", **data):
    return client.post(path, {"code": code, **data})


def enter_password_and_code(client, path, code, password=PASSWORD, **data):
    return client.post(path, {"password": password, "code": code, **data})


def step_up(client, phone):
    """Give password and code again, on the page for that."""
    return enter_password_and_code(client, "/two-factor/confirm/", phone.code())


def counted_failures():
    return GuessBudget.objects.get().failures


def enter_wrong_code_elsewhere():
    """Enter a wrong code in another browser, after Alice's password."""
    enter_code(client_after_password(), "000000")
