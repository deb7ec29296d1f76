"""The price list: every model with a price and every model that calls name, with its prices at an instant.

A line is a provider's model in a service tier, named as price lists name it. Beside its prices it has the
usage of the period's calls, at the prices that were charged. `dashboard.prices.model_prices` has one model.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

from dashboard.query.question import SpendQuery
from dashboard.query.run import run
from dashboard.query.serialize import write_csv
from ingest.clock import optional_rfc3339
from ingest.ledger import price_book
from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import Generation
from ingest.model.money import plain_decimal
from ingest.model.zone import micros
from ingest.pricing.book import Book
from ingest.pricing.conflicts import Conflict, conflicts
from ingest.pricing.history import Stretch, history
from ingest.pricing.matching import provider_of, tier_of
from ingest.pricing.point import PricePoint
from ingest.pricing.rates import PriceSet, Rate, Unpriced

MILLION: Final = 1_000_000
USUAL: Final = ("input", "output", "cache_read", "cache_write")
"""The meters that have a column of their own, per million tokens."""
COLUMNS: Final = (
    "provider",
    "model",
    "service_tier",
    "currency",
    *USUAL,
    "other_meters",
    "above_input_tokens",
    "source",
    "origin",
    "rule",
    "valid_from",
    "no_price",
    "requests",
    "unpriced_requests",
    "total_cost",
    "other_costs",
)
"""The columns of the price list as CSV."""
_HIGHEST_BAND: Final = 10**15
"""More input tokens than any call has: a look-up with it gives the prices of the highest context band."""
_DAY: Final = 86_400_000_000
_METRICS: Final = ("requests", "unpriced_requests", "total_cost")
_DIMENSIONS: Final = ("provider", "model", "service_tier")


class ListedModel(NamedTuple):
    """A provider's model in a service tier, named as price lists name it."""

    provider: str
    model: str
    service_tier: str


@dataclass
class ModelUsage:
    """The usage and cost of a model's calls in the period."""

    requests: int = 0
    unpriced: int = 0
    costs: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """The cost in each currency: sums never mix currencies."""
    names_in_calls: dict[tuple[str, str], int] = field(default_factory=dict)
    """The number of calls by provider and model as the calls name them."""

    @property
    def most_used_name(self) -> tuple[str, str] | None:
        """The provider and model as most calls name them; None without calls."""
        return max(self.names_in_calls, key=self.names_in_calls.__getitem__, default=None)


@dataclass(frozen=True)
class PriceListLine:
    """One line of the price list."""

    name: ListedModel
    prices: PriceSet | Unpriced
    """The prices in the lowest context band."""
    higher: PriceSet | None
    """The prices in the highest context band, if they differ from the lowest."""
    since: int | None
    """The start of these prices (microseconds UTC); None if they have always held."""
    use: ModelUsage


@dataclass(frozen=True)
class PricesQuery:
    """Which lines to list, the instant of their prices (microseconds UTC), and which calls to count."""

    at: int
    usage_query: SpendQuery
    search: str = ""
    """Words that provider, model and tier together must contain, in any order."""
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    """Full names of providers and models to list; empty for all."""
    limit: int | None = None


@dataclass(frozen=True)
class PriceList:
    """The lines of a query, the models that cost most first."""

    query: PricesQuery
    lines: tuple[PriceListLine, ...]
    in_all: int
    """The number of lines without the limit."""


def book_of(ledger: Ledger) -> Book:
    """The ledger's current price book; it is read again only after something was added to it."""
    with ledger.reading() as connection:
        newest = price_book.generation(connection)
    return _book(ledger, newest)


@lru_cache(maxsize=4)
def _book(ledger: Ledger, _newest: Generation) -> Book:
    return price_book.read_book(ledger)


