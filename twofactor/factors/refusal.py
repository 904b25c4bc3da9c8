"""The exceptions for a code or a change that is not accepted."""

from django.utils.translation import gettext as _


class Refused(Exception):
    """What was typed is not accepted. With `keep`, the field goes on showing it beside the sentence.

    The sentence is the problem, which our pages show in bold, and the advice after it.
    """

    def __init__(self, problem: str, advice: str = "", *, keep: bool = False) -> None:
        self.problem, self.advice, self.keep = problem, advice, keep
        self.sentence = f"{problem} {advice}" if advice else problem
        super().__init__(self.sentence)


class Wrong(Refused):
    """It was compared, and is no code of this person."""


class Replayed(Refused):
    """The code was right once: it was spent, or a newer one has taken its place."""

    def __init__(self, sentence: str = "", *, was_spent: bool = True) -> None:
        super().__init__(sentence or _("You've already used that code. Wait for a new one."))
        self.was_spent = was_spent


class Changed(Exception):
    """It was finished, cancelled or turned off in another tab, or is older than TWOFACTOR_DRAFT_AGE."""
