"""Exports of FOCUS rows in tests: calls at prices, the rows, and what is true of any rows."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from typing import Any

from dashboard.chargeback.outputs import report_of
from dashboard.focus.dataset import Dataset
from dashboard.focus.decimals import MONEY_SCALE, ZERO
from dashboard.focus.export_period import read_span
from dashboard.focus.parse_request import ExportScope, Profile
from dashboard.focus.row import FocusRow
from dashboard.focus.unpriced import UnpricedCalls
from dashboard.query.calendar import read_calendar
from dashboard.query.question import QuestionText as Question
from dashboard.query.question import parse
from dashboard.query.run import run
from ingest.ledger import price_book
from ingest.ledger.engine import Ledger
from ingest.ledger.price_book import read_book
from ingest.model.event import UsageEvent
from ingest.model.zone import Zone, micros
from ingest.pricing.point import PricePoint
from ingest.pricing.terms import Term
from tests.support.ledgers import put_events

NOON = datetime(2026, 10, 9, 12, tzinfo=UTC)
NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
PICO = 10**12
EXACT = Context(prec=100, traps=[Inexact])
SONNET = {"provider": "anthropic", "model": "claude-sonnet-4-5"}
ACME: dict[str, Any] = {"provider": "acme", "model": "big-1"}


def used(name: str = "call-1", when: datetime = NOON, **facts: Any) -> UsageEvent:
    return UsageEvent(
        **{
            "source": "bifrost",
            "source_event_id": name,
            "occurred_at": micros(when),
            "input_tokens": 10_000,
            "output_tokens": 500,
            **SONNET,
            **facts,
        }
    )


def add(ledger: Ledger, *events: UsageEvent) -> None:
    receipt = put_events(ledger, read_book(ledger), *events, at=micros(NOW))
    assert receipt.accepted == len(events), receipt


def own_price(ledger: Ledger, meter: str, price: str, per: int = 1_000_000, **more: Any) -> None:
    point = PricePoint(
        **{
            "source": "own",
            "provider": "acme",
            "model": "big-1",
            "meter": meter,
            "price": Decimal(price),
            "per": per,
            "added_at": 1,
            "added_by": "ada",
            **more,
        }
    )
    with ledger.writing() as connection:
        price_book.add_points(connection, [point])


def term(ledger: Ledger, factor: str, kind: Any = "discount") -> None:
    with ledger.writing() as connection:
        price_book.add_terms(
            connection, [Term(kind=kind, factor=Decimal(factor), added_at=1, added_by="ada")]
        )


def scope(ledger: Ledger, profile: Profile = "chargeback", period: str = "2026-10") -> ExportScope:
    zone = ledger.zone if profile == "chargeback" else Zone("UTC")
    return ExportScope(read_span(period, None, None, zone), profile)


def exported(
    ledger: Ledger,
    profile: Profile = "chargeback",
    unpriced: UnpricedCalls | None = None,
    period: str = "2026-10",
) -> list[FocusRow]:
    with ledger.reading() as connection:
        export_scope = scope(ledger, profile, period)
        return list(Dataset(connection, ledger, export_scope, micros(NOW)).rows(unpriced or UnpricedCalls()))


def spent(ledger: Ledger) -> int:
    words = Question(metric=["total_cost"], start="2026-10-01", end="2026-11-01")
    result = run(ledger, parse(words, ledger.zone, NOW))
    return int((result.totals.values[0] or 0) * PICO)


def effective(rows: Sequence[FocusRow]) -> Decimal:
    total = Decimal(0)
    for row in rows:
        total = EXACT.add(total, row.effective_cost)
    return total


def holds_exactly(rows: Sequence[FocusRow]) -> None:
    """What is true of any export, whatever is in the ledger."""
    for row in rows:
        if row.pricing_quantity is not None:
            assert row.list_unit_price is not None
            assert row.contracted_unit_price is not None
            assert EXACT.multiply(row.list_unit_price, row.pricing_quantity) == row.list_cost
            assert EXACT.multiply(row.contracted_unit_price, row.pricing_quantity) == row.contracted_cost
        for amount in (row.list_cost, row.contracted_cost, row.effective_cost, row.billed_cost):
            exponent = amount.as_tuple().exponent
            assert isinstance(exponent, int)
            assert -exponent <= MONEY_SCALE
        assert row.charge_period_start < row.charge_period_end
        assert row.charge_class or row.billing_period_start <= row.charge_period_start
        assert row.charge_period_end <= row.billing_period_end
    assert max(Counter(row.x_row_key for row in rows).values(), default=1) == 1


def by_team(rows: Sequence[FocusRow]) -> dict[str | None, Decimal]:
    """What each team is billed by the rows of the platform, in pico-units."""
    sums: dict[str | None, Decimal] = {}
    for row in rows:
        assert row.billed_cost == row.effective_cost == row.x_reporting_cost
        cost = EXACT.multiply(row.billed_cost, Decimal(PICO))
        sums[row.x_team_name] = EXACT.add(sums.get(row.x_team_name, ZERO), cost)
    return {team: cost for team, cost in sums.items() if cost}


def owed(ledger: Ledger, month: str = "2026-10") -> dict[str | None, Decimal]:
    """What the chargeback of a month says that each team owes."""
    report = report_of(ledger, read_calendar(month), "team", micros(NOW))
    return {entry.team: Decimal(entry.line.total) for entry in report.entries if entry.line.total}
