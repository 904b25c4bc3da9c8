"""A wrong password takes as long for one name as for another, wherever its hash comes from."""

import time

import pytest
from django.contrib.auth.hashers import make_password
from django.test import Client

from accounts import passwords
from accounts.models import User
from tests.people import PASSWORD, give_password, person, signed_in_as

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("real_hasher", "cleared_hash_cache")]
ITERATIONS = 600_000
ROUNDS = 5


@pytest.fixture
def cleared_hash_cache():
    """Clears what is cached about the hashes in the table, before the test and after it."""
    passwords.most_iterations.cache_clear()
    yield
    passwords.most_iterations.cache_clear()


def from_another_site(email, times=ITERATIONS):
    user = person(email)
    hasher = passwords.PBKDF2PasswordHasher()
    User.objects.filter(pk=user.pk).update(password=hasher.encode(PASSWORD, "somesalt", times))


@pytest.fixture
def people():
    from_another_site("moved@example.com")
    from_another_site("moved.long.ago@example.com", ITERATIONS // 2)
    person("native@example.com")
    person("deactivated@example.com", is_active=False)
    User.objects.create(email="invited@example.com", password=make_password(None))


def seconds(name, round):
    """CPU time of this thread only, so that other processes do not count."""
    browser = Client(REMOTE_ADDR=f"192.0.2.{round + 1}")
    began = time.thread_time()
    browser.post("/accounts/login/", {"username": f"{name}@example.com", "password": "wrong"})
    return time.thread_time() - began


NAMES = ["moved", "moved.long.ago", "native", "deactivated", "invited", "unknown"]


@pytest.mark.long
@pytest.mark.proves("V-22")
def test_a_wrong_password_takes_as_long_for_everyone(people):
    """The lowest of several measurements, because other load can only make them higher."""
    seconds("unknown", ROUNDS)
    taken = [[seconds(name, n) for name in NAMES] for n in range(ROUNDS)]
    least = [min(column) for column in zip(*taken, strict=True)]
    assert max(least) < 1.1 * min(least), dict(zip(NAMES, least, strict=True))


def test_where_nobody_came_from_another_site_nothing_is_added():
    person("native@example.com")
    seconds("unknown", 0)
    assert passwords.most_iterations.cache_info().currsize == 1
    assert seconds("unknown", 1) < 0.3


def test_the_dearest_of_all_hashes_counts(people):
    from_another_site("newest@example.com", 1_500_000)
    assert passwords.most_iterations(0) == 1_500_000


@pytest.mark.parametrize(
    "encoded", ["", "!x", "pbkdf2_sha256$", "pbkdf2_sha256$many$salt$hash", "argon2$argon2id$v=19"]
)
def test_what_is_no_such_hash_has_no_iterations(encoded):
    assert passwords.iterations(encoded) == 0


def test_a_right_password_makes_a_hash_of_ours_of_it(people, client):
    give_password(client, "moved@example.com")
    assert signed_in_as(client).password.startswith("argon2$")
