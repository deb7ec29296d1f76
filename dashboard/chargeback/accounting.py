"""Accounting: the statement of a period from what the ledger says now, from what was kept, and from the difference."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import Final

import msgspec
import sqlalchemy as sa

from dashboard import names
from dashboard.chargeback.calendar import Calendar, Month, month_of, of_month, read_month, today
from dashboard.chargeback.statement import (
    Allocation,
    Correction,
    Fee,
    Named,
    Statement,
    Unpriced,
    by_id,
    lines,
    merged,
)
from dashboard.chargeback.usage import Detail, Unconverted, Usage, by_owner, usage
from dashboard.portions import apportioned
from dashboard.question import Period, SpendQuery
from dashboard.unpriced import unpriced
from ingest.allocation import NOBODY, UNASSIGNED, Basis, Owner, Rule, Rules, shares
from ingest.exchange import NoRate, Rates
from ingest.fees import Charge, charges_of
from ingest.fees import Fee as ChargedFee
from ingest.ledger import periods
from ingest.ledger.allocations import read_rules
from ingest.ledger.engine import Ledger
from ingest.ledger.exchange_rates import read_rates
from ingest.ledger.fees import read_fees
from ingest.ledger.ownership import assignments
from ingest.ledger.periods import Event
from ingest.ledger.tables import directory, usage_event
from ingest.ledger.types import instant
from ingest.money import divide_half_even
from ingest.ownership import Owners

_KINDS: Final = ("virtual_key", "team", "customer", "cost_center")
_COMPUTED: Final = ("late", "ownership", "price", "booked")
"""Causes of corrections that are worked out, not booked by hand."""


@dataclass(frozen=True)
class Kept:
    """The closed months of a ledger, whose statements are read when they are asked for."""

    ledger: Ledger
    closings: Mapping[str, Event]

    def statement(self, month: str) -> Statement:
        """A closed month's statement as it was."""
        return _sealed(self.ledger, self.closings[month])

    def since(self, month: str) -> Iterator[Statement]:
        """The statements of closed months from one on: what comes to light of a month is booked in no earlier one."""
        return (self.statement(name) for name in self.closings if name >= month)


def kept(ledger: Ledger) -> Kept:
    """The closed months of a ledger."""
    with ledger.reading() as connection:
        return Kept(ledger, periods.closed(connection))


@lru_cache(maxsize=48)
def _sealed(ledger: Ledger, closing: Event) -> Statement:
    """A closed month's statement. It never changes, so that it is read once."""
    with ledger.reading() as connection:
        held = periods.statement_of(connection, closing)
    found: Statement = msgspec.convert(dict(held), Statement, str_keys=True)
    return replace(
        found,
        status="closed",
        hash=closing.hash,
        closed_at=closing.at,
        closed_by=closing.by,
        reason=closing.reason,
    )


def statement(ledger: Ledger, calendar: Calendar, now: int) -> Statement:
    """The statement of a period: kept where it is closed, else what the ledger says at `now`, with corrections.

    A period that is not made of whole months has no corrections: nobody closes it.
    """
    if not calendar.months:
        return ledger_says(ledger, calendar, now)
    closed = kept(ledger)
    parts = [_of_month(ledger, month, closed, now) for month in calendar.months]
    return parts[0] if len(parts) == 1 else merged(calendar.name, parts)


def as_kept(statement: Statement) -> Mapping[str, object]:
    """A statement as it is kept: everything in it but how it is kept."""
    left = ("status", "hash", "closed_at", "closed_by", "reason")
    found: dict[str, object] = msgspec.to_builtins(statement, str_keys=True)
    return {name: value for name, value in found.items() if name not in left}


