from django.utils.translation import pgettext


class Refused(Exception):
    """What was typed is not accepted: the sentence for the person, and whether it is worth keeping."""

    def __init__(self, sentence: str, *, keep: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.keep = keep


def in_a_row(sentences: list[str]) -> str:
    """Sentences without their full stops, as each language joins them."""
    return pgettext("between two sentences", ". ").join(sentences)
