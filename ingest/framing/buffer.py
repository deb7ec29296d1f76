"""A buffer for the bytes of one record that arrives in parts."""


class RecordBuffer:
    """Collects one record at a time. It stores at most `limit` bytes, and only counts the rest."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def __bool__(self) -> bool:
        return self._size > 0

    def add(self, part: bytes) -> None:
        """Add `part`, or discard all parts when the record is over the limit."""
        self._size += len(part)
        if self._size > self.limit:
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def take(self) -> bytes | None:
        """Return the record and empty the buffer; None for a record over the limit."""
        whole = None if self._size > self.limit else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return whole
