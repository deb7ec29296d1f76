"""Fees of a period: what each costs in it (effective), what is paid in it (billed), and what it would be by list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dashboard.fees.model import Amounts, amounts
from dashboard.fees.store import read_fees
from dashboard.query import labels
from dashboard.query.question import Period
from ingest.ledger.engine import Ledger
from ingest.model import money
from ingest.model.zone import Zone
from ingest.parse.dates import written


@dataclass(frozen=True, slots=True)
class FeeRow:
    """A fee and its amounts in a period."""

    amounts: Amounts
    team: str | None

    def as_json(self, zone: Zone) -> dict[str, Any]:
        """The fee as outputs give it."""
        fee = self.amounts.fee
        return {
            "name": fee.name,
            "kind": fee.kind,
            "provider": fee.provider,
            "model": fee.model,
            "team": self.team,
            "currency": fee.currency,
            "amount": money.plain(fee.amount),
            "every": fee.every,
            "from": written(fee.start, zone),
            "to": None if fee.end is None else written(fee.end, zone),
            "effective": money.plain(self.amounts.effective),
            "billed": money.plain(self.amounts.billed),
            "list": money.plain(self.amounts.listed),
        }


def fees_of(ledger: Ledger, period: Period) -> list[FeeRow]:
    """The fees that cost or bill anything in a period, by name."""
    start, end = period.micros
    with ledger.reading() as connection:
        found = amounts(read_fees(connection), ledger.zone, start, end)
        teams = labels.entry_names(connection, {one.fee.team_id for one in found})
    return [FeeRow(one, teams[one.fee.team_id]) for one in found]


def sums(rows: Iterable[FeeRow]) -> Mapping[str, tuple[int, int]]:
    """What all fees of each currency cost and bill."""
    found: dict[str, tuple[int, int]] = {}
    for row in rows:
        effective, billed = found.get(row.amounts.fee.currency, (0, 0))
        amounts_ = row.amounts
        found[amounts_.fee.currency] = (effective + amounts_.effective, billed + amounts_.billed)
    return dict(sorted(found.items()))


def as_json(rows: list[FeeRow], zone: Zone) -> dict[str, Any]:
    """The list as `GET /v1/fees` gives it."""
    return {
        "fees": [row.as_json(zone) for row in rows],
        "totals": [
            {"currency": currency, "effective": money.plain(effective), "billed": money.plain(billed)}
            for currency, (effective, billed) in sums(rows).items()
        ],
    }
