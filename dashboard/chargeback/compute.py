"""Computes what every owner owes for a period from the ledger as it is now: usage, fees and shared cost."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from dashboard.chargeback.allocation import UNASSIGNED, Basis, Rule, Rules, shares
from dashboard.chargeback.allocation_bases import bases_of
from dashboard.chargeback.allocation_store import read_rules
from dashboard.chargeback.idle_markups import idle_markups
from dashboard.chargeback.statement import Allocation, Fee, Statement, Unpriced, by_id, lines, merged
from dashboard.chargeback.store import last_call, names_of
from dashboard.chargeback.usage import Detail, Unconverted, Usage, by_owner, usage
from dashboard.exchange_rates.model import NoRate, Rates
from dashboard.exchange_rates.store import read_rates
from dashboard.fees.model import Charge, charges_of
from dashboard.fees.model import Fee as ChargedFee
from dashboard.fees.store import read_fees
from dashboard.prices.unpriced import unpriced_models
from dashboard.query.apportion import apportioned
from dashboard.query.calendar import Calendar
from dashboard.query.question import Period, SpendQuery
from ingest.ledger.engine import Ledger
from ingest.ledger.ownership import assignments
from ingest.model.money import divide_half_even
from ingest.model.ownership import NOBODY, Owner, Owners
from ingest.model.zone import instant


def compute_statement(ledger: Ledger, calendar: Calendar, now: int) -> Statement:
    """The statement of a period by the ledger as it is now, without corrections."""
    with ledger.reading() as connection:
        newest = last_call(connection)
    costs = _period_costs(ledger, calendar, usage)
    whole = Statement(
        period=calendar.name,
        first=calendar.first,
        end=calendar.end,
        zone=ledger.zone.name,
        currency=ledger.currency,
        details=costs.details,
        fees=costs.fees,
        allocations=costs.allocations,
        unpriced=_unpriced(ledger, calendar),
        unconverted=costs.unconverted,
        idle_markups=idle_markups(ledger, calendar),
        names={},
        last_call=newest,
        made_at=now,
    )
    if costs.parts > 1:
        whole = merged(calendar.name, [whole])
    with ledger.reading() as connection:
        return replace(whole, names=names_of(connection, _entries_of(whole)))


def compute_amounts(ledger: Ledger, calendar: Calendar) -> dict[Owner, int]:
    """What each owner owes for a period by the ledger as it is now, without corrections."""
    costs = _period_costs(ledger, calendar, by_owner)
    return {
        line.owner: line.direct + line.shared
        for line in lines(costs.details, costs.fees, costs.allocations, ())
    }


@dataclass(frozen=True, slots=True)
class _PeriodCosts:
    """The computed costs of a period."""

    details: tuple[Detail, ...]
    fees: tuple[Fee, ...]
    allocations: tuple[Allocation, ...]
    unconverted: tuple[Unconverted, ...]
    parts: int
    """How many parts the period was divided into, because allocation rules change within it."""


def _period_costs(
    ledger: Ledger, calendar: Calendar, count: Callable[[Ledger, Period], Usage]
) -> _PeriodCosts:
    """Usage, fees and shared cost of a period, computed for each part between changes of allocation rules."""
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
        team_owners = _TeamOwners(owners, used.details, start)
        fee_costs, unconverted_fees = _fees(ledger, charged, rates, during, team_owners)
        costs = _direct_costs(used.details, fee_costs)
        shared = [fee.name for fee in fee_costs if fee.owner is None]
        bases = bases_of(ledger, during, rules, start, costs, shared)
        allocations += _allocated(rules, team_owners, used.details, fee_costs, bases, start)
        details += used.details
        fees += fee_costs
        unconverted += (*used.unconverted, *unconverted_fees)
    return _PeriodCosts(tuple(details), tuple(fees), tuple(allocations), tuple(unconverted), len(edges) - 1)


class _TeamOwners:
    """The owner that bears the fees and shares of a team.

    It is the owner with the highest cost of the team's calls, else the team with its assigned customer and
    cost centre.
    """

    def __init__(self, owners: Owners, details: Iterable[Detail], day: int) -> None:
        self._owners, self._day = owners, day
        costs: dict[Owner, int] = {}
        for detail in details:
            costs[detail.owner] = costs.get(detail.owner, 0) + detail.used.cost
        ordered = sorted(costs, key=lambda owner: (costs[owner], [-part for part in by_id(owner)]))
        self._used = {owner.team_id: owner for owner in ordered}

    def owner_of(self, team: int) -> Owner:
        """The owner of a team's fees and shares."""
        return self._used.get(team) or Owner(team, *self._owners.home(team, self._day))


