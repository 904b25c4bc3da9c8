"""The table: every step of every flow, as a ratio to the floor, with its statements and bytes."""

from tests.machinery.bench.flows import FLOWS, ROWS
from tests.machinery.bench.run import NAMES, as_markdown, say, spread, started
from tests.machinery.bench.worker import PEOPLE

TIMES = 3  # flows a block


def measure(databases, turns):
    """[subject][row] is, turn by turn, what it cost: [CPU, statements, bytes, requests]."""
    with started(NAMES, databases) as subjects:
        for subject in subjects:
            subject.ask("enrol", people=PEOPLE)
            subject.ask("warm_up")
            say(f"{databases}: {subject.name} is ready")
        found = {name: {} for name in NAMES}
        for turn in range(turns + 1):
            for flow in FLOWS:
                for subject in rotated(subjects, turn):
                    for row, costs in subject.ask("block", flow=flow, times=TIMES).items():
                        found[subject.name].setdefault(row, []).append(costs)
            if turn % 5 == 0:
                say(f"{databases}: turn {turn} of {turns}")
        known_browsers_only(subjects)
    return {name: {row: costs[1:] for row, costs in rows.items()} for name, rows in found.items()}


def known_browsers_only(subjects):
    """As most people sign in: no row is to pay for a mail about a new browser."""
    for subject in subjects:
        if strange := subject.ask("taken_for_new"):
            raise RuntimeError(f"{subject.name} took {strange} browsers for new ones")


def rules(found, databases, times):
    """The cost of each security measure, relative to a whole sign-in of the floor."""
    with started(["ours"], databases) as [subject]:
        subject.ask("enrol", people=1)
        costs = subject.ask("rules", times=times)
    floor = spread([turn[0] for turn in found["floor"]["whole sign-in"]])[0]
    rows = [[rule, f"{cost / floor:.2f}", f"{cost * 1000:.1f} ms"] for rule, cost in costs.items()]
    return as_markdown([["a rule, CPU", "in whole sign-ins of the floor", "here"], *rows])


def rotated(subjects, turn):
    """The subject that is first in this turn is last in the next."""
    first = turn % len(subjects)
    return subjects[first:] + subjects[:first]


def ratios(found, name, row):
    pairs = zip(found[name][row], found["floor"][row], strict=True)
    return spread([mine[0] / floor[0] for mine, floor in pairs])


def cell(found, name, row):
    if row not in found[name]:
        return "with the above"
    middle, low, high = ratios(found, name, row)
    _, statements, size, requests = found[name][row][-1]
    parts = ["1" if name == "floor" else f"{middle:.2f} ({low:.2f}–{high:.2f})", f"{statements:.0f}q"]
    parts += [f"{size / 1000:.1f} KB"] if size else []
    parts += [f"{requests:.0f} requests"] if requests > 1 else []
    return " · ".join(parts)


def markdown(found, title):
    rows = [[row, *(cell(found, name, row) for name in NAMES)] for row in ROWS]
    return as_markdown([[title, *NAMES], *rows])