def _of_month(ledger: Ledger, month: Month, closed: Kept, now: int) -> Statement:
    if str(month) in closed.closings:
        return closed.statement(str(month))
    found = ledger_says(ledger, of_month(month), now)
    made = (
        *_corrections(ledger, month, closed),
        *_booked_elsewhere(month, closed),
        *_by_hand(ledger, month),
    )
    with ledger.reading() as connection:
        happened = periods.events(connection, str(month))
        closings = sum(one.status == "closed" for one in happened)
        called = {**found.names} | _names(connection, _entries(made))
    return replace(
        found,
        corrections=made,
        names=called,
        status=happened[-1].status if happened else "open",
        revision=closings,
    )


def _corrections(ledger: Ledger, month: Month, closed: Kept) -> Iterator[Correction]:
    """What has changed in the closed periods whose changes are booked in this month."""
    for name in closed.closings:
        about = read_month(name)
        if about < month and landing(about, closed.closings) == month:
            yield from _difference(ledger, name, closed)


def landing(about: Month, closed: Container[str]) -> Month:
    """The earliest month after a closed one that is open: what comes to light later is booked there."""
    month = about.plus(1)
    while str(month) in closed:
        month = month.plus(1)
    return month


def _difference(ledger: Ledger, about: str, closed: Kept) -> Iterator[Correction]:
    """The ledger now, less the statement as it was kept, less what later statements hold of it: by owner and cause."""
    before = closed.statement(about)
    booked = _booked(about, closed)
    then, present = before.owed(), _owed_now(ledger, of_month(read_month(about)))
    changes = {
        owner: present.get(owner, 0) - then.get(owner, 0) - booked.get(owner, 0)
        for owner in {*then, *present, *booked}
    }
    if any(changes.values()):
        yield from _caused(about, changes, _late(ledger, before, _booked(about, closed, "late")))


def _caused(about: str, changes: Mapping[Owner, int], late: Mapping[Owner, int]) -> Iterator[Correction]:
    """Changes by their cause: late calls first; of what is left, that which adds up to nothing only changed hands."""
    owners = sorted({*changes, *late}, key=by_id)
    rest = {owner: changes.get(owner, 0) - late.get(owner, 0) for owner in owners}
    if sum(map(abs, rest.values())) <= len(
        owners
    ):  # where calls are shared, parts of a part round by themselves
        late, rest = changes, {}
    cause = "price" if sum(rest.values()) else "ownership"
    for owner in owners:
        if arrived := late.get(owner):
            yield Correction("late", owner, arrived, about)
        if moved := rest.get(owner):
            yield Correction(cause, owner, moved, about)


def _late(ledger: Ledger, before: Statement, booked: Mapping[Owner, int]) -> dict[Owner, int]:
    """What calls cost that came in after the statement was kept, less what later statements hold of them."""
    calendar = Calendar(before.period, before.first, before.end)
    arrived: dict[Owner, int] = {owner: -amount for owner, amount in booked.items()}
    for one in by_owner(ledger, calendar.period(ledger.zone), before.last_call).details:
        arrived[one.owner] = arrived.get(one.owner, 0) + one.used.cost
    return {owner: amount for owner, amount in arrived.items() if amount}


def _booked(about: str, closed: Kept, *causes: str) -> dict[Owner, int]:
    """What kept statements hold of changes to a period, of all causes or some."""
    found: dict[Owner, int] = {}
    for statement_ in closed.since(about):
        for one in statement_.corrections:
            if one.about == about and one.cause in (causes or _COMPUTED):
                found[one.owner] = found.get(one.owner, 0) + one.amount
    return found


def _booked_elsewhere(month: Month, closed: Kept) -> Iterator[Correction]:
    """What later statements hold of a month that was opened again: it is not owed twice."""
    for owner, amount in sorted(_booked(str(month), closed).items(), key=lambda item: by_id(item[0])):
        if amount:
            yield Correction("booked", owner, -amount, str(month))


def _by_hand(ledger: Ledger, month: Month) -> Iterator[Correction]:
    with ledger.reading() as connection:
        found = periods.adjustments(connection, str(month))
    for one in found:
        if one.currency == ledger.currency:
            yield Correction(one.cause, one.owner, one.amount, one.about, one.reason)


