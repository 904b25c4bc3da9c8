"""Waits until a condition is true, and measures how long something takes."""

import time


def wait_until(is_true, what, seconds=30.0, every=0.02):
    """What it came to; every look is at least as long apart as a process needs to get on."""
    end = time.monotonic() + seconds
    while not (found := is_true()):
        if time.monotonic() > end:
            raise TimeoutError(f"after {seconds} seconds it is still not true that {what}")
        time.sleep(every)
    return found


def seconds_of(action, *arguments):
    """On this machine, right now. A kill every half second would let a busy machine finish nothing."""
    began = time.monotonic()
    action(*arguments)
    return time.monotonic() - began