def _fees(
    ledger: Ledger, charged: Iterable[ChargedFee], rates: Rates, period: Period, team_owners: _TeamOwners
) -> tuple[list[Fee], list[Unconverted]]:
    """The cost of fees in a period, converted at the rate of the first day of each charge.

    The versions of a fee that have the same kind, provider and owner are one cost.
    """
    start, end = period.micros
    costs: dict[Fee, int] = {}
    unconverted: list[Unconverted] = []
    for fee in charged:
        charges = [(charge, charge.during(start, end)) for charge in charges_of(fee, ledger.zone, start, end)]
        try:
            amount = sum(_converted(ledger, rates, charge, part) for charge, part in charges)
        except NoRate as error:
            unconverted.append(Unconverted(fee.currency, sum(part for _, part in charges), 0, str(error)))
            continue
        owner = None if fee.team_id is None else team_owners.owner_of(fee.team_id)
        cost = Fee(fee.name, 0, fee.provider, owner, fee.kind)
        costs[cost] = costs.get(cost, 0) + amount
    return [replace(cost, amount=amount) for cost, amount in costs.items() if amount], unconverted


def _converted(ledger: Ledger, rates: Rates, charge: Charge, amount: int) -> int:
    rate = rates.find(charge.fee.currency, ledger.currency, ledger.zone.day(charge.start)).rate
    converted = rate * amount
    return divide_half_even(converted.numerator, converted.denominator)


def _direct_costs(details: Iterable[Detail], fees: Iterable[Fee]) -> dict[Owner, int]:
    """The cost of the calls and of the own fees of each owner."""
    costs: dict[Owner, int] = {}
    for detail in details:
        costs[detail.owner] = costs.get(detail.owner, 0) + detail.used.cost
    for fee in fees:
        if fee.owner is not None:
            costs[fee.owner] = costs.get(fee.owner, 0) + fee.amount
    return costs


def _allocated(
    rules: Rules,
    team_owners: _TeamOwners,
    details: Iterable[Detail],
    fees: Iterable[Fee],
    bases: Mapping[Owner, Basis],
    day: int,
) -> list[Allocation]:
    """The parts of every pool.

    The parts of fees add up to the fees. Shared calls of no team are also deducted from their own owner, so
    that those parts add up to zero.
    """
    unassigned: dict[Owner, int] = {}
    for detail in details:
        if detail.owner.team_id is None:
            unassigned[detail.owner] = unassigned.get(detail.owner, 0) + detail.used.cost
    allocations: list[Allocation] = []
    for fee in fees:
        if fee.owner is None:
            allocations += _parts(
                rules.on(f"fee:{fee.name}", day), f"fee:{fee.name}", fee.amount, bases, team_owners
            )
    if unassigned_cost := sum(unassigned.values()):
        parts = _parts(rules.on(UNASSIGNED, day), UNASSIGNED, unassigned_cost, bases, team_owners)
        if any(part.owner != NOBODY for part in parts):
            deductions = (
                replace(parts[0], owner=owner, amount=-cost, share=str(Fraction(-cost, unassigned_cost)))
                for owner, cost in sorted(unassigned.items(), key=lambda item: by_id(item[0]))
            )
            allocations += [*parts, *deductions]
    return allocations


def _parts(
    rule: Rule, pool: str, amount: int, bases: Mapping[Owner, Basis], team_owners: _TeamOwners
) -> list[Allocation]:
    fractions = shares(
        rule, bases, {team.entry_id: team_owners.owner_of(team.entry_id) for team in rule.targets}
    )
    if not fractions:
        return [Allocation(pool, "keep", rule.number, NOBODY, amount, "1", amount)]
    ordered = sorted(fractions, key=by_id)
    amounts = apportioned([amount * fractions[owner] for owner in ordered], amount)
    return [
        Allocation(pool, rule.method, rule.number, owner, part, str(fractions[owner]), amount)
        for owner, part in zip(ordered, amounts, strict=True)
    ]


def _unpriced(ledger: Ledger, calendar: Calendar) -> tuple[Unpriced, ...]:
    rows = unpriced_models(ledger, SpendQuery(period=calendar.period(ledger.zone), zone=ledger.zone.name))
    return tuple(Unpriced(row.provider, row.model, row.requests, row.tokens) for row in rows)


def _entries_of(statement: Statement) -> set[int]:
    keys = {detail.virtual_key_id for detail in statement.details if detail.virtual_key_id is not None}
    return keys | {entry for line in statement.lines for entry in line.owner if entry is not None}
