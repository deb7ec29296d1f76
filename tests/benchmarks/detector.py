"""How many planted anomalies are found in years of made-up spend, and how far off forecasts of a month are.

`python -m tests.benchmarks.detector`. A year has a weekday pattern, 3% growth a week, lognormal noise of 10%
or 25% a day, three of each kind of anomaly and one lasting step. Beside two rules people use: three standard
deviations around the mean of the last 28 days, and half off the same weekday of last week. The limits were
tuned on seeds 1 to 12; the tables are of other seeds.
"""

import argparse
import random
import statistics
import time
from calendar import monthrange
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

from dashboard.forecasting.anomaly import judge
from dashboard.forecasting.forecast import forecast
from dashboard.forecasting.seasonality import HISTORY, Day
from ingest.model.money import PICO_PER_UNIT

SEEDS = range(101, 121)
NOISES = (0.1, 0.25)
KINDS = {"x3": 3.0, "x2": 2.0, "x1.5": 1.5, "x0.5": 0.5, "x0": 0.0}
EACH = 3
"""Days of each kind that are planted in a year."""
STEP = "step x2"
SETTLED = 7
"""Days after a lasting step in which an alarm is about the step."""
FIRST = date(2025, 6, 2)
YEAR = 365
ON = (1, 5, 10, 15, 20, 25)

Rule = Callable[[Sequence[Day]], bool]


@dataclass(frozen=True)
class Year:
    """Daily spend, twelve weeks and a year of it, and what was planted in the year."""

    days: Sequence[Day]
    planted: Mapping[int, str]
    """The kind by the place of the day; a step by that of its first day."""


def year(seed: int, noise: float, *, has_anomalies: bool = True) -> Year:
    """A year that is always the same for a seed."""
    chance = random.Random(f"{seed} {noise}")
    start = chance.uniform(5, 500)
    week = [chance.uniform(0.8, 1.2) for _ in range(5)] + [chance.uniform(0.1, 0.6) for _ in range(2)]
    planted = _plant(chance) if has_anomalies else {}
    days, level = [], 1.0
    for at in range(HISTORY + YEAR):
        kind = planted.get(at)
        level *= 2 if kind == STEP else 1
        day = FIRST + timedelta(days=at)
        usual = start * 1.03 ** (at / 7) * week[day.weekday()] * level
        spent = usual * chance.lognormvariate(0, noise) * KINDS.get(kind or "", 1.0)
        days.append(Day(day, round(spent * PICO_PER_UNIT)))
    return Year(days, planted)


def _plant(chance: random.Random) -> dict[int, str]:
    kinds = [*(kind for kind in KINDS for _ in range(EACH)), STEP]
    chance.shuffle(kinds)
    places = sorted(chance.sample(range(HISTORY, HISTORY + YEAR - 11 * len(kinds)), len(kinds)))
    return {place + 11 * number: kind for number, (place, kind) in enumerate(zip(places, kinds, strict=True))}


def by_tallybook(days: Sequence[Day]) -> bool:
    """The detector."""
    verdict = judge(days)
    return verdict is not None and verdict.is_anomaly


def by_sharper_tallybook(days: Sequence[Day]) -> bool:
    """The detector with a lower limit than it has by itself."""
    verdict = judge(days, limit=Decimal("2.5"))
    return verdict is not None and verdict.is_anomaly


def by_three_deviations(days: Sequence[Day]) -> bool:
    """Outside of three standard deviations around the mean of the last 28 days."""
    values = [float(one.value) for one in days[-29:-1]]
    return abs(days[-1].value - statistics.fmean(values)) > 3 * statistics.stdev(values)


def by_last_week(days: Sequence[Day]) -> bool:
    """More than half off the same weekday of last week."""
    before = days[-8].value
    return abs(days[-1].value - before) > 0.5 * before


RULES: Mapping[str, Rule] = {
    "tallybook": by_tallybook,
    "with limit 2.5": by_sharper_tallybook,
    "3 deviations of 28 days": by_three_deviations,
    "same weekday last week, 50%": by_last_week,
}


@dataclass
class Score:
    """What a rule made of several years."""

    years: int = 0
    false_alarms: int = 0
    alarms_of_steps: int = 0
    planted: Counter[str] = field(default_factory=Counter)
    found: Counter[str] = field(default_factory=Counter)

    def add(self, of: Year, rule: Rule) -> None:
        """Count what the rule says of each day of a year."""
        self.years += 1
        self.planted.update(of.planted.values())
        (step,) = (at for at, kind in of.planted.items() if kind == STEP) if of.planted else (-HISTORY,)
        stepped = False
        for at in range(HISTORY, len(of.days)):
            if not rule(of.days[max(at - HISTORY, 0) : at + 1]):
                continue
            if step <= at < step + SETTLED:
                self.alarms_of_steps += 1
                self.found[STEP] += not stepped
                stepped = True
            elif at in of.planted:
                self.found[of.planted[at]] += 1
            else:
                self.false_alarms += 1

    @property
    def precision(self) -> float:
        """The part of what was found that was planted."""
        found = self.found.total()
        return found / (found + self.false_alarms) if found else 0.0


