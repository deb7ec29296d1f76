"""The bytes of one record that arrives in parts: kept up to a limit, and only counted beyond it."""


class Parts:
    """Collects one record, then the next. No more than `limit` bytes are held."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._parts: list[bytes] = []
        self._size = 0

    def __bool__(self) -> bool:
        return self._size > 0

    def add(self, part: bytes) -> None:
        """Hold `part`, or let go of everything when that is too much."""
        self._size += len(part)
        if self._size > self.limit:
            self._parts.clear()
        elif part:
            self._parts.append(part)

    def take(self) -> bytes | None:
        """The whole record, None when it is over the limit; and begin anew."""
        whole = None if self._size > self.limit else b"".join(self._parts)
        self._parts.clear()
        self._size = 0
        return whole
