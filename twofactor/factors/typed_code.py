"""What the module of each kind of code makes of the text that someone typed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from twofactor.factors.refusal import Replayed
from twofactor.models import Authenticator


@dataclass(frozen=True)
class Match:
    """The row that a right code belongs to."""

    spend: Callable[[datetime], bool] = field(repr=False)
    """Spends the code with one UPDATE, and says whether it did: False if another request was faster."""

    app: Authenticator | None = None
    """Whose code it is, if it is one of an authenticator app."""

    replayed: Callable[[], Replayed] = field(default=Replayed, repr=False)
    """What to raise if the code could not be spent, because another request was faster."""

    codes_left: int = 0
    """How many backup codes are left once it is spent, if it is one."""


@dataclass(frozen=True)
class TypedCode:
    """What someone typed, read as a code of one kind."""

    method: str
    """Its name in sessions, tokens and the audit log (methods.py)."""

    find: Callable[[datetime], Match | None] = field(repr=False)
    """Returns None for a wrong code. Raises Refused, or Replayed, when nothing was guessed."""

    wrong: list[str]
    """The problem, then advice, whichever code is wrong: advice for some would say when they are right."""

    notice: str = ""
    """The event by which the person is told that such a code was used, if they are told."""

    address: str = ""
    """The email address that it was sent to, if entering it may confirm that one."""

    is_compared_at_once: bool = False
    """Does find() take microseconds and write nothing? Then the guess is charged in the same transaction."""
