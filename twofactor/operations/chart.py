"""A bar chart as numbers for an inline SVG: no script, no colour; a table beside it says the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

WIDTH, HEIGHT, GAP = 600, 100, 2


@dataclass(frozen=True)
class Bar:
    label: Any  # a day, or the name of a method
    value: int
    share: float  # of the longest bar, from 0 to 100
    x: float
    width: float

    @property
    def y(self) -> float:
        return round(HEIGHT - self.share, 1)


class Chart:
    def __init__(self, values: Mapping[Any, int]) -> None:
        self.most = max(values.values(), default=0)
        step = WIDTH / max(len(values), 1)
        self.bars = [
            Bar(
                label,
                value,
                share=round(value * 100 / (self.most or 1), 1),
                x=round(n * step, 1),
                width=round(step - GAP, 1),
            )
            for n, (label, value) in enumerate(values.items())
        ]

    @property
    def first(self) -> Bar:
        return self.bars[0]

    @property
    def last(self) -> Bar:
        return self.bars[-1]
