"""Run work that may hang, without making a page wait for it."""

import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TookTooLong
from typing import TypeVar

__all__ = ["PAGE_SECONDS", "TookTooLong", "run_in_background", "run_within"]

PAGE_SECONDS = 5.5  # for a mail server or a gateway: the page that waits for it has to answer within six

T = TypeVar("T")


def run_within(seconds: float, work: Callable[[], T]) -> T:
    """Return what the work returns, or raise TookTooLong.

    In a thread of its own, because a server that sends one byte at a time never reaches a socket's timeout.
    """
    done: Future[T] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as failure:
            done.set_exception(failure)

    run_in_background(run)
    return done.result(seconds)


def run_in_background(work: Callable[[], object], name: str | None = None) -> None:
    try:
        threading.Thread(target=work, name=name, daemon=True).start()
    except RuntimeError:  # since Python 3.12 no thread can start when the process is about to end
        work()
