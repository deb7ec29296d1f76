"""`tallybook fees list`: fees and their amounts in a period, or every row that was recorded of them."""

from datetime import UTC, datetime
from typing import Final

from rich.table import Table

from dashboard.fees.summary import FeeRow, fees_of, history_as_json, history_of, totals_by_currency
from dashboard.fees.summary import as_json as to_json
from dashboard.query.question import QuestionError, read_period
from ingest.ledger.engine import open_to_read
from ingest.model import money
from ingest.model.zone import Zone
from ingest.settings import Settings
from ingest.terminal import ExitCode, print_json, refuse, say, show, table

_COLUMNS: Final = (
    "name",
    "kind",
    "team",
    "from",
    "to",
    "amount",
    "every",
    "effective",
    "billed",
    "currency",
)


def run(start: str | None, end: str | None, *, as_json: bool) -> int:
    """Print the fees; the exit code."""
    with open_to_read(Settings()) as ledger:
        try:
            period = read_period(start, end, ledger.zone, datetime.now(UTC))
        except QuestionError as error:
            return refuse("fees", error)
        rows = fees_of(ledger, period)
        zone = ledger.zone
    if as_json:
        print_json(to_json(rows, zone))
        return ExitCode.OK
    show(_table(rows, zone), "no fee costs anything in this time; `tallybook fees add` adds one")
    for currency, (effective, billed) in totals_by_currency(rows).items():
        amounts = f"{money.plain(effective)} {currency} effective, {money.plain(billed)} {currency} billed"
        say(f"{amounts} in this time")
    return ExitCode.OK


def show_history(*, as_json: bool) -> int:
    """Print every recorded row of the fees; the exit code."""
    with open_to_read(Settings()) as ledger:
        content = history_as_json(history_of(ledger), ledger.zone)
    if as_json:
        print_json(content)
        return ExitCode.OK
    listing = table("Name", "Kind", "Team", "From", "To", "Amount", "Recorded", "By", "Counts")
    for row in content["history"]:
        every = "a month" if row["every"] == "month" else "once"
        listing.add_row(
            row["name"],
            row["kind"],
            row["team"] or "",
            row["from"],
            row["to"] or "",
            f"{row['amount']} {row['currency']} {every}",
            row["recorded_at"][:10],
            row["recorded_by"],
            "yes" if row["counts"] else "no",
        )
    show(listing, "no fees yet; `tallybook fees add` adds one")
    return ExitCode.OK


def _table(rows: list[FeeRow], zone: Zone) -> Table:
    headings = ("Fee", *(name.title() for name in _COLUMNS[1:]))
    listing = table(*headings, numbers=("Amount", "Effective", "Billed"))
    for row in rows:
        facts = row.as_json(zone)
        listing.add_row(*("" if facts[name] is None else str(facts[name]) for name in _COLUMNS))
    return listing
