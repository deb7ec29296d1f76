"""Shared cost: every rule divides a pool without rest, by the days and to the teams that it names."""

from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.chargeback.allocation import (
    FEES,
    METHODS,
    POOLS,
    UNASSIGNED,
    Basis,
    Method,
    Rule,
    Rules,
    shares,
)
from dashboard.chargeback.allocation_store import add_rules, read_rules
from ingest.ledger.engine import Ledger
from ingest.model.ownership import END_DAY, FIRST_DAY, NOBODY, Owner, Target
from tests.support.acme import acme_call, acme_month
from tests.support.cli import Command, object_of

RED, BLUE, GREEN = Owner(1, 10, None), Owner(2, 10, 5), Owner(3)
USED = {RED: Basis(60, 100, 3), BLUE: Basis(40, 300, 1)}
HOMES = {3: GREEN}


def divided(
    method: Method, *targets: Target, used: dict[Owner, Basis] = USED, **facts: object
) -> dict[Owner, Fraction]:
    return shares(Rule(pool=FEES, method=method, targets=targets, **facts), used, HOMES)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("method", "red"),
    [
        ("even", Fraction(1, 2)),
        ("cost", Fraction(3, 5)),
        ("tokens", Fraction(1, 4)),
        ("requests", Fraction(3, 4)),
    ],
)
def test_a_pool_is_shared_by_what_the_rule_says(method: Method, red: Fraction) -> None:
    assert divided(method) == {RED: red, BLUE: 1 - red}


def test_fixed_parts_reach_a_team_that_used_nothing() -> None:
    found = divided("fixed", Target(1, 50), Target(3, 50))
    assert found == {RED: Fraction(1, 2), GREEN: Fraction(1, 2)}


def test_what_is_kept_stays_where_it_is() -> None:
    assert divided("keep") == {}


def test_a_proportion_to_nothing_falls_back_as_the_rule_says() -> None:
    idle = {RED: Basis(requests=1), BLUE: Basis(requests=1)}
    assert divided("cost", used=idle) == {RED: Fraction(1, 2), BLUE: Fraction(1, 2)}
    assert divided("cost", used=idle, fallback="keep") == {}


def test_a_team_that_changed_hands_counts_once_among_equals() -> None:
    moved = {RED: Basis(10), RED._replace(customer_id=11): Basis(30), BLUE: Basis(5)}
    found = divided("even", used=moved)
    assert found[BLUE] == Fraction(1, 2)
    assert found[RED] == Fraction(1, 8)


def test_nobody_shares_what_belongs_to_nobody() -> None:
    assert divided("even", used={NOBODY: Basis(7), RED: Basis(1)}) == {RED: 1}


def test_the_rule_recorded_last_counts_on_its_days_and_one_for_a_fee_before_that_for_all() -> None:
    rules = Rules(
        [
            Rule(pool=FEES, method="even", recorded_at=1),
            Rule(pool=FEES, method="cost", first_day=10, end_day=20, recorded_at=2),
            Rule(pool="fee:seats", method="requests", first_day=15, recorded_at=3),
        ]
    )
    assert [rules.on("fee:other", day).method for day in (9, 10, 19, 20)] == ["even", "cost", "cost", "even"]
    assert [rules.on("fee:seats", day).method for day in (14, 15)] == ["cost", "requests"]
    assert rules.on(UNASSIGNED, 12).method == "keep"
    assert rules.edges(0, 18) == [0, 10, 15, 18]


def test_rules_are_read_as_they_were_recorded(ledger: Ledger) -> None:
    rule = Rule(
        pool="fee:seats",
        method="fixed",
        targets=(Target(3, 60), Target(1, 40)),
        fallback="keep",
        first_day=20_000,
        reason="agreed",
        recorded_at=5,
        recorded_by="ann",
    )
    with ledger.writing() as connection:
        add_rules(connection, [])
        add_rules(connection, [rule, Rule(pool="fees", method="even")])
        found, plain = read_rules(connection)
    assert found == Rule(**{name: getattr(rule, name) for name in rule.__slots__} | {"number": found.number})
    assert (plain.recorded_at, plain.recorded_by, plain.reason, plain.fallback) == (0, "", "", "even")
    assert (plain.first_day, plain.end_day, plain.targets) == (FIRST_DAY, END_DAY, ())


def test_a_credit_counts_for_the_whole_team() -> None:
    """Of a team with a charge of 10 and a credit of 4, 6 count: as much as of a team with a charge of 6."""
    used = {RED: Basis(10), RED._replace(customer_id=11): Basis(-4), BLUE: Basis(6)}
    found = divided("cost", used=used)
    assert found == {RED: Fraction(1, 2), BLUE: Fraction(1, 2)}


