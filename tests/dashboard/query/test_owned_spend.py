"""Questions about owners: each call belongs to its owner of that day, shares add up, nothing else changes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from dashboard.calls.calls import list_calls
from dashboard.calls.store import CallsQuery
from dashboard.query.apportion import apportioned
from dashboard.query.question import QuestionText, parse, read_filters
from dashboard.query.run import Result, run
from ingest.ledger.engine import Ledger
from ingest.ledger.ownership import record, update_owners
from ingest.ledger.rollups import roll
from ingest.ledger.tables.ownership import owned
from ingest.model.ownership import END_DAY, Assignment, Target
from tests.support.calls import Call, a_ledger, call, put
from tests.support.examples import examples
from tests.support.owners import day, entry, owns

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
BERLIN = "Europe/Berlin"

CALLS = (
    call("2026-10-09T21:30:00Z", 100, virtual_key="vk-1", team="red", latency_us=1_000_000),
    call(
        "2026-10-09T22:30:00Z", 200, virtual_key="vk-1", team="red", latency_us=2_000_000
    ),  # the 10th in Berlin
    call("2026-10-12T10:00:00Z", 301, virtual_key="vk-1", team="red", output_tokens=7),
    call("2026-10-12T10:00:00Z", 1_000, virtual_key="vk-2", team="red", customer="acme"),
    call("2026-10-12T11:00:00Z", 10, virtual_key="vk-3"),
    call("2026-10-13T11:00:00Z", None, virtual_key="vk-1", team="red", project="atlas"),
)


@pytest.fixture(params=["dirty", "clean", "mixed"])
def ledger(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """Berlin's ledger with the calls; what of it is summed is named by the parameter."""
    clean = {"dirty": 0, "clean": len(CALLS), "mixed": 3}[request.param]
    with a_ledger(tmp_path, BERLIN) as opened:
        put(opened, CALLS[:clean])
        roll(opened)
        put(opened, CALLS[clean:], first=clean)
        yield opened


def asked(ledger: Ledger, *by: str, where: Sequence[str] = (), metric: str = "total_cost") -> Result:
    words = QuestionText(
        by=by, metric=[metric], where=where, start="2026-10-01", end="2026-11-01", interval=None
    )
    return run(ledger, parse(words, ledger.zone, NOW))


def by(
    ledger: Ledger, dimension: str, metric: str = "total_cost", where: Sequence[str] = ()
) -> dict[object, object]:
    result = asked(ledger, dimension, metric=metric, where=where)
    scale = 10**12 if metric == "total_cost" else 1
    return {row.key[0]: int(value * scale) for row in result.rows if (value := row.values[0]) is not None}


def test_a_key_that_moves_takes_nothing_of_its_past_along(ledger: Ledger) -> None:
    owns(ledger, "vk-1", ("blue", 1), since="2026-10-10")
    assert by(ledger, "team") == {"red": 1_100, "blue": 501, None: 10}


def test_only_an_owner_s_calls_of_its_days_pass_a_filter(ledger: Ledger) -> None:
    owns(ledger, "vk-1", ("blue", 1), since="2026-10-10")
    assert by(ledger, "virtual_key", where=["team=blue"]) == {"vk-1": 501}
    assert by(ledger, "virtual_key", where=["team=red"]) == {"vk-1": 100, "vk-2": 1_000}
    assert by(ledger, "virtual_key", where=["team="]) == {"vk-3": 10}
    assert by(ledger, "virtual_key", where=["team=", "team=blue"]) == {"vk-1": 501, "vk-3": 10}


def test_what_is_shared_adds_up_to_the_last_unit(ledger: Ledger) -> None:
    owns(ledger, "vk-1", ("blue", 60), ("green", 40))
    assert by(ledger, "team") == {"blue": 361, "green": 240, "red": 1_000, None: 10}
    assert asked(ledger, "team").totals == asked(ledger).totals
    assert by(ledger, "team", "output_tokens") == {"blue": 4, "green": 3, "red": 0, None: 0}


def test_each_owner_hears_of_a_shared_call_without_a_price(ledger: Ledger) -> None:
    owns(ledger, "vk-1", ("blue", 60), ("green", 40))
    assert by(ledger, "team", "unpriced_requests") == {"blue": 1, "green": 1, "red": 0, None: 0}
    assert asked(ledger, "team").unpriced_requests == 1


def test_times_of_shared_calls_are_those_of_the_calls(ledger: Ledger) -> None:
    owns(ledger, "vk-1", ("blue", 60), ("green", 40))
    assert asked(ledger, metric="latency_p50", where=["team=green"]).total("latency_p50") == pytest.approx(
        1000, rel=0.01
    )
    whole = asked(ledger, "team", metric="latency_p90")
    assert whole.total("latency_p90") == pytest.approx(2000, rel=0.01)
    assert whole.totals.histograms["latency_histogram"].total == 2


def test_a_rule_about_the_project_stands_before_the_key_s_owner(ledger: Ledger) -> None:
    owns(ledger, "vk-1", ("blue", 1))
    owns(ledger, "atlas", ("green", 1), kind="project")
    assert by(ledger, "team", "unpriced_requests")["green"] == 1


