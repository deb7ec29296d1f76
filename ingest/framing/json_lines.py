"""JSON lines: each line that is not blank is a record, so a broken line does not affect other lines."""

from collections.abc import Iterator, Sequence

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

    def feed(self, chunk: bytes) -> Iterator[bytes | None]:
        """The lines that end in `chunk`, without their line feeds."""
        first, *lines = chunk.split(b"\n")
        self._buffer.add(first)
        if not lines:
            return
        ended = self._buffer.take()
        self._buffer.add(lines.pop())
        yield ended
        limit = self._limit
        for line in lines:
            yield line if len(line) <= limit else None

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

    def feed(self, chunk: bytes) -> Iterator[Record]:
        """The records that end in `chunk`."""
        for line in self._lines.feed(chunk):
            if line is None:
                yield self._too_large()
            elif raw := line.strip():
                self.records += 1
                yield RawRecord(self.records - 1, self.line, raw)
            self.line += 1

    def finish(self) -> Iterator[Record]:
        """The last line, if it has no line feed."""
        for line in self._lines.finish():
            if line is None:
                yield self._too_large()
            elif raw := line.strip():
                self.records += 1
                yield last_record(self.records - 1, self.line, raw)

    def _too_large(self) -> Record:
        self.records += 1
        return RefusedRecord(self.records - 1, self.line, too_large_refusal(self._limit))
