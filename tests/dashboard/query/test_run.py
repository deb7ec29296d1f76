"""Answers equal plain sums over the events, whatever is dirty, in whichever zone."""

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.query import buckets
from dashboard.query.question import Interval, Period, QuestionText, SpendQuery, parse
from dashboard.query.run import Result, run
from dashboard.query.serialize import as_csv, as_json
from ingest.ledger.engine import Ledger
from ingest.ledger.rollups import roll
from ingest.model.money import from_pico
from ingest.model.zone import Zone
from tests.support.calls import Call, a_ledger, call, put
from tests.support.examples import examples

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata")
INTERVALS: tuple[Interval, ...] = ("hour", "day", "week", "month")

CALLS = (
    call(
        "2026-10-24T23:10:00Z",
        10**12,
        model="gpt-4o",
        team="ml",
        virtual_key="vk-1",
        latency_us=1_000_000,
        output_tokens=50,
    ),
    call(
        "2026-10-25T00:30:00Z",
        2,
        model="gpt-4o",
        team="ml",
        virtual_key="vk-2",
        latency_us=2_000_000,
        output_tokens=10,
    ),
    call("2026-10-25T01:30:00Z", 3, model="claude", team="ops", status="error", labels={"app": "a"}),
    call("2026-10-25T22:45:00Z", None, model="new", input_tokens=70, end_user="ann"),
    call("2026-10-26T18:20:00Z", -4, model="claude", cache_hit=True, environment="prod", end_user="ann"),
    call("2026-11-01T18:40:00Z", 9 * 10**18, model="gpt-4o", team="ml", input_tokens=10**12),
    call("2026-11-01T18:50:00Z", 9 * 10**18, model="gpt-4o", team="ml", input_tokens=10**12),
    call(
        "2026-11-04T00:00:00Z",
        1,
        model="gpt-4o",
        virtual_key="sk-bf-0123456789abcdef",
        time_to_first_token_us=90_000,
        session="s-1",
        agent="planner",
        workflow="nightly",
    ),
)


@pytest.fixture
def berlin(tmp_path: Path) -> Iterator[Ledger]:
    with a_ledger(tmp_path, "Europe/Berlin") as opened:
        yield opened


@pytest.fixture(
    scope="module", params=[(zone, state) for zone in ZONES for state in ("dirty", "clean", "mixed")], ids=str
)
def filled(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Ledger]:
    """The calls in a ledger that nobody writes to; what is dirty of it is named by the parameter."""
    zone, state = request.param
    clean = {"dirty": 0, "clean": len(CALLS), "mixed": 4}[state]
    with a_ledger(tmp_path_factory.mktemp("filled"), zone) as ledger:
        put(ledger, CALLS[:clean])
        roll(ledger)
        put(ledger, CALLS[clean:], first=clean)
        yield ledger


def ask(ledger: Ledger, **words: Any) -> Result:
    return run(ledger, parse(QuestionText(**words), ledger.zone, NOW))


def plain_spend(calls: Sequence[Call], query: SpendQuery) -> dict[Any, tuple[int, Decimal, int]]:
    """Requests, spend and unpriced requests by bucket and dimension, added up one by one."""
    start, end = query.period.micros
    found: dict[Any, list[int]] = defaultdict(lambda: [0, 0, 0])
    for one in calls:
        if start <= one.micros < end:
            cell = found[_plain_key(one, query)]
            cell[0] += 1
            cell[1] += one.cost or 0
            cell[2] += one.cost is None
    return {key: (requests, from_pico(cost), unpriced) for key, (requests, cost, unpriced) in found.items()}


def _plain_key(one: Call, query: SpendQuery) -> tuple[Any, ...]:
    defaults = {"model": "unknown", "status": "success"}
    parts = [one[d] or defaults.get(d) for d in query.dimensions if d != "time"]
    return (_plain_bucket(one, query), *parts) if "time" in query.dimensions else tuple(parts)


