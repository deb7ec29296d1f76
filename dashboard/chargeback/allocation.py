"""Allocation: how cost that no single team caused is shared among teams.

This module is pure; `dashboard.chargeback.allocation_store` stores the rules. A rule belongs to a pool of
cost and covers the days `[first_day, end_day)`. It shares the pool evenly, in proportion to the direct cost,
the tokens or the requests of each team, in fixed parts, or not at all. A team's basis is the sum of all that
it used, for whatever customer or cost centre; a team whose sum is below zero takes no part. Rules are only
added: of the rules of a pool that cover a day, the rule recorded last applies. Shares are fractions that add
up to 1; nothing is rounded here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, Literal, NamedTuple

from ingest.model.ownership import END_DAY, FIRST_DAY, Owner, Target

Method = Literal["even", "cost", "tokens", "requests", "fixed", "keep"]
Fallback = Literal["even", "keep"]

METHODS: Final[Mapping[Method, str]] = {
    "even": "the same for each team",
    "cost": "in proportion to direct cost",
    "tokens": "in proportion to tokens",
    "requests": "in proportion to requests",
    "fixed": "in fixed parts",
    "keep": "not shared: it stays where it is",
}
FEES: Final = "fees"
UNASSIGNED: Final = "unassigned"
POOLS: Final = (FEES, UNASSIGNED)
"""Fees that no single team bears, and calls that belong to no team."""


class Basis(NamedTuple):
    """The direct usage of an owner, in proportion to which a pool is shared; the cost is in pico-units.

    Tokens and requests are fractions where calls are shared: they are not rounded before they divide a pool.
    """

    cost: int | Fraction = 0
    tokens: int | Fraction = 0
    requests: int | Fraction = 0

    def plus(self, other: "Basis") -> "Basis":
        """The sum of this and another basis."""
        return Basis(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a pool is shared on the days `[first_day, end_day)`."""

    pool: str
    """`fees`, `unassigned`, or `fee:NAME`, which takes precedence over `fees` for the fee NAME."""
    method: Method
    targets: tuple[Target, ...] = ()
    """The teams that share the pool, with parts if the method is `fixed`; empty for every team with usage."""
    fallback: Fallback = "even"
    """What applies where the basis of every team is zero."""
    first_day: int = FIRST_DAY
    end_day: int = END_DAY
    reason: str = ""
    recorded_at: int = 0
    recorded_by: str = ""
    number: int = 0


NO_RULE: Final = Rule(pool="", method="keep")
"""Applies on a day that no rule covers: the pool is not shared."""


class Rules:
    """All rules, looked up by pool and day."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = sorted(rules, key=lambda rule: (rule.recorded_at, rule.number))

    def on(self, pool: str, day: int) -> Rule:
        """The rule that applies to a pool on a day; `NO_RULE` where no rule covers it."""
        for candidate in _pools_of(pool):
            rules = [r for r in self._rules if r.pool == candidate and r.first_day <= day < r.end_day]
            if rules:
                return rules[-1]
        return NO_RULE

    def edges(self, first_day: int, end_day: int) -> list[int]:
        """The days within a period on which a rule starts or ends, and the period's own first and end day."""
        days = {day for rule in self._rules for day in (rule.first_day, rule.end_day)}
        return sorted({first_day, end_day, *(day for day in days if first_day < day < end_day)})


def _pools_of(pool: str) -> tuple[str, ...]:
    return (pool, FEES) if pool.startswith("fee:") else (pool,)


def shares(rule: Rule, bases: Mapping[Owner, Basis], homes: Mapping[int, Owner]) -> dict[Owner, Fraction]:
    """Each owner's share of a pool; the shares add up to 1. Empty means that the pool is not shared.

    `homes` maps each target team to the owner that receives its share if the team has no usage.
    """
    recipients = _recipients(rule, bases, homes)
    if rule.method == "keep" or not recipients:
        return {}
    weights = _weights(rule, recipients)
    if not any(weights.values()):
        weights = {} if rule.fallback == "keep" else _equal(recipients)
    whole = sum(weights.values())
    return {owner: weight / whole for owner, weight in weights.items() if weight}


def _recipients(
    rule: Rule, bases: Mapping[Owner, Basis], homes: Mapping[int, Owner]
) -> Mapping[Owner, Basis]:
    """The owners that share the pool, and the basis of each."""
    teams = {target.entry_id for target in rule.targets}
    used = {
        owner: basis
        for owner, basis in bases.items()
        if owner.team_id is not None and (not teams or owner.team_id in teams)
    }
    idle = {homes[team]: Basis() for team in teams - _teams(used) if team in homes}
    return used | idle


def _teams(owners: Iterable[Owner]) -> set[int | None]:
    return {owner.team_id for owner in owners}


def _weights(rule: Rule, recipients: Mapping[Owner, Basis]) -> dict[Owner, Fraction]:
    match rule.method:
        case "even":
            return _equal(recipients)
        case "fixed":
            return _by_team(recipients, {target.entry_id: Fraction(target.parts) for target in rule.targets})
        case "tokens":
            used = {owner: Fraction(basis.tokens) for owner, basis in recipients.items()}
        case "requests":
            used = {owner: Fraction(basis.requests) for owner, basis in recipients.items()}
        case _:
            used = {owner: Fraction(basis.cost) for owner, basis in recipients.items()}
    sums: dict[int | None, Fraction] = {}
    for owner, number in used.items():
        sums[owner.team_id] = sums.get(owner.team_id, Fraction(0)) + number
    return _by_team(recipients, {team: max(number, Fraction(0)) for team, number in sums.items()}, used)


def _equal(recipients: Mapping[Owner, Basis]) -> dict[Owner, Fraction]:
    return _by_team(recipients, {team: Fraction(1) for team in _teams(recipients)})


def _by_team(
    recipients: Mapping[Owner, Basis],
    parts: Mapping[int | None, Fraction],
    used: Mapping[Owner, Fraction] | None = None,
) -> dict[Owner, Fraction]:
    """The part of each owner.

    A team has several owners if its customer or cost centre changed; they divide its part by what they
    `used`, their costs by default.
    """
    by_owner: dict[Owner, Fraction] = {}
    for team, part in parts.items():
        owners = [owner for owner in recipients if owner.team_id == team]
        numbers = [
            max(used[owner] if used else Fraction(recipients[owner].cost), Fraction(0)) for owner in owners
        ]
        whole = sum(numbers)
        for owner, number in zip(owners, numbers, strict=True):
            by_owner[owner] = part * (number / whole if whole else Fraction(1, len(owners)))
    return by_owner
