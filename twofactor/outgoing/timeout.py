"""Work that may hang, and a page that may not wait for it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from typing import TypeVar

__all__ = ["TookTooLong", "in_background", "within"]

T = TypeVar("T")


def within(seconds: float, work: Callable[[], T]) -> T:
    """What the work comes back with, or TookTooLong.

    In a thread of its own: a server that drips one byte at a time never runs into a socket's time-out, and
    must hold up nobody else.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as failure:
            done.set_exception(failure)

    in_background(run)
    return done.result(seconds)


def in_background(work: Callable[[], object], name: str | None = None) -> None:
    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except RuntimeError:  # Python 3.12 starts no thread once the process is about to end
        work()
