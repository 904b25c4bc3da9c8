import pytest

from tests.people import enrol
from tests.twofactor.recovery.walk import shut_mailed_codes


@pytest.fixture
def phone(alice):
    """Alice's, who has set a new password since she gave a code: no code goes out by email."""
    phone = enrol(alice)
    shut_mailed_codes(alice)
    return phone
