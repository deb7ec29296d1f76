"""Variance: where sources report another cost than the price book computes, by model, and the likely cause.

Only calls of which both totals are known are compared. The cause is looked for in single calls: each way of counting that is
known to go wrong is computed, and the one that gives what was reported, for most calls and within a millionth, is named.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from msgspec.structs import replace
from sqlalchemy import Connection

from dashboard.prices import store as prices_store
from dashboard.prices.store import ComparedTotals, Where
from dashboard.query import labels
from dashboard.query.question import QuestionError, SpendQuery
from dashboard.query.serialize import write_csv
from ingest.ledger.engine import Ledger
from ingest.ledger.event_reader import StoredCall
from ingest.model.event import UsageEvent
from ingest.model.money import MoneyError, plain
from ingest.parse import numbers
from ingest.parse.numbers import NotANumber
from ingest.pricing.book import PriceBook
from ingest.pricing.charge import Charge
from ingest.pricing.compute import compute
from ingest.pricing.pricing import prices_of

THRESHOLD: Final = Decimal("0.01")
"""Models whose totals differ by more than this part of the computed one are listed."""

COLUMNS: Final = (
    *("provider", "model", "currency", "requests"),
    *("reported_total", "computed_total", "difference", "share", "likely_cause"),
)
_SAMPLE: Final = 300
"""Calls of a model in which its cause is looked for."""
_MOST: Final = Fraction(4, 5)
"""The part of them that a cause must explain."""
_CLOSE: Final = Fraction(1, 1_000_000)
_PICO_OF_NOTHING: Final = 1_000
"""Sources round to nine or ten decimals: so many pico-units are no difference."""


@dataclass(frozen=True)
class Variance:
    """A model whose reported and computed totals differ."""

    provider: str
    model: str
    currency: str
    requests: int
    """Calls of which both totals are known."""
    reported: int
    computed: int
    """The totals in pico-units."""
    cause: str | None
    """What most likely makes the difference; None where nothing known does."""

    @property
    def difference(self) -> int:
        """By how much more was reported than is computed, in pico-units."""
        return self.reported - self.computed

    @property
    def share(self) -> Decimal | None:
        """The difference as a part of the computed total; None where nothing is computed."""
        if not self.computed:
            return None
        return (Decimal(self.difference) / Decimal(self.computed)).quantize(Decimal("0.000001"))


def variance(
    ledger: Ledger, query: SpendQuery, book: PriceBook, threshold: Decimal = THRESHOLD
) -> list[Variance]:
    """The models of a question's period and filters whose totals differ by more, the largest difference first."""
    where = prices_store.with_both_totals(prices_store.calls_within(ledger, query.period, query.filters))
    with ledger.reading() as connection:
        far = [
            totals
            for totals in prices_store.compared_totals(connection, where)
            if _exceeds(totals, threshold)
        ]
        texts = labels.term_texts(connection, {ident for totals in far for ident in totals.ids})
        found = [_variance(connection, where, totals, texts, book) for totals in far]
    return sorted(found, key=lambda one: (-abs(one.difference), one.provider, one.model))


def _exceeds(totals: ComparedTotals, threshold: Decimal) -> bool:
    return abs(totals.reported - totals.computed) > abs(totals.computed) * Fraction(threshold)


def _variance(
    connection: Connection,
    where: Where,
    totals: ComparedTotals,
    texts: Mapping[int | None, str | None],
    book: PriceBook,
) -> Variance:
    calls = prices_store.calls_of(connection, where, totals, _SAMPLE)
    provider, model, currency = (texts[ident] or "unknown" for ident in totals.ids)
    cause = likely_cause(calls, book)
    return Variance(provider, model, currency, totals.requests, totals.reported, totals.computed, cause)


Change = Callable[[UsageEvent], UsageEvent]

