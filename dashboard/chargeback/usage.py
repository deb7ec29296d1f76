"""Usage by owner: cost and usage of a period's calls, in the detail that statements show and seal.

Shared and converted calls are fractions until everything is added up. Then each number is rounded once: the
sum of all owners, half to even, the owners by largest remainder, and within each owner its lines. So lines
add up to their owner, owners to the total of the ledger, and no count is below zero.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from fractions import Fraction
from math import ceil
from typing import Any, Final

from dashboard.chargeback.allocation import Basis
from dashboard.query.apportion import ExactRow, Number, apportioned
from dashboard.query.question import REPORTING, Period, SpendQuery
from dashboard.query.run import ExactAnswer, run_exactly
from ingest.ledger.engine import Ledger
from ingest.model.money import divide_half_even
from ingest.model.ownership import Owner

_OWNERS: Final = ("team", "customer", "cost_center")
_DETAILS: Final = ("virtual_key", "provider", "model", "cost_source")
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
_COUNTS: Final = ("requests", "errors", "input_tokens", "output_tokens", "total_tokens")


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
    unconverted: tuple[Unconverted, ...]
    bases: tuple[Mapping[Owner, Basis], ...]
    """The usage of each owner in each part of the period, not rounded. Pools are shared in proportion."""


_Key = tuple[int | None, str, str]
"""What tells the lines of an owner apart: key, provider and model."""
_Exact = dict[str, Number]
"""Exact sums by the names of `UsageSums`."""
_Exacts = dict[Owner, dict[_Key, _Exact]]


def usage(ledger: Ledger, *parts: Period, after_call: int | None = None) -> Usage:
    """The usage of a period in the reporting currency; calls that cannot be converted are listed apart.

    A period may consist of several parts; its numbers are rounded once all the same. The details of an owner
    add up to its amounts in `by_owner`. With `after_call`, only calls with a higher sequence number count.
    """
    questions = [_question(ledger, part, (*_OWNERS, *_DETAILS), after_call) for part in parts]
    return _usage(ledger, questions, _detailed)


def by_owner(ledger: Ledger, *parts: Period, after_call: int | None = None) -> Usage:
    """The usage of a period by owner only, without list and contracted cost, which is faster.

    With `after_call`, only calls with a higher sequence number count.
    """
    return _usage(ledger, [_question(ledger, part, _OWNERS, after_call) for part in parts], _whole)


def _question(
    ledger: Ledger, period: Period, dimensions: tuple[str, ...], after_call: int | None
) -> SpendQuery:
    return SpendQuery(
        period=period,
        zone=ledger.zone.name,
        metrics=_METRICS,
        dimensions=dimensions,
        currency=REPORTING,
        by_entry=True,
        after_call=after_call,
    )


def _usage(
    ledger: Ledger, questions: Iterable[SpendQuery], read: Callable[[ExactRow], tuple[_Key, _Exact]]
) -> Usage:
    exacts: _Exacts = {}
    unconverted: list[Unconverted] = []
    bases: list[Mapping[Owner, Basis]] = []
    for question in questions:
        answer = run_exactly(ledger, question)
        of_part: dict[Owner, Basis] = {}
        for row in answer.rows:
            if row.currency != ledger.currency:
                continue
            owner, (key, numbers) = _owner(row), read(row)
            _add(exacts.setdefault(owner, {}).setdefault(key, {}), numbers)
            basis = Basis(*(numbers[name] for name in ("cost", "total_tokens", "requests")))
            of_part[owner] = of_part.get(owner, Basis()).plus(basis)
        bases.append(of_part)
        unconverted += _unconverted(ledger, answer)
    return Usage(tuple(sorted(_rounded(exacts), key=_order)), tuple(unconverted), tuple(bases))


def _add(line: _Exact, numbers: _Exact) -> None:
    for name, number in numbers.items():
        line[name] = line.get(name, 0) + number


def _owner(row: ExactRow) -> Owner:
    return Owner(*(None if part is None else int(part) for part in row.key[: len(_OWNERS)]))


def _whole(row: ExactRow) -> tuple[_Key, _Exact]:
    """The exact sums of an owner."""
    cost = row.numbers["total_cost"]
    return (None, "", ""), _counts(row) | {"cost": cost, "contracted_cost": cost, "list_cost": cost}


def _detailed(row: ExactRow) -> tuple[_Key, _Exact]:
    """The exact sums of calls of a key and model with the same source of their cost."""
    key, provider, model, cost_source = row.key[len(_OWNERS) :]
    numbers = row.numbers
    prices: _Exact = {
        "cost": numbers["total_cost"],
        "contracted_cost": numbers["contracted_cost"],
        "list_cost": numbers["list_cost"],
        "priced_tokens": 0 if cost_source == "unpriced" else numbers["total_tokens"],
    }
    return (None if key is None else int(key), str(provider), str(model)), _counts(row) | prices


def _counts(row: ExactRow) -> _Exact:
    return {name: row.numbers[name] for name in (*_COUNTS, "unpriced_requests")}


def _rounded(exacts: _Exacts) -> Iterable[Detail]:
    """The lines of all owners as whole numbers that add up."""
    owners = sorted(exacts, key=lambda owner: ["" if part is None else str(part) for part in owner])
    columns = {
        name: rounded_once([_sum(exacts[owner].values(), name) for owner in owners])
        for name in ("cost", "priced_tokens", *_COUNTS)
    }
    for at, owner in enumerate(owners):
        lines = list(exacts[owner].values())
        numbers = {
            name: apportioned([line.get(name, 0) for line in lines], column[at])
            for name, column in columns.items()
        }
        # Differences of prices are rounded, not prices: where there is none, none appears.
        markups = rounded_once([line["cost"] - line["contracted_cost"] for line in lines])
        discounts = rounded_once([line["contracted_cost"] - line["list_cost"] for line in lines])
        numbers["contracted_cost"] = _less(numbers["cost"], markups)
        numbers["list_cost"] = _less(numbers["contracted_cost"], discounts)
        # A call without a price that several teams share is told to each of them.
        numbers["unpriced_requests"] = [ceil(line["unpriced_requests"]) for line in lines]
        for index, key in enumerate(exacts[owner]):
            yield Detail(owner, *key, UsageSums(**{name: column[index] for name, column in numbers.items()}))


def rounded_once(parts: Sequence[Number]) -> list[int]:
    """Integers in place of parts, which add up to the sum of the parts, rounded half to even."""
    whole = Fraction(sum(parts))
    return apportioned(parts, divide_half_even(whole.numerator, whole.denominator))


def _less(numbers: Iterable[int], parts: Iterable[int]) -> list[int]:
    return [number - part for number, part in zip(numbers, parts, strict=True)]


def _sum(lines: Iterable[_Exact], name: str) -> Number:
    return sum(line.get(name, 0) for line in lines)


def _unconverted(ledger: Ledger, answer: ExactAnswer) -> Iterable[Unconverted]:
    """The calls of each currency that has no rate."""
    sums: dict[str, tuple[Number, Number]] = {}
    for row in answer.rows:
        if row.currency != ledger.currency:
            amount, requests = sums.get(row.currency, (0, 0))
            numbers = row.numbers
            sums[row.currency] = amount + numbers["total_cost"], requests + numbers["requests"]
    for currency, (amount, requests) in sorted(sums.items()):
        yield Unconverted(currency, round(amount), round(requests), answer.no_rate or "")


def _order(detail: Detail) -> tuple[Any, ...]:
    owner = tuple(-1 if part is None else part for part in (*detail.owner, detail.virtual_key_id))
    return (*owner, detail.provider, detail.model)
