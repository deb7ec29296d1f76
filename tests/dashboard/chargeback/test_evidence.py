"""Evidence always adds up to its correction, and is said in words."""

from typing import Any, ClassVar, cast

import pytest

from dashboard.chargeback.adjustment import OpenedAdjustment
from dashboard.chargeback.evidence import evidence_of
from dashboard.chargeback.evidence_text import part_of, prices_of, teams_of
from dashboard.chargeback.statement import Correction, Evidence
from dashboard.chargeback.statements import statement
from dashboard.query.calendar import Month, of_month
from ingest.ledger.engine import Ledger
from ingest.model.ownership import NOBODY

UNIT = 10**12
NOW = 1_793_900_000_000_000  # 2026-11-05


class _Names:
    """Names of a key and two teams."""

    prices: ClassVar[dict[int, Any]] = {}

    def name(self, entry: int | None) -> str | None:
        return {1: "Web", 2: "Red", 3: "Blue"}.get(entry or 0)


OPENED = cast(OpenedAdjustment, _Names())


def part(**about: Any) -> Evidence:
    return Evidence(**{"number": "2026-11-1", "kind": "calls", **about})


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (part(virtual_key_id=1, provider="openai", model="gpt-5"), "calls of Web, openai/gpt-5"),
        (part(provider="openai", model="gpt-5"), "calls of no key, openai/gpt-5"),
        (part(kind="fee", name="Licence"), "fee Licence"),
        (part(kind="shared", name="fees"), "shared cost fees"),
        (part(kind="booked", name="2026-11-1"), "booked already as 2026-11-1"),
        (part(kind="hand", name="a discount"), "booked by hand a discount"),
        (part(kind="rest"), "rounding, and what evidence does not name"),
    ],
)
def test_a_part_of_an_adjustment_is_said_in_words(line: Evidence, words: str) -> None:
    assert part_of(OPENED, line) == words


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ((2,), (2,), "Red"),
        ((2,), (3,), "Red -> Blue"),
        ((2, None), (2, 3), "Red, no team -> Red, Blue"),
        ((), (3,), "Blue"),
        ((2,), (), "Red -> none"),
    ],
)
def test_teams_before_and_after_are_named_once_where_they_are_the_same(
    before: tuple[int | None, ...], after: tuple[int | None, ...], words: str
) -> None:
    assert teams_of(OPENED, part(teams_before=before, teams_after=after)) == words


def test_calls_with_reported_costs_have_the_cost_of_a_million_tokens_for_a_price() -> None:
    line = part(before=2 * UNIT, tokens_before=1_000_000, after=3 * UNIT, tokens_after=2_000_000)
    assert prices_of(OPENED, line) == "2 per million tokens -> 1.5 per million tokens"
    assert prices_of(OPENED, part(before=2 * UNIT, tokens_before=1_000_000)) == "2 per million tokens -> none"
    assert prices_of(OPENED, part(kind="fee")) == ""


@pytest.mark.parametrize("cause", ["late", "price", "ownership", "booked"])
def test_a_correction_of_a_month_that_no_statement_seals_is_evidence_of_itself(
    embedded: Ledger, cause: str
) -> None:
    current = statement(embedded, of_month(Month(2026, 11)), NOW)
    correction = Correction(cause, NOBODY, 7, about="2026-10", number="2026-11-1")
    (only,) = evidence_of(embedded, current, [correction], NOW)
    assert (only.kind, only.before, only.after, only.number) == ("rest", 0, 7, "2026-11-1")


def test_what_was_booked_by_hand_has_its_reason_for_evidence(embedded: Ledger) -> None:
    current = statement(embedded, of_month(Month(2026, 11)), NOW)
    correction = Correction("variance", NOBODY, 7, reason="a discount", number="2026-11-1")
    (only,) = evidence_of(embedded, current, [correction], NOW)
    assert (only.kind, only.name, only.amount) == ("hand", "a discount", 7)
