"""What a ledger holds, counted for the manifest of a backup; and its notes of backup and restore."""

import json
from collections.abc import Mapping
from typing import Any, Final

import sqlalchemy as sa

from ingest.backup.model import Contents
from ingest.ledger.rollups import join_sum, split_sum
from ingest.ledger.tables.calls import ledger_property, term, usage_event

LAST_RESTORE: Final = "last_restore"
_NAMED: Final = {
    "events": "usage_event",
    "revisions": "usage_event_revision",
    "rejected": "rejected_record",
    "periods": "period_event",
    "adjustments": "adjustment",
    "audit_entries": "audit_entry",
    "price_points": "price_point",
}
_CHAIN: Final = "chain_"


def contents(connection: sa.Connection) -> Contents:
    """What the ledger of a connection holds. It may be of any schema."""
    tables = {name: _count(connection, name) for name in sorted(sa.inspect(connection).get_table_names())}
    properties = properties_of(connection)
    return Contents(
        schema=str(connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()),
        ledger_id=properties.get("ledger_id"),
        zone=properties.get("timezone"),
        secret_fingerprint=properties.get("secret_fingerprint"),
        counts={word: tables[table] for word, table in _NAMED.items() if table in tables},
        tables=tables,
        total_picos=_totals(connection),
        chains={
            name.removeprefix(_CHAIN): value
            for name, value in sorted(properties.items())
            if name.startswith(_CHAIN)
        },
    )


def properties_of(connection: sa.Connection) -> dict[str, str]:
    """The properties of a ledger."""
    return dict(connection.execute(sa.select(ledger_property.c.name, ledger_property.c.value)).all())


def set_property(connection: sa.Connection, name: str, value: Mapping[str, Any]) -> None:
    """Set a property of the ledger."""
    connection.execute(ledger_property.delete().where(ledger_property.c.name == name))
    row = {"name": name, "value": json.dumps(value, ensure_ascii=False, sort_keys=True)}
    connection.execute(ledger_property.insert(), row)


def is_empty(connection: sa.Connection) -> bool:
    """Whether a database has no tables."""
    return not sa.inspect(connection).get_table_names()


def _count(connection: sa.Connection, name: str) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(sa.table(name))).scalar_one())


def _totals(connection: sa.Connection) -> dict[str, str]:
    c = usage_event.c
    query = (
        sa.select(term.c.text, *split_sum(c.total_cost, "total"))
        .join_from(usage_event, term, term.c.term_id == c.currency_id)
        .where(c.total_cost.is_not(None))
        .group_by(term.c.text)
        .order_by(term.c.text)
    )
    return {currency: str(join_sum(high, low)) for currency, high, low in connection.execute(query)}