_CAUSES: Final[Mapping[str, Change]] = {
    "cached input charged at the price of input": lambda event: replace(
        event, cache_read_tokens=None, cache_write_tokens=None, cache_write_1h_tokens=None
    ),
    "cache reads not charged": lambda event: replace(
        event, input_tokens=_less(event.input_tokens, event.cache_read_tokens), cache_read_tokens=None
    ),
    "cached input charged twice": lambda event: replace(
        event, input_tokens=(event.input_tokens or 0) + (event.cache_read_tokens or 0)
    ),
    "reasoning charged beside the output that holds it": lambda event: replace(
        event, output_tokens=(event.output_tokens or 0) + (event.reasoning_tokens or 0)
    ),
    "reasoning not charged": lambda event: replace(
        event, output_tokens=_less(event.output_tokens, event.reasoning_tokens), reasoning_tokens=None
    ),
    "the standard price in place of the service tier's": lambda event: replace(event, service_tier=None),
    "the batch price in place of the standard one": lambda event: replace(event, service_tier="batch"),
    "searches not charged": lambda event: replace(event, search_queries=None),
    "audio charged at the price of text": lambda event: replace(
        event, input_audio_tokens=None, output_audio_tokens=None
    ),
    "the region's surcharge left out": lambda event: replace(event, region=None),
}
"""Ways of counting that are known to go wrong."""


def likely_cause(calls: Sequence[StoredCall], book: PriceBook) -> str | None:
    """What explains the reported totals of most calls whose totals differ."""
    found: Counter[str] = Counter()
    apart, factors = 0, Counter[Fraction]()
    for call in calls:
        reported, computed = call.charge.reported_total, call.charge.computed_total
        if reported is None or computed is None or _are_close(reported, computed):
            continue
        apart += 1
        found.update(_explaining(call, reported, computed, book))
        if computed:
            factors[_rounded(Fraction(reported, computed))] += 1
    if not apart:
        return None
    for cause, explained in found.most_common(1):
        if explained >= apart * _MOST:
            return cause
    for factor, explained in factors.most_common(1):
        if explained >= apart * _MOST:
            return f"a constant factor of {plain_factor(factor)}: a discount, a mark-up, or another price"
    return None


def _explaining(call: StoredCall, reported: int, computed: int, book: PriceBook) -> Iterator[str]:
    """The causes that give what was reported of a call."""
    for cause, change in _CAUSES.items():
        other = _computed(change(call.event), call.occurred_at, book)
        if other is not None and not _are_close(other, computed) and _are_close(other, reported):
            yield cause
    short = _computed(call.event, call.occurred_at, book, in_lowest_band=True)
    if short is not None and not _are_close(short, computed) and _are_close(short, reported):
        yield "the price of short input in place of that of long context"


def _computed(event: UsageEvent, at: int, book: PriceBook, *, in_lowest_band: bool = False) -> int | None:
    prices = prices_of(event, book, at, 0 if in_lowest_band else None)
    try:
        charge = compute(event, prices, None)
    except MoneyError:
        return None
    return charge.total_cost if isinstance(charge, Charge) else None


def _less(whole: int | None, part: int | None) -> int:
    return (whole or 0) - (part or 0)


def _are_close(one: int, other: int) -> bool:
    return abs(one - other) <= max(Fraction(_PICO_OF_NOTHING), abs(other) * _CLOSE)


def _rounded(factor: Fraction) -> Fraction:
    return Fraction(round(factor * 10_000), 10_000)


def plain_factor(factor: Fraction) -> str:
    """A factor of at most four decimals as text."""
    return f"{(Decimal(factor.numerator) / Decimal(factor.denominator)).normalize():f}"


def read_percent(text: str) -> Decimal:
    """A percentage as a part of one.

    Raises:
        QuestionError: it is none.
    """
    try:
        share = numbers.percent(text)
    except NotANumber:
        share = None
    if share is None or share < 0:
        message = f"threshold: {text!r} is no percentage; write one such as 1% or 0.5%"
        raise QuestionError("invalid_threshold", "threshold", message)
    return share


def as_json(found: Sequence[Variance]) -> dict[str, Any]:
    """The list as `GET /v1/prices/variance` gives it."""
    return {"variance": [dict(zip(COLUMNS, _cells(one), strict=True)) for one in found]}


def as_csv(found: Sequence[Variance]) -> str:
    """The list as CSV."""
    return write_csv(COLUMNS, map(_cells, found))


def _cells(one: Variance) -> list[Any]:
    amounts = (plain(pico) for pico in (one.reported, one.computed, one.difference))
    share = None if one.share is None else f"{one.share:f}"
    return [one.provider, one.model, one.currency, one.requests, *amounts, share, one.cause]