def _plain_bucket(one: Call, query: SpendQuery) -> str:
    local = datetime.fromisoformat(one.at).astimezone(Zone(query.zone).info)
    match query.interval:
        case "hour":
            text = local.replace(minute=0, second=0, microsecond=0).isoformat()
            return text.replace("+00:00", "Z") if query.zone == "UTC" else text
        case "week":
            return (local.date() - timedelta(days=local.weekday())).isoformat()
        case "month":
            return f"{local:%Y-%m}"
        case _:
            return local.date().isoformat()


def as_cells(result: Result) -> dict[Any, tuple[Any, ...]]:
    return {row.key: row.values for row in result.rows if row.values[0]}


@pytest.mark.parametrize("zone", ZONES)
def test_every_grain_and_zone_gives_the_plain_sums(filled: Ledger, zone: str) -> None:
    for interval, who in product(INTERVALS, ("", "team", "model,status")):
        result = ask(
            filled,
            by=["time", who],
            interval=interval,
            timezone=zone,
            metric=["requests,total_cost,unpriced_requests"],
            start="2026-10-20",
            end="2026-11-05",
        )
        assert as_cells(result) == plain_spend(CALLS, result.query), (interval, who)
        assert result.unpriced_requests == 1


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("2026-10-25T00:20:00Z", "2026-10-25T00:40:00Z"),
        ("2026-10-24T23:30:00Z", "2026-11-01T18:45:00Z"),
        ("2026-10-24T23:30:00Z", "2026-10-25T00:30:00Z"),
        ("2026-10-25T00:30:00Z", "2026-10-25T00:30:00.000001Z"),
        ("2026-11-04T00:00:00Z", "2026-11-04T00:30:00Z"),
    ],
)
def test_a_period_may_cut_slots(filled: Ledger, start: str, end: str) -> None:
    result = ask(filled, by=["model"], metric=["requests,total_cost,unpriced_requests"], start=start, end=end)
    assert as_cells(result) == plain_spend(CALLS, result.query)


instants = st.integers(0, 40 * 24 * 60).map(
    lambda m: (datetime(2026, 10, 1, tzinfo=UTC) + timedelta(minutes=m)).isoformat()
)
some_calls = st.lists(
    st.builds(
        call,
        instants,
        st.none() | st.integers(-(10**15), 9 * 10**18),
        model=st.sampled_from(["a", "b"]),
        team=st.sampled_from([None, "x", "y"]),
        latency_us=st.none() | st.integers(0, 10**8),
    ),
    max_size=12,
)


@examples(8)
@given(
    before=some_calls,
    after=some_calls,
    edges=st.lists(st.integers(-60, 41 * 24 * 60), min_size=2, max_size=2, unique=True).map(sorted),
    interval=st.sampled_from([None, *INTERVALS]),
    ledger_zone=st.sampled_from([*ZONES, "Australia/Lord_Howe"]),
    zone=st.sampled_from([*ZONES, "America/New_York"]),
    who=st.sampled_from([(), ("team",), ("model",), ("model", "team")]),
)
def test_any_calls_in_any_period_add_up(
    *,
    tmp_path_factory: pytest.TempPathFactory,
    before: list[Call],
    after: list[Call],
    edges: list[int],
    interval: Interval | None,
    ledger_zone: str,
    zone: str,
    who: tuple[str, ...],
) -> None:
    period = Period(*(datetime(2026, 10, 1, tzinfo=UTC) + timedelta(minutes=m) for m in edges))
    time = ("time",) if interval else ()
    query = SpendQuery(
        period, zone, ("requests", "total_cost", "unpriced_requests"), (*time, *who), interval=interval
    )
    with a_ledger(tmp_path_factory.mktemp("any"), ledger_zone) as ledger:
        put(ledger, before)
        roll(ledger)
        put(ledger, after, first=len(before))
        assert as_cells(run(ledger, query)) == plain_spend([*before, *after], query)


