"""Allocation: how cost that no single team caused is shared among teams. Pure; `dashboard.chargeback.allocation_store` keeps the rules.

A rule says for a pool of cost, from a day to a day, by what it is shared: evenly, in proportion to the direct cost, the
tokens or the requests of each team, in fixed parts, or not at all. Rules are only added: of those about a pool that
cover a day, the one recorded last counts. Shares are fractions that add up to one; nothing is rounded here.
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
"""Fees that are no single team's, and calls that belong to nobody."""


class Basis(NamedTuple):
    """What an owner used of its own: pico-units, tokens, calls."""

    cost: int = 0
    tokens: int = 0
    requests: int = 0

    def plus(self, other: "Basis") -> "Basis":
        """Both together."""
        return Basis(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How a pool is shared, from a day on up to (not including) another."""

    pool: str
    """`fees`, `unassigned`, or `fee:NAME`, which stands before `fees` for the fee of that name."""
    method: Method
    targets: tuple[Target, ...] = ()
    """The teams that share it, with their parts where these are fixed; none means every team that used something."""
    fallback: Fallback = "even"
    """What happens where the proportion is to nothing at all."""
    first_day: int = FIRST_DAY
    end_day: int = END_DAY
    reason: str = ""
    recorded_at: int = 0
    recorded_by: str = ""
    number: int = 0


KEPT: Final = Rule(pool="", method="keep")
"""Where no rule covers the day."""


class Rules:
    """All rules, asked by pool and day."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self._rules = sorted(rules, key=lambda rule: (rule.recorded_at, rule.number))

    def on(self, pool: str, day: int) -> Rule:
        """The rule about a pool on a day; one that shares nothing where there is none."""
        for asked in _asked(pool):
            covering = [r for r in self._rules if r.pool == asked and r.first_day <= day < r.end_day]
            if covering:
                return covering[-1]
        return KEPT

    def edges(self, first_day: int, end_day: int) -> list[int]:
        """The days within a period on which a rule starts or ends, with the period's own edges."""
        found = {day for rule in self._rules for day in (rule.first_day, rule.end_day)}
        return sorted({first_day, end_day, *(day for day in found if first_day < day < end_day)})


def _asked(pool: str) -> tuple[str, ...]:
    return (pool, FEES) if pool.startswith("fee:") else (pool,)


def shares(rule: Rule, bases: Mapping[Owner, Basis], homes: Mapping[int, Owner]) -> dict[Owner, Fraction]:
    """Each owner's share of a pool; they add up to one, or there are none and the pool stays where it is.

    `homes` says where the part of a team goes that used nothing itself.
    """
    receiving = _receiving(rule, bases, homes)
    if rule.method == "keep" or not receiving:
        return {}
    weights = _weights(rule, receiving)
    if not any(weights.values()):
        weights = {} if rule.fallback == "keep" else _equal(receiving)
    whole = sum(weights.values())
    return {owner: weight / whole for owner, weight in weights.items() if weight}


def _receiving(rule: Rule, bases: Mapping[Owner, Basis], homes: Mapping[int, Owner]) -> Mapping[Owner, Basis]:
    """The owners that share, and what they used."""
    teams = {one.entry_id for one in rule.targets}
    used = {
        owner: basis
        for owner, basis in bases.items()
        if owner.team_id is not None and (not teams or owner.team_id in teams)
    }
    idle = {homes[team]: Basis() for team in teams - _teams(used) if team in homes}
    return used | idle


def _teams(owners: Iterable[Owner]) -> set[int | None]:
    return {owner.team_id for owner in owners}


def _weights(rule: Rule, receiving: Mapping[Owner, Basis]) -> dict[Owner, Fraction]:
    match rule.method:
        case "even":
            return _equal(receiving)
        case "fixed":
            return _by_team(receiving, {one.entry_id: Fraction(one.parts) for one in rule.targets})
        case "tokens":
            return {owner: Fraction(basis.tokens) for owner, basis in receiving.items()}
        case "requests":
            return {owner: Fraction(basis.requests) for owner, basis in receiving.items()}
        case _:
            return {owner: Fraction(max(basis.cost, 0)) for owner, basis in receiving.items()}


def _equal(receiving: Mapping[Owner, Basis]) -> dict[Owner, Fraction]:
    return _by_team(receiving, {team: Fraction(1) for team in _teams(receiving)})


def _by_team(receiving: Mapping[Owner, Basis], parts: Mapping[int | None, Fraction]) -> dict[Owner, Fraction]:
    """Parts of teams; one that changed its customer or cost centre meanwhile divides its own by what each cost."""
    found: dict[Owner, Fraction] = {}
    for team, part in parts.items():
        owners = [owner for owner in receiving if owner.team_id == team]
        costs = [max(receiving[owner].cost, 0) for owner in owners]
        whole = sum(costs)
        for owner, cost in zip(owners, costs, strict=True):
            found[owner] = part * (Fraction(cost, whole) if whole else Fraction(1, len(owners)))
    return found