def ledger_says(ledger: Ledger, calendar: Calendar, now: int) -> Statement:
    """What the ledger says of a period now, without corrections."""
    with ledger.reading() as connection:
        last_call = connection.execute(sa.select(sa.func.max(usage_event.c.seq))).scalar() or 0
    made = _made(ledger, calendar, usage)
    whole = Statement(
        period=calendar.name,
        first=calendar.first,
        end=calendar.end,
        zone=ledger.zone.name,
        currency=ledger.currency,
        details=made.details,
        fees=made.fees,
        allocations=made.allocations,
        unpriced=_unpriced(ledger, calendar),
        unconverted=made.unconverted,
        names={},
        last_call=last_call,
        made_at=now,
    )
    if made.parts > 1:
        whole = merged(calendar.name, [whole])
    with ledger.reading() as connection:
        return replace(whole, names=_names(connection, _entries_of(whole)))


def _owed_now(ledger: Ledger, calendar: Calendar) -> dict[Owner, int]:
    """What each owner owes for a period by what the ledger says now, corrections left out."""
    made = _made(ledger, calendar, by_owner)
    return {
        line.owner: line.direct + line.shared for line in lines(made.details, made.fees, made.allocations, ())
    }


@dataclass(frozen=True, slots=True)
class _Made:
    """What a period's statement is made of."""

    details: tuple[Detail, ...]
    fees: tuple[Fee, ...]
    allocations: tuple[Allocation, ...]
    unconverted: tuple[Unconverted, ...]
    parts: int
    """The parts that the period was worked out in, because rules change within it."""


def _made(ledger: Ledger, calendar: Calendar, count: Callable[[Ledger, Period], Usage]) -> _Made:
    """Usage, fees and shared cost of a period, in as many parts as rules of allocation change within it."""
    with ledger.reading() as connection:
        rules = Rules(read_rules(connection))
        owners = Owners(assignments(connection))
        charged = read_fees(connection)
        rates = read_rates(connection)
    edges = rules.edges(*calendar.days)
    details: list[Detail] = []
    fees: list[Fee] = []
    allocations: list[Allocation] = []
    unconverted: list[Unconverted] = []
    for start, stop in pairwise(edges):
        during = Period(instant(ledger.zone.midnight(start)), instant(ledger.zone.midnight(stop)))
        used = count(ledger, during)
        homes = _Homes(owners, used.details, start)
        paid, unknown = _fees(ledger, charged, rates, during, homes)
        allocations += _allocated(rules, homes, used.details, paid, start)
        details += used.details
        fees += paid
        unconverted += (*used.unconverted, *unknown)
    return _Made(tuple(details), tuple(fees), tuple(allocations), tuple(unconverted), len(edges) - 1)


class _Homes:
    """Where the fees and shares of a team go: to its customer and cost centre with most of its calls, else to its own."""

    def __init__(self, owners: Owners, details: Iterable[Detail], day: int) -> None:
        self._owners, self._day = owners, day
        costs: dict[Owner, int] = {}
        for one in details:
            costs[one.owner] = costs.get(one.owner, 0) + one.used.cost
        ordered = sorted(costs, key=lambda owner: (costs[owner], [-part for part in by_id(owner)]))
        self._used = {owner.team_id: owner for owner in ordered}

    def of(self, team: int) -> Owner:
        """The owner that stands for a team."""
        return self._used.get(team) or Owner(team, *self._owners.home(team, self._day))


def _fees(
    ledger: Ledger, charged: Iterable[ChargedFee], rates: Rates, period: Period, homes: "_Homes"
) -> tuple[list[Fee], list[Unconverted]]:
    """What fees cost in a period, in the reporting currency by the rate of the day that each charge starts."""
    start, end = period.micros
    found: list[Fee] = []
    unknown: list[Unconverted] = []
    for fee in charged:
        charges = [(one, one.during(start, end)) for one in charges_of(fee, ledger.zone, start, end)]
        try:
            amount = sum(_converted(ledger, rates, charge, part) for charge, part in charges)
        except NoRate as error:
            unknown.append(Unconverted(fee.currency, sum(part for _, part in charges), 0, str(error)))
            continue
        if amount:
            owner = None if fee.team_id is None else homes.of(fee.team_id)
            found.append(Fee(fee.name, amount, fee.provider, owner))
    return found, unknown


