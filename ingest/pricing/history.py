"""History: what the book says of one model's prices from its first day to its last, as stretches of time.

Stretches are half-open and meet: each ends where the next starts, the first is open at its start, the last at its end.
They are of calls in the lowest context band, of no team, and of prices as they are at the stretch's start: where prices
differ within the week, those of that hour.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from ingest.pricing.book import Book
from ingest.pricing.rates import PriceSet, Unpriced


class Stretch(NamedTuple):
    """A time (microseconds UTC, None for open) in which the same prices hold."""

    start: int | None
    end: int | None
    prices: PriceSet | Unpriced

    def covers(self, at: int) -> bool:
        """Whether it holds at an instant."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)


def history(book: Book, provider: str, model: str, service_tier: str | None, now: int) -> list[Stretch]:
    """The stretches of a model's prices in a service tier. `now` is asked about where prices never change."""
    edges = book.edges(provider, model, service_tier)
    starts: list[int | None] = [None, *edges]
    first = edges[0] - 1 if edges else now
    asked = [book.find(provider, model, service_tier, first if at is None else at, 0) for at in starts]
    return list(_joined(starts, asked))


def _facts(found: PriceSet | Unpriced) -> object:
    """What makes one price another: not the terms, which change what is charged and no published price."""
    return (found.currency, found.by_meter, found.steps) if isinstance(found, PriceSet) else None


def _joined(starts: list[int | None], asked: list[PriceSet | Unpriced]) -> Iterator[Stretch]:
    """Neighbours that say the same, as one."""
    runs = [[place for place, _ in run] for _, run in groupby(enumerate(asked), lambda one: _facts(one[1]))]
    for at, places in enumerate(runs):
        end = starts[runs[at + 1][0]] if at + 1 < len(runs) else None
        yield Stretch(starts[places[0]], end, asked[places[0]])
