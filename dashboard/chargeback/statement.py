"""The statement of a period: what every owner owes, from what, and how it adds up.

For an owner: the direct cost of its calls and fees, its part of shared cost, and adjustments. What the ledger says of an
open period may change with everything that comes in; a closed one stands as it was kept. What has changed since then is
a correction in the earliest open month after it, so that all statements together are always what the ledger says.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, Literal

from dashboard.chargeback.allocation import Method
from dashboard.chargeback.usage import Detail, Unconverted, Used, total
from ingest.ledger.periods import Status
from ingest.model.ownership import NOBODY, Owner

Cause = Literal["late", "ownership", "price", "booked"]
"""Why a closed statement is not what the ledger says: calls that came later, other owners or rules, other prices or
revised calls; or, in a period that was opened again, what later statements hold of it."""

CAUSES: Final[Mapping[str, str]] = {
    "late": "calls that came after closing",
    "ownership": "other owners or allocation rules",
    "price": "other prices or revised calls",
    "booked": "in later statements already",
    "reconciliation": "an invoice",
    "credit": "a credit",
    "tax": "tax",
    "manual": "booked by hand",
}


@dataclass(frozen=True, slots=True)
class Named:
    """A key, team, customer or cost centre as it was called when the statement was made."""

    kind: str
    ident: str
    name: str


@dataclass(frozen=True, slots=True)
class Fee:
    """What a fee costs in the period."""

    name: str
    amount: int
    provider: str | None = None
    owner: Owner | None = None
    """Who bears it; None for one that is shared."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """An owner's part of a pool of shared cost."""

    pool: str
    method: Method
    rule: int
    """The number of the rule; 0 where there was none and the pool stayed where it was."""
    owner: Owner
    amount: int
    share: str
    """Of the pool, as a fraction."""
    whole: int
    """The pool."""


@dataclass(frozen=True, slots=True)
class Correction:
    """An amount that is about another period, or was booked by hand."""

    cause: str
    owner: Owner
    amount: int
    about: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Calls that no price is known for; no amount holds them."""

    provider: str
    model: str
    requests: int
    tokens: int


@dataclass(frozen=True, slots=True)
class Line:
    """What one owner owes: money in pico-units."""

    owner: Owner
    used: Used
    fees: int = 0
    shared: int = 0
    adjustments: int = 0

    @property
    def direct(self) -> int:
        """Its calls and the fees that it bears alone."""
        return self.used.cost + self.fees

    @property
    def discounts(self) -> int:
        """What contracts took off published prices; never above nothing unless they cost more."""
        return self.used.contracted_cost - self.used.list_cost

    @property
    def markups(self) -> int:
        """What was put on contracted prices."""
        return self.used.cost - self.used.contracted_cost

    @property
    def total(self) -> int:
        """All it owes."""
        return self.direct + self.shared + self.adjustments


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A period's statement: everything that reports, exports and later corrections are made from."""

    period: str
    first: date
    end: date
    zone: str
    currency: str
    details: tuple[Detail, ...] = ()
    fees: tuple[Fee, ...] = ()
    allocations: tuple[Allocation, ...] = ()
    corrections: tuple[Correction, ...] = ()
    unpriced: tuple[Unpriced, ...] = ()
    unconverted: tuple[Unconverted, ...] = ()
    names: Mapping[int, Named]
    last_call: int = 0
    """The number of the last call that it knows."""
    made_at: int
    status: Status = "open"
    revision: int = 0
    """How often the period has been closed."""
    hash: str | None = None
    closed_by: str | None = None
    closed_at: int | None = None
    reason: str = ""

    @property
    def lines(self) -> tuple[Line, ...]:
        """What each owner owes, those without an owner last."""
        return lines(self.details, self.fees, self.allocations, self.corrections)

    @property
    def total(self) -> int:
        """What all owe together."""
        return sum(line.total for line in self.lines)

    @property
    def used(self) -> Used:
        """What all calls used; one without a price that teams share is told to each of them and counted here once."""
        used = total(one.used for one in self.details)
        return replace(used, unpriced_requests=sum(one.requests for one in self.unpriced))

    def owed(self) -> dict[Owner, int]:
        """What each owner owes for this period itself, corrections of others left out."""
        return {line.owner: line.direct + line.shared for line in self.lines}


def lines(
    details: Iterable[Detail],
    fees: Iterable[Fee],
    allocations: Iterable[Allocation],
    corrections: Iterable[Correction],
) -> tuple[Line, ...]:
    """The lines that usage, fees, shared cost and corrections make, in the order of their owners."""
    used: dict[Owner, list[Used]] = {}
    for detail in details:
        used.setdefault(detail.owner, []).append(detail.used)
    borne = _sums((fee.owner, fee.amount) for fee in fees if fee.owner is not None)
    shared = _sums((one.owner, one.amount) for one in allocations)
    adjusted = _sums((one.owner, one.amount) for one in corrections)
    owners = sorted({*used, *borne, *shared, *adjusted}, key=by_id)
    return tuple(
        Line(owner, total(used.get(owner, ())), *(held.get(owner, 0) for held in (borne, shared, adjusted)))
        for owner in owners
    )


def by_id(owner: Owner) -> tuple[int, ...]:
    """The order of owners in a statement: by their ids, which never change; nobody is last."""
    return tuple(2**63 if one is None else one for one in owner)


def _sums(amounts: Iterable[tuple[Owner, int]]) -> dict[Owner, int]:
    found: dict[Owner, int] = {}
    for owner, amount in amounts:
        found[owner] = found.get(owner, 0) + amount
    return found


def merged(name: str, parts: Sequence[Statement]) -> Statement:
    """The statements of several months as one."""
    first, last = parts[0], parts[-1]
    details: dict[tuple[object, ...], list[Detail]] = {}
    for one in (detail for part in parts for detail in part.details):
        details.setdefault((one.owner, one.virtual_key_id, one.provider, one.model), []).append(one)
    return replace(
        last,
        period=name,
        first=first.first,
        details=tuple(replace(some[0], used=total(one.used for one in some)) for some in details.values()),
        fees=tuple(one for part in parts for one in part.fees),
        allocations=tuple(one for part in parts for one in part.allocations),
        corrections=tuple(one for part in parts for one in part.corrections),
        unpriced=_unpriced(one for part in parts for one in part.unpriced),
        unconverted=tuple(one for part in parts for one in part.unconverted),
        names={number: named for part in parts for number, named in part.names.items()},
        status="closed" if all(part.status == "closed" for part in parts) else "open",
        hash=None,
        closed_at=None,
        closed_by=None,
    )


def _unpriced(parts: Iterable[Unpriced]) -> tuple[Unpriced, ...]:
    found: dict[tuple[str, str], Unpriced] = {}
    for one in parts:
        before = found.get((one.provider, one.model))
        found[one.provider, one.model] = (
            replace(one, requests=one.requests + before.requests, tokens=one.tokens + before.tokens)
            if before
            else one
        )
    return tuple(sorted(found.values(), key=lambda one: (-one.requests, one.provider, one.model)))


def unassigned(statement: Statement) -> Line:
    """What belongs to no team."""
    found = [line for line in statement.lines if line.owner.team_id is None]
    return Line(
        NOBODY,
        total(line.used for line in found),
        *(sum(getattr(line, name) for line in found) for name in ("fees", "shared", "adjustments")),
    )
