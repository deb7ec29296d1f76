"""Calls by when they came in: the ledger numbers calls in the order of their arrival.

A month's rows have the calls that its statement knows. Calls of a closed month that came in later are rows of
the month in which their correction is booked, also when their own month is opened again: no call is in the
rows of two months.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from dashboard.chargeback.corrections import booking_month
from dashboard.query.calendar import read_month

_LATEST: Final = 2**63 - 1


class Arrived(NamedTuple):
    """Calls that came in after the call `after`, the call `until` being the last of them."""

    after: int = 0
    until: int = _LATEST


Arrivals = tuple[Arrived, ...]
"""The calls of some ranges that have no call in common."""

EVERYTHING: Final[Arrivals] = (Arrived(),)


def without(arrivals: Arrivals, taken: Iterable[Arrived]) -> Arrivals:
    """The calls of `arrivals` that are not in the ranges `taken`."""
    for piece in taken:
        arrivals = tuple(
            Arrived(after, end)
            for each in arrivals
            for after, end in (
                (each.after, min(each.until, piece.after)),
                (max(each.after, piece.until), each.until),
            )
            if after < end
        )
    return arrivals


class Closing(NamedTuple):
    """A month that was closed, with the last call of its statement; None if the month was opened again."""

    month: str
    last_call: int | None


def own_calls(history: Sequence[Closing], month: str) -> Arrivals:
    """The calls of a month that are in its own rows: all but those that a later statement has booked.

    `history` is what happened to all months, in order.
    """
    closed, covered = _covered(history, month)
    return covered[month] if month in closed else _rest(covered)


def late_calls(history: Sequence[Closing], about: str, booked_in: str) -> Arrivals:
    """The late calls of the closed month `about` whose corrections are booked in the month `booked_in`."""
    closed, covered = _covered(history, about)
    if booked_in in closed:
        return covered.get(booked_in, ())
    return _rest(covered) if _books(about, booked_in, closed) else ()


def _covered(history: Sequence[Closing], about: str) -> tuple[set[str], dict[str, Arrivals]]:
    """The closed months, and which calls of the month `about` the statement of each of them has."""
    closed: set[str] = set()
    covered: dict[str, Arrivals] = {}
    for month, last_call in history:
        if last_call is None:
            closed.discard(month)
            covered.pop(month, None)
        else:
            if month == about or _books(about, month, closed):
                covered[month] = without((Arrived(0, last_call),), _pieces(covered))
            closed.add(month)
    return closed, covered


def _rest(covered: Mapping[str, Arrivals]) -> Arrivals:
    """The calls that no statement has."""
    return without(EVERYTHING, _pieces(covered))


def _pieces(covered: Mapping[str, Arrivals]) -> Iterable[Arrived]:
    return [piece for arrivals in covered.values() for piece in arrivals]


def _books(about: str, month: str, closed: set[str]) -> bool:
    """Whether the corrections of a closed month are booked in the open month `month`."""
    return about in closed and about < month and str(booking_month(read_month(about), closed)) == month
