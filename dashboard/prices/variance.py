"""Price variance: where sources report other costs than the price book computes, by model, and why.

Only calls that have both totals are compared. To find the cause, each known counting mistake is computed
for single calls; the mistake that gives the reported total of most calls, within a millionth, is named.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

from msgspec.structs import replace

from dashboard.prices import store as prices_store
from dashboard.prices.store import ComparedTotals, Where
from dashboard.query import labels
from dashboard.query.question import QuestionError, SpendQuery
from dashboard.query.serialize import write_csv
from ingest.ledger.engine import Connection, Ledger
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
"""Models whose totals differ by more than this share of the computed total are listed."""

COLUMNS: Final = (
    *("provider", "model", "currency", "requests"),
    *("reported_total", "computed_total", "difference", "share", "likely_cause"),
)
_SAMPLE: Final = 300
"""How many calls of a model are searched for the cause."""
_EXPLAINED_SHARE: Final = Fraction(4, 5)
"""The share of differing calls that a cause must explain."""
_TOLERANCE: Final = Fraction(1, 1_000_000)
_PICO_TOLERANCE: Final = 1_000
"""Sources round to nine or ten decimals: totals that differ by this many pico-units are equal."""


@dataclass(frozen=True)
class Variance:
    """A model whose reported and computed totals differ."""

    provider: str
    model: str
    currency: str
    requests: int
    """The number of calls that have both totals."""
    reported: int
    computed: int
    """The totals in pico-units."""
    cause: str | None
    """The most likely cause of the difference; None if no known cause explains it."""

    @property
    def difference(self) -> int:
        """The reported minus the computed total, in pico-units."""
        return self.reported - self.computed

    @property
    def share(self) -> Decimal | None:
        """The difference as a share of the computed total; None if that is zero."""
        if not self.computed:
            return None
        return (Decimal(self.difference) / Decimal(self.computed)).quantize(Decimal("0.000001"))


def model_variances(
    ledger: Ledger, query: SpendQuery, book: PriceBook, threshold: Decimal = THRESHOLD
) -> list[Variance]:
    """The models of a query whose totals differ by more than the threshold, the largest difference first."""
    where = prices_store.with_both_totals(prices_store.calls_within(ledger, query.period, query.filters))
    with ledger.reading() as connection:
        differing = [
            totals
            for totals in prices_store.compared_totals(connection, where)
            if _exceeds(totals, threshold)
        ]
        texts = labels.term_texts(connection, {ident for totals in differing for ident in totals.ids})
        variances = [_model_variance(connection, where, totals, texts, book) for totals in differing]
    return sorted(
        variances, key=lambda variance: (-abs(variance.difference), variance.provider, variance.model)
    )


def _exceeds(totals: ComparedTotals, threshold: Decimal) -> bool:
    return abs(totals.reported - totals.computed) > abs(totals.computed) * Fraction(threshold)


def _model_variance(
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


EventChange = Callable[[UsageEvent], UsageEvent]

_CAUSES: Final[Mapping[str, EventChange]] = {
    "cached input charged at the price of input": lambda event: replace(
        event, cache_read_tokens=None, cache_write_tokens=None, cache_write_1h_tokens=None
    ),
    "cache reads not charged": lambda event: replace(
        event, input_tokens=_difference(event.input_tokens, event.cache_read_tokens), cache_read_tokens=None
    ),
    "cached input charged twice": lambda event: replace(
        event, input_tokens=(event.input_tokens or 0) + (event.cache_read_tokens or 0)
    ),
    "reasoning charged beside the output that holds it": lambda event: replace(
        event, output_tokens=(event.output_tokens or 0) + (event.reasoning_tokens or 0)
    ),
    "reasoning not charged": lambda event: replace(
        event, output_tokens=_difference(event.output_tokens, event.reasoning_tokens), reasoning_tokens=None
    ),
    "the standard price in place of the service tier's": lambda event: replace(event, service_tier=None),
    "the batch price in place of the standard one": lambda event: replace(event, service_tier="batch"),
    "searches not charged": lambda event: replace(event, search_queries=None),
    "audio charged at the price of text": lambda event: replace(
        event, input_audio_tokens=None, output_audio_tokens=None
    ),
    "the region's surcharge left out": lambda event: replace(event, region=None),
}
"""Known counting mistakes, each as the change to an event that reproduces it."""


def likely_cause(calls: Sequence[StoredCall], book: PriceBook) -> str | None:
    """The cause that explains the reported totals of most differing calls, or None."""
    causes: Counter[str] = Counter()
    differing, factors = 0, Counter[Fraction]()
    for call in calls:
        reported, computed = call.charge.reported_total, call.charge.computed_total
        if reported is None or computed is None or _are_close(reported, computed):
            continue
        differing += 1
        causes.update(_causes_of(call, reported, computed, book))
        if computed:
            factors[_rounded(Fraction(reported, computed))] += 1
    if not differing:
        return None
    for cause, explained in causes.most_common(1):
        if explained >= differing * _EXPLAINED_SHARE:
            return cause
    for factor, explained in factors.most_common(1):
        if explained >= differing * _EXPLAINED_SHARE:
            return f"a constant factor of {plain_factor(factor)}: a discount, a mark-up, or another price"
    return None


def _causes_of(call: StoredCall, reported: int, computed: int, book: PriceBook) -> Iterator[str]:
    """The causes that give the reported total of a call."""
    for cause, change in _CAUSES.items():
        amount = _computed(change(call.event), call.occurred_at, book)
        if amount is not None and not _are_close(amount, computed) and _are_close(amount, reported):
            yield cause
    lowest_band_amount = _computed(call.event, call.occurred_at, book, in_lowest_band=True)
    if (
        lowest_band_amount is not None
        and not _are_close(lowest_band_amount, computed)
        and _are_close(lowest_band_amount, reported)
    ):
        yield "the price of short input in place of that of long context"


def _computed(event: UsageEvent, at: int, book: PriceBook, *, in_lowest_band: bool = False) -> int | None:
    prices = prices_of(event, book, at, 0 if in_lowest_band else None)
    try:
        charge = compute(event, prices, None)
    except MoneyError:
        return None
    return charge.total_cost if isinstance(charge, Charge) else None


def _difference(whole: int | None, part: int | None) -> int:
    return (whole or 0) - (part or 0)


def _are_close(first: int, second: int) -> bool:
    return abs(first - second) <= max(Fraction(_PICO_TOLERANCE), abs(second) * _TOLERANCE)


def _rounded(factor: Fraction) -> Fraction:
    return Fraction(round(factor * 10_000), 10_000)


def plain_factor(factor: Fraction) -> str:
    """A factor of at most four decimals as text."""
    return f"{(Decimal(factor.numerator) / Decimal(factor.denominator)).normalize():f}"


def read_percent(text: str) -> Decimal:
    """A percentage as a share: 0.01 for `1%`.

    Raises:
        QuestionError: the text is not a percentage.
    """
    try:
        share = numbers.percent(text)
    except NotANumber:
        share = None
    if share is None or share < 0:
        message = f"threshold: {text!r} is no percentage; write one such as 1% or 0.5%"
        raise QuestionError("invalid_threshold", "threshold", message)
    return share


def as_json(variances: Sequence[Variance]) -> dict[str, Any]:
    """The list as `GET /v1/prices/variance` returns it."""
    return {"variance": [dict(zip(COLUMNS, _cells(variance), strict=True)) for variance in variances]}


def as_csv(variances: Sequence[Variance]) -> str:
    """The list as CSV."""
    return write_csv(COLUMNS, map(_cells, variances))


def _cells(variance: Variance) -> list[Any]:
    amounts = (plain(pico) for pico in (variance.reported, variance.computed, variance.difference))
    share = None if variance.share is None else f"{variance.share:f}"
    return [
        variance.provider,
        variance.model,
        variance.currency,
        variance.requests,
        *amounts,
        share,
        variance.cause,
    ]
