"""Invariant 3 at its ends: an amount that goes in comes out digit for digit, on every database."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.calls.calls import read_call
from dashboard.query.question import QuestionText, parse
from dashboard.query.run import run
from dashboard.query.serialize import as_json
from ingest.ledger import rollups
from ingest.ledger.engine import Ledger
from ingest.model.money import LARGEST, from_pico, plain
from tests.support.examples import examples
from tests.support.ledgers import Post


def body(key: str, cost: str) -> bytes:
    usage = f'{{"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2, "cost": {cost}}}'
    return f'{{"id": "{key}", "model": "m", "usage": {usage}, "extra_fields": {{"provider": "p"}}}}'.encode()


def spent(ledger: Ledger) -> str:
    words = QuestionText([""], ["total_cost"], "2026-09-01", "2026-10-01", None, None, [])
    total: str = as_json(run(ledger, parse(words, ledger.zone, datetime.now(UTC))))["totals"]["total_cost"]
    return total


@pytest.mark.parametrize(
    "cost", ["0.000000000001", "0.1", "123456.789012345678", "9223372.036854775807", "1e-7", "5.0"]
)
def test_a_reported_amount_comes_out_as_it_went_in(ledger: Ledger, post: Post, cost: str) -> None:
    receipt = post(ledger, body("r-1", cost))
    told = read_call(ledger, UUID(receipt.event_ids[0]))
    assert told is not None
    assert Decimal(told["total_cost"]) == Decimal(cost)
    assert Decimal(spent(ledger)) == Decimal(cost)


@pytest.mark.parametrize("cost", ["9223372.036854775808", "1e10", "-9223373"])
def test_an_amount_that_one_event_cannot_have_is_rejected_and_not_rounded(
    ledger: Ledger, post: Post, cost: str
) -> None:
    receipt = post(ledger, body("r-1", cost))
    assert [one.code for one in receipt.rejections] == ["bad_amount"]


def test_the_sum_of_the_largest_amounts_is_exact(ledger: Ledger, post: Post) -> None:
    post(ledger, *(body(f"r-{n}", plain(LARGEST)) for n in range(7)))
    assert Decimal(spent(ledger)) == 7 * from_pico(LARGEST)
    rollups.roll(ledger)
    assert Decimal(spent(ledger)) == 7 * from_pico(LARGEST)


@given(amounts=st.lists(st.integers(1, 10**16), min_size=1, max_size=30))
@examples(6)
def test_any_amounts_add_up_from_events_and_from_rollups(
    ledger: Ledger, post: Post, amounts: list[int]
) -> None:
    before = Decimal(spent(ledger))
    fresh = [body(f"{before}-{n}", plain(amount)) for n, amount in enumerate(amounts)]
    post(ledger, *fresh)
    expected = before + from_pico(sum(amounts))
    assert Decimal(spent(ledger)) == expected
    rollups.roll(ledger)
    assert Decimal(spent(ledger)) == expected
