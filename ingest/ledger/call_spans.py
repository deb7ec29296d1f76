"""The spans of calls: two spans of one call are one event, whenever and wherever they were received.

Each span is written as an event of its own first. Then all spans of the trace that share a time with it are
sorted into calls by the rule of `ingest.model.call_span`. The span that stands for a call is in
`usage_event`; the others of its call are in `usage_event_revision`, each with its own event id. So the ledger
is the same in whatever order and company spans arrive. The table `call_span` says which is which.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import msgspec
import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.entry import Entry
from ingest.ledger.tables.calls import call_span, usage_event, usage_event_revision
from ingest.ledger.types import undecoded
from ingest.model.call_span import CallSpan, standing

LIMIT: Final = 1_000
"""Calls of a trace in one unbroken stretch of time that are compared with each other."""

_LOCK: Final = "call_span"
_FACTS: Final = CallSpan.__struct_fields__

Window = tuple[int, int]


class Known(NamedTuple):
    """A span that the ledger has: the event that stands for its call, and the hash of its newest content."""

    call_id: bytes
    content_hash: bytes


@dataclass(slots=True)
class Joined:
    """What joining has changed."""

    touched: list[int] = field(default_factory=list)
    """Instants of events that were added or taken away."""
    represented: set[bytes] = field(default_factory=set)
    """Spans that stood and for which another span stands now."""
    standing_for: set[bytes] = field(default_factory=set)
    """Spans that stand now in the place of an event of an earlier batch."""


class _Stored(NamedTuple):
    source_id: int
    event_id: bytes
    call_id: bytes
    span: CallSpan


def lock(connection: sa.Connection) -> None:
    """Wait for other transactions that write spans: each has to see the spans of the others."""
    dialects.lock_by_name(connection, _LOCK)


class Spans:
    """The spans of a batch: what the ledger knew of them, and which of them it has to join."""

    def __init__(self, connection: sa.Connection, entries: Iterable[Entry]) -> None:
        self._connection = connection
        ids = sorted({entry.event_id for entry in entries if entry.span is not None})
        self._known = _known(connection, ids)
        self._rows: dict[bytes, dict[str, Any]] = {}
        self.represented = {event_id for event_id, known in self._known.items() if known.call_id != event_id}
        """The spans of the batch that the ledger has, and for whose call another span stands."""

    def is_represented(self, version: Mapping[str, Any]) -> bool:
        """Whether this is the newest version of a span for whose call another span stands."""
        event_id: bytes = version["event_id"]
        return event_id in self.represented and self._known[event_id].content_hash == version["content_hash"]

    def note(self, entry: Entry, source_id: int, content_hash: bytes) -> None:
        """Note that this entry is the newest version of its span, stored with this hash."""
        if (span := entry.span) is not None:
            ids = {"event_id": entry.event_id, "call_id": entry.event_id, "content_hash": content_hash}
            row = {"source_id": source_id, "earliest_at": span.earliest_at} | msgspec.structs.asdict(span)
            self._rows[entry.event_id] = ids | row

    def note_known(self, entry: Entry, current: Mapping[str, Any]) -> None:
        """Note a span again whose event was written before the ledger kept spans."""
        if entry.event_id not in self._known and entry.event_id not in self._rows:
            self.note(entry, current["source_id"], current["content_hash"])

    def join(self, new: Collection[bytes], now: int) -> Joined:
        """Store what was noted, and make one event of the spans of each call. `new` came with this batch."""
        joined = Joined()
        if not self._rows:
            return joined
        _store(self._connection, list(self._rows.values()))
        moved: dict[bytes, bytes] = {}
        for trace in _neighbours(self._connection, _windows(self._rows.values())):
            calls = _calls(trace)
            for stored in trace:
                if (call_id := calls[stored.event_id]) != stored.call_id:
                    moved[stored.event_id] = call_id
                    if stored.call_id == stored.event_id:
                        joined.represented.add(stored.event_id)
        joined.standing_for = {moved[event_id] for event_id in joined.represented if event_id not in new}
        added = sorted(event_id for event_id, call_id in moved.items() if event_id == call_id)
        joined.touched += _take_away(self._connection, sorted(joined.represented), now)
        joined.touched += _put_back(self._connection, added)
        _move(self._connection, moved)
        return joined


def _known(connection: sa.Connection, ids: Sequence[bytes]) -> dict[bytes, Known]:
    """The spans that the ledger has of these, by event id."""
    c = call_span.c
    found = {}
    for chunk in dialects.chunks(ids):
        query = sa.select(*map(undecoded, (c.event_id, c.call_id, c.content_hash))).where(
            c.event_id.in_(chunk)
        )
        for event_id, call_id, content_hash in connection.execute(query):
            found[bytes(event_id)] = Known(bytes(call_id), bytes(content_hash))
    return found


def _calls(trace: Sequence[_Stored]) -> dict[bytes, bytes]:
    """The event ids of a trace's spans, each with that of the span that stands for its call."""
    ids = {stored.span.span_id: stored.event_id for stored in trace}
    return {ids[one]: ids[best] for one, best in standing(stored.span for stored in trace).items()}


