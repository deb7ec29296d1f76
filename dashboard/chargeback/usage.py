"""Usage by owner: what a period's calls cost and used, at the grain that statements are made from and kept at."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any, Final

from dashboard.question import REPORTING, Period, SpendQuery
from dashboard.runner import Row, run
from ingest.allocation import Owner
from ingest.ledger.engine import Ledger
from ingest.money import pico_of

_DIMENSIONS: Final = ("team", "customer", "cost_center", "virtual_key", "provider", "model", "cost_source")
_METRICS: Final = (
    "total_cost",
    "list_cost",
    "contracted_cost",
    "requests",
    "errors",
    "unpriced_requests",
    "input_tokens",
    "output_tokens",
    "total_tokens",
)


@dataclass(frozen=True, slots=True)
class Used:
    """Sums of calls: money in pico-units."""

    cost: int = 0
    list_cost: int = 0
    """What the calls would have cost by published prices; the cost itself where no price is known."""
    contracted_cost: int = 0
    """What they cost after discounts and before mark-ups; the cost itself where no price is known."""
    requests: int = 0
    errors: int = 0
    unpriced_requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    priced_tokens: int = 0
    """Tokens of calls that have a price."""

    def __add__(self, other: "Used") -> "Used":
        return Used(*(getattr(self, one) + getattr(other, one) for one in NUMBERS))


NUMBERS: Final = tuple(one.name for one in fields(Used))


def total(parts: Iterable[Used]) -> Used:
    """The sums of all parts together."""
    rows = [tuple(getattr(part, name) for name in NUMBERS) for part in parts]
    return Used(*map(sum, zip(*rows, strict=True))) if rows else Used()


@dataclass(frozen=True, slots=True)
class Detail:
    """What calls of one owner, key and model used."""

    owner: Owner
    virtual_key_id: int | None
    provider: str
    model: str
    used: Used


@dataclass(frozen=True, slots=True)
class Unconverted:
    """Calls in a currency that no rate is known for."""

    currency: str
    amount: int
    requests: int
    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """All calls of a period."""

    details: tuple[Detail, ...]
    unconverted: tuple[Unconverted, ...] = ()


def usage(ledger: Ledger, period: Period, after_call: int | None = None) -> Usage:
    """What the calls of a period used, in the reporting currency; calls that cannot be converted are named apart.

    With `after_call`, only those that came in after the call of that number.
    """
    query = SpendQuery(
        period=period,
        zone=ledger.zone.name,
        metrics=_METRICS,
        dimensions=_DIMENSIONS,
        currency=REPORTING,
        after_call=after_call,
        by_entry=True,
    )
    result = run(ledger, query)
    held: dict[tuple[Any, ...], list[Used]] = {}
    for row in result.rows:
        if row.currency == ledger.currency:
            held.setdefault(row.key[:-1], []).append(_used(row))
    details = tuple(_detail(key, total(parts)) for key, parts in held.items())
    # A ledger whose calls are all in another currency has its totals in that one.
    others = (result.totals, *result.other_currencies)
    return Usage(
        tuple(sorted(details, key=_order)),
        tuple(
            Unconverted(one.currency, _pico(one.values[0]), int(one.values[3] or 0), result.no_rate or "")
            for one in others
            if one.currency != ledger.currency and one.values[3]
        ),
    )


def _used(row: Row) -> Used:
    cost, listed, contracted, *counts = row.values
    priced = row.key[-1] == "computed"
    amounts = (_pico(cost), _pico(listed if priced else cost), _pico(contracted if priced else cost))
    numbers = [int(count or 0) for count in counts]
    tokens = 0 if row.key[-1] == "unpriced" else numbers[-1]
    return replace(Used(*amounts, *numbers), priced_tokens=tokens)


def _pico(amount: object) -> int:
    return pico_of(amount) if isinstance(amount, Decimal) else 0


def _detail(key: tuple[Any, ...], used: Used) -> Detail:
    team, customer, center, virtual_key = (None if one is None else int(one) for one in key[:4])
    return Detail(Owner(team, customer, center), virtual_key, str(key[4]), str(key[5]), used)


def _order(one: Detail) -> tuple[Any, ...]:
    owner = tuple(-1 if part is None else part for part in (*one.owner, one.virtual_key_id))
    return (*owner, one.provider, one.model)
