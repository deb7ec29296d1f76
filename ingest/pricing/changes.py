"""Changes: the prices of a price list that the price book does not have yet.

Past prices stay as they are. The first price of a unit is valid always. A price that differs from the price
in effect is valid from an instant on, and the earlier price applies until then. A price that a list no longer
names still applies. Rows with dates of their own keep their dates. Several rows of one price are its history,
the undated row first.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec.structs import replace

from ingest.pricing.point import PricePoint
from ingest.pricing.terms import Term

_Key = tuple[str, str, str, str, str, int, bool, str]


class Change(NamedTuple):
    """A price in the book and the price that replaces it."""

    before: PricePoint
    after: PricePoint


@dataclass(slots=True)
class Changes:
    """The points and terms to add, in this order, and counts of how the list compares with the book."""

    points: list[PricePoint] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    added: int = 0
    changed: list[Change] = field(default_factory=list)
    unchanged: int = 0
    unlisted: int = 0
    """Prices in effect that the list no longer names."""
    kept_terms: int = 0
    """Terms that were set by hand to another factor than the list's; they stay."""


def changes(
    stored: Iterable[PricePoint], listed: Iterable[PricePoint], now: int, start: int | None, *, is_whole: bool
) -> Changes:
    """The changes that a list makes to the book at the instant `now`.

    Args:
        stored: the price points of the list's sources in the book.
        listed: the price points of the list.
        now: the instant of the import (microseconds UTC).
        start: the instant from which changed prices apply, None for `now`.
        is_whole: whether the list names every model of its source. Otherwise only models named by the list
            can have prices that count as no longer listed.
    """
    before, after = _by_key(stored), _by_key(listed)
    meters = {key[:5] for key in before}
    result = Changes()
    for key, points in after.items():
        history = before.get(key, [])
        if len(points) > 1 or points[0].valid_from is not None or points[0].valid_to is not None:
            _take_history(result, history, points)
        else:
            _take(result, history, points[0], now, start, is_new=key[:5] not in meters)
    models = {key[:3] for key in after}
    result.unlisted = sum(
        1
        for key, points in before.items()
        if key not in after and (is_whole or key[:3] in models) and _has_price(points, now)
    )
    return result


def term_changes(
    result: Changes,
    stored: Sequence[Term],
    listed: Iterable[Term],
    origins: Iterable[str],
    now: int,
    start: int | None,
) -> None:
    """Add a list's terms to its changes. `origins` are the editions that the source's prices come from."""
    editions = frozenset(origins)
    by_calls: dict[tuple[str | None, ...], list[Term]] = defaultdict(list)
    for term in stored:
        by_calls[term.scope].append(term)
    for term in listed:
        history = by_calls[term.scope]
        current = max(
            (term for term in history if term.covers(now)), key=lambda term: term.precedence, default=None
        )
        if current is None:
            result.terms.append(
                replace(term, valid_from=(now if start is None else start) if history else None)
            )
        elif current.factor != term.factor and current.origin in editions:
            result.terms.append(replace(term, valid_from=now if start is None else start))
        elif current.factor != term.factor:
            result.kept_terms += 1


def _take(
    result: Changes,
    history: Sequence[PricePoint],
    point: PricePoint,
    now: int,
    start: int | None,
    *,
    is_new: bool,
) -> None:
    """Take a price without dates: it applies from `start`, or always if its unit had no price before."""
    begin = now if start is None else start
    current = _in_effect(history, begin)
    if _is_same(current, point) and (begin > now or _is_same(_in_effect(history, now), point)):
        result.unchanged += 1
    elif is_new:
        result.points.append(point)
        result.added += 1
    else:
        _add_change(result, current or _in_effect(history, now), replace(point, valid_from=begin))


def _take_history(result: Changes, history: Sequence[PricePoint], points: Sequence[PricePoint]) -> None:
    """Take prices with dates.

    All prices from the first difference on are added: the point added last applies.
    """
    ordered = sorted(points, key=lambda point: (point.valid_from is not None, point.valid_from or 0))
    points_before = [_in_effect(history, at) for at in _instants(ordered)]
    unchanged = [
        _is_same(point_before, point) and point_before is not None and point_before.valid_to == point.valid_to
        for point_before, point in zip(points_before, ordered, strict=True)
    ]
    first = unchanged.index(False) if False in unchanged else len(unchanged)
    result.unchanged += sum(unchanged)
    for index in range(first, len(ordered)):
        if unchanged[index]:
            result.points.append(ordered[index])
        else:
            _add_change(result, points_before[index], ordered[index])


def _instants(points: Sequence[PricePoint]) -> Iterator[int]:
    """For each point of a history, an instant that only this point covers."""
    first = next((point.valid_from for point in points if point.valid_from is not None), None)
    for point in points:
        if point.valid_from is not None:
            yield point.valid_from
        else:
            edges = [edge for edge in (first, point.valid_to) if edge is not None]
            yield min(edges) - 1


def _add_change(result: Changes, current: PricePoint | None, point: PricePoint) -> None:
    result.points.append(point)
    if current is None:
        result.added += 1
    else:
        result.changed.append(Change(current, point))


def _by_key(points: Iterable[PricePoint]) -> dict[_Key, list[PricePoint]]:
    """The points by the unit that they price."""
    by_key: dict[_Key, list[PricePoint]] = defaultdict(list)
    for point in points:
        key = (
            point.source,
            point.provider,
            point.model,
            point.service_tier,
            point.meter,
            point.above,
            point.marginal,
            point.hours,
        )
        by_key[key].append(point)
    return by_key


def _in_effect(history: Iterable[PricePoint], at: int) -> PricePoint | None:
    """The point that applies at an instant; None where there is none, or it was withdrawn."""
    covering = (point for point in history if point.covers(at))
    latest = max(covering, key=lambda point: (point.added_at, point.number), default=None)
    return latest if latest is not None and latest.price is not None else None


def _has_price(history: Iterable[PricePoint], at: int) -> bool:
    return _in_effect(history, at) is not None


def _is_same(current: PricePoint | None, point: PricePoint) -> bool:
    """Whether two points give the same price for one unit."""
    return (
        current is not None
        and current.price is not None
        and point.price is not None
        and current.price * point.per == point.price * current.per
        and (current.least, current.currency) == (point.least, point.currency)
    )
