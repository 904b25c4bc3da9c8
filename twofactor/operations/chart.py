"""The numbers of a bar chart that the template draws as inline SVG. A table beside it has the same data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, GAP = 600, 100, 2


@dataclass(frozen=True)
class Bar:
    label: Any  # a date, or the name of a method
    value: int
    height: float  # the highest bar has 100
    x: float
    width: float

    @property
    def y(self) -> float:
        return round(HEIGHT - self.height, 1)


class Chart:
    def __init__(self, values: Mapping[Any, int]) -> None:
        self.highest = max(values.values(), default=0)
        step = WIDTH / max(len(values), 1)
        self.bars = [
            Bar(
                label,
                value,
                height=round(value * 100 / (self.highest or 1), 1),
                x=round(position * step, 1),
                width=round(step - GAP, 1),
            )
            for position, (label, value) in enumerate(values.items())
        ]

    @property
    def first(self) -> Bar:
        return self.bars[0]

    @property
    def last(self) -> Bar:
        return self.bars[-1]
