"""The price list: every model that has a price, and every model that calls name, with what it costs at an instant.

A line is a model of a provider in a service tier, in the words of price lists. Beside its prices stands what calls of the
period used of it, whatever their prices were. `dashboard.prices.model_prices` says more of one model.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

from dashboard.query.question import SpendQuery
from dashboard.query.run import run
from dashboard.query.serialize import write_csv
from ingest.clock import optional_rfc3339
from ingest.ledger import price_book as price_rows
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
_HIGHEST: Final = 10**15
"""More input tokens than any call has: its prices are those of the highest context band."""
_DAY: Final = 86_400_000_000
_METRICS: Final = ("requests", "unpriced_requests", "total_cost")
_BY: Final = ("provider", "model", "service_tier")


class Name(NamedTuple):
    """What a line is about, in the words of price lists."""

    provider: str
    model: str
    service_tier: str


@dataclass
class Use:
    """What calls of the period used of a line's model."""

    requests: int = 0
    unpriced: int = 0
    costs: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    """By currency: sums never mix currencies."""
    called: dict[tuple[str, str], int] = field(default_factory=dict)
    """How calls wrote provider and model, and how many."""

    @property
    def mostly(self) -> tuple[str, str] | None:
        """What most calls wrote."""
        return max(self.called, key=lambda one: self.called[one], default=None)


@dataclass(frozen=True)
class Line:
    """One line of the price list."""

    name: Name
    prices: PriceSet | Unpriced
    """In the lowest context band."""
    higher: PriceSet | None
    """In the highest one, where that costs something else."""
    since: int | None
    """Since when these prices hold (microseconds UTC); None for ever."""
    use: Use


@dataclass(frozen=True)
class PricesQuery:
    """Which lines are wanted, with prices of which instant, and which calls are counted beside them."""

    at: int
    used: SpendQuery
    search: str = ""
    """Words that provider, model and tier together must hold, in any order."""
    providers: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    """Names that must be met in full; none for all."""
    limit: int | None = None


@dataclass(frozen=True)
class PriceList:
    """The lines that were asked for, those of models that cost most first."""

    query: PricesQuery
    lines: tuple[Line, ...]
    in_all: int
    """How many lines there are without the limit."""


def book_of(ledger: Ledger) -> Book:
    """The ledger's price book as it is now, made anew only when something was added to it."""
    with ledger.reading() as connection:
        newest = price_rows.generation(connection)
    return _book(ledger, newest)


@lru_cache(maxsize=4)
def _book(ledger: Ledger, _newest: Generation) -> Book:
    return price_rows.read_book(ledger)


