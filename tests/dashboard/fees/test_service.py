"""Fees that are added, changed and ended by whoever acts, in one audit shape."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from dashboard.fees.model import Fee
from dashboard.fees.service import AddFeeOptions, FeeRefused, add_fee, end_fee
from dashboard.fees.store import add_fees, read_fees, read_history
from dashboard.fees.summary import fees_of
from dashboard.query.question import read_period
from ingest.ledger import audit, periods
from ingest.ledger.engine import Ledger
from ingest.parse.dates import written
from tests.support.cli import Command, object_of
from tests.support.owners import entry

SEATS = AddFeeOptions(name="seats", amount="300", start="2026-10-01")


def test_a_fee_is_recorded_by_who_adds_it(ledger: Ledger) -> None:
    team = entry(ledger, "team", "search")
    options = replace(SEATS, team="search", currency="eur", list_amount="400")
    added = add_fee(ledger, options, by="ann", at=5)
    with ledger.reading() as connection:
        (kept,) = read_fees(connection)
    assert kept == added.fee
    assert (kept.recorded_by, kept.recorded_at, kept.team_id, kept.currency) == ("ann", 5, team, "EUR")


def test_adding_changing_and_ending_are_audited_alike(ledger: Ledger) -> None:
    assert not add_fee(ledger, SEATS, by="ann", at=1).is_change
    assert add_fee(ledger, replace(SEATS, amount="350"), by="bob", at=2).is_change
    ended = end_fee(ledger, "seats", "2026-11-01", by="eve", at=3)
    with ledger.reading() as connection:
        told = audit.entries(connection, action="fees")[::-1]
        assert len(read_history(connection)) == 3
    assert [(one.at, one.by, one.action, one.subject) for one in told] == [
        (1, "ann", "fees add", "seats"),
        (2, "bob", "fees change", "seats"),
        (3, "eve", "fees end", "seats"),
    ]
    shape = {
        "amount": "350",
        "currency": "USD",
        "every": "month",
        "kind": "platform",
        "start": "2026-10-01",
    }
    assert [one.detail for one in told[1:]] == [shape, {**shape, "end": "2026-11-01"}]
    assert ended.amount == 350 * 10**12


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"name": " "}, "invalid_name", "name"),
        ({"amount": "x"}, "invalid_amount", "amount"),
        ({"amount": "-5"}, "wrong_sign", "amount"),
        ({"list_amount": "x"}, "invalid_amount", "list"),
        ({"start": None}, "missing_start", "from"),
        ({"end": "2026-10-01"}, "empty_period", "to"),
        ({"kind": "gift"}, "unknown_kind", "kind"),
        ({"every": "week"}, "unknown_every", "every"),
        ({"currency": "dollars"}, "invalid_currency", "currency"),
        ({"team": "nobody"}, "unknown_team", "team"),
    ],
)
def test_a_refusal_names_its_field_and_nothing_is_written(
    ledger: Ledger, changes: dict[str, Any], code: str, field: str
) -> None:
    with pytest.raises(FeeRefused) as refused:
        add_fee(ledger, replace(SEATS, **changes), by="ann", at=1)
    assert (refused.value.code, refused.value.field) == (code, field)
    assert not str(refused.value).startswith("-")
    with ledger.reading() as connection:
        assert (read_history(connection), audit.entries(connection)) == ([], [])


@pytest.mark.parametrize(("name", "code"), [("none", "unknown_fee"), ("seats", "empty_period")])
def test_a_fee_ends_after_it_starts_and_only_where_it_is_known(ledger: Ledger, name: str, code: str) -> None:
    add_fee(ledger, SEATS, by="ann", at=1)
    with pytest.raises(FeeRefused) as refused:
        end_fee(ledger, name, "2026-09-01", by="ann", at=2)
    assert refused.value.code == code


def versions(ledger: Ledger) -> list[tuple[str, str | None, int]]:
    """The versions that count: from, to, and the amount in units."""
    with ledger.reading() as connection:
        fees = read_fees(connection)
    zone = ledger.zone
    return [
        (
            written(fee.start, zone),
            None if fee.end is None else written(fee.end, zone),
            fee.amount // 10**12,
        )
        for fee in fees
        if not fee.is_empty
    ]


def months_of(ledger: Ledger, *months: str) -> list[int]:
    """What the fees come to in each month, in units."""
    sums = []
    for month in months:
        start, end = f"{month}-01", f"{month[:5]}{int(month[5:]) + 1:02}-01"
        period = read_period(start, end, ledger.zone, datetime(2026, 11, 29, tzinfo=UTC))
        sums.append(sum(row.amounts.effective for row in fees_of(ledger, period)) // 10**12)
    return sums


def test_a_later_start_ends_the_earlier_amount_there_and_the_past_stays(ledger: Ledger) -> None:
    add_fee(ledger, SEATS, by="ann", at=1)
    raised = add_fee(ledger, replace(SEATS, amount="400", start="2026-11-01"), by="ann", at=2)
    assert versions(ledger) == [("2026-10-01", "2026-11-01", 300), ("2026-11-01", None, 400)]
    assert months_of(ledger, "2026-09", "2026-10", "2026-11") == [0, 300, 400]
    assert (raised.ended and raised.ended.amount, raised.corrected) == (300 * 10**12, None)


def test_the_same_start_again_corrects_the_past(ledger: Ledger) -> None:
    add_fee(ledger, SEATS, by="ann", at=1)
    add_fee(ledger, replace(SEATS, amount="400", start="2026-11-01"), by="ann", at=2)
    corrected = add_fee(ledger, replace(SEATS, amount="310"), by="ann", at=3)
    assert months_of(ledger, "2026-10", "2026-11") == [310, 400]
    assert corrected.fee.end == raised_at(ledger)
    assert (corrected.corrected and corrected.corrected.amount) == 300 * 10**12


def raised_at(ledger: Ledger) -> int:
    with ledger.reading() as connection:
        return read_fees(connection)[-1].start


def test_an_end_withdraws_what_would_start_later(ledger: Ledger) -> None:
    add_fee(ledger, SEATS, by="ann", at=1)
    add_fee(ledger, replace(SEATS, amount="400", start="2026-12-01"), by="ann", at=2)
    end_fee(ledger, "seats", "2026-11-01", by="ann", at=3)
    assert versions(ledger) == [("2026-10-01", "2026-11-01", 300)]
    assert months_of(ledger, "2026-10", "2026-11") == [300, 0]


def test_an_end_leaves_the_earlier_amounts(ledger: Ledger) -> None:
    add_fee(ledger, SEATS, by="ann", at=1)
    add_fee(ledger, replace(SEATS, amount="400", start="2026-11-01"), by="ann", at=2)
    end_fee(ledger, "seats", "2026-12-01", by="ann", at=3)
    assert versions(ledger) == [("2026-10-01", "2026-11-01", 300), ("2026-11-01", "2026-12-01", 400)]


def test_what_is_paid_once_is_paid_beside_what_is_paid_once_later(ledger: Ledger) -> None:
    plan = replace(SEATS, amount="-500", kind="credit", every="once")
    add_fee(ledger, plan, by="ann", at=1)
    add_fee(ledger, replace(plan, amount="-700", start="2026-11-01"), by="ann", at=2)
    assert months_of(ledger, "2026-10", "2026-11") == [-500, -700]


def test_a_row_of_an_earlier_version_still_replaces_all_of_its_name(ledger: Ledger) -> None:
    start, later = (ledger.zone.midnight(day) for day in (20_727, 20_758))  # 1 October and 1 November 2026
    seats = Fee(
        name="seats", kind="platform", amount=300 * 10**12, currency="USD", start=start, every="month"
    )
    old = replace(seats, replaces="name", recorded_at=1)
    with ledger.writing() as connection:
        add_fees(connection, [old, replace(old, amount=400 * 10**12, start=later, recorded_at=2)])
    assert months_of(ledger, "2026-10", "2026-11") == [0, 400]
    add_fee(ledger, SEATS, by="ann", at=3)
    assert months_of(ledger, "2026-10", "2026-11") == [300, 400]


def test_a_closed_month_that_changes_is_named(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        periods.close(connection, "2026-10", {}, at=1, by="ann", reason="")
    assert add_fee(ledger, SEATS, by="ann", at=2).closed == ("2026-10",)
    later = add_fee(ledger, replace(SEATS, amount="400", start="2026-11-01"), by="ann", at=3)
    assert later.closed == ()


def test_the_history_shows_every_row_and_which_counts(tallybook: Command) -> None:
    tallybook("fees", "add", "seats", "300", "--from", "2026-10-01")
    tallybook("fees", "add", "seats", "310", "--from", "2026-10-01")
    said = tallybook("fees", "add", "seats", "400", "--from", "2026-11-01")
    assert "400 USD a month from 2026-11-01" in said.stdout
    assert "310 USD a month from 2026-10-01 until then" in said.stdout
    rows = object_of(tallybook("fees", "list", "--history", "--json"))["history"]
    assert [(row["amount"], row["from"], row["to"], row["counts"]) for row in rows] == [
        ("300", "2026-10-01", None, False),
        ("310", "2026-10-01", "2026-11-01", True),
        ("400", "2026-11-01", None, True),
    ]
    assert "310 USD a month" in tallybook("fees", "list", "--history").stdout


@pytest.mark.parametrize("kind", ["fee", "tax"])
def test_only_a_credit_is_below_zero(ledger: Ledger, kind: str) -> None:
    assert add_fee(ledger, replace(SEATS, kind=kind), by="ann", at=1).fee.kind == kind
    with pytest.raises(FeeRefused, match="only a credit"):
        add_fee(ledger, replace(SEATS, kind=kind, amount="-1"), by="ann", at=2)
