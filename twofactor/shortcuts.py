"""What a site calls in its own views, tasks and commands."""

from twofactor.addresses import confirm_address, forget_confirmation
from twofactor.factor_changes import turn_off
from twofactor.factors.accept import Overtaken, Proof, accept_code
from twofactor.factors.enrolled import is_on as has_two_factor
from twofactor.factors.refusal import Refused
from twofactor.limits.guesses import Locked
from twofactor.sessions import epoch
from twofactor.signin.pending import after_password
from twofactor.users import TwoFactorUser, is_verified

__all__ = [
    "Locked",
    "Overtaken",
    "Proof",
    "Refused",
    "accept_code",
    "after_password",
    "confirm_address",
    "end_sessions",
    "forget_confirmation",
    "has_two_factor",
    "is_verified",
    "turn_off",
]


def end_sessions(user: TwoFactorUser) -> None:
    """Everywhere, also over the API, and trust in browsers with them."""
    epoch.end_sessions(user)