def listed(ledger: Ledger, query: PricesQuery) -> PriceList:
    """The lines of a query.

    Raises:
        QuestionError: the calls cannot be asked about.
    """
    book = book_of(ledger)
    uses = used(ledger, query.used)
    names = {*_named(book, query.at // _DAY * _DAY), *uses}
    found = sorted(_matching(names, query), key=lambda one: _place(one, uses, query.search, ledger.currency))
    lines = [line(book, name, query.at, uses.get(name) or Use()) for name in found[: query.limit]]
    return PriceList(query, tuple(lines), len(found))


def used(ledger: Ledger, query: SpendQuery) -> dict[Name, Use]:
    """What calls used of each model, by the names that price lists have for it."""
    result = run(ledger, replace(query, metrics=_METRICS, dimensions=_BY, interval=None, comparison=None))
    uses: dict[Name, Use] = defaultdict(Use)
    for row in result.rows:
        provider, model, tier = (None if one is None else str(one) for one in row.key)
        written = (provider or "unknown", model or "unknown")
        use = uses[name_of(*written, tier)]
        requests, unpriced, cost = (Decimal(str(value or 0)) for value in row.values)
        use.requests += int(requests)
        use.unpriced += int(unpriced)
        if requests > unpriced:
            use.costs[row.currency] += cost
        use.called[written] = use.called.get(written, 0) + int(requests)
    return dict(uses)


def name_of(provider: str, model: str, service_tier: str | None) -> Name:
    """A model as price lists name it."""
    return Name(provider_of(provider), model.strip().lower(), tier_of(service_tier))


@lru_cache(maxsize=4)
def _named(book: Book, at: int) -> frozenset[Name]:
    """Every model that a price is kept of."""
    return frozenset(Name(one.provider, one.model, one.service_tier) for one in _points(book, at))


@lru_cache(maxsize=4)
def _bands(book: Book, at: int) -> tuple[int, ...]:
    return tuple(sorted({0, *(one.above for one in _points(book, at) if not one.marginal)}))


def _points(book: Book, at: int) -> Iterator[PricePoint]:
    return chain(book.snapshot.points(at), book.stored.points)


def bands_of(book: Book, at: int) -> tuple[int, ...]:
    """Where the context bands of any model start, the lowest first."""
    return _bands(book, at // _DAY * _DAY)


def tiers_of(book: Book, provider: str, model: str, at: int) -> list[str]:
    """The service tiers in which a model has prices, the usual one first."""
    tiers = {one.service_tier for one in _named(book, at // _DAY * _DAY)}
    priced = [
        tier
        for tier in sorted(tiers, key=lambda one: (one != "standard", one))
        if any(isinstance(one.prices, PriceSet) for one in history(book, provider, model, tier, at))
    ]
    return priced or ["standard"]


def _matching(names: Iterable[Name], query: PricesQuery) -> Iterator[Name]:
    words = query.search.lower().split()
    providers = {provider_of(one) for one in query.providers}
    models = {one.strip().lower() for one in query.models}
    for name in names:
        text = f"{name.provider}/{name.model} {name.service_tier}"
        is_wanted = (not providers or name.provider in providers) and (not models or name.model in models)
        if is_wanted and all(word in text for word in words):
            yield name


def _place(name: Name, uses: Mapping[Name, Use], search: str, currency: str) -> tuple[object, ...]:
    """What costs most stands first, then what is called most, then what is meant by the search alone, then by name."""
    use = uses.get(name) or Use()
    wanted = search.strip().lower()
    return (
        -use.costs.get(currency, Decimal()),
        -use.requests,
        wanted not in (name.model, f"{name.provider}/{name.model}"),
        name.provider,
        name.model,
        name.service_tier != "standard",
        name.service_tier,
    )


@lru_cache(maxsize=4)
def _conflicts(book: Book, at: int) -> tuple[Conflict, ...]:
    return tuple(conflicts(book, at))


def disagreements(book: Book, at: int, uses: Mapping[Name, Use]) -> list[Conflict]:
    """Where sources disagree, about models that are called most first, then by how much. As of the day of `at`."""

    def place(one: Conflict) -> tuple[object, ...]:
        use = uses.get(Name(one.provider, one.model, one.service_tier)) or Use()
        return (-use.requests, -one.spread, *one[:5])

    return sorted(_conflicts(book, at // _DAY * _DAY), key=place)


def line(book: Book, name: Name, at: int, use: Use) -> Line:
    """One line of the list."""
    prices = book.find(*name, at, 0)
    highest = book.find(*name, at, _HIGHEST)
    is_other = isinstance(highest, PriceSet) and isinstance(prices, PriceSet)
    higher = highest if is_other and highest.rates != prices.rates else None  # type: ignore[union-attr]
    return Line(name, prices, higher, _since(history(book, *name, at), at), use)  # type: ignore[arg-type]


def _since(stretches: Iterable[Stretch], at: int) -> int | None:
    return next((one.start for one in stretches if one.covers(at)), None)


def per_million(rate: Rate) -> Decimal:
    """The price of a million units."""
    return rate.price * MILLION / rate.per


def as_json(found: PriceList) -> dict[str, Any]:
    """The list as `GET /v1/prices` gives it."""
    return {
        "prices": [_line_json(one) for one in found.lines],
        "in_all": found.in_all,
        "at": optional_rfc3339(found.query.at),
        "period": {
            "from": optional_rfc3339(micros(found.query.used.period.start)),
            "to": optional_rfc3339(micros(found.query.used.period.end)),
            "timezone": found.query.used.zone,
        },
    }


def _line_json(one: Line) -> dict[str, Any]:
    known: dict[str, Any] = {
        **one.name._asdict(),
        "valid_from": optional_rfc3339(one.since),
        "no_price": None,
    }
    if isinstance(one.prices, Unpriced):
        known |= dict.fromkeys(("currency", "source", "origin", "rule"))
        known |= {"prices": {}, "no_price": one.prices.reason}
    else:
        known |= {"currency": one.prices.currency, "source": one.prices.source}
        known |= {"origin": one.prices.origin, "rule": one.prices.rule, "prices": _rates_json(one.prices)}
    known["above"] = (
        None
        if one.higher is None
        else {"input_tokens": one.higher.above_input_tokens, "prices": _rates_json(one.higher)}
    )
    costs = [
        {"currency": key, "total_cost": plain_decimal(value)} for key, value in sorted(one.use.costs.items())
    ]
    return known | {"requests": one.use.requests, "unpriced_requests": one.use.unpriced, "costs": costs}


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


def as_csv(found: PriceList, currency: str) -> str:
    """The list as CSV: `total_cost` is in the reporting currency, costs in others stand beside it with theirs."""
    return write_csv(COLUMNS, (_line_csv(one, currency) for one in found.lines))


def _line_csv(one: Line, currency: str) -> Iterator[Any]:
    prices = one.prices if isinstance(one.prices, PriceSet) else None
    rates = prices.by_meter if prices else {}
    others = [f"{meter} {rate}" for meter, rate in rates.items() if meter not in USUAL]
    elsewhere = [
        f"{plain_decimal(cost)} {key}" for key, cost in sorted(one.use.costs.items()) if key != currency
    ]
    yield from one.name
    yield prices and prices.currency
    yield from (per_million(rates[meter]) if meter in rates else None for meter in USUAL)
    yield "; ".join(others)
    yield one.higher and one.higher.above_input_tokens
    yield from (prices.source, prices.origin, prices.rule) if prices else (None, None, None)
    yield optional_rfc3339(one.since)
    yield one.prices.reason if isinstance(one.prices, Unpriced) else None
    yield one.use.requests
    yield one.use.unpriced
    yield one.use.costs.get(currency)
    yield "; ".join(elsewhere)
