"""Manual changes of the price book: prices of a model, and model aliases.

Each change is validated and written together with its audit entry, in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from ingest.ledger import price_book
from ingest.ledger.engine import Ledger
from ingest.model.invalid import Invalid
from ingest.price_book.set_price import points_of
from ingest.pricing.book import Alias, Book
from ingest.pricing.hours import next_within
from ingest.pricing.matching import provider_of
from ingest.pricing.point import ANY, PricePoint
from ingest.pricing.rates import PriceSet, Rate


@dataclass(frozen=True, slots=True, kw_only=True)
class SetPriceOptions:
    """The prices of a model, and the calls that they apply to."""

    provider: str
    model: str
    assignments: Sequence[str]
    """Texts such as `input=2.50`; `input=none` withdraws a price."""
    valid_from: int | None = None
    """The period of the prices, half-open, in microseconds UTC; None for an open start or end."""
    valid_to: int | None = None
    above: int = 0
    marginal: bool = False
    service_tier: str | None = None
    hours: str = ""
    currency: str = "USD"
    per: int | None = None
    least: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class PriceChange:
    """An added price point and the price that it replaces."""

    point: PricePoint
    before: Rate | None
    before_from: str
    """The row of the replaced price (`own#3`), or the edition of its source; empty if there is none."""


def set_price(ledger: Ledger, options: SetPriceOptions, *, by: str, at: int) -> list[PriceChange]:
    """Add prices to the price book; the added price points with the prices they replace.

    Raises:
        PriceRefused: an option is invalid, or there is no price.
    """
    points = points_of(
        options.provider,
        options.model,
        options.assignments,
        valid_from=options.valid_from,
        valid_to=options.valid_to,
        currency=options.currency.upper(),
        service_tier=options.service_tier,
        above=options.above,
        marginal=options.marginal,
        hours=options.hours,
        per=options.per,
        least=options.least,
        origin=options.note,
        added_at=at,
        added_by=by,
    )
    earlier_book = price_book.read_book(ledger)
    with ledger.writing() as connection:
        last = price_book.generation(connection)[0]
        price_book.add_points(connection, points)
        added = price_book.points(connection, price_book.newer_than(last))
    return [PriceChange(point, *_replaced(earlier_book, point, at)) for point in added]


def add_alias(ledger: Ledger, name: str, model: str, *, by: str, at: int) -> Alias:
    """Price calls of `name` as `model`: both are PROVIDER/MODEL, and the provider `*` in `name` is any.

    Raises:
        Invalid: `name` or `model` has no provider.
    """
    provider, alias_name = _split("name", name)
    target_provider, target_model = _split("model", model)
    alias = Alias(
        provider=provider,
        model=alias_name,
        target_provider=target_provider,
        target_model=target_model,
        added_at=at,
        added_by=by,
    )
    with ledger.writing() as connection:
        price_book.add_aliases(connection, [alias])
    return alias


def _replaced(book: Book, point: PricePoint, now: int) -> tuple[Rate | None, str]:
    """The earlier price at the point's start (at `now` if its start is open), and where it comes from."""
    if ANY in point.provider + point.model:
        return None, ""
    at = next_within(point.hours, now if point.valid_from is None else point.valid_from)
    prices = book.find(point.provider, point.model, point.service_tier, at, point.above and point.above + 1)
    if not isinstance(prices, PriceSet):
        return None, ""
    steps = {(step.meter, step.above): step.rate for step in prices.steps}
    rate = steps.get((point.meter, point.above)) if point.marginal else prices.by_meter.get(point.meter)
    return (None, "") if rate is None else (rate, rate.row or prices.origin)


def _split(field: str, text: str) -> tuple[str, str]:
    provider, _, model = text.strip().lower().partition("/")
    if not provider or not model:
        message = f"{text} names no provider; write PROVIDER/MODEL, as in azure/my-deployment"
        raise Invalid("no_provider", message, field)
    return provider_of(provider), model
