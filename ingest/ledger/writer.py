"""The writer: entries become rows, each counted once, and the receipt states exactly what is committed.

**Once.** An event is identified by its id, a hash of source and source event id. The same content again is a
duplicate and changes nothing, even if it equals an older version of the event. Different content for the same
id is a revision: the version with the higher rank (`Entry.version_rank`, later arrival on a tie) is current,
the other is stored in `usage_event_revision`. Two spans of one call are one event, too: the more complete
span is current (`ingest.ledger.call_spans`).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa

from ingest.ledger import arrivals, call_spans, dialects, dirty_slots, former, rejections
from ingest.ledger.call_spans import Joined, Spans
from ingest.ledger.dictionary import Lookup
from ingest.ledger.engine import Ledger
from ingest.ledger.entry import Batch, Entry
from ingest.ledger.fields import FACTS, TERMS
from ingest.ledger.rejections import Kept, Origin
from ingest.ledger.tables.calls import usage_event, usage_event_revision
from ingest.model.receipt import MAX_EVENT_IDS, MAX_REJECTIONS, Receipt

_HEAD: Final = (
    "event_id",
    "content_hash",
    "version_rank",
    "revision",
    "received_at",
    "batch_id",
    "attribution_id",
    "price_set_id",
    *(f"{field}_id" for field in TERMS),
)
COLUMNS: Final = (*_HEAD, *FACTS)

_SOURCE: Final = _HEAD.index("source_id")
_SOURCE_TERM: Final = TERMS.index("source")

Row = tuple[Any, ...]
Pair = tuple[Entry, Row]


def write(
    connection: sa.Connection,
    ledger: Ledger,
    lookup: Lookup,
    batch: Batch,
    origin: Origin,
    kept: Kept | None = None,
) -> Receipt:
    """Write a batch inside the open transaction. The receipt is valid once the transaction commits.

    `kept` are the rejected records of the whole body or file that are kept one by one.
    """
    if batch.entries:
        arrivals.lock_arrivals(connection)
    if batch.entries and former.is_possible(connection):
        entries = former.with_known_identities(connection, batch.entries)
        batch = msgspec.structs.replace(batch, entries=entries)
    receipt = Receipt(
        rejected=len(batch.rejections),
        keyless=batch.keyless,
        by_code=Counter(rejection.code for rejection in batch.rejections),
        rejections=batch.rejections[:MAX_REJECTIONS],
        identities=[entry.event_id for entry in batch.entries[:MAX_EVENT_IDS]],
    )
    if any(entry.span for entry in batch.entries):
        call_spans.lock(connection)
    rejections.store(connection, batch.rejections, origin, kept)
    if batch.entries:
        columns = (*_HEAD, *batch.columns)
        occurred_at = columns.index("occurred_at")
        spans = call_spans.Spans(connection, batch.entries)
        firsts, repeats = _first_of_each(batch.entries, _rows(lookup, batch, origin))
        rows = [row for _, row in firsts if row[0] not in spans.represented]
        inserted = dialects.insert_new(connection, usage_event, columns, rows) if rows else set()
        new = [(entry, row) for entry, row in firsts if row[0] in inserted]
        existing = [(entry, row) for entry, row in firsts if row[0] not in inserted]
        for entry, row in new:
            spans.note(entry, row[_SOURCE], entry.content_hash)
        touched = [row[occurred_at] for _, row in new]
        touched += _revise(connection, [*existing, *repeats], batch, origin, receipt, spans)
        joined = spans.join(inserted, origin.received_at)
        touched += joined.touched
        _count_new(receipt, batch, [entry for entry, _ in new], joined)
        receipt.lags.note(origin.received_at - row[occurred_at] for entry, row in new if entry.dated)
        dirty_slots.mark(connection, ledger.zone, touched)
    return receipt


def _count_new(receipt: Receipt, batch: Batch, new: Sequence[Entry], joined: Joined) -> None:
    """Count new events: a span is a duplicate if another stands for its call, revised if it replaced one."""
    for entry in new:
        source = batch.shared[entry.shared].terms[_SOURCE_TERM] or ""
        if entry.event_id in joined.represented:
            receipt.duplicates += 1
            receipt.by_source[source, "duplicates"] += 1
            continue
        if entry.event_id in joined.standing_for:
            receipt.revised += 1
            receipt.by_source[source, "revised"] += 1
        else:
            receipt.accepted += 1
            receipt.by_source[source, "accepted"] += 1
        receipt.unpriced += batch.shared[entry.shared].unpriced
        receipt.flagged += batch.shared[entry.shared].flagged


def _rows(lookup: Lookup, batch: Batch, origin: Origin) -> list[Row]:
    ids = _shared_ids(lookup, batch)
    arrival = (0, origin.received_at, origin.batch_id)
    return [
        (entry.event_id, entry.content_hash, entry.version_rank, *arrival, *ids[entry.shared], *entry.facts)
        for entry in batch.entries
    ]


def _shared_ids(lookup: Lookup, batch: Batch) -> list[Row]:
    """The columns from `attribution_id` to the last term, for each of the batch's `shared`."""
    terms = lookup.terms({text for shared in batch.shared for text in shared.terms})
    attributions = lookup.attributions({shared.who: shared.hint for shared in batch.shared})
    prices = lookup.price_sets(batch.price_sets)
    return [
        (attributions[shared.who], prices[shared.price_set], *(terms[text] for text in shared.terms))
        for shared in batch.shared
    ]


