"""Exchange rates: the worth of one currency in another on a day. Pure; `store` reads and writes them.

The rate of a day is the rate quoted for it, or the last rate quoted at most seven days before, because banks
quote no rates on weekends and holidays. A pair without quotes is converted through a currency that both have
quotes with, as in the European Central Bank's table, where all rates are for one euro. Rates are fractions
and nothing is rounded here. A missing rate is the error `NoRate`, never 1.
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
"""The number of days after its own for which a rate is used if no other is quoted."""


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


class Rate(NamedTuple):
    """A rate, the day it was quoted for (of two combined quotes the earlier day), and its source."""

    rate: Fraction
    day: int
    source: str


class Rates:
    """All quotes, looked up by pair and day. Of the quotes of a pair and day, the last recorded counts."""

    def __init__(self, quotes: Iterable[Quote]) -> None:
        by_pair: dict[tuple[str, str], dict[int, Quote]] = {}
        for quote in sorted(quotes, key=lambda quote: (quote.recorded_at, quote.number)):
            by_pair.setdefault((quote.base, quote.quote), {})[quote.day] = quote
        self._quotes = {pair: sorted(by_day.items()) for pair, by_day in by_pair.items()}
        self._neighbours: dict[str, set[str]] = {}
        for base, quoted in self._quotes:
            self._neighbours.setdefault(base, set()).add(quoted)
            self._neighbours.setdefault(quoted, set()).add(base)
        self.find = lru_cache(maxsize=10_000)(self._find)

    def _find(self, base: str, quote: str, day: int) -> Rate:
        """The worth of one unit of `base` in `quote` on a day.

        Raises:
            NoRate: there are no quotes for the pair.
        """
        if base == quote:
            return Rate(Fraction(1), day, "")
        rate = self._direct(base, quote, day) or self._cross(base, quote, day)
        if rate is None:
            raise NoRate(base, quote, day)
        return rate

    def _direct(self, base: str, quote: str, day: int) -> Rate | None:
        """The rate quoted for the pair in either direction; if both are quoted, the later quote's."""
        direct, inverse = self._last(base, quote, day), self._last(quote, base, day)
        if inverse is None or (direct is not None and direct.day >= inverse.day):
            return direct
        return Rate(1 / inverse.rate, inverse.day, inverse.source)

    def _last(self, base: str, quote: str, day: int) -> Rate | None:
        """The pair's last quote in this direction up to the day."""
        by_day = self._quotes.get((base, quote), [])
        at = bisect_right(by_day, day, key=lambda item: item[0]) - 1
        if at < 0 or day - by_day[at][0] > LONGEST_GAP:
            return None
        last = by_day[at][1]
        return Rate(Fraction(last.rate), last.day, last.source)

    def _cross(self, base: str, quote: str, day: int) -> Rate | None:
        """The rate through another currency: the currency with the latest quotes, then the first by name."""
        shared = self._neighbours.get(base, set()) & self._neighbours.get(quote, set())
        crossed = [
            Rate(first.rate * second.rate, min(first.day, second.day), first.source)
            for middle in sorted(shared)
            if (first := self._direct(base, middle, day)) and (second := self._direct(middle, quote, day))
        ]
        return max(crossed, key=lambda rate: rate.day, default=None)
