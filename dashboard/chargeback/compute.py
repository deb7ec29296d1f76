"""Computes what every owner owes for a period from the ledger as it is now: usage, fees and shared cost."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from dashboard.chargeback.allocation import UNASSIGNED, Basis, Rule, Rules, shares
from dashboard.chargeback.allocation_store import read_rules
from dashboard.chargeback.idle_markups import idle_markups
from dashboard.chargeback.statement import Allocation, Fee, Statement, StatementLine, Unpriced, by_id, lines
from dashboard.chargeback.store import names_of
from dashboard.chargeback.usage import Detail, Unconverted, Usage, by_owner, rounded_once, usage
from dashboard.exchange_rates.model import NoRate, Rates
from dashboard.exchange_rates.store import read_rates
from dashboard.fees.model import Charge, charges_of
from dashboard.fees.model import Fee as ChargedFee
from dashboard.fees.store import read_fees
from dashboard.prices.unpriced import unpriced_models
from dashboard.query.apportion import Number, apportioned
from dashboard.query.calendar import Calendar
from dashboard.query.question import Period, SpendQuery
from ingest.ledger.arrivals import newest_call
from ingest.ledger.engine import Ledger
from ingest.ledger.ownership import assignments
from ingest.model.ownership import NOBODY, Owner, Owners
from ingest.model.zone import instant


def compute_statement(ledger: Ledger, calendar: Calendar, now: int) -> Statement:
    """The statement of a period by the ledger as it is now, without corrections."""
    with ledger.reading() as connection:
        newest = newest_call(connection)
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
    with ledger.reading() as connection:
        return replace(whole, names=names_of(connection, _entries_of(whole)))


def compute_amounts(ledger: Ledger, calendar: Calendar) -> dict[Owner, int]:
    """What each owner owes for a period by the ledger as it is now, without corrections."""
    return {line.owner: line.direct + line.shared for line in compute_lines(ledger, calendar)}


def compute_lines(ledger: Ledger, calendar: Calendar) -> tuple[StatementLine, ...]:
    """The cost of calls, own fees and shared cost of each owner by the ledger as it is now."""
    costs = _period_costs(ledger, calendar, by_owner)
    return lines(costs.details, costs.fees, costs.allocations, ())


@dataclass(frozen=True, slots=True)
class _PeriodCosts:
    """The computed costs of a period."""

    details: tuple[Detail, ...]
    fees: tuple[Fee, ...]
    allocations: tuple[Allocation, ...]
    unconverted: tuple[Unconverted, ...]


def _period_costs(ledger: Ledger, calendar: Calendar, count: Callable[..., Usage]) -> _PeriodCosts:
    """Usage, fees and shared cost of a period.

    Shared cost is computed for each part between changes of allocation rules. Usage and fees are rounded once
    for the whole period, and what of them is in each part by largest remainder.
    """
    with ledger.reading() as connection:
        rules = Rules(read_rules(connection))
        owners = Owners(assignments(connection))
        charged = read_fees(connection)
        rates = read_rates(connection)
    edges = rules.edges(*calendar.days)
    parts = [
        Period(instant(ledger.zone.midnight(start)), instant(ledger.zone.midnight(stop)))
        for start, stop in pairwise(edges)
    ]
    used = count(ledger, *parts)
    bases = _bases(used)
    fee_amounts, unconverted_fees = _fee_amounts(ledger, charged, rates, parts)
    fees: list[Fee] = []
    allocations: list[Allocation] = []
    for at, day in enumerate(edges[:-1]):
        team_owners = _TeamOwners(owners, bases[at], day)
        fee_costs = _fees({fee: amounts[at] for fee, amounts in fee_amounts.items()}, team_owners)
        allocations += _allocated(rules, team_owners, bases[at], fee_costs, day)
        fees += fee_costs
    unconverted = (*used.unconverted, *unconverted_fees)
    return _PeriodCosts(used.details, _joined(fees), tuple(allocations), unconverted)


def _joined(fees: Iterable[Fee]) -> tuple[Fee, ...]:
    """The fees with the parts of a period added up: a change of rules divides no fee that a team bears."""
    amounts: dict[Fee, int] = {}
    for fee in fees:
        whole = replace(fee, amount=0)
        amounts[whole] = amounts.get(whole, 0) + fee.amount
    return tuple(replace(whole, amount=amount) for whole, amount in amounts.items() if amount)


def _bases(used: Usage) -> list[dict[Owner, Basis]]:
    """The basis of each owner in each part of the period, with its cost as the statement has it.

    The cost is in whole pico-units, so that a reader works out the same shares from the statement.
    """
    costs: dict[Owner, int] = {}
    for detail in used.details:
        costs[detail.owner] = costs.get(detail.owner, 0) + detail.used.cost
    parts = [dict(bases) for bases in used.bases]
    for owner, cost in costs.items():
        involved = [part for part in parts if owner in part]
        amounts = apportioned([part[owner].cost for part in involved], cost)
        for part, amount in zip(involved, amounts, strict=True):
            part[owner] = part[owner]._replace(cost=amount)
    return parts


class _TeamOwners:
    """The owner that bears the fees and shares of a team.

    It is the owner with the highest cost of the team's calls, else the team with its assigned customer and
    cost centre.
    """

    def __init__(self, owners: Owners, bases: Mapping[Owner, Basis], day: int) -> None:
        self._owners, self._day = owners, day
        ordered = sorted(bases, key=lambda owner: (bases[owner].cost, [-part for part in by_id(owner)]))
        self._used = {owner.team_id: owner for owner in ordered}

    def owner_of(self, team: int) -> Owner:
        """The owner of a team's fees and shares."""
        return self._used.get(team) or Owner(team, *self._owners.home(team, self._day))


