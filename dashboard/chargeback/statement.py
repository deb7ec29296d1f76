"""The statement of a period: what every owner owes, for what, and how it adds up.

An owner owes the direct cost of its calls and fees, its part of shared cost, and adjustments. The statement
of an open period changes with the ledger; the statement of a closed month is sealed and never changes. Later
changes of a closed month are corrections in the earliest open month after it, so that all statements together
equal the ledger.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final, Literal

from dashboard.chargeback.allocation import Method
from dashboard.chargeback.usage import Detail, Unconverted, UsageSums, total
from ingest.ledger.chain import Head
from ingest.ledger.periods import Status
from ingest.model.ownership import NOBODY, Owner

Cause = Literal["late", "ownership", "price", "booked"]
"""Why a sealed statement differs from the ledger: late calls; other owners or allocation rules; other prices
or revised calls; or, in a reopened month, the amounts that later statements have booked of it."""

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
class DirectoryName:
    """The name of a key, team, customer or cost centre when the statement was made."""

    kind: str
    ident: str
    name: str


@dataclass(frozen=True, slots=True)
class Fee:
    """The cost of a fee in the period."""

    name: str
    amount: int
    provider: str | None = None
    owner: Owner | None = None
    """The owner that bears the fee; None if it is shared."""
    kind: str = "fee"
    """The kind of the fee, such as `tax` or `credit`."""


@dataclass(frozen=True, slots=True)
class Allocation:
    """An owner's part of a pool of shared cost."""

    pool: str
    method: Method
    rule: int
    """The number of the allocation rule; 0 if no rule applied and the pool was not shared."""
    owner: Owner
    amount: int
    share: str
    """The owner's share of the pool, as a fraction."""
    whole: int
    """The amount of the whole pool."""


@dataclass(frozen=True, slots=True)
class Correction:
    """An amount that corrects another period, or that was booked by hand."""

    cause: str
    owner: Owner
    amount: int
    about: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unpriced:
    """Calls without a known price, which are in no amount."""

    provider: str
    model: str
    requests: int
    tokens: int


@dataclass(frozen=True, slots=True)
class IdleMarkup:
    """The cost of calls that a mark-up is about, and that were charged without it."""

    calls: str
    """The calls that the mark-up is about, such as `all` or `openai of team search`."""
    percent: str
    why: Literal["reported", "computed"]
    """Whether a source reported their cost, or it was computed without the mark-up."""
    cost: int
    requests: int


def joined_markups(parts: Iterable[IdleMarkup]) -> tuple[IdleMarkup, ...]:
    """The sum of each mark-up and reason, those of most cost first."""
    sums: dict[tuple[str, str, str], IdleMarkup] = {}
    for part in parts:
        key = (part.calls, part.percent, part.why)
        before = sums.get(key, replace(part, cost=0, requests=0))
        sums[key] = replace(part, cost=before.cost + part.cost, requests=before.requests + part.requests)
    return tuple(sorted(sums.values(), key=lambda part: (-part.cost, part.calls, part.percent, part.why)))


