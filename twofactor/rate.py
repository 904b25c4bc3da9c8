"""So many in a second, minute, hour or day, as in 10/minute."""

from datetime import timedelta

SECONDS = {"second": 1, "minute": 60, "hour": 60 * 60, "day": 24 * 60 * 60}


def parsed(value: str) -> tuple[int, timedelta]:
    count, _, span = value.partition("/")
    if span not in SECONDS or not count.isascii() or not count.isdecimal() or not 0 < int(count) < 10_000:
        raise ValueError(value)
    return int(count), timedelta(seconds=SECONDS[span])
