"""What a ledger keeps of calls, in the words of events."""

from typing import Any

import sqlalchemy as sa

from ingest.ledger.engine import Ledger
from ingest.ledger.fields import TERMS
from ingest.ledger.tables.calls import attribution, directory, term, usage_event

PEOPLE = ("virtual_key", "team", "customer", "business_unit")
PLACES = ("project", "environment", "application")


def kept(ledger: Ledger) -> list[dict[str, Any]]:
    """Every call, oldest first: what is known of it, by the names of the event and its charge."""
    with ledger.reading() as connection:
        words = {row.term_id: row.text for row in connection.execute(sa.select(term))}
        people = {row.entry_id: row.ident for row in connection.execute(sa.select(directory))}
        calls = sa.select(usage_event, attribution).join(
            attribution, attribution.c.attribution_id == usage_event.c.attribution_id
        )
        rows = connection.execute(calls.order_by(usage_event.c.occurred_at)).mappings().all()
    return [_said(row, words, people) for row in rows]


def _said(row: sa.RowMapping, words: dict[Any, str], people: dict[Any, str]) -> dict[str, Any]:
    said = {str(name): row[name] for name in row}
    said |= {name: words.get(row[f"{name}_id"]) for name in (*TERMS, *PLACES)}
    said |= {name: people.get(row[f"{name}_id"]) for name in PEOPLE}
    return {name: value for name, value in said.items() if value is not None}
