"""JSON lines: each line that is not blank is a record, so a broken line does not affect other lines."""

from collections.abc import Sequence

from ingest.framing.record import (
    RawRecord,
    Record,
    RecordBuffer,
    RefusedRecord,
    last_record,
    too_large_refusal,
)


class LineBuffer:
    """Splits bytes at line feeds. A line over the limit becomes None."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = RecordBuffer(limit)

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self._buffer.held

    def feed(self, chunk: bytes) -> Sequence[bytes | None]:
        """The lines that end in `chunk`, without their line feeds."""
        first, *lines = chunk.split(b"\n")
        self._buffer.add(first)
        if not lines:
            return ()
        ended = self._buffer.take()
        self._buffer.add(lines.pop())
        return [ended, *(line if len(line) <= self._limit else None for line in lines)]

    def finish(self) -> Sequence[bytes | None]:
        """The last line, if it has no line feed."""
        return (self._buffer.take(),) if self._buffer else ()


class LineSplitter:
    """Splits bytes into records, one for each line."""

    def __init__(self, limit: int) -> None:
        self.records = 0
        self.line = 1
        self._limit = limit
        self._lines = LineBuffer(limit)

    @property
    def held(self) -> int:
        """Bytes in memory."""
        return self._lines.held

    def feed(self, chunk: bytes) -> list[Record]:
        """The records that end in `chunk`."""
        records: list[Record] = []
        for line in self._lines.feed(chunk):
            if line is None:
                self._add(records, RefusedRecord(self.records, self.line, too_large_refusal(self._limit)))
            elif raw := line.strip():
                self._add(records, RawRecord(self.records, self.line, raw))
            self.line += 1
        return records

    def finish(self) -> list[Record]:
        """The last line, if it has no line feed."""
        records: list[Record] = []
        for line in self._lines.finish():
            if line is None:
                self._add(records, RefusedRecord(self.records, self.line, too_large_refusal(self._limit)))
            elif raw := line.strip():
                self._add(records, last_record(self.records, self.line, raw))
        return records

    def _add(self, records: list[Record], record: Record) -> None:
        records.append(record)
        self.records += 1
