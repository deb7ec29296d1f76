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
    "price": "other prices, fees or revised calls",
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
    gl_code: str | None = None
    """The general-ledger account of a cost centre."""


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
    number: str = ""
    """The month that it is booked in and its place there, such as `2026-11-3`."""


EvidenceKind = Literal["calls", "fee", "shared", "booked", "hand", "rest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A part of what a correction is made of: the amounts after less the amounts before add up to it."""

    number: str
    """The number of the correction."""
    kind: EvidenceKind
    name: str = ""
    """The name of a fee or pool, the number of an earlier correction, or a reason."""
    virtual_key_id: int | None = None
    provider: str = ""
    model: str = ""
    teams_before: tuple[int | None, ...] = ()
    """The teams that the calls of the key and model belonged to in the sealed statement; None is no team."""
    teams_after: tuple[int | None, ...] = ()
    price_sets_before: tuple[int, ...] = ()
    """The price sets of the model in the sealed statement; empty if its calls had reported costs."""
    price_sets_after: tuple[int, ...] = ()
    requests_before: int = 0
    requests_after: int = 0
    tokens_before: int = 0
    tokens_after: int = 0
    before: int = 0
    """The amount in the sealed statement, in pico-units."""
    after: int = 0
    """The amount by the ledger."""

    @property
    def amount(self) -> int:
        """What this part adds to the correction."""
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class ModelPrices:
    """The price sets that calls of a model were priced with in a period."""

    provider: str
    model: str
    price_sets: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class PreviousTotal:
    """The total of a team, customer or cost centre in the statement of the period before."""

    by: str
    """`team`, `customer` or `cost_center`."""
    entry: int | None
    total: int
    shown: int
    """The total as that statement showed it, in smallest units of the currency."""


@dataclass(frozen=True, slots=True)
class BudgetLimit:
    """What the budgets of a team, customer or cost centre allow for the period."""

    by: str
    entry: int
    amount: int
    counts: str = "calls"
    """What the budgets count: calls, fees or shared; several joined by a comma."""


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
    """The sum of each mark-up and reason, the highest cost first."""
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
    previous: tuple[PreviousTotal, ...] | None = None
    """The totals of the period before; None until they are looked up, and where an old seal lacks them."""
    budgets: tuple[BudgetLimit, ...] | None = None
    """The budgets of the period; None like `previous`."""
    evidence: tuple[Evidence, ...] = ()
    """What the corrections of a closed statement are made of."""
    prices: tuple[ModelPrices, ...] = ()
    """The price sets of the calls of a closed statement."""

    @property
    def number(self) -> str | None:
        """The number of an issued statement, such as `2026-10/2`; None if it is not issued."""
        return f"{self.period}/{self.revision}" if self.hash else None

    @property
    def replaces(self) -> str | None:
        """The number of the statement that this issued statement replaces."""
        return f"{self.period}/{self.revision - 1}" if self.hash and self.revision > 1 else None

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


def numbered(month: str, corrections: Iterable[Correction]) -> tuple[Correction, ...]:
    """The corrections of a month with their numbers."""
    return tuple(
        replace(correction, number=f"{month}-{place}")
        for place, correction in enumerate(corrections, start=1)
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
        previous=None,
        budgets=None,
        evidence=(),
        prices=(),
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
