import pytest

from tests.accounts.wrong_passwords import browser_at, enter_password


@pytest.fixture
def known_browser(alice):
    """A browser that Alice has signed in with before, from home."""
    client = browser_at("192.0.2.1")
    enter_password(client)
    client.post("/accounts/logout/")
    return client