def test_a_sum_may_be_larger_than_64_bits(filled: Ledger) -> None:
    result = ask(filled, metric=["total_cost,input_tokens"], start="2026-10-01")
    assert result.total("total_cost") == from_pico(18 * 10**18 + 10**12 + 2)
    assert as_json(result)["totals"]["total_cost"] == "18000001.000000000002"
    assert result.total("input_tokens") == 2 * 10**12 + 70


@pytest.mark.parametrize(
    ("where", "requests"),
    [
        (["model=gpt-4o"], 5),
        (["model=gpt-4o", "model=claude"], 7),
        (["model=never seen"], 0),
        (["team=ml", "model=gpt-4o"], 4),
        (["team="], 3),
        (["team=ops", "team="], 4),
        (["virtual_key=vk-1"], 1),
        (["virtual_key=sk-bf-0123456789abcdef"], 1),
        (["virtual_key=sk-bf-…cdef"], 1),
        (["virtual_key=sk-bf-unknown-to-the-ledger"], 0),
        (["environment=prod"], 1),
        (["environment="], 7),
        (["cache_hit=true"], 1),
        (["cache_hit=false"], 0),
        (["cache_hit="], 7),
        (["end_user=ann"], 2),
        (["session=s-1"], 1),
        (["agent=planner", "workflow=nightly"], 1),
        (["agent=", "team=ops"], 1),
        (["agent=writer"], 0),
        (["end_user=ann", "model=new"], 1),
        (["label:app=a"], 1),
        (["label:app="], 7),
        (["label:nothing=a"], 0),
        (["cost_center=1000"], 0),
        (["cost_center="], 8),
        (["currency=USD"], 8),
        (["cost_source=unpriced"], 1),
    ],
)
def test_filters(filled: Ledger, where: list[str], requests: int) -> None:
    assert ask(filled, metric=["requests"], where=where, start="2026-10-01").total("requests") == requests


@pytest.mark.parametrize(
    "by",
    [
        "end_user",
        "session",
        "agent",
        "workflow",
        "label:app",
        "cost_center",
        "project",
        "cache_hit",
        "customer",
        "virtual_key",
    ],
)
def test_every_kind_of_dimension_adds_up_to_the_whole(filled: Ledger, by: str) -> None:
    result = ask(filled, by=[by], metric=["requests"], start="2026-10-01")
    assert sum(int(str(row.values[0])) for row in result.rows) == len(CALLS)


def test_latency_comes_from_merged_histograms(filled: Ledger) -> None:
    metrics = "latency_p50,latency_p99,latency_avg,ttft_p50,tokens_per_second"
    totals = as_json(ask(filled, by=["model"], metric=[metrics], start="2026-10-01"))["totals"]
    assert math.isclose(totals["latency_p50"], 1000, rel_tol=0.01)
    assert math.isclose(totals["latency_p99"], 2000, rel_tol=0.01)
    assert math.isclose(totals["ttft_p50"], 90, rel_tol=0.01)
    assert totals["latency_avg"] == 1500
    assert totals["tokens_per_second"] == 20


def test_ratios_say_nothing_over_nothing_and_sums_say_zero(filled: Ledger) -> None:
    totals = as_json(
        ask(filled, metric=["total_cost,cost_per_request,error_rate,latency_p50"], where=["model=none"])
    )["totals"]
    assert totals == {"total_cost": "0", "cost_per_request": None, "error_rate": None, "latency_p50": None}


def test_unpriced_calls_are_not_part_of_ratios(filled: Ledger) -> None:
    result = ask(
        filled,
        by=["model"],
        metric=["cost_per_request", "cost_per_million_tokens"],
        where=["model=new"],
        start="2026-10-01",
    )
    assert result.rows[0].values == (None, None)


