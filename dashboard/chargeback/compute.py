"""Working out: what every owner owes for a period by what the ledger says now: usage, fees and shared cost."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

from dashboard.chargeback.allocation import UNASSIGNED, Basis, Rule, Rules, shares
from dashboard.chargeback.allocation_store import read_rules
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


def ledger_says(ledger: Ledger, calendar: Calendar, now: int) -> Statement:
    """What the ledger says of a period now, without corrections."""
    with ledger.reading() as connection:
        newest = last_call(connection)
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
        last_call=newest,
        made_at=now,
    )
    if made.parts > 1:
        whole = merged(calendar.name, [whole])
    with ledger.reading() as connection:
        return replace(whole, names=names_of(connection, _entries_of(whole)))


def owed_now(ledger: Ledger, calendar: Calendar) -> dict[Owner, int]:
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
    found = unpriced_models(ledger, SpendQuery(period=calendar.period(ledger.zone), zone=ledger.zone.name))
    return tuple(Unpriced(one.provider, one.model, one.requests, one.tokens) for one in found)


def _entries_of(statement: Statement) -> set[int]:
    keys = {one.virtual_key_id for one in statement.details if one.virtual_key_id is not None}
    return keys | {one for line in statement.lines for one in line.owner if one is not None}
