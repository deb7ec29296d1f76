"""What cannot be is refused with both numbers; where whole and money are certain, a doubt is a flag."""

from typing import Any

import msgspec
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from dashboard.chargeback.closing import checklist
from dashboard.chargeback.statements import statement
from dashboard.query.calendar import of_month, read_month
from dashboard.query.question import ALL_TIME, Filter, SpendQuery
from dashboard.query.run import Result, run
from ingest.ledger import rollups
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import term, usage_event
from ingest.ledger.verification import verify
from ingest.model.event import ImpossibleCount, ReportedCost, check
from ingest.model.money import MoneyError
from ingest.model.reported_cost import check_reported
from ingest.pricing.book import Book, StoredPrices
from tests.support.ledgers import ARRIVAL, put_events, put_records
from tests.support.one_call import call


def body(**usage: Any) -> bytes:
    counts = {"prompt_tokens": 10, "completion_tokens": 5, **usage}
    return msgspec.json.encode({"id": "r-1", "model": "gpt-4o", "created": 1_790_000_000, "usage": counts})


def flags(ledger: Ledger) -> list[str | None]:
    with ledger.reading() as connection:
        query = sa.select(term.c.text).select_from(usage_event)
        return list(
            connection.execute(query.outerjoin(term, term.c.term_id == usage_event.c.flags_id)).scalars()
        )


@pytest.mark.parametrize(
    "cost",
    [
        {"total_cost": -1.5},
        {"input_tokens_cost": -1.5, "total_cost": 3},
        {"input_tokens_cost": 5, "output_tokens_cost": 5, "total_cost": 1},
    ],
)
def test_a_cost_that_cannot_be_is_refused(embedded: Ledger, book: Book, cost: dict[str, float]) -> None:
    receipt = put_records(embedded, book, (body(cost=cost),))
    assert [one.code for one in receipt.rejections] == ["bad_amount"]


@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=9), st.integers(0, 10**15))
def test_components_are_refused_if_they_exceed_their_total_by_more_than_rounding(
    amounts: list[int], total: int
) -> None:
    names = [name for name in ReportedCost.__struct_fields__ if name not in {"total", "believed_zero"}]
    parts: dict[str, Any] = dict(zip(names, amounts, strict=False))
    reported = ReportedCost(**parts, total=total)
    tolerance = 10**6 * len(amounts) + total // 1000
    if total and sum(amounts) > total + tolerance:
        with pytest.raises(MoneyError, match="more than the reported total"):
            check_reported(reported)
    else:
        check_reported(reported)


def test_a_documented_credit_lowers_the_cost() -> None:
    check_reported(ReportedCost(input=12, other=-2, total=10))


@pytest.mark.parametrize(
    "counts",
    [
        {"input_text_tokens": 10, "input_audio_tokens": 10},
        {"input_audio_tokens": 6, "input_image_tokens": 5},
        {"output_text_tokens": 5, "output_audio_tokens": 1},
        {"total_tokens": 3},
        {"total_tokens": 10**12},
    ],
)
def test_counts_that_do_not_fit_their_whole_are_refused(counts: dict[str, Any]) -> None:
    with pytest.raises(ImpossibleCount, match=r"cannot be (larger|smaller) than"):
        check(call(**counts))


@pytest.mark.parametrize("cost", [1, 9_200_000])
def test_a_reported_cost_far_from_the_computed_cost_counts_and_is_flagged(
    embedded: Ledger, book: Book, cost: int
) -> None:
    receipt = put_records(embedded, book, (body(cost={"total_cost": cost}),))
    assert (receipt.accepted, receipt.flagged) == (1, 1)
    assert flags(embedded) == ["cost_far_off"]
    with embedded.reading() as connection:
        total = connection.execute(sa.select(usage_event.c.total_cost)).scalar_one()
    assert total == cost


def test_a_small_cost_is_not_far_from_a_smaller_one(embedded: Ledger, book: Book) -> None:
    assert put_records(embedded, book, (body(cost={"total_cost": 0.99}),)).flagged == 0


def test_the_factor_is_a_setting(embedded: Ledger) -> None:
    generous = Book(StoredPrices(cost_factor=10**9))
    assert put_records(embedded, generous, (body(cost={"total_cost": 2}),)).flagged == 0


def flagged(ledger: Ledger, book: Book) -> None:
    """Two flagged calls and a call without a doubt."""
    calls = [
        call("a", flags=("part_dropped",)),
        call("b", flags=("part_dropped", "cache_overlap")),
        call("c"),
    ]
    put_events(ledger, book, *calls)


def answer(ledger: Ledger, **asked: Any) -> Result:
    return run(ledger, SpendQuery(ALL_TIME, "UTC", ("requests", "flagged_requests"), **asked))


def test_flagged_calls_are_counted_and_named(embedded: Ledger, book: Book) -> None:
    flagged(embedded, book)
    result = answer(embedded, dimensions=("flag",))
    assert {row.key[0]: row.values for row in result.rows} == {
        None: (1, 0),
        "part_dropped": (1, 1),
        "cache_overlap,part_dropped": (1, 1),
    }


@pytest.mark.parametrize(
    ("code", "count"), [("part_dropped", 2), ("cache_overlap", 1), ("part", 0), (None, 1)]
)
def test_a_filter_finds_the_calls_with_a_flag_among_others(
    embedded: Ledger, book: Book, code: str | None, count: int
) -> None:
    flagged(embedded, book)
    assert answer(embedded, filters=(Filter("flag", (code,)),)).requests == count


def test_rollups_count_flagged_calls(embedded: Ledger, book: Book) -> None:
    flagged(embedded, book)
    rollups.roll(embedded)
    assert answer(embedded).total("flagged_requests") == 2
    assert [finding.level for finding in verify(embedded)] == ["warning", "warning"]


def test_the_checklist_of_closing_names_flagged_calls(embedded: Ledger, book: Book) -> None:
    flagged(embedded, book)
    month = read_month("2026-09")
    draft = statement(embedded, of_month(month), ARRIVAL)
    (item,) = [item for item in checklist(embedded, draft) if item.code == "flagged"]
    assert not item.stops
    assert item.facts == {"flags": {"part_dropped": 1, "cache_overlap,part_dropped": 1}}
