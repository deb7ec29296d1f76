"""The sample traffic: a number of events over a period, in order of time, the same for the same seed."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from dashboard.demo.calls import CallGenerator
from dashboard.demo.keys import KEYS, Key
from dashboard.demo.random_draws import RandomDraws
from dashboard.demo.schedules import Period
from ingest.model.event import UsageEvent
from ingest.model.zone import HOUR

_RUNAWAY_FACTOR: Final = 12
"""The traffic of a runaway key, around the clock, relative to its usual traffic."""


def traffic(period: Period, events: int, seed: int) -> Iterator[UsageEvent]:
    """Exactly `events` events, hour by hour."""
    draws = RandomDraws(seed)
    generator = CallGenerator(seed, draws)
    hours = range(period.start, period.stop)
    volumes = [sum(_weights(period, hour)) * draws.between(0.75, 1.25) for hour in hours]
    cumulative_volumes = list(accumulate(volumes))
    events_before = 0
    for hour, cumulative_volume in zip(hours, cumulative_volumes, strict=True):
        events_after = round(events * (cumulative_volume / cumulative_volumes[-1]))
        yield from _events_of_hour(period, hour, events_after - events_before, generator, draws)
        events_before = events_after


def _events_of_hour(
    period: Period, hour: int, count: int, generator: CallGenerator, draws: RandomDraws
) -> list[UsageEvent]:
    """The `count` events of an hour, by time. Second attempts beyond the count or the period are left out."""
    weights = list(accumulate(_weights(period, hour)))
    conditions = period.conditions(hour)
    stop = period.stop * HOUR
    made_events: list[UsageEvent] = []
    while len(made_events) < count:
        key = draws.pick(KEYS, weights)
        at = hour * HOUR + int(HOUR * draws.share())
        made_events += (event for event in generator.attempts(key, at, conditions) if _when(event) < stop)
    return sorted(made_events[:count], key=_when)


def _when(event: UsageEvent) -> int:
    assert event.occurred_at is not None, "sample traffic is dated"
    return event.occurred_at


def _weights(period: Period, hour: int) -> list[float]:
    return [_weight(key, period, hour) for key in KEYS]


def _weight(key: Key, period: Period, hour: int) -> float:
    """The calls of a key in an hour, relative to other keys and other hours."""
    if key.runs_away and period.runs_away(hour):
        return key.share * _RUNAWAY_FACTOR
    return key.share * key.schedule.at(hour) * period.growth(hour)
