"""The sample traffic: so many calls over a period, in the order they happened, the same for the same seed."""

from collections.abc import Iterator
from itertools import accumulate
from typing import Final

from ingest.demo.calls import Caller
from ingest.demo.chance import Chance
from ingest.demo.keys import KEYS, Key
from ingest.demo.rhythms import Season
from ingest.event import UsageEvent

_HOUR: Final = 3_600_000_000
_RUNAWAY: Final = 12
"""How many times its usual traffic a key has that runs away, around the clock."""


def traffic(season: Season, events: int, seed: int) -> Iterator[UsageEvent]:
    """Exactly `events` events, hour by hour."""
    chance = Chance(seed)
    caller = Caller(seed, chance)
    hours = range(season.start, season.stop)
    volumes = [sum(_weights(season, hour)) * chance.between(0.75, 1.25) for hour in hours]
    running = list(accumulate(volumes))
    done = 0
    for hour, reached in zip(hours, running, strict=True):
        due = round(events * (reached / running[-1]))
        yield from _hour(season, hour, due - done, caller, chance)
        done = due


def _hour(season: Season, hour: int, count: int, caller: Caller, chance: Chance) -> list[UsageEvent]:
    """The `count` events of an hour, by time. A second attempt is left out where it has no room or comes too late."""
    weights = list(accumulate(_weights(season, hour)))
    moment = season.moment(hour)
    stop = season.stop * _HOUR
    made: list[UsageEvent] = []
    while len(made) < count:
        key = chance.pick(KEYS, weights)
        at = hour * _HOUR + int(_HOUR * chance.share())
        made += (one for one in caller.attempts(key, at, moment) if _when(one) < stop)
    return sorted(made[:count], key=_when)


def _when(event: UsageEvent) -> int:
    assert event.occurred_at is not None, "sample traffic is dated"
    return event.occurred_at


def _weights(season: Season, hour: int) -> list[float]:
    return [_weight(key, season, hour) for key in KEYS]


def _weight(key: Key, season: Season, hour: int) -> float:
    """How many calls a key makes in an hour, against the others and against other hours."""
    if key.runs_away and season.runs_away(hour):
        return key.share * _RUNAWAY
    return key.share * key.rhythm.at(hour) * season.growth(hour)
