"""Exchange rates: what one currency is worth in another on a day. Pure; `dashboard.exchange_rates.store` keeps them.

The rate of a day is the one quoted for it, or the last one quoted at most seven days before: banks quote none on
weekends and holidays. A pair that nobody quotes goes through a currency that both are quoted with, as in the European
Central Bank's table, where everything is quoted for one euro. Rates are fractions and nothing is rounded here; no rate is
an error with a name, never 1.
"""

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from typing import Final, NamedTuple

from ingest.model.zone import date_of

LONGEST_GAP: Final = 7
"""Days that a rate stands for when none is quoted."""


class NoRate(LookupError):
    """A pair of currencies that has no rate on a day."""

    def __init__(self, base: str, quote: str, day: int) -> None:
        self.base, self.quote, self.day = base, quote, day
        super().__init__(
            f"no rate from {base} to {quote} on {date_of(day)} or in the {LONGEST_GAP} days before; "
            f"add one with `tallybook rates set {base} {quote} RATE --date {date_of(day)}` "
            "or a table with `tallybook rates import FILE`"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """One unit of `base` is worth `rate` units of `quote` on a day."""

    base: str
    quote: str
    day: int
    rate: Decimal
    source: str = ""
    recorded_at: int = 0
    recorded_by: str = ""
    number: int = 0


class Found(NamedTuple):
    """A rate, the day that it was quoted for (the earlier one of two), and who quoted it."""

    rate: Fraction
    day: int
    source: str


class Rates:
    """All quotes, asked by pair and day. Of those of one pair and day the one recorded last counts."""

    def __init__(self, quotes: Iterable[Quote]) -> None:
        by_pair: dict[tuple[str, str], dict[int, Quote]] = {}
        for one in sorted(quotes, key=lambda quote: (quote.recorded_at, quote.number)):
            by_pair.setdefault((one.base, one.quote), {})[one.day] = one
        self._quotes = {pair: sorted(held.items()) for pair, held in by_pair.items()}
        self._neighbours: dict[str, set[str]] = {}
        for base, quote in self._quotes:
            self._neighbours.setdefault(base, set()).add(quote)
            self._neighbours.setdefault(quote, set()).add(base)
        self.find = lru_cache(maxsize=10_000)(self._find)

    def _find(self, base: str, quote: str, day: int) -> Found:
        """What one unit of `base` is worth in `quote` on a day.

        Raises:
            NoRate: nobody has quoted it.
        """
        if base == quote:
            return Found(Fraction(1), day, "")
        found = self._direct(base, quote, day) or self._through(base, quote, day)
        if found is None:
            raise NoRate(base, quote, day)
        return found

    def _direct(self, base: str, quote: str, day: int) -> Found | None:
        """The pair as it is quoted, either way round; the later quote where both are."""
        straight, turned = self._last(base, quote, day), self._last(quote, base, day)
        if turned is None or (straight is not None and straight.day >= turned.day):
            return straight
        return Found(1 / turned.rate, turned.day, turned.source)

    def _last(self, base: str, quote: str, day: int) -> Found | None:
        held = self._quotes.get((base, quote), [])
        at = bisect_right(held, day, key=lambda item: item[0]) - 1
        if at < 0 or day - held[at][0] > LONGEST_GAP:
            return None
        one = held[at][1]
        return Found(Fraction(one.rate), one.day, one.source)

    def _through(self, base: str, quote: str, day: int) -> Found | None:
        """By way of one other currency; of several, the one with the latest quotes, then the first by name."""
        shared = self._neighbours.get(base, set()) & self._neighbours.get(quote, set())
        crossed = [
            Found(first.rate * second.rate, min(first.day, second.day), first.source)
            for middle in sorted(shared)
            if (first := self._direct(base, middle, day)) and (second := self._direct(middle, quote, day))
        ]
        return max(crossed, key=lambda one: one.day, default=None)