def _store(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    statement = dialects.insert(connection, call_span)
    changed = {name: statement.excluded[name] for name in ("content_hash", "earliest_at", *_FACTS)}
    connection.execute(statement.on_conflict_do_update(index_elements=["event_id"], set_=changed), rows)


def _windows(rows: Iterable[Mapping[str, Any]]) -> dict[str, Window]:
    """For each trace the time from the first to the last of these spans."""
    windows: dict[str, Window] = {}
    for row in rows:
        span = (row["earliest_at"], row["ended_at"])
        start, end = windows.get(row["trace_id"], span)
        windows[row["trace_id"]] = (min(start, span[0]), max(end, span[1]))
    return windows


def _neighbours(connection: sa.Connection, windows: Mapping[str, Window]) -> Iterator[list[_Stored]]:
    """The spans, by trace and source, that share a time with these windows, or with a span that does ...

    Of more than `LIMIT` such spans only those of the windows are compared, and what is joined stays joined.
    """
    reach = dict(windows)
    while reach:
        wider = {}
        for trace_id, trace in _read(connection, reach).items():
            stretch = _stretch(trace, windows[trace_id])
            inside = [stored for stored in trace if _overlaps(stored.span, stretch)]
            if len(inside) > LIMIT:
                yield from _by_source(_undecided(trace, windows[trace_id]))
            elif _contains(reach[trace_id], stretch):
                yield from _by_source(inside)
            else:
                length = stretch[1] - stretch[0] + 1
                wider[trace_id] = (stretch[0] - length, stretch[1] + length)
        reach = wider


def _read(connection: sa.Connection, windows: Mapping[str, Window]) -> dict[str, list[_Stored]]:
    """The spans of each trace that share a time with its window."""
    c = call_span.c
    names = ("source_id", "event_id", "call_id", *_FACTS)
    columns = [undecoded(c[name]) for name in names]
    found: dict[str, list[_Stored]] = {trace_id: [] for trace_id in windows}
    for chunk in dialects.chunks(sorted(windows, key=lambda trace_id: (windows[trace_id], trace_id))):
        start = min(windows[trace_id][0] for trace_id in chunk)
        end = max(windows[trace_id][1] for trace_id in chunk)
        query = sa.select(*columns).where(c.trace_id.in_(chunk), c.earliest_at <= end, c.ended_at >= start)
        for source_id, event_id, call_id, *facts in connection.execute(query):
            span = CallSpan(*facts)
            if _overlaps(span, windows[span.trace_id]):
                stored = _Stored(source_id, bytes(event_id), bytes(call_id), span)
                found[span.trace_id].append(stored)
    return found


def _stretch(trace: Sequence[_Stored], window: Window) -> Window:
    """The unbroken stretch of time around a window in which spans of the trace overlap each other."""
    start, end = window
    spans = [stored.span for stored in trace]
    for span in sorted(spans, key=lambda span: span.earliest_at):
        if _overlaps(span, (start, end)):
            end = max(end, span.ended_at)
    for span in sorted(spans, key=lambda span: -span.ended_at):
        if _overlaps(span, (start, end)):
            start = min(start, span.earliest_at)
    return start, end


def _overlaps(span: CallSpan, window: Window) -> bool:
    return span.earliest_at <= window[1] and span.ended_at >= window[0]


def _contains(outer: Window, inner: Window) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]


def _undecided(trace: Sequence[_Stored], window: Window) -> list[_Stored]:
    """The last spans of a window that are calls of their own."""
    several = {stored.call_id for stored in trace if stored.call_id != stored.event_id}
    alone = [
        stored
        for stored in trace
        if stored.call_id == stored.event_id
        and stored.event_id not in several
        and _overlaps(stored.span, window)
    ]
    return sorted(alone, key=lambda stored: (stored.span.ended_at, stored.event_id))[-LIMIT:]


def _by_source(trace: Iterable[_Stored]) -> Iterable[list[_Stored]]:
    by_source: dict[int, list[_Stored]] = defaultdict(list)
    for stored in trace:
        by_source[stored.source_id].append(stored)
    return by_source.values()


def _take_away(connection: sa.Connection, ids: Sequence[bytes], now: int) -> list[int]:
    """Move events to the revisions. Returns their instants."""
    touched: list[int] = []
    names = [column.name for column in usage_event.c]
    for chunk in dialects.chunks(ids):
        chosen = usage_event.c.event_id.in_(chunk)
        rows = sa.select(*map(undecoded, usage_event.c), sa.literal(now, sa.BigInteger)).where(chosen)
        connection.execute(usage_event_revision.insert().from_select([*names, "superseded_at"], rows))
        touched += _deleted(connection, usage_event, chosen)
    return touched


def _put_back(connection: sa.Connection, ids: Sequence[bytes]) -> list[int]:
    """Move the newest version of these spans from the revisions to the events. Returns their instants."""
    touched: list[int] = []
    names = [column.name for column in usage_event.c if column is not usage_event.c.seq]
    newest = sa.select(call_span.c.event_id, call_span.c.content_hash)
    version = sa.tuple_(usage_event_revision.c.event_id, usage_event_revision.c.content_hash)
    for chunk in dialects.chunks(ids):
        chosen = version.in_(newest.where(call_span.c.event_id.in_(chunk)))
        rows = sa.select(*(undecoded(usage_event_revision.c[name]) for name in names)).where(chosen)
        connection.execute(usage_event.insert().from_select(names, rows))
        touched += _deleted(connection, usage_event_revision, chosen)
    return touched


def _deleted(connection: sa.Connection, table: sa.Table, chosen: sa.ColumnElement[bool]) -> list[int]:
    """Delete rows. Returns the instants of their calls."""
    at = sa.type_coerce(table.c.occurred_at, sa.BigInteger)
    return list(connection.execute(table.delete().where(chosen).returning(at)).scalars())


def _move(connection: sa.Connection, moved: Mapping[bytes, bytes]) -> None:
    """Note which span stands for the call of each of these spans."""
    if moved:
        update = (
            call_span.update()
            .where(call_span.c.event_id == sa.bindparam("of_span"))
            .values(call_id=sa.bindparam("standing"))
        )
        connection.execute(update, [{"of_span": one, "standing": call_id} for one, call_id in moved.items()])