def test_a_team_s_cost_centre_and_customer_follow_its_days(ledger: Ledger) -> None:
    owns(ledger, "red", ("cc-7", 1), kind="team", target_kind="cost_center", since="2026-10-10")
    owns(ledger, "red", ("umbrella", 1), kind="team", target_kind="customer", since="2026-10-12")
    assert by(ledger, "cost_center") == {"cc-7": 1_501, None: 110}
    assert by(ledger, "customer") == {"umbrella": 1_301, None: 310}
    assert by(ledger, "virtual_key", where=["cost_center=cc-7"]) == {"vk-1": 501, "vk-2": 1_000}


def test_the_gateway_s_word_stands_where_nothing_is_assigned(ledger: Ledger) -> None:
    before = asked(ledger, "team", "customer")
    owns(ledger, "vk-9", ("blue", 1))
    assert asked(ledger, "team", "customer") == before


def test_a_list_of_calls_names_the_owners_of_their_day(ledger: Ledger) -> None:
    owns(ledger, "vk-1", ("blue", 60), ("green", 40), since="2026-10-12")
    blue = list_calls(ledger, CallsQuery(filters=read_filters(["team=blue"]))).calls
    assert [one["team"] for one in blue] == ["blue 60%, green 40%"] * 2
    assert {
        one["team"] for one in list_calls(ledger, CallsQuery(filters=read_filters(["team=red"]))).calls
    } == {"red"}


def test_another_reporting_zone_moves_the_midnights(ledger: Ledger) -> None:
    owns(ledger, "vk-1", ("blue", 1), since="2026-10-10")
    with ledger.writing() as connection:
        before = connection.execute(sa.select(sa.func.max(owned.c.first_at))).scalar()
        update_owners(connection)
        assert connection.execute(sa.select(sa.func.max(owned.c.first_at))).scalar() == before
    assert datetime.fromtimestamp(int(before or 0) / 1e6, UTC) == datetime(2026, 10, 9, 22, tzinfo=UTC)


DAYS = st.integers(day("2026-10-08"), day("2026-10-14"))
TEAMS = st.sampled_from(["blue", "green", "white"])
MOVES = st.lists(
    st.tuples(
        st.sampled_from(["vk-1", "vk-2", "vk-3"]),
        st.dictionaries(TEAMS, st.integers(1, 7), max_size=3),
        DAYS,
        DAYS | st.just(END_DAY),
    ),
    max_size=6,
)


@pytest.fixture(scope="module")
def shared_ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    with a_ledger(tmp_path_factory.mktemp("owned"), BERLIN) as opened:
        put(opened, CALLS[:4])
        roll(opened)
        put(opened, CALLS[4:], first=4)
        yield opened


@given(MOVES)
@examples(8)
def test_spend_by_team_is_what_plain_arithmetic_says(
    shared_ledger: Ledger, moves: list[tuple[str, dict[str, int], int, int]]
) -> None:
    ledger = shared_ledger
    made = [
        Assignment(
            subject_kind="virtual_key",
            subject=str(entry(ledger, "virtual_key", key)),
            target_kind="team",
            targets=tuple(Target(entry(ledger, "team", team), parts) for team, parts in teams.items()),
            first_day=first,
            end_day=end,
            recorded_at=at,
        )
        for at, (key, teams, first, end) in enumerate(moves)
    ]
    with ledger.writing() as connection:
        connection.execute(sa.text("DELETE FROM assignment"))
        connection.execute(owned.delete())
        record(connection, made)
    expected: dict[object, Fraction] = defaultdict(Fraction)
    for one in CALLS:
        for team, part in _owners(one, moves, ledger).items():
            expected[team] += part * (one.cost or 0)
    found = by(ledger, "team")
    assert sum(found.values()) == sum(one.cost or 0 for one in CALLS)  # type: ignore[arg-type]
    assert all(abs(expected[team] - amount) < 1 for team, amount in found.items())  # type: ignore[operator]
    for team, cost in expected.items():
        alone = asked(ledger, where=[f"team={team or ''}"]).totals.values[0]
        assert abs(Fraction(alone or 0) * 10**12 - cost) <= Fraction(1, 2)


def _owners(
    one: Call, moves: list[tuple[str, dict[str, int], int, int]], ledger: Ledger
) -> dict[object, Fraction]:
    said = {one["team"]: Fraction(1)}
    on = ledger.zone.day(one.micros)
    covering = [teams for key, teams, first, end in moves if key == one["virtual_key"] and first <= on < end]
    if not covering or not covering[-1]:
        return said
    parts = covering[-1]
    return {team: Fraction(part, sum(parts.values())) for team, part in parts.items()}


@given(st.lists(st.fractions(-1000, 1000), min_size=1))
def test_apportioned_parts_add_up_and_are_less_than_one_off(parts: list[Fraction]) -> None:
    whole = round(sum(parts))
    found = apportioned(parts, whole)
    assert sum(found) == whole
    assert all(abs(part - number) <= 1 for part, number in zip(parts, found, strict=True))
