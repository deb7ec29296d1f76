"""Changes: what a price list says that the price book does not yet.

The past does not move by itself. What a source had no price of is taken as always valid. A price that differs from the
one in effect is valid from an instant on, and the one before stands until then. What a list no longer names stands too.
Rows with dates of their own are taken at their word; several rows of one price are its history, the undated one first.
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
    """A price in the book, and what stands in its place."""

    before: PricePoint
    after: PricePoint


@dataclass(slots=True)
class Changes:
    """What to add, in this order, and how it came about."""

    points: list[PricePoint] = field(default_factory=list)
    terms: list[Term] = field(default_factory=list)
    added: int = 0
    changed: list[Change] = field(default_factory=list)
    unchanged: int = 0
    unlisted: int = 0
    """Prices in effect that the list no longer names."""
    kept_terms: int = 0
    """Terms that somebody set otherwise than the list: they stand."""


def changes(
    known: Iterable[PricePoint], listed: Iterable[PricePoint], now: int, start: int | None, *, is_whole: bool
) -> Changes:
    """The changes that a list makes at the instant `now`.

    Args:
        known: the price points of the list's sources.
        listed: those of the list.
        now: when it is taken in (microseconds UTC).
        start: from when changed prices hold, None for `now`.
        is_whole: whether the list names all that its source knows. Else only its own models count as unlisted.
    """
    before, after = _by_key(known), _by_key(listed)
    meters = {key[:5] for key in before}
    found = Changes()
    for key, points in after.items():
        history = before.get(key, [])
        if len(points) > 1 or points[0].valid_from is not None or points[0].valid_to is not None:
            _take_history(found, history, points)
        else:
            _take(found, history, points[0], now, start, is_new=key[:5] not in meters)
    models = {key[:3] for key in after}
    found.unlisted = sum(
        1
        for key, points in before.items()
        if key not in after and (is_whole or key[:3] in models) and _is_in_effect(points, now)
    )
    return found


def term_changes(
    found: Changes,
    known: Sequence[Term],
    listed: Iterable[Term],
    origins: Iterable[str],
    now: int,
    start: int | None,
) -> None:
    """Add what a list says of factors to its changes. `origins` are the editions that the source's prices are from."""
    editions = frozenset(origins)
    by_calls: dict[tuple[str | None, ...], list[Term]] = defaultdict(list)
    for term in known:
        by_calls[_calls(term)].append(term)
    for term in listed:
        history = by_calls[_calls(term)]
        held = max((one for one in history if one.covers(now)), key=lambda one: one.precedence, default=None)
        if held is None:
            found.terms.append(
                replace(term, valid_from=(now if start is None else start) if history else None)
            )
        elif held.factor != term.factor and held.origin in editions:
            found.terms.append(replace(term, valid_from=now if start is None else start))
        elif held.factor != term.factor:
            found.kept_terms += 1


def _take(
    found: Changes,
    history: Sequence[PricePoint],
    point: PricePoint,
    now: int,
    start: int | None,
    *,
    is_new: bool,
) -> None:
    """A price without dates: it holds now."""
    begin = now if start is None else start
    held = _in_effect(history, begin)
    if _is_same(held, point) and (begin > now or _is_same(_in_effect(history, now), point)):
        found.unchanged += 1
    elif is_new:
        found.points.append(point)
        found.added += 1
    else:
        _put(found, held or _in_effect(history, now), replace(point, valid_from=begin))


def _take_history(found: Changes, history: Sequence[PricePoint], points: Sequence[PricePoint]) -> None:
    """Prices with dates. From the first that differs on all are added again: what is added last is the price."""
    ordered = sorted(points, key=lambda one: (one.valid_from is not None, one.valid_from or 0))
    told = [_in_effect(history, at) for at in _instants(ordered)]
    same = [
        _is_same(held, point) and held is not None and held.valid_to == point.valid_to
        for held, point in zip(told, ordered, strict=True)
    ]
    first = same.index(False) if False in same else len(same)
    found.unchanged += sum(same)
    for index in range(first, len(ordered)):
        if same[index]:
            found.points.append(ordered[index])
        else:
            _put(found, told[index], ordered[index])


def _instants(points: Sequence[PricePoint]) -> Iterator[int]:
    """An instant of each point of a history, at which nothing but itself is meant."""
    first = next((one.valid_from for one in points if one.valid_from is not None), None)
    for point in points:
        if point.valid_from is not None:
            yield point.valid_from
        else:
            edges = [edge for edge in (first, point.valid_to) if edge is not None]
            yield min(edges) - 1


def _put(found: Changes, held: PricePoint | None, point: PricePoint) -> None:
    found.points.append(point)
    if held is None:
        found.added += 1
    else:
        found.changed.append(Change(held, point))


def _by_key(points: Iterable[PricePoint]) -> dict[_Key, list[PricePoint]]:
    """Points by what they are the price of."""
    by_key: dict[_Key, list[PricePoint]] = defaultdict(list)
    for one in points:
        key = (
            one.source,
            one.provider,
            one.model,
            one.service_tier,
            one.meter,
            one.above,
            one.marginal,
            one.hours,
        )
        by_key[key].append(one)
    return by_key


def _in_effect(history: Iterable[PricePoint], at: int) -> PricePoint | None:
    """The point that is the price at an instant; None where there is none, or it was taken back."""
    covering = (one for one in history if one.covers(at))
    held = max(covering, key=lambda one: (one.added_at, one.number), default=None)
    return held if held is not None and held.price is not None else None


def _is_in_effect(history: Iterable[PricePoint], at: int) -> bool:
    return _in_effect(history, at) is not None


def _is_same(held: PricePoint | None, point: PricePoint) -> bool:
    """Whether two points say the same of one unit."""
    return (
        held is not None
        and held.price is not None
        and point.price is not None
        and held.price * point.per == point.price * held.per
        and (held.least, held.currency) == (point.least, point.currency)
    )


def _calls(term: Term) -> tuple[str | None, ...]:
    return term.kind, term.provider, term.model, term.region, term.team, term.customer