def score(rule: Rule, noise: float, seeds: Iterable[int], *, has_anomalies: bool = True) -> Score:
    """A rule on one year for each seed."""
    found = Score()
    for seed in seeds:
        found.add(year(seed, noise, has_anomalies=has_anomalies), rule)
    return found


def print_scores(noise: float, seeds: Sequence[int]) -> None:
    """Planted, found and missed by kind, then false alarms, for each rule."""
    scores = {name: score(rule, noise, seeds) for name, rule in RULES.items()}
    clean = {name: score(rule, noise, seeds, has_anomalies=False) for name, rule in RULES.items()}
    print(
        f"\n| noise {noise:.0%} a day, {len(seeds)} years: found / missed | planted | "
        + " | ".join(scores)
        + " |"
    )
    print("|---|---|" + "---|" * len(scores))
    for kind in (*KINDS, STEP):
        cells = [f"{one.found[kind]} / {one.planted[kind] - one.found[kind]}" for one in scores.values()]
        print(f"| {kind} | {len(seeds) * (1 if kind == STEP else EACH)} | " + " | ".join(cells) + " |")
    rows: dict[str, list[str]] = {
        "alarms in the week of a step": [f"{one.alarms_of_steps / one.years:.1f}" for one in scores.values()],
        "false alarms a year": [f"{one.false_alarms / one.years:.1f}" for one in scores.values()],
        "in a year without anomalies": [f"{one.false_alarms / one.years:.1f}" for one in clean.values()],
        "precision": [f"{one.precision:.0%}" for one in scores.values()],
    }
    for head, cells in rows.items():
        print(f"| {head} | | " + " | ".join(cells) + " |")


@dataclass(frozen=True)
class Miss:
    """How far off one forecast was, as parts of what the month came to."""

    ours: float
    run_rate: float
    is_within: bool
    """Whether the month came to something within the forecast's range."""


def misses(of: Year, on: int) -> list[Miss]:
    """Of each full month of a year: the forecast at the end of its day `on`, and used / elapsed x length."""
    found = []
    for at in range(HISTORY, len(of.days)):
        today = of.days[at].day
        length = monthrange(today.year, today.month)[1]
        first = at - today.day + 1
        if today.day != on or first + length > len(of.days):
            continue
        end = of.days[first].day + timedelta(days=length)
        actual = sum(one.value for one in of.days[first : first + length])
        made = forecast(of.days[max(first - HISTORY, 0) : at + 1], of.days[first].day, end, Fraction(0))
        assert made is not None
        naive = sum(one.value for one in of.days[first : at + 1]) / on * length
        found.append(
            Miss(abs(made.expected / actual - 1), abs(naive / actual - 1), made.low <= actual <= made.high)
        )
    return found


def print_misses(noise: float, seeds: Sequence[int]) -> None:
    """The error of forecasts by day of month, with anomalies and steps in the year and without."""
    for has_anomalies in (False, True):
        years = [year(seed, noise, has_anomalies=has_anomalies) for seed in seeds]
        kind = "with anomalies and a step" if has_anomalies else "without anomalies"
        print(
            f"\n| noise {noise:.0%} a day, {kind}: day | forecast: median | 90% | within the range | run-rate: median | 90% |"
        )
        print("|---|---|---|---|---|---|")
        for on in ON:
            found = [miss for one in years for miss in misses(one, on)]
            ours, naive = sorted(one.ours for one in found), sorted(one.run_rate for one in found)
            cells = [
                f"{errors[int(len(errors) * part)]:.1%}" for errors in (ours, naive) for part in (0.5, 0.9)
            ]
            within = sum(one.is_within for one in found) / len(found)
            print(f"| {on} | {cells[0]} | {cells[1]} | {within:.0%} | {cells[2]} | {cells[3]} |")


def main() -> None:
    """Print the tables."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument(
        "--seeds", type=int, nargs=2, default=(SEEDS.start, SEEDS.stop), metavar=("FROM", "TO")
    )
    seeds = range(*arguments.parse_args().seeds)
    for noise in NOISES:
        print_scores(noise, seeds)
    for noise in NOISES:
        print_misses(noise, seeds)
    days = year(seeds[0], NOISES[0]).days[: HISTORY + 1]
    started = time.perf_counter()
    for _ in range(100):
        judge(days)
    print(f"\none verdict: {(time.perf_counter() - started) * 10:.1f} ms")


if __name__ == "__main__":
    main()
