class Refused(Exception):
    """What was typed is not accepted: the sentence for the person, and whether it is worth keeping."""

    def __init__(self, sentence: str, *, keep: bool = False) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.keep = keep