def test_empty_buckets_are_filled_where_time_stands_alone(filled: Ledger) -> None:
    zone = filled.zone
    result = ask(
        filled,
        by=["time"],
        metric=["requests,total_cost"],
        interval="day",
        start="2026-10-24",
        end="2026-11-05",
    )
    assert [row.key[0] for row in result.rows] == result.buckets
    assert len(result.rows) == len(buckets.in_period(result.query.period, "day", zone)) == 12
    assert as_json(result)["rows"][5] == {"time": "2026-10-29", "requests": 0, "total_cost": "0"}


def test_the_hour_that_a_clock_shows_twice_is_two_buckets(berlin: Ledger) -> None:
    put(berlin, CALLS)
    result = ask(
        berlin, by=["time"], metric=["requests"], interval="hour", start="2026-10-25", end="2026-10-26"
    )
    rows = as_json(result)["rows"]
    assert len(rows) == 25
    assert [(row["time"], row["requests"]) for row in rows[2:4]] == [
        ("2026-10-25T02:00:00+02:00", 1),
        ("2026-10-25T02:00:00+01:00", 1),
    ]


def test_currencies_are_never_mixed(berlin: Ledger) -> None:
    put(
        berlin,
        [
            call("2026-11-01T10:00:00Z", 5 * 10**12, model="a"),
            call("2026-11-01T11:00:00Z", 10**12, model="a", currency="EUR"),
        ],
    )
    answer = as_json(ask(berlin, by=["model"], metric=["requests,total_cost"]))
    assert answer["rows"] == [
        {"model": "a", "currency": "USD", "requests": 1, "total_cost": "5"},
        {"model": "a", "currency": "EUR", "requests": 1, "total_cost": "1"},
    ]
    assert answer["currency"] == "USD"
    assert answer["totals"] == {"requests": 1, "total_cost": "5"}
    assert answer["other_currencies"] == [{"currency": "EUR", "totals": {"requests": 1, "total_cost": "1"}}]
    counts = as_json(ask(berlin, by=["model"], metric=["requests"]))
    assert counts["rows"] == [{"model": "a", "requests": 2}]
    assert "currency" not in counts


def test_one_foreign_currency_alone_is_the_answers_currency(berlin: Ledger) -> None:
    put(berlin, [call("2026-11-01T10:00:00Z", 5, currency="EUR")])
    answer = as_json(ask(berlin, by=["currency"], metric=["total_cost"]))
    assert (answer["currency"], answer["rows"]) == (
        "EUR",
        [{"currency": "EUR", "total_cost": "0.000000000005"}],
    )


def test_a_comparison_is_the_same_question_of_the_period_before(filled: Ledger) -> None:
    answer = as_json(
        ask(filled, metric=["requests"], start="2026-11-01", end="2026-12-01", compare="previous")
    )
    assert answer["totals"] == {"requests": 3}
    assert answer["comparison"]["totals"] == {"requests": 5}
    assert answer["comparison"]["period"]["from"].startswith("2026-10-01T00:00:00")


def test_keys_that_look_alike_are_told_apart(berlin: Ledger) -> None:
    put(
        berlin,
        [call("2026-11-01T10:00:00Z", 1, virtual_key=f"vk-{n}", virtual_key_name="Same") for n in (1, 2)],
    )
    rows = as_json(ask(berlin, by=["virtual_key"], metric=["requests"]))["rows"]
    assert [row["virtual_key"] for row in rows] == ["Same (vk-1)", "Same (vk-2)"]


def test_csv_guards_text_and_leaves_numbers_alone(berlin: Ledger) -> None:
    put(
        berlin,
        [
            call("2026-11-01T10:00:00Z", -(10**9), model="=cmd()"),
            call("2026-11-01T10:00:00Z", 10**9, model='a "b", c'),
        ],
    )
    text = as_csv(ask(berlin, by=["model", "cache_hit"], metric=["requests,total_cost"]))
    assert text.splitlines() == [
        "model,cache_hit,currency,requests,total_cost",
        '"a ""b"", c",,USD,1,0.001',
        "'=cmd(),,USD,1,-0.001",
    ]
