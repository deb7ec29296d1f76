"""JSON lines: each line that is not blank is a record, so a broken line leaves its neighbours alone."""

from collections.abc import Sequence

from ingest.splitting.parts import Parts
from ingest.splitting.record import RawRecord, Record, RefusedRecord, last_record, too_large


class LineFeeds:
    """Cuts bytes at line feeds. A line over the limit comes out as None."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = Parts(limit)

    def feed(self, chunk: bytes) -> Sequence[bytes | None]:
        """The lines that end in `chunk`, without their line feeds."""
        first, *lines = chunk.split(b"\n")
        self._held.add(first)
        if not lines:
            return ()
        ended = self._held.take()
        self._held.add(lines.pop())
        return [ended, *(line if len(line) <= self._limit else None for line in lines)]

    def finish(self) -> Sequence[bytes | None]:
        """The last line, if no line feed has ended it."""
        return (self._held.take(),) if self._held else ()


class Lines:
    """Makes a record of each line."""

    def __init__(self, limit: int) -> None:
        self.records = 0
        self.line = 1
        self._limit = limit
        self._lines = LineFeeds(limit)

    def feed(self, chunk: bytes) -> list[Record]:
        """The records that end in `chunk`."""
        found: list[Record] = []
        for line in self._lines.feed(chunk):
            if line is None:
                self._add(found, RefusedRecord(self.records, self.line, too_large(self._limit)))
            elif raw := line.strip():
                self._add(found, RawRecord(self.records, self.line, raw))
            self.line += 1
        return found

    def finish(self) -> list[Record]:
        """The last line, if no line feed has ended it."""
        found: list[Record] = []
        for line in self._lines.finish():
            if line is None:
                self._add(found, RefusedRecord(self.records, self.line, too_large(self._limit)))
            elif raw := line.strip():
                self._add(found, last_record(self.records, self.line, raw))
        return found

    def _add(self, found: list[Record], record: Record) -> None:
        found.append(record)
        self.records += 1
