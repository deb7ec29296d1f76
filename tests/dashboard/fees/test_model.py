"""Fees: billed when they start, effective over their time; any division of the time adds up to the charge."""

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dashboard.fees.model import Fee, charges_of, current_fees, fee_amounts
from dashboard.fees.store import add_fees, read_fees, read_history
from ingest.ledger.engine import Ledger
from ingest.model.zone import Zone, micros

UNIT = 10**12
BERLIN = Zone("Europe/Berlin")
UTC_ZONE = Zone("UTC")


def at(text: str) -> int:
    return micros(datetime.fromisoformat(text).astimezone(UTC))


def fee(**facts: object) -> Fee:
    known = {"name": "seats", "kind": "platform", "amount": 300 * UNIT, "currency": "USD"}
    return Fee(**{**known, "start": at("2026-10-01T00:00:00Z"), **facts})  # type: ignore[arg-type]


def comes_to(one: Fee, start: str, end: str, zone: Zone = UTC_ZONE) -> tuple[int, int]:
    found = fee_amounts([one], zone, at(start), at(end))
    return (found[0].effective, found[0].billed) if found else (0, 0)


def test_a_monthly_fee_costs_the_same_each_month_whatever_its_length() -> None:
    monthly = fee(every="month")
    months = ["2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"]
    assert [comes_to(monthly, *edges) for edges in pairwise(months)] == [(300 * UNIT, 300 * UNIT)] * 2


def test_it_is_paid_at_the_start_and_effective_by_the_hour() -> None:
    monthly = fee(every="month", amount=744 * UNIT)  # October has 744 hours
    assert comes_to(monthly, "2026-10-01T00:00:00Z", "2026-10-01T01:00:00Z") == (UNIT, 744 * UNIT)
    assert comes_to(monthly, "2026-10-02T00:00:00Z", "2026-10-02T02:00:00Z") == (2 * UNIT, 0)


def test_a_month_that_begins_late_costs_its_part() -> None:
    begun = fee(every="month", amount=31 * UNIT, start=at("2026-10-21T00:00:00Z"))
    assert comes_to(begun, "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z") == (11 * UNIT, 11 * UNIT)


def test_months_are_those_of_the_reporting_zone() -> None:
    monthly = fee(every="month", start=at("2026-09-30T22:00:00Z"))
    assert comes_to(monthly, "2026-09-30T22:00:00Z", "2026-10-31T23:00:00Z", BERLIN) == (
        300 * UNIT,
        300 * UNIT,
    )


def test_a_fee_paid_once_is_spread_to_its_end() -> None:
    year = fee(end=at("2027-10-01T00:00:00Z"), amount=365 * UNIT)
    assert comes_to(year, "2026-10-05T00:00:00Z", "2026-10-06T00:00:00Z") == (UNIT, 0)
    assert comes_to(year, "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z") == (UNIT, 365 * UNIT)


def test_one_without_an_end_is_that_of_its_day() -> None:
    credit = fee(kind="credit", amount=-5 * UNIT)
    assert comes_to(credit, "2026-10-01T00:00:00Z", "2026-10-02T00:00:00Z") == (-5 * UNIT, -5 * UNIT)
    assert comes_to(credit, "2026-10-02T00:00:00Z", "2026-11-02T00:00:00Z") == (0, 0)


def test_what_is_ended_is_a_new_row_and_the_old_one_stays(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        add_fees(connection, [fee(every="month", team_id=7, list_amount=400 * UNIT, recorded_at=1)])
        add_fees(connection, [fee(every="month", end=at("2026-10-16T00:00:00Z"), recorded_at=2)])
        assert [one.end for one in read_history(connection)] == [None, at("2026-10-16T00:00:00Z")]
        assert [one.number for one in read_fees(connection)] == [2]


START = at("2026-10-01T00:00:00Z")
INSTANTS = st.integers(START - 10**12, START + 10**14)


@given(
    st.integers(-(10**18), 10**18),
    INSTANTS,
    st.none() | INSTANTS,
    st.sampled_from(["once", "month"]),
    st.lists(INSTANTS, min_size=2, max_size=9),
)
def test_the_parts_of_any_division_of_time_add_up(
    amount: int, start: int, end: int | None, every: str, edges: list[int]
) -> None:
    one = fee(amount=amount, start=start, end=end, every=every)
    ordered = sorted(edges)
    parts = sum(a.effective for edge in pairwise(ordered) for a in fee_amounts([one], BERLIN, *edge))
    whole = sum(a.effective for a in fee_amounts([one], BERLIN, ordered[0], ordered[-1]))
    assert parts == whole
    paid = sum(a.billed for edge in pairwise(ordered) for a in fee_amounts([one], BERLIN, *edge))
    assert paid == sum(a.billed for a in fee_amounts([one], BERLIN, ordered[0], ordered[-1]))


@given(st.integers(-(10**18), 10**18), st.integers(START, START + 10**13))
def test_over_its_whole_time_a_charge_is_effective_as_it_is_billed(amount: int, start: int) -> None:
    one = fee(amount=amount, start=start, every="month", end=start + 5 * 10**12)
    charges = list(charges_of(one, BERLIN, start, start + 10**14))
    assert sum(c.during(start, start + 10**14) for c in charges) == sum(c.amount for c in charges)


MONTH_STARTS = [at(f"2026-{month:02}-01T00:00:00Z") for month in range(1, 13)]


@given(st.lists(st.tuples(st.integers(0, 10), st.integers(0, 99)), min_size=1, max_size=8))
def test_each_month_has_the_amount_of_the_last_start_before_it_recorded_last(
    rows: list[tuple[int, int]],
) -> None:
    recorded = [
        fee(every="month", amount=amount * UNIT, start=MONTH_STARTS[month], recorded_at=at_)
        for at_, (month, amount) in enumerate(rows)
    ]
    for month in range(11):
        edges = MONTH_STARTS[month], MONTH_STARTS[month + 1]
        effective = sum(a.effective for a in fee_amounts(current_fees(recorded), UTC_ZONE, *edges))
        starts = {start: amount for start, amount in rows if start <= month}
        assert effective == (starts[max(starts)] * UNIT if starts else 0)
