"""A store in a SQLite file, read while its gateway writes.

The file is opened read-only for each page. Even for such a reader SQLite creates a write-ahead log and its
index, and leaves them behind under our user, where the gateway may not be able to write them. So a file in
WAL mode that no process has open is read without them (`immutable`), and the page is read again if the file
changed meanwhile.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ingest.model.zone import instant
from ingest.sync import rows, timestamps
from ingest.sync.rows import Statements
from ingest.sync.store import PAGE, Away, Page, Table, Unusable

_BUSY_SECONDS: Final = 5
_MAGIC: Final = b"SQLite format 3\0"
_WAL: Final = 2
_WRITE_VERSION: Final = 18
"""The position in the header that tells whether the file uses a write-ahead log."""
_TRIES: Final = 20

Values = Sequence[Any]
State = tuple[int, int]


class SqliteStore:
    """The tables of one file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.place = f"sqlite:///{path.resolve()}"
        self._columns: dict[str, tuple[str, ...]] = {}

    def has(self, table: Table) -> bool:
        """Whether the file has this table with its marker columns."""
        names = self.columns(table.name)
        if names and not names.issuperset(table.marks):
            missing = ", ".join(sorted(set(table.marks) - names))
            raise Unusable(f"{self.place}: its table {table.name} has no {missing}: it is another program's")
        self._columns[table.name] = tuple(name for name in table.columns if name in names)
        return bool(names)

    def columns(self, table: str) -> set[str]:
        """The columns of a table; empty if there is no such table."""
        return {name for (name,) in self._read("SELECT name FROM pragma_table_info(?)", (table,))}

    def pages(self, table: Table, since: int | None) -> Iterator[Page]:
        """The rows from `since` on, oldest first."""
        columns = self._columns[table.name]
        statements, read = Statements(table, columns, "?"), rows.reader(table, columns)
        key, time = columns.index(table.key), columns.index(table.time)
        values_of_rows = self._first(statements, since)
        while values_of_rows:
            page = read(values_of_rows)
            yield page if since is None else [row for row in page if row.at is None or row.at >= since]
            if len(values_of_rows) < PAGE:
                return
            values_of_rows = self._read(
                statements.after, (values_of_rows[-1][time], values_of_rows[-1][key], PAGE)
            )

    def _first(self, statements: Statements, since: int | None) -> list[Values]:
        if since is None:
            return self._read(statements.first, (PAGE,))
        return self._read(statements.since, (_bound(since), PAGE))

    def rows(self, table: Table, keys: Sequence[str]) -> Page:
        """The rows with these keys."""
        columns = self._columns[table.name]
        by_key = Statements(table, columns, "?").by_key(len(keys))
        return rows.reader(table, columns)(self._read(by_key, keys))

    def listing(self, name: str, key: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """The rows of another table, with every column of `columns` that exists."""
        existing = self.columns(name)
        if key not in existing:
            return
        existing_columns = [column for column in columns if column in existing]
        key_index = existing_columns.index(key)
        values_of_rows = self._read(rows.listing(name, key, existing_columns, "?", first=True), (PAGE,))
        while values_of_rows:
            yield from (dict(zip(existing_columns, values, strict=True)) for values in values_of_rows)
            values_of_rows = self._read(
                rows.listing(name, key, existing_columns, "?", first=False),
                (values_of_rows[-1][key_index], PAGE),
            )

    def close(self) -> None:
        """No connection is open between pages."""

    def _read(self, statement: str, parameters: Values) -> list[Values]:
        """The rows of one statement.

        Raises:
            Away: the file is missing or locked.
            Unusable: the file may not be read, or is no SQLite file.
        """
        for _ in range(_TRIES):
            before = self._state()
            try:
                result = self._select(statement, parameters, immutable=before is not None)
            except sqlite3.DatabaseError as error:
                if before is not None and self._state() != before:
                    continue
                raise self._translated_error(error) from None
            if before is None or self._state() == before:
                return result
        raise Away(f"{self.place}: the file changes faster than it can be read; try again in a moment")

    def _select(self, statement: str, parameters: Values, *, immutable: bool) -> list[Values]:
        uri = f"file:{quote(str(self._path.resolve()))}?mode=ro" + ("&immutable=1" if immutable else "")
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_BUSY_SECONDS)) as connection:
            try:
                return connection.execute(statement, parameters).fetchall()
            except sqlite3.OperationalError as error:
                if "decode to UTF-8" not in str(error):
                    raise
            connection.text_factory = _lenient
            return connection.execute(statement, parameters).fetchall()

    def _state(self) -> State | None:
        """Time and size of a file in WAL mode that no process has open; None for any other file."""
        path = self._path.resolve()  # SQLite puts its other files beside the target of a link
        try:
            with path.open("rb") as file:
                head = file.read(_WRITE_VERSION + 1)
            status = path.stat()
        except FileNotFoundError:
            raise Away(f"{self.place}: there is no such file") from None
        except OSError as error:
            raise Unusable(f"{self.place}: {error.strerror}: give this user the right to read it") from None
        if head and not head.startswith(_MAGIC):
            raise Unusable(f"{self.place}: this is not a SQLite database")
        written_ahead = len(head) > _WRITE_VERSION and head[_WRITE_VERSION] == _WAL
        if not written_ahead or path.with_name(f"{path.name}-wal").exists():
            return None
        return status.st_mtime_ns, status.st_size

    def _translated_error(self, error: sqlite3.DatabaseError) -> Away | Unusable:
        message = str(error)
        if "locked" in message or "busy" in message:
            return Away(f"{self.place}: its gateway holds it locked; try again in a moment")
        if "unable to open" in message:
            return Unusable(
                f"{self.place}: SQLite cannot open it beside its -wal and -shm files: "
                "give this user the right to write in that folder, or copy the three files elsewhere"
            )
        return Unusable(f"{self.place}: {message}")


def _bound(since: int) -> str:
    """A text that sorts before every timestamp from `since` on, whatever its zone and spelling."""
    return str((instant(since) - timedelta(microseconds=timestamps.EARLIEST_ZONE)).replace(tzinfo=None))


def _lenient(text: bytes) -> str:
    return text.decode("utf-8", "replace")