def test_a_team_whose_cost_is_below_zero_takes_no_part() -> None:
    used = {RED: Basis(10), RED._replace(customer_id=11): Basis(-40), BLUE: Basis(6)}
    assert divided("cost", used=used) == {BLUE: 1}


@given(
    st.dictionaries(st.builds(Owner, st.integers(1, 4), st.none() | st.integers(6, 8)), st.integers(-9, 9))
)
def test_teams_share_by_what_each_used_in_all(costs: dict[Owner, int]) -> None:
    found = divided("cost", used={owner: Basis(cost) for owner, cost in costs.items()}, fallback="keep")
    sums = {
        team: max(sum(cost for owner, cost in costs.items() if owner.team_id == team), 0)
        for team in {owner.team_id for owner in costs}
    }
    whole = sum(sums.values())
    by_team = {team: sum(share for owner, share in found.items() if owner.team_id == team) for team in sums}
    assert by_team == {team: Fraction(cost, whole) if whole else 0 for team, cost in sums.items()}


@pytest.mark.parametrize("method", ["requests", "tokens"])
@pytest.mark.parametrize("calls", [1, 9])
def test_a_shared_call_counts_by_its_parts(
    tallybook: Command, tmp_path: Path, method: str, calls: int
) -> None:
    lines = [acme_call(f"c{number}", virtual_key="duo", tokens=1) for number in range(calls)]
    acme_month(tallybook, tmp_path, *lines)
    for team in ("a", "b"):
        tallybook("team", "add", team)
    tallybook("owner", "set", "duo", "--team", "a=60", "--team", "b=40", "--from", "always")
    tallybook("fees", "add", "Licence", "100", "--from", "2026-10-01")
    tallybook("allocate", "set", "fees", "--by", method)
    lines_ = object_of(tallybook("report", "chargeback", "--period", "2026-10"))["lines"]
    assert {line["team"]: line["shared_cost"] for line in lines_} == {"a": "60", "b": "40"}


def test_a_share_by_cost_is_worked_out_from_the_statement(tallybook: Command, tmp_path: Path) -> None:
    """Also where costs are converted by the rates of many days, which have no end in decimals."""
    rates = "".join(f"2026-10-{day:02},USD,EUR,{0.85 + day * 0.0013:.4f}\n" for day in range(1, 32))
    (tmp_path / "rates.csv").write_text(f"date,base,quote,rate\n{rates}")
    tallybook("rates", "import", str(tmp_path / "rates.csv"))
    tallybook("prices", "set", "acme", "euro", "input=10", "output=10", "--currency", "EUR")
    calls = [
        acme_call(f"c{day}", at=f"2026-10-{day:02}T10:00:00Z", model="euro", team="ab"[day % 2], tokens=day)
        for day in range(1, 31)
    ]
    acme_month(tallybook, tmp_path, *calls)
    tallybook("fees", "add", "Licence", "100", "--from", "2026-10-01")
    tallybook("allocate", "set", "fees", "--by", "cost")
    lines = object_of(tallybook("report", "chargeback", "--period", "2026-10"))["lines"]
    whole = sum(Fraction(line["direct_cost"]) for line in lines)
    shares = [Fraction(line["shared"][0]["share"]) for line in lines]
    assert shares == [Fraction(line["direct_cost"]) / whole for line in lines]
    assert sum(Fraction(line["shared_cost"]) for line in lines) == 100


OWNERS = st.builds(Owner, st.integers(1, 5), st.none() | st.integers(6, 7), st.none())
USAGE = st.dictionaries(
    OWNERS, st.builds(Basis, st.integers(-50, 10**15), st.integers(0, 99), st.integers(0, 9))
)


@given(
    st.sampled_from(["even", "cost", "tokens", "requests", "fixed"]),
    USAGE,
    st.lists(st.builds(Target, st.integers(1, 6), st.integers(1, 9)), unique_by=lambda one: one.entry_id),
)
def test_shares_add_up_to_one_or_there_are_none(
    method: Method, used: dict[Owner, Basis], targets: list[Target]
) -> None:
    homes = {team: Owner(team) for team in range(1, 7)}
    found = shares(Rule(pool=FEES, method=method, targets=tuple(targets)), used, homes)
    assert sum(found.values()) in ((1,) if found else (0,))
    assert bool(found) == bool(targets or used)
    assert all(share > 0 for share in found.values())


def test_every_way_of_sharing_is_said_in_words() -> None:
    assert METHODS == {
        "even": "the same for each team",
        "cost": "in proportion to direct cost",
        "tokens": "in proportion to tokens",
        "requests": "in proportion to requests",
        "fixed": "in fixed parts",
        "keep": "not shared: it stays where it is",
    }
    assert POOLS == ("fees", "unassigned")
