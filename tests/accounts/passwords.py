"""What a person does about a password; and a hasher that counts."""

from django.contrib.auth.hashers import MD5PasswordHasher
from django.test import Client

from tests.accounts.letters import letters, link

NEW = "a quiet green harbour"


class CountingHasher(MD5PasswordHasher):
    """For settings.PASSWORD_HASHERS: counts how many passwords are hashed."""

    hashed = 0

    def encode(self, password, salt):
        CountingHasher.hashed += 1
        return super().encode(password, salt)


def ask_for_link(client, email="alice@example.com"):
    """Asks for a link by email, and sends the email at once."""
    answer = client.post("/accounts/password_reset/", {"email": email})
    letters()
    return answer


def choose_password(client, path, password=NEW, again=None):
    """Open the link, which moves its token into the session, and send the form behind it."""
    form = client.get(path)
    return client.post(
        form.get("Location", path),
        {"new_password1": password, "new_password2": password if again is None else again},
    )


def reset_password(client, email="alice@example.com"):
    ask_for_link(client, email)
    return choose_password(client, link())


def can_sign_in_with(password, email="alice@example.com"):
    return Client().post("/accounts/login/", {"username": email, "password": password}).status_code == 303