@dataclass(frozen=True, slots=True)
class StatementLine:
    """The amounts that an owner owes, in pico-units."""

    owner: Owner
    used: UsageSums
    fees: int = 0
    shared: int = 0
    adjustments: int = 0

    @property
    def direct(self) -> int:
        """The cost of the owner's calls and of the fees that it bears alone."""
        return self.used.cost + self.fees

    @property
    def discounts(self) -> int:
        """Contracted cost less list cost; above zero only if contracts cost more than published prices."""
        return self.used.contracted_cost - self.used.list_cost

    @property
    def markups(self) -> int:
        """Cost less contracted cost."""
        return self.used.cost - self.used.contracted_cost

    @property
    def total(self) -> int:
        """The whole amount that the owner owes."""
        return self.direct + self.shared + self.adjustments


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The statement of a period, from which reports, exports and later corrections are made."""

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
    idle_markups: tuple[IdleMarkup, ...] = ()
    names: Mapping[int, DirectoryName]
    last_call: int = 0
    """The sequence number of the newest call in the statement."""
    made_at: int
    chains: Mapping[str, Head] = field(default_factory=dict)
    """The heads of hash chains before the closing, by table; empty if the period is not closed."""
    status: Status = "open"
    revision: int = 0
    """How often the period has been closed."""
    hash: str | None = None
    closed_by: str | None = None
    closed_at: int | None = None
    reason: str = ""

    @property
    def lines(self) -> tuple[StatementLine, ...]:
        """The line of each owner; cost without an owner is last."""
        return lines(self.details, self.fees, self.allocations, self.corrections)

    @property
    def total(self) -> int:
        """The sum of all lines."""
        return sum(line.total for line in self.lines)

    @property
    def used(self) -> UsageSums:
        """The usage of all calls; an unpriced call that several teams share is counted only once here."""
        used = total(detail.used for detail in self.details)
        return replace(used, unpriced_requests=sum(model.requests for model in self.unpriced))

    def amounts_by_owner(self) -> dict[Owner, int]:
        """The amount that each owner owes for this period itself, without corrections and adjustments."""
        return {line.owner: line.direct + line.shared for line in self.lines}


def lines(
    details: Iterable[Detail],
    fees: Iterable[Fee],
    allocations: Iterable[Allocation],
    corrections: Iterable[Correction],
) -> tuple[StatementLine, ...]:
    """The line of each owner, made of usage, fees, shared cost and corrections."""
    used: dict[Owner, list[UsageSums]] = {}
    for detail in details:
        used.setdefault(detail.owner, []).append(detail.used)
    borne = _sums((fee.owner, fee.amount) for fee in fees if fee.owner is not None)
    shared = _sums((part.owner, part.amount) for part in allocations)
    adjusted = _sums((correction.owner, correction.amount) for correction in corrections)
    owners = sorted({*used, *borne, *shared, *adjusted}, key=by_id)
    return tuple(
        StatementLine(
            owner,
            total(used.get(owner, ())),
            *(amounts.get(owner, 0) for amounts in (borne, shared, adjusted)),
        )
        for owner in owners
    )


def by_id(owner: Owner) -> tuple[int, ...]:
    """The sort key of owners in a statement: their ids, which never change; a missing id is last."""
    return tuple(2**63 if entry is None else entry for entry in owner)


def _sums(amounts: Iterable[tuple[Owner, int]]) -> dict[Owner, int]:
    sums: dict[Owner, int] = {}
    for owner, amount in amounts:
        sums[owner] = sums.get(owner, 0) + amount
    return sums


def merged(name: str, parts: Sequence[Statement]) -> Statement:
    """The statements of several months as one."""
    first, last = parts[0], parts[-1]
    details: dict[tuple[object, ...], list[Detail]] = {}
    for detail in (detail for part in parts for detail in part.details):
        key = (detail.owner, detail.virtual_key_id, detail.provider, detail.model)
        details.setdefault(key, []).append(detail)
    return replace(
        last,
        period=name,
        first=first.first,
        details=tuple(
            replace(group[0], used=total(detail.used for detail in group)) for group in details.values()
        ),
        fees=tuple(fee for part in parts for fee in part.fees),
        allocations=tuple(allocation for part in parts for allocation in part.allocations),
        corrections=tuple(correction for part in parts for correction in part.corrections),
        unpriced=_summed_unpriced(model for part in parts for model in part.unpriced),
        unconverted=tuple(unconverted for part in parts for unconverted in part.unconverted),
        idle_markups=joined_markups(markup for part in parts for markup in part.idle_markups),
        names={number: named for part in parts for number, named in part.names.items()},
        status="closed" if all(part.status == "closed" for part in parts) else "open",
        chains={},
        hash=None,
        closed_at=None,
        closed_by=None,
    )


def _summed_unpriced(parts: Iterable[Unpriced]) -> tuple[Unpriced, ...]:
    sums: dict[tuple[str, str], Unpriced] = {}
    for part in parts:
        before = sums.get((part.provider, part.model))
        sums[part.provider, part.model] = (
            replace(part, requests=part.requests + before.requests, tokens=part.tokens + before.tokens)
            if before
            else part
        )
    return tuple(sorted(sums.values(), key=lambda model: (-model.requests, model.provider, model.model)))


def unassigned(statement: Statement) -> StatementLine:
    """The sum of the lines that belong to no team."""
    lines = [line for line in statement.lines if line.owner.team_id is None]
    return StatementLine(
        NOBODY,
        total(line.used for line in lines),
        *(sum(getattr(line, name) for line in lines) for name in ("fees", "shared", "adjustments")),
    )