def read_price_list(ledger: Ledger, query: PricesQuery) -> PriceList:
    """The price list of a query.

    Raises:
        QuestionError: the usage query is invalid.
    """
    book = book_of(ledger)
    usage = usage_by_model(ledger, query.usage_query)
    names = {*_named(book, query.at // _DAY * _DAY), *usage}
    models = sorted(
        _matching(names, query), key=lambda name: _place(name, usage, query.search, ledger.currency)
    )
    lines = [
        price_list_line(book, name, query.at, usage.get(name) or ModelUsage())
        for name in models[: query.limit]
    ]
    return PriceList(query, tuple(lines), len(models))


def usage_by_model(ledger: Ledger, query: SpendQuery) -> dict[ListedModel, ModelUsage]:
    """The usage of each model, named as price lists name it."""
    result = run(
        ledger, replace(query, metrics=_METRICS, dimensions=_DIMENSIONS, interval=None, comparison=None)
    )
    usage: dict[ListedModel, ModelUsage] = defaultdict(ModelUsage)
    for row in result.rows:
        provider, model, tier = (None if value is None else str(value) for value in row.key)
        name_in_call = (provider or "unknown", model or "unknown")
        model_usage = usage[listed_model(*name_in_call, tier)]
        requests, unpriced, cost = (Decimal(str(value or 0)) for value in row.values)
        model_usage.requests += int(requests)
        model_usage.unpriced += int(unpriced)
        if requests > unpriced:
            model_usage.costs[row.currency] += cost
        names = model_usage.names_in_calls
        names[name_in_call] = names.get(name_in_call, 0) + int(requests)
    return dict(usage)


def listed_model(provider: str, model: str, service_tier: str | None) -> ListedModel:
    """A model of a call, named as price lists name it."""
    return ListedModel(provider_of(provider), model.strip().lower(), tier_of(service_tier))


@lru_cache(maxsize=4)
def _named(book: Book, at: int) -> frozenset[ListedModel]:
    """Every model that has a price point."""
    points = _points(book, at)
    return frozenset(ListedModel(point.provider, point.model, point.service_tier) for point in points)


@lru_cache(maxsize=4)
def _bands(book: Book, at: int) -> tuple[int, ...]:
    return tuple(sorted({0, *(point.above for point in _points(book, at) if not point.marginal)}))


def _points(book: Book, at: int) -> Iterator[PricePoint]:
    return book.points(at)


def bands_of(book: Book, at: int) -> tuple[int, ...]:
    """The starts (in input tokens) of the context bands of all models, the lowest first."""
    return _bands(book, at // _DAY * _DAY)


def tiers_of(book: Book, provider: str, model: str, at: int) -> list[str]:
    """The service tiers in which a model has prices, the standard tier first."""
    tiers = {model_tier.service_tier for model_tier in _named(book, at // _DAY * _DAY)}
    priced = [
        tier
        for tier in sorted(tiers, key=lambda name: (name != "standard", name))
        if any(isinstance(stretch.prices, PriceSet) for stretch in history(book, provider, model, tier, at))
    ]
    return priced or ["standard"]


def _matching(names: Iterable[ListedModel], query: PricesQuery) -> Iterator[ListedModel]:
    words = query.search.lower().split()
    providers = {provider_of(name) for name in query.providers}
    models = {name.strip().lower() for name in query.models}
    for name in names:
        text = f"{name.provider}/{name.model} {name.service_tier}"
        is_wanted = (not providers or name.provider in providers) and (not models or name.model in models)
        if is_wanted and all(word in text for word in words):
            yield name


def _place(
    name: ListedModel, usage: Mapping[ListedModel, ModelUsage], search: str, currency: str
) -> tuple[object, ...]:
    """The sort key of a line: highest cost, most calls, exact matches of the search, then by name."""
    model_usage = usage.get(name) or ModelUsage()
    searched = search.strip().lower()
    return (
        -model_usage.costs.get(currency, Decimal()),
        -model_usage.requests,
        searched not in (name.model, f"{name.provider}/{name.model}"),
        name.provider,
        name.model,
        name.service_tier != "standard",
        name.service_tier,
    )


@lru_cache(maxsize=4)
def _conflicts(book: Book, at: int) -> tuple[Conflict, ...]:
    return tuple(conflicts(book, at))


def disagreements(book: Book, at: int, usage: Mapping[ListedModel, ModelUsage]) -> list[Conflict]:
    """The price conflicts between sources on the day of `at`: most called models first, then by spread."""

    def place(conflict: Conflict) -> tuple[object, ...]:
        name = ListedModel(conflict.provider, conflict.model, conflict.service_tier)
        model_usage = usage.get(name) or ModelUsage()
        return (-model_usage.requests, -conflict.spread, *conflict[:5])

    return sorted(_conflicts(book, at // _DAY * _DAY), key=place)


def price_list_line(book: Book, name: ListedModel, at: int, use: ModelUsage) -> PriceListLine:
    """The price list's line of one model at an instant."""
    prices = book.find(*name, at, 0)
    highest = book.find(*name, at, _HIGHEST_BAND)
    is_other = isinstance(highest, PriceSet) and isinstance(prices, PriceSet)
    higher = highest if is_other and highest.rates != prices.rates else None  # type: ignore[union-attr]
    since = _since(history(book, *name, at), at)
    return PriceListLine(name, prices, higher, since, use)  # type: ignore[arg-type]


def _since(stretches: Iterable[Stretch], at: int) -> int | None:
    return next((stretch.start for stretch in stretches if stretch.covers(at)), None)


def per_million(rate: Rate) -> Decimal:
    """The price of a million units."""
    return rate.price * MILLION / rate.per


def as_json(prices: PriceList) -> dict[str, Any]:
    """The price list as `GET /v1/prices` returns it."""
    return {
        "prices": [_line_json(line) for line in prices.lines],
        "in_all": prices.in_all,
        "at": optional_rfc3339(prices.query.at),
        "period": {
            "from": optional_rfc3339(micros(prices.query.usage_query.period.start)),
            "to": optional_rfc3339(micros(prices.query.usage_query.period.end)),
            "timezone": prices.query.usage_query.zone,
        },
    }


def _line_json(line: PriceListLine) -> dict[str, Any]:
    fields: dict[str, Any] = {
        **line.name._asdict(),
        "valid_from": optional_rfc3339(line.since),
        "no_price": None,
    }
    if isinstance(line.prices, Unpriced):
        fields |= dict.fromkeys(("currency", "source", "origin", "rule"))
        fields |= {"prices": {}, "no_price": line.prices.reason}
    else:
        fields |= {"currency": line.prices.currency, "source": line.prices.source}
        fields |= {"origin": line.prices.origin, "rule": line.prices.rule, "prices": _rates_json(line.prices)}
    fields["above"] = (
        None
        if line.higher is None
        else {"input_tokens": line.higher.above_input_tokens, "prices": _rates_json(line.higher)}
    )
    costs = [
        {"currency": key, "total_cost": plain_decimal(value)} for key, value in sorted(line.use.costs.items())
    ]
    return fields | {"requests": line.use.requests, "unpriced_requests": line.use.unpriced, "costs": costs}


def _rates_json(prices: PriceSet) -> dict[str, Any]:
    return {
        meter: {
            "price": plain_decimal(rate.price),
            "per": rate.per,
            "at_least": rate.least,
            "row": rate.row or None,
        }
        for meter, rate in prices.by_meter.items()
    }


def as_csv(prices: PriceList, currency: str) -> str:
    """The price list as CSV: `total_cost` is in the reporting currency, `other_costs` in all others."""
    return write_csv(COLUMNS, (_line_csv(line, currency) for line in prices.lines))


def _line_csv(line: PriceListLine, currency: str) -> Iterator[Any]:
    prices = line.prices if isinstance(line.prices, PriceSet) else None
    rates = prices.by_meter if prices else {}
    other_meters = [f"{meter} {rate}" for meter, rate in rates.items() if meter not in USUAL]
    other_costs = [
        f"{plain_decimal(cost)} {key}" for key, cost in sorted(line.use.costs.items()) if key != currency
    ]
    yield from line.name
    yield prices and prices.currency
    yield from (per_million(rates[meter]) if meter in rates else None for meter in USUAL)
    yield "; ".join(other_meters)
    yield line.higher and line.higher.above_input_tokens
    yield from (prices.source, prices.origin, prices.rule) if prices else (None, None, None)
    yield optional_rfc3339(line.since)
    yield line.prices.reason if isinstance(line.prices, Unpriced) else None
    yield line.use.requests
    yield line.use.unpriced
    yield line.use.costs.get(currency)
    yield "; ".join(other_costs)
