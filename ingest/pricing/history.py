"""History: the prices of one model over all time, as stretches of time with the same prices.

Stretches are half-open and adjacent: each ends where the next starts, the first has no start, the last no
end. They describe calls in the lowest context band and of no team. Where prices differ by hours of the week,
a stretch has the prices that apply at its start.
"""

from collections.abc import Iterator
from itertools import groupby
from typing import NamedTuple

from ingest.pricing.book import Book
from ingest.pricing.rates import PriceSet, Unpriced


class Stretch(NamedTuple):
    """A stretch of time (microseconds UTC, None for open) in which the same prices apply."""

    start: int | None
    end: int | None
    prices: PriceSet | Unpriced

    def covers(self, at: int) -> bool:
        """Whether the stretch contains an instant."""
        return (self.start is None or self.start <= at) and (self.end is None or at < self.end)


def history(book: Book, provider: str, model: str, service_tier: str | None, now: int) -> list[Stretch]:
    """The stretches of a model's prices in a service tier.

    Where prices never change, the prices at `now` are given.
    """
    edges = book.edges(provider, model, service_tier)
    starts: list[int | None] = [None, *edges]
    first = edges[0] - 1 if edges else now
    prices = [book.find(provider, model, service_tier, first if at is None else at, 0) for at in starts]
    return list(_joined(starts, prices))


def _facts(prices: PriceSet | Unpriced) -> object:
    """The published facts in which stretches differ.

    Terms are left out: they change the charge, not the price.
    """
    return (prices.currency, prices.by_meter, prices.steps) if isinstance(prices, PriceSet) else None


def _joined(starts: list[int | None], prices: list[PriceSet | Unpriced]) -> Iterator[Stretch]:
    """The stretches, with neighbours of the same prices joined."""
    runs = [
        [place for place, _ in run]
        for _, run in groupby(enumerate(prices), lambda numbered: _facts(numbered[1]))
    ]
    for index, places in enumerate(runs):
        end = starts[runs[index + 1][0]] if index + 1 < len(runs) else None
        yield Stretch(starts[places[0]], end, prices[places[0]])
