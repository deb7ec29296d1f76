"""The report: a statement as people read it, one line for each team, customer or cost centre.

Every output is made of this one value, so no two of them disagree. Amounts are exact; what is shown of them is rounded to
the smallest unit of the currency, half to even, once: the total first, then direct, shared and adjusted cost as a whole,
then the lines of each by largest remainder, so that what is shown adds up downwards and across.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property
from typing import Final, Literal

from babel.numbers import get_currency_precision

from dashboard.chargeback.statement import Allocation, Correction, Fee, Line, Named, Statement
from dashboard.chargeback.usage import Detail, Used, total
from dashboard.query.apportion import apportioned
from ingest.model.money import PICO_PER_UNIT, divide_half_even, from_pico
from ingest.model.ownership import Owner

By = Literal["team", "customer", "cost_center"]
BYS: Final[Mapping[By, str]] = {"team": "Team", "customer": "Customer", "cost_center": "Cost centre"}
PARTS: Final = ("direct_cost", "shared_cost", "adjustments")
"""What a total is made of."""
_MOST: Final = 5
"""So many models and keys are named of each line."""


@dataclass(frozen=True, slots=True)
class Part:
    """A model or key, and what it cost."""

    name: str
    cost: int
    requests: int


@dataclass(frozen=True, slots=True)
class Shown:
    """Amounts of a line as a statement shows them, in whole smallest units of the currency."""

    direct_cost: int
    shared_cost: int
    adjustments: int
    total: int


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of the report: who, what is owed, for what. Amounts are pico-units."""

    ident: int | None
    """The entry of the directory that it is about; None for what belongs to none."""
    team: str | None
    customer: str | None
    cost_center: str | None
    line: Line
    before: int | None
    """What the period before came to; None where it had no such line."""
    budget: int | None = None
    shown: Shown
    details: tuple[Detail, ...] = ()
    fees: tuple[Fee, ...] = ()
    """The fees that it bears alone; they are in its direct cost."""
    allocations: tuple[Allocation, ...] = ()
    corrections: tuple[Correction, ...] = ()
    top_models: tuple[Part, ...] = ()
    top_keys: tuple[Part, ...] = ()

    @property
    def used(self) -> Used:
        """What its calls used."""
        return self.line.used

    @property
    def change(self) -> int | None:
        """How much more than in the period before."""
        return None if self.before is None else self.line.total - self.before

    @property
    def cost_per_request(self) -> Decimal | None:
        """Cost of calls divided by priced requests; None where none is priced."""
        return _per(self.used.cost, self.used.requests - self.used.unpriced_requests)

    @property
    def cost_per_million_tokens(self) -> Decimal | None:
        """Cost of calls divided by millions of tokens of priced calls; None where they have none."""
        return _per(self.used.cost * 1_000_000, self.used.priced_tokens)


@dataclass(frozen=True)
class Report:
    """A statement by team, customer or cost centre."""

    statement: Statement
    by: By
    entries: tuple[Entry, ...]
    before: int
    """What the period before came to, as a whole."""
    budgets: Mapping[int, int]

    @cached_property
    def digits(self) -> int:
        """Digits after the point that amounts are shown with."""
        return get_currency_precision(self.statement.currency)

    @cached_property
    def shown(self) -> Shown:
        """The sums of what the lines show."""
        return Shown(*(sum(getattr(one.shown, name) for one in self.entries) for name in (*PARTS, "total")))

    @cached_property
    def whole(self) -> Line:
        """The sums of all lines."""
        found = [one.line for one in self.entries]
        return Line(
            Owner(),
            self.statement.used,
            *(sum(getattr(line, name) for line in found) for name in ("fees", "shared", "adjustments")),
        )

    @property
    def unassigned(self) -> Entry | None:
        """What belongs to nobody, where there is anything."""
        return next((one for one in self.entries if one.ident is None), None)

    def name(self, entry_id: int | None) -> str | None:
        """What somebody was called when the statement was made."""
        return _name(self.statement.names, entry_id)

    def amount(self, shown: int) -> str:
        """A shown amount as plain text, such as `12.30`."""
        return f"{Decimal(shown).scaleb(-self.digits):.{self.digits}f}"

    def grouped(self, shown: int) -> str:
        """A shown amount with its thousands apart, such as `1,234.50`."""
        return f"{Decimal(shown).scaleb(-self.digits):,.{self.digits}f}"