class _BorneFee(NamedTuple):
    """A fee with its bearer. Its versions, such as a later amount, are one cost."""

    name: str
    kind: str
    provider: str | None
    team_id: int | None


def _fee_amounts(
    ledger: Ledger, charged: Iterable[ChargedFee], rates: Rates, parts: Sequence[Period]
) -> tuple[dict[_BorneFee, list[int]], list[Unconverted]]:
    """The cost of each fee in each part of a period, by the rate of the first day of each charge."""
    exact: dict[_BorneFee, list[Number]] = {}
    unconverted: list[Unconverted] = []
    for fee in charged:
        borne = _BorneFee(fee.name, fee.kind, fee.provider, fee.team_id)
        amounts = exact.setdefault(borne, [0] * len(parts))
        for at, (start, end) in enumerate(part.micros for part in parts):
            charges = [
                (charge, charge.during(start, end)) for charge in charges_of(fee, ledger.zone, start, end)
            ]
            try:
                amounts[at] += sum(_converted(ledger, rates, charge, part) for charge, part in charges)
            except NoRate as error:
                missing = sum(part for _, part in charges)
                unconverted.append(Unconverted(fee.currency, missing, 0, str(error)))
    return {borne: rounded_once(amounts) for borne, amounts in exact.items()}, unconverted


def _converted(ledger: Ledger, rates: Rates, charge: Charge, amount: int) -> Number:
    return amount * rates.find(charge.fee.currency, ledger.currency, ledger.zone.day(charge.start)).rate


def _fees(amounts: Mapping[_BorneFee, int], team_owners: _TeamOwners) -> list[Fee]:
    """The fees with a cost in a part of a period."""
    return [
        Fee(
            fee.name,
            amount,
            fee.provider,
            None if fee.team_id is None else team_owners.owner_of(fee.team_id),
            fee.kind,
        )
        for fee, amount in amounts.items()
        if amount
    ]


def _allocated(
    rules: Rules,
    team_owners: _TeamOwners,
    used: Mapping[Owner, Basis],
    fees: Iterable[Fee],
    day: int,
) -> list[Allocation]:
    """The parts of every pool.

    The parts of fees add up to the fees. Shared calls of no team are also deducted from their own owner, so
    that those parts add up to zero.
    """
    bases = {owner: basis for owner, basis in used.items() if owner.team_id is not None}
    unassigned = {owner: int(basis.cost) for owner, basis in used.items() if owner.team_id is None}
    for fee in fees:
        if fee.owner is not None:
            bases[fee.owner] = bases.get(fee.owner, Basis()).plus(Basis(cost=fee.amount))
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
