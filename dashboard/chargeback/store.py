"""Reads of the ledger's tables for statements, and for the checklist before a month is closed."""

from collections.abc import Collection, Iterable
from typing import Final

import sqlalchemy as sa

from dashboard.chargeback.statement import DirectoryName, ModelPrices
from dashboard.query import labels
from dashboard.query.plan import Plan, Range
from dashboard.query.sql.true_rows import marks_in, true_rows
from ingest.ledger import dialects
from ingest.ledger.price_sets import price_set_of
from ingest.ledger.tables.calls import directory, import_batch, price_set, rollup_day, usage_event
from ingest.ledger.tables.ownership import cost_center
from ingest.pricing.rates import PriceSet

_KINDS: Final = ("virtual_key", "team", "customer", "cost_center")


def next_call(connection: sa.Connection, at: int | None = None) -> int | None:
    """The time of the first call, or of the first call from the instant `at` on (microseconds UTC)."""
    occurred_at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
    first = sa.select(sa.func.min(occurred_at))
    if at is not None:
        first = first.where(occurred_at >= at)
    return connection.execute(first).scalar()


def running_imports(connection: sa.Connection) -> list[str]:
    """The paths of imports that have not finished."""
    query = sa.select(import_batch.c.path).where(import_batch.c.status == "running")
    return sorted(path or "an upload" for path in connection.execute(query).scalars())


def names_of(connection: sa.Connection, entries: Collection[int]) -> dict[int, DirectoryName]:
    """The current names and codes of directory entries, by the ids of the entries."""
    display_names = labels.entry_names(connection, entries)
    codes = gl_codes(connection)
    c = directory.c
    rows = connection.execute(sa.select(c.entry_id, c.kind, c.ident).where(c.kind.in_(_KINDS)))
    return {
        entry_id: DirectoryName(kind, ident, display_names[entry_id] or ident, codes.get(entry_id))
        for entry_id, kind, ident in rows
        if entry_id in entries
    }


def prices_of(connection: sa.Connection, days: Range, instants: Range) -> tuple[ModelPrices, ...]:
    """The price sets that calls of each model were priced with, on days of the ledger's zone."""
    has_marks = connection.execute(sa.select(sa.exists().where(*marks_in(instants)))).scalar_one()
    used: dict[tuple[int, int], set[int]] = {}
    for source in true_rows(Plan("day", instants, days=days), rollup_day, has_marks=has_marks):
        c = source.table.c
        columns = (c.provider_id, c.model_id, c.price_set_id)
        priced = sa.select(*columns).distinct().select_from(source.joined).where(*source.where)
        for provider, model, price_set_id in connection.execute(priced.where(c.price_set_id.is_not(None))):
            used.setdefault((provider, model), set()).add(price_set_id)
    texts = labels.term_texts(connection, {term_id for pair in used for term_id in pair})
    prices = (
        ModelPrices(texts[provider] or "", texts[model] or "", tuple(sorted(ids)))
        for (provider, model), ids in used.items()
    )
    return tuple(sorted(prices, key=lambda row: (row.provider, row.model)))


def rates_of(connection: sa.Connection, price_sets: Iterable[int]) -> dict[int, PriceSet]:
    """Price sets by their ids."""
    sets: dict[int, PriceSet] = {}
    for chunk in dialects.chunks(sorted(set(price_sets))):
        select = sa.select(price_set).where(price_set.c.price_set_id.in_(chunk))
        for row in connection.execute(select).mappings():
            sets[row["price_set_id"]] = price_set_of(row)
    return sets


def gl_codes(connection: sa.Connection) -> dict[int, str]:
    """The general-ledger accounts of cost centres that have one, by the ids of the cost centres."""
    c = cost_center.c
    rows = connection.execute(sa.select(c.entry_id, c.gl_code).where(c.gl_code != ""))
    return {row.entry_id: row.gl_code for row in rows}
