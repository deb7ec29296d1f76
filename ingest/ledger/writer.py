"""The writer: entries become rows, each counted once; what is committed is what the receipt says.

**Once.** An event is known by its id, a hash of source and source event id. The same content again is a duplicate
and changes nothing, also when it is an older version of what stands now. Different content for the same id is a
revision: the version with the higher rank (`Entry.version_rank`, later arrival on a tie) stands, the other is kept
in `usage_event_revision`.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Final

import sqlalchemy as sa

from ingest.ledger import dialects, marks, rejections
from ingest.ledger.dictionary import Lookup
from ingest.ledger.engine import Ledger
from ingest.ledger.entry import Batch, Entry
from ingest.ledger.rejections import Origin
from ingest.ledger.tables import FACTS, TERMS, usage_event, usage_event_revision
from ingest.receipt import MAX_EVENT_IDS, MAX_REJECTIONS, Receipt

COLUMNS: Final = (
    "event_id",
    "content_hash",
    "version_rank",
    "revision",
    "received_at",
    "batch_id",
    "attribution_id",
    "price_set_id",
    *(f"{field}_id" for field in TERMS),
    *FACTS,
)
_OCCURRED_AT: Final = COLUMNS.index("occurred_at")
_FACT_OCCURRED_AT: Final = FACTS.index("occurred_at")

Row = tuple[Any, ...]


def write(connection: sa.Connection, ledger: Ledger, lookup: Lookup, batch: Batch, origin: Origin) -> Receipt:
    """Put a batch into the ledger inside the open transaction; the receipt holds once that commits."""
    receipt = Receipt(
        rejected=len(batch.rejections),
        rejections=batch.rejections[:MAX_REJECTIONS],
        identities=[entry.event_id for entry in batch.entries[:MAX_EVENT_IDS]],
    )
    rejections.keep(connection, batch.rejections, origin)
    if batch.entries:
        rows = _rows(lookup, batch, origin)
        first, again = _first_of_each(batch.entries, rows)
        inserted = dialects.insert_new(connection, usage_event, COLUMNS, [row for _, row in first])
        touched = [row[_OCCURRED_AT] for _, row in first if row[0] in inserted]
        receipt.accepted = len(touched)
        receipt.unpriced = sum(entry.unpriced for entry, row in first if row[0] in inserted)
        known = [(entry, row) for entry, row in first if row[0] not in inserted]
        touched += _revise(connection, [*known, *again], origin, receipt)
        marks.mark(connection, ledger.zone, touched)
    return receipt


def _rows(lookup: Lookup, batch: Batch, origin: Origin) -> list[Row]:
    texts: set[str | None] = set()
    for entry in batch.entries:
        texts.update(entry.terms)
    ids = lookup.terms(texts)
    who = lookup.attributions({entry.who: entry.hint for entry in batch.entries})
    prices = lookup.price_sets(batch.price_sets)
    term = ids.__getitem__
    return [
        (
            entry.event_id,
            entry.content_hash,
            entry.version_rank,
            0,
            origin.received_at,
            origin.batch_id,
            who[entry.who],
            prices[entry.price_set],
            *map(term, entry.terms),
            *entry.facts,
        )
        for entry in batch.entries
    ]


Pair = tuple[Entry, Row]


def _first_of_each(entries: Sequence[Entry], rows: Sequence[Row]) -> tuple[list[Pair], list[Pair]]:
    """The first entry of each identity, and those that come again in the same batch."""
    seen: set[bytes] = set()
    first: list[Pair] = []
    again: list[Pair] = []
    for entry, row in zip(entries, rows, strict=True):
        (again if entry.event_id in seen else first).append((entry, row))
        seen.add(entry.event_id)
    return first, again


def _revise(connection: sa.Connection, pairs: Sequence[Pair], origin: Origin, receipt: Receipt) -> list[int]:
    """Judge versions of events that are there already, in their order; the instants whose slots changed."""
    if not pairs:
        return []
    ids = sorted({entry.event_id for entry, _ in pairs})
    standing = {row["event_id"]: row for row in _versions(connection, usage_event, ids)}
    hashes = {(row["event_id"], row["content_hash"]) for row in standing.values()}
    hashes |= {
        (row["event_id"], row["content_hash"]) for row in _versions(connection, usage_event_revision, ids)
    }
    touched: list[int] = []
    for entry, row in pairs:
        if (entry.event_id, entry.content_hash) in hashes:
            receipt.duplicates += 1
            continue
        hashes.add((entry.event_id, entry.content_hash))
        receipt.revised += 1
        old = standing[entry.event_id]
        new = _next_version(entry, row, old)
        if entry.version_rank >= old["version_rank"]:
            _replace(connection, old, new, origin.received_at)
            standing[entry.event_id] = new
            touched += (old["occurred_at"], new["occurred_at"])
            receipt.unpriced += entry.unpriced
        else:
            _file(connection, {**new, "seq": None}, origin.received_at)
    return touched


def _next_version(entry: Entry, row: Row, old: dict[str, Any]) -> dict[str, Any]:
    """`row` as the version after `old`. The time of the call stays the first one's unless the source corrects it."""
    new = dict(zip(COLUMNS, row, strict=True))
    if not entry.dated:
        new["occurred_at"] = old["occurred_at"]
    return {**new, "revision": old["revision"] + 1}


def _replace(connection: sa.Connection, old: dict[str, Any], new: dict[str, Any], now: int) -> None:
    _file(connection, old, now)
    connection.execute(usage_event.delete().where(usage_event.c.seq == old["seq"]))
    connection.execute(usage_event.insert(), [new])


def _file(connection: sa.Connection, version: dict[str, Any], now: int) -> None:
    connection.execute(usage_event_revision.insert(), [{**version, "superseded_at": now}])


def _versions(connection: sa.Connection, table: sa.Table, ids: Sequence[bytes]) -> Iterable[dict[str, Any]]:
    """Rows of `table` with these event ids, undecoded, as they are in the database."""
    names = ("seq", *COLUMNS)
    columns = [sa.type_coerce(table.c[name], _plain(table.c[name])).label(name) for name in names]
    for some in dialects.chunks(ids):
        query = sa.select(*columns).where(table.c.event_id.in_(some))
        if table is usage_event:
            query = query.with_for_update()
        for row in connection.execute(query).mappings():
            yield {name: bytes(v) if isinstance(v := row[name], memoryview) else v for name in names}


def _plain(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    kind = column.type
    return kind.impl_instance if isinstance(kind, sa.types.TypeDecorator) else kind
