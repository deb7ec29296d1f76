"""Fees of a period: effective cost, billed charges, and effective cost by list price."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.fees.model import Fee, FeeAmounts, current_fees, fee_amounts
from dashboard.fees.store import read_fees, read_history
from dashboard.query import labels
from dashboard.query.question import Period
from ingest.clock import rfc3339_seconds
from ingest.ledger.engine import Ledger
from ingest.model import money
from ingest.model.zone import Zone
from ingest.parse.dates import written


@dataclass(frozen=True, slots=True)
class FeeRow:
    """A fee and its amounts in a period."""

    amounts: FeeAmounts
    team: str | None

    def as_json(self, zone: Zone) -> dict[str, Any]:
        """The fee as JSON outputs give it."""
        return {
            **_facts(self.amounts.fee, self.team, zone),
            "effective": money.plain(self.amounts.effective),
            "billed": money.plain(self.amounts.billed),
            "list": money.plain(self.amounts.listed),
        }


@dataclass(frozen=True, slots=True)
class RecordedFee:
    """A row of a fee, and whether it still counts. A row that counts ends where a later one starts."""

    fee: Fee
    team: str | None
    counts: bool

    def as_json(self, zone: Zone) -> dict[str, Any]:
        """The row as JSON outputs give it."""
        return {
            **_facts(self.fee, self.team, zone),
            "number": self.fee.number,
            "recorded_at": rfc3339_seconds(self.fee.recorded_at),
            "recorded_by": self.fee.recorded_by,
            "reason": self.fee.reason,
            "counts": self.counts,
        }


def _facts(fee: Fee, team: str | None, zone: Zone) -> dict[str, Any]:
    return {
        "name": fee.name,
        "kind": fee.kind,
        "provider": fee.provider,
        "model": fee.model,
        "team": team,
        "currency": fee.currency,
        "amount": money.plain(fee.amount),
        "every": fee.every,
        "from": written(fee.start, zone),
        "to": None if fee.end is None else written(fee.end, zone),
    }


def history_of(ledger: Ledger) -> list[RecordedFee]:
    """Every recorded row of all fees, by name and then in the order in which they were recorded."""
    with ledger.reading() as connection:
        rows = sorted(read_history(connection), key=lambda fee: fee.name)
        standing = {fee.number: fee for fee in current_fees(rows) if not fee.is_empty}
        teams = labels.entry_names(connection, {fee.team_id for fee in rows})
    return [
        RecordedFee(standing.get(fee.number, fee), teams[fee.team_id], fee.number in standing) for fee in rows
    ]


def history_as_json(rows: Iterable[RecordedFee], zone: Zone) -> dict[str, Any]:
    """The history as `fees list --history --json` and `GET /v1/fees/history` give it."""
    return {"history": [row.as_json(zone) for row in rows]}


def fees_of(ledger: Ledger, period: Period) -> list[FeeRow]:
    """The fees with an effective or billed amount in a period, by name."""
    start, end = period.micros
    with ledger.reading() as connection:
        rows = fee_amounts(read_fees(connection), ledger.zone, start, end)
        teams = labels.entry_names(connection, {row.fee.team_id for row in rows})
    return [FeeRow(row, teams[row.fee.team_id]) for row in rows]


def totals_by_currency(rows: Iterable[FeeRow]) -> Mapping[str, tuple[int, int]]:
    """The sum of effective and of billed amounts in each currency."""
    totals: dict[str, tuple[int, int]] = {}
    for row in rows:
        amounts = row.amounts
        effective, billed = totals.get(amounts.fee.currency, (0, 0))
        totals[amounts.fee.currency] = (effective + amounts.effective, billed + amounts.billed)
    return dict(sorted(totals.items()))


def as_json(rows: list[FeeRow], zone: Zone) -> dict[str, Any]:
    """The list as `GET /v1/fees` gives it."""
    return {
        "fees": [row.as_json(zone) for row in rows],
        "totals": [
            {"currency": currency, "effective": money.plain(effective), "billed": money.plain(billed)}
            for currency, (effective, billed) in totals_by_currency(rows).items()
        ],
    }
