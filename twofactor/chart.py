"""A bar chart as numbers for an inline SVG: no script, no colour; a table beside it says the same."""

from dataclasses import dataclass

WIDTH, HEIGHT, GAP = 600, 120, 2


@dataclass(frozen=True)
class Bar:
    day: str
    value: int
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    title: str
    values: dict[str, int]

    @property
    def most(self) -> int:
        return max(self.values.values(), default=0)

    @property
    def bars(self) -> list[Bar]:
        step = WIDTH / max(len(self.values), 1)
        tall = {day: value * HEIGHT / (self.most or 1) for day, value in self.values.items()}
        return [
            Bar(
                day,
                value,
                round(n * step, 1),
                round(HEIGHT - tall[day], 1),
                round(step - GAP, 1),
                round(tall[day], 1),
            )
            for n, (day, value) in enumerate(self.values.items())
        ]
