import pytest


@pytest.fixture
def report(capsys):
    """Prints to the terminal, even where pytest captures the output."""

    def print_(text):
        with capsys.disabled():
            print(f"\n  {text}", end="", flush=True)

    return print_
