"""Usage by owner: what a period's calls cost and used, at the grain that statements are made from and kept at."""

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


def usage(ledger: Ledger, period: Period) -> Usage:
    """What the calls of a period used, in the reporting currency; calls that cannot be converted are named apart.

    The details of an owner add up to what `by_owner` says of it.
    """
    result = run(ledger, _question(ledger, period, (*_OWNERS, *_DETAILS)))
    held: dict[tuple[Any, ...], list[Used]] = {}
    for row in result.rows:
        if row.currency == ledger.currency:
            held.setdefault(row.key[:-1], []).append(_used(row))
    details = sorted((_detail(key, total(parts)) for key, parts in held.items()), key=_order)
    if result.is_apportioned:
        details = _aligned(details, by_owner(ledger, period).details)
    return Usage(tuple(details), _unconverted(ledger, result))


def by_owner(ledger: Ledger, period: Period, after_call: int | None = None) -> Usage:
    """The same by owner alone, without list and contracted cost: quick, and enough for what everybody owes.

    With `after_call`, only of calls that came in after the call of that number.
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
    # A ledger whose calls are all in another currency has its totals in that one.
    return tuple(
        Unconverted(one.currency, _pico(one.values[0]), int(one.values[3] or 0), result.no_rate or "")
        for one in (result.totals, *result.other_currencies)
        if one.currency != ledger.currency and one.values[3]
    )


def _aligned(details: Sequence[Detail], wholes: Iterable[Detail]) -> list[Detail]:
    """Details whose rounded parts add up to what their owner has: the largest of them carries what is missing."""
    by_owner_: dict[Owner, list[Detail]] = {}
    for one in details:
        by_owner_.setdefault(one.owner, []).append(one)
    for whole in wholes:
        mine = by_owner_.setdefault(whole.owner, [])
        if not mine:
            continue
        have = total(one.used for one in mine)
        for name in _ROUNDED:
            missing = getattr(whole.used, name) - getattr(have, name)
            if missing:
                at = max(range(len(mine)), key=lambda place: abs(getattr(mine[place].used, name)))
                mine[at] = replace(mine[at], used=_moved(mine[at].used, name, missing))
    return sorted((one for some in by_owner_.values() for one in some), key=_order)


def _moved(used: Used, name: str, by: int) -> Used:
    """A sum that is changed by a unit or two; prices move along with the cost, so that no discount appears."""
    names = ("cost", "list_cost", "contracted_cost") if name == "cost" else (name,)
    return replace(used, **{one: getattr(used, one) + by for one in names})


def _used(row: Row) -> Used:
    cost, listed, contracted = row.values[:3]
    priced = row.key[-1] == "computed"
    used = _numbers(row.values, listed if priced else cost, contracted if priced else cost)
    return replace(used, priced_tokens=0 if row.key[-1] == "unpriced" else used.total_tokens)


def _numbers(values: Sequence[object], listed: object, contracted: object) -> Used:
    counts = [int(str(count or 0)) for count in values[3:]]
    return Used(_pico(values[0]), _pico(listed), _pico(contracted), *counts)


def _pico(amount: object) -> int:
    return pico_of(amount) if isinstance(amount, Decimal) else 0


def _detail(key: tuple[Any, ...], used: Used) -> Detail:
    team, customer, center, virtual_key = (None if one is None else int(one) for one in key[:4])
    return Detail(Owner(team, customer, center), virtual_key, str(key[4]), str(key[5]), used)


def _order(one: Detail) -> tuple[Any, ...]:
    owner = tuple(-1 if part is None else part for part in (*one.owner, one.virtual_key_id))
    return (*owner, one.provider, one.model)
