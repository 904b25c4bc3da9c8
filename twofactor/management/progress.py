"""How far a long command is, on standard error: standard output has only its result.

On a terminal it is one line, which is written anew; elsewhere, as in a log, one line a minute. What is done
within a moment says nothing.
"""

import time
from collections.abc import Callable
from datetime import timedelta
from types import TracebackType
from typing import Any

from twofactor.clocks import format_duration

MOMENT = 2  # seconds before the first line on a terminal
ON_TERMINAL, ELSEWHERE = 0.2, 60  # seconds between two lines


class Progress:
    """Call it with how many are done, of how many."""

    def __init__(self, stream: Any, what: str, clock: Callable[[], float] = time.monotonic) -> None:
        self.stream, self.what, self.clock = stream, what, clock
        self.is_terminal = stream.isatty()
        self.began = clock()
        self.next_at = self.began + (MOMENT if self.is_terminal else ELSEWHERE)
        self.width = 0  # of the line on the terminal

    def __call__(self, done: int, total: int) -> None:
        now = self.clock()
        if now < self.next_at:
            return
        self.next_at = now + (ON_TERMINAL if self.is_terminal else ELSEWHERE)
        line = self.line(done, total, now - self.began)
        if self.is_terminal:
            self.write(f"\r{line.ljust(self.width)}")
            self.width = len(line)
        else:
            self.write(f"{line}\n")

    def line(self, done: int, total: int, seconds: float) -> str:
        rate = done / seconds
        left = f", {format_duration(timedelta(seconds=(total - done) / rate))} left" if done else ""
        speed = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
        return f"{done:,} of {total:,} {self.what}, {speed} a second{left}"

    def write(self, text: str) -> None:
        self.stream.write(text, str, "")  # as it is, without the colour of errors
        self.stream.flush()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        """The result takes the place of the line; where the command was stopped, the line stays."""
        if self.width:
            self.write("\n" if failure else f"\r{' ' * self.width}\r")
