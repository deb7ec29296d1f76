"""Usage by owner: cost and usage of a period's calls, in the detail that statements show and seal."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any, Final

from dashboard.query.question import REPORTING, Period, SpendQuery
from dashboard.query.run import Result, Row, run
from ingest.ledger.engine import Ledger
from ingest.model.money import pico_of
from ingest.model.ownership import Owner

_OWNERS: Final = ("team", "customer", "cost_center")
_DETAILS: Final = ("virtual_key", "provider", "model", "cost_source")
_ROUNDED: Final = ("cost", "requests", "errors", "input_tokens", "output_tokens", "total_tokens")
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
class UsageSums:
    """Sums of calls: money in pico-units."""

    cost: int = 0
    list_cost: int = 0
    """The cost by published prices; the cost itself where no published price is known."""
    contracted_cost: int = 0
    """The cost after discounts and before mark-ups; the cost itself where no price is known."""
    requests: int = 0
    errors: int = 0
    unpriced_requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    total_tokens: int = 0
    priced_tokens: int = 0
    """The tokens of priced calls."""

    def __add__(self, other: "UsageSums") -> "UsageSums":
        return UsageSums(*(getattr(self, name) + getattr(other, name) for name in NUMBERS))


NUMBERS: Final = tuple(field.name for field in fields(UsageSums))


def total(parts: Iterable[UsageSums]) -> UsageSums:
    """The sum of all parts."""
    rows = [tuple(getattr(part, name) for name in NUMBERS) for part in parts]
    return UsageSums(*map(sum, zip(*rows, strict=True))) if rows else UsageSums()


@dataclass(frozen=True, slots=True)
class Detail:
    """The usage of an owner by key, provider and model."""

    owner: Owner
    virtual_key_id: int | None
    provider: str
    model: str
    used: UsageSums


@dataclass(frozen=True, slots=True)
class Unconverted:
    """Calls or a fee in a currency without a known exchange rate; they are in no amount."""

    currency: str
    amount: int
    requests: int
    reason: str


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage of a period."""

    details: tuple[Detail, ...]
    unconverted: tuple[Unconverted, ...] = ()


def usage(ledger: Ledger, period: Period) -> Usage:
    """The usage of a period in the reporting currency; calls that cannot be converted are listed apart.

    The details of an owner add up to its amounts in `by_owner`.
    """
    result = run(ledger, _question(ledger, period, (*_OWNERS, *_DETAILS)))
    groups: dict[tuple[Any, ...], list[UsageSums]] = {}
    for row in result.rows:
        if row.currency == ledger.currency:
            groups.setdefault(row.key[:-1], []).append(_used(row))
    details = sorted((_detail(key, total(parts)) for key, parts in groups.items()), key=_order)
    if result.is_apportioned:
        details = _aligned(details, by_owner(ledger, period).details)
    return Usage(tuple(details), _unconverted(ledger, result))


def by_owner(ledger: Ledger, period: Period, after_call: int | None = None) -> Usage:
    """The usage of a period by owner only, without list and contracted cost, which is faster.

    With `after_call`, only calls with a higher sequence number count.
    """
    result = run(ledger, replace(_question(ledger, period, _OWNERS), after_call=after_call))
    details = [
        _detail((*row.key, None, "", ""), _numbers(row.values, row.values[0], row.values[0]))
        for row in result.rows
        if row.currency == ledger.currency
    ]
    return Usage(tuple(sorted(details, key=_order)), _unconverted(ledger, result))


def _question(ledger: Ledger, period: Period, dimensions: tuple[str, ...]) -> SpendQuery:
    return SpendQuery(
        period=period,
        zone=ledger.zone.name,
        metrics=_METRICS,
        dimensions=dimensions,
        currency=REPORTING,
        by_entry=True,
    )


def _unconverted(ledger: Ledger, result: Result) -> tuple[Unconverted, ...]:
    # If all calls are in another currency, the totals are in that currency.
    return tuple(
        Unconverted(row.currency, _pico(row.values[0]), int(row.values[3] or 0), result.no_rate or "")
        for row in (result.totals, *result.other_currencies)
        if row.currency != ledger.currency and row.values[3]
    )


def _aligned(details: Sequence[Detail], wholes: Iterable[Detail]) -> list[Detail]:
    """Details that add up to the whole of their owner: the largest detail takes the rounding difference."""
    groups: dict[Owner, list[Detail]] = {}
    for detail in details:
        groups.setdefault(detail.owner, []).append(detail)
    for whole in wholes:
        group = groups.setdefault(whole.owner, [])
        if not group:
            continue
        sums = total(detail.used for detail in group)
        for name in _ROUNDED:
            missing = getattr(whole.used, name) - getattr(sums, name)
            if missing:
                at = max(range(len(group)), key=lambda place: abs(getattr(group[place].used, name)))
                group[at] = replace(group[at], used=_adjusted(group[at].used, name, missing))
    return sorted((detail for group in groups.values() for detail in group), key=_order)


def _adjusted(used: UsageSums, name: str, by: int) -> UsageSums:
    """Sums with `name` changed by a few units; a change of the cost also changes the other prices."""
    names = ("cost", "list_cost", "contracted_cost") if name == "cost" else (name,)
    return replace(used, **{each: getattr(used, each) + by for each in names})


def _used(row: Row) -> UsageSums:
    cost, listed, contracted = row.values[:3]
    priced = row.key[-1] == "computed"
    used = _numbers(row.values, listed if priced else cost, contracted if priced else cost)
    return replace(used, priced_tokens=0 if row.key[-1] == "unpriced" else used.total_tokens)


def _numbers(values: Sequence[object], listed: object, contracted: object) -> UsageSums:
    counts = [int(str(count or 0)) for count in values[3:]]
    return UsageSums(_pico(values[0]), _pico(listed), _pico(contracted), *counts)


def _pico(amount: object) -> int:
    return pico_of(amount) if isinstance(amount, Decimal) else 0


def _detail(key: tuple[Any, ...], used: UsageSums) -> Detail:
    team, customer, center, virtual_key = (None if ident is None else int(ident) for ident in key[:4])
    return Detail(Owner(team, customer, center), virtual_key, str(key[4]), str(key[5]), used)


def _order(detail: Detail) -> tuple[Any, ...]:
    owner = tuple(-1 if part is None else part for part in (*detail.owner, detail.virtual_key_id))
    return (*owner, detail.provider, detail.model)