def _converted(ledger: Ledger, rates: Rates, charge: Charge, amount: int) -> int:
    found = rates.find(charge.fee.currency, ledger.currency, ledger.zone.day(charge.start)).rate * amount
    return divide_half_even(found.numerator, found.denominator)


def _allocated(
    rules: Rules, homes: "_Homes", details: Iterable[Detail], fees: Iterable[Fee], day: int
) -> list[Allocation]:
    """The parts of every pool; they add up to what was to be shared, and to nothing for calls that change hands."""
    bases: dict[Owner, Basis] = {}
    nobody: dict[Owner, int] = {}
    for one in details:
        if one.owner.team_id is None:
            nobody[one.owner] = nobody.get(one.owner, 0) + one.used.cost
        else:
            used = Basis(one.used.cost, one.used.total_tokens, one.used.requests)
            bases[one.owner] = bases.get(one.owner, Basis()).plus(used)
    for fee in fees:
        if fee.owner is not None:
            bases[fee.owner] = bases.get(fee.owner, Basis()).plus(Basis(cost=fee.amount))
    found: list[Allocation] = []
    for fee in fees:
        if fee.owner is None:
            found += _parts(rules.on(f"fee:{fee.name}", day), f"fee:{fee.name}", fee.amount, bases, homes)
    if left := sum(nobody.values()):
        parts = _parts(rules.on(UNASSIGNED, day), UNASSIGNED, left, bases, homes)
        if any(one.owner != NOBODY for one in parts):
            taken = (
                replace(parts[0], owner=owner, amount=-cost, share=str(Fraction(-cost, left)))
                for owner, cost in sorted(nobody.items(), key=lambda item: by_id(item[0]))
            )
            found += [*parts, *taken]
    return found


def _parts(
    rule: Rule, pool: str, amount: int, bases: Mapping[Owner, Basis], homes: "_Homes"
) -> list[Allocation]:
    found = shares(rule, bases, {one.entry_id: homes.of(one.entry_id) for one in rule.targets})
    if not found:
        return [Allocation(pool, "keep", rule.number, NOBODY, amount, "1", amount)]
    ordered = sorted(found, key=by_id)
    amounts = apportioned([amount * found[owner] for owner in ordered], amount)
    return [
        Allocation(pool, rule.method, rule.number, owner, part, str(found[owner]), amount)
        for owner, part in zip(ordered, amounts, strict=True)
    ]


def _unpriced(ledger: Ledger, calendar: Calendar) -> tuple[Unpriced, ...]:
    found = unpriced(ledger, SpendQuery(period=calendar.period(ledger.zone), zone=ledger.zone.name))
    return tuple(Unpriced(one.provider, one.model, one.requests, one.tokens) for one in found)


def _entries_of(statement: Statement) -> set[int]:
    keys = {one.virtual_key_id for one in statement.details if one.virtual_key_id is not None}
    return keys | {one for line in statement.lines for one in line.owner if one is not None}


def _entries(corrections: Iterable[Correction]) -> set[int]:
    return {one for correction in corrections for one in correction.owner if one is not None}


def _names(connection: sa.Connection, entries: set[int]) -> dict[int, Named]:
    shown = names.people(connection, entries)
    c = directory.c
    rows = connection.execute(sa.select(c.entry_id, c.kind, c.ident).where(c.kind.in_(_KINDS)))
    return {
        entry_id: Named(kind, ident, shown[entry_id] or ident)
        for entry_id, kind, ident in rows
        if entry_id in entries
    }


def current_month(ledger: Ledger, now: int) -> Month:
    """The month that is running in the reporting zone."""
    return month_of(today(ledger.zone, now))