def report(
    statement: Statement, by: By, before: Statement | None, budgets: Mapping[int, int] | None = None
) -> Report:
    """The report of a statement beside that of the period before."""
    held = _by_owner(statement.lines, by)
    then = (
        {ident: sum(one.total for one in some) for ident, some in _by_owner(before.lines, by).items()}
        if before
        else {}
    )
    idents = sorted(held, key=lambda ident: _order(statement.names, ident))
    lines = [_sum(held[ident]) for ident in idents]
    digits = get_currency_precision(statement.currency)
    shown = _shown(lines, digits)
    entries = tuple(
        _entry(statement, by, ident, line, amounts, then.get(ident), (budgets or {}).get(ident or 0))
        for ident, line, amounts in zip(idents, lines, shown, strict=True)
    )
    return Report(statement, by, entries, sum(then.values()), budgets or {})


def _by_owner(lines: Iterable[Line], by: By) -> dict[int | None, list[Line]]:
    found: dict[int | None, list[Line]] = {}
    for line in lines:
        found.setdefault(_key(line.owner, by), []).append(line)
    return found


def _key(owner: Owner, by: By) -> int | None:
    ident: int | None = getattr(owner, f"{by}_id")
    return ident


def _sum(lines: Sequence[Line]) -> Line:
    return Line(
        lines[0].owner,
        total(line.used for line in lines),
        *(sum(getattr(line, name) for line in lines) for name in ("fees", "shared", "adjustments")),
    )


def _shown(lines: Sequence[Line], digits: int) -> list[Shown]:
    unit = PICO_PER_UNIT // 10**digits
    columns = [
        [Fraction(getattr(line, name), unit) for line in lines]
        for name in ("direct", "shared", "adjustments")
    ]
    exact = [sum(column, Fraction(0)) for column in columns]
    whole = sum(exact, Fraction(0))
    totals = apportioned(exact, divide_half_even(whole.numerator, whole.denominator))
    shown = [apportioned(column, total_) for column, total_ in zip(columns, totals, strict=True)]
    return [Shown(one, two, three, one + two + three) for one, two, three in zip(*shown, strict=True)]


def _entry(
    statement: Statement,
    by: By,
    ident: int | None,
    line: Line,
    shown: Shown,
    before: int | None,
    budget: int | None,
) -> Entry:
    details = tuple(one for one in statement.details if _key(one.owner, by) == ident)
    fees = tuple(one for one in statement.fees if one.owner is not None and _key(one.owner, by) == ident)
    corrections = tuple(one for one in statement.corrections if _key(one.owner, by) == ident)
    allocations = tuple(one for one in statement.allocations if _key(one.owner, by) == ident)
    owners = list(_owners(details, corrections, allocations)) or [line.owner]
    return Entry(
        ident=ident,
        team=_several(statement.names, (owner.team_id for owner in owners)),
        customer=_several(statement.names, (owner.customer_id for owner in owners)),
        cost_center=_several(statement.names, (owner.cost_center_id for owner in owners)),
        line=line,
        before=before,
        budget=budget,
        shown=shown,
        details=details,
        fees=fees,
        allocations=allocations,
        corrections=corrections,
        top_models=_top((f"{one.provider}/{one.model}", one.used) for one in details),
        top_keys=_top(
            (_name(statement.names, one.virtual_key_id) or "(no key)", one.used) for one in details
        ),
    )


def _owners(
    details: Iterable[Detail], corrections: Iterable[Correction], allocations: Iterable[Allocation]
) -> Iterator[Owner]:
    yield from (one.owner for one in details)
    yield from (one.owner for one in corrections)
    yield from (one.owner for one in allocations)


def _top(parts: Iterable[tuple[str, Used]]) -> tuple[Part, ...]:
    held: dict[str, list[Used]] = {}
    for name, used in parts:
        held.setdefault(name, []).append(used)
    sums = {name: total(some) for name, some in held.items()}
    found = [Part(name, used.cost, used.requests) for name, used in sums.items()]
    return tuple(sorted(found, key=lambda one: (-one.cost, one.name))[:_MOST])


def _several(names: Mapping[int, Named], idents: Iterable[int | None]) -> str | None:
    """The names of all of them; None where none is known."""
    held = dict.fromkeys(name for ident in idents if (name := _name(names, ident)))
    return ", ".join(held) or None


def _name(names: Mapping[int, Named], ident: int | None) -> str | None:
    if ident is None:
        return None
    named = names.get(ident)
    return named.name if named else f"#{ident}"


def _order(names: Mapping[int, Named], ident: int | None) -> tuple[bool, str, int]:
    return ident is None, (_name(names, ident) or "").casefold(), ident or 0


def _per(pico: int, count: int) -> Decimal | None:
    return from_pico(divide_half_even(pico, count)) if count > 0 else None