def _first_of_each(entries: Sequence[Entry], rows: Sequence[Row]) -> tuple[list[Pair], list[Pair]]:
    """The first entry of each identity, and the entries that repeat an identity within the batch."""
    seen: set[bytes] = set()
    firsts: list[Pair] = []
    repeats: list[Pair] = []
    for entry, row in zip(entries, rows, strict=True):
        (repeats if entry.event_id in seen else firsts).append((entry, row))
        seen.add(entry.event_id)
    return firsts, repeats


def _revise(
    connection: sa.Connection,
    pairs: Sequence[Pair],
    batch: Batch,
    origin: Origin,
    receipt: Receipt,
    spans: Spans,
) -> list[int]:
    """Add versions of events that already exist, in their order. Returns the instants whose slots changed."""
    if not pairs:
        return []
    ids = sorted({entry.event_id for entry, _ in pairs})
    current_rows = {row["event_id"]: row for row in _versions(connection, usage_event, ids)}
    older = list(_versions(connection, usage_event_revision, ids))
    current_rows |= {row["event_id"]: row for row in older if spans.is_represented(row)}
    hashes = {(row["event_id"], row["content_hash"]) for row in (*current_rows.values(), *older)}
    touched: list[int] = []
    for entry, row in pairs:
        current = current_rows[entry.event_id]
        source = batch.shared[entry.shared].terms[_SOURCE_TERM] or ""
        if (entry.event_id, entry.content_hash) in hashes:
            receipt.duplicates += 1
            receipt.by_source[source, "duplicates"] += 1
            spans.note_known(entry, current)
            continue
        hashes.add((entry.event_id, entry.content_hash))
        receipt.revised += 1
        receipt.by_source[source, "revised"] += 1
        new = _next_version(entry, dict(zip((*_HEAD, *batch.columns), row, strict=True)), current)
        if entry.version_rank < current["version_rank"]:
            _store_superseded(connection, {**new, "seq": None}, origin.received_at)
            continue
        spans.note(entry, new["source_id"], entry.content_hash)
        if entry.event_id in spans.represented:
            _store_superseded(connection, {**new, "seq": None}, origin.received_at)
            current_rows[entry.event_id] = new
            continue
        current_rows[entry.event_id] = _replace(connection, current, new, origin.received_at)
        touched += (current["occurred_at"], new["occurred_at"])
        receipt.unpriced += batch.shared[entry.shared].unpriced
        receipt.flagged += batch.shared[entry.shared].flagged
    return touched


def _next_version(entry: Entry, values: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """The version after `old`. It keeps the time of the first version unless the source states a time."""
    new = {**dict.fromkeys(COLUMNS), **values, "revision": old["revision"] + 1}
    return new if entry.dated else {**new, "occurred_at": old["occurred_at"]}


def _replace(connection: sa.Connection, old: dict[str, Any], new: dict[str, Any], now: int) -> dict[str, Any]:
    """Replace the row `old` by `new`.

    Returns the new row, which a later version in the batch may replace again.
    """
    _store_superseded(connection, old, now)
    connection.execute(usage_event.delete().where(usage_event.c.seq == old["seq"]))
    seq = connection.execute(usage_event.insert().returning(usage_event.c.seq), new).scalar_one()
    return {**new, "seq": seq}


def _store_superseded(connection: sa.Connection, version: dict[str, Any], now: int) -> None:
    connection.execute(usage_event_revision.insert(), [{**version, "superseded_at": now}])


def _versions(connection: sa.Connection, table: sa.Table, ids: Sequence[bytes]) -> Iterable[dict[str, Any]]:
    """The rows of `table` with these event ids, with undecoded column values."""
    names = ("seq", *COLUMNS)
    columns = [sa.type_coerce(table.c[name], _plain(table.c[name])).label(name) for name in names]
    for chunk in dialects.chunks(ids):
        query = sa.select(*columns).where(table.c.event_id.in_(chunk))
        if table is usage_event:
            query = query.with_for_update()
        for row in connection.execute(query).mappings():
            yield {name: bytes(v) if isinstance(v := row[name], memoryview) else v for name in names}


def _plain(column: sa.Column[Any]) -> sa.types.TypeEngine[Any]:
    kind = column.type
    return kind.impl_instance if isinstance(kind, sa.types.TypeDecorator) else kind
