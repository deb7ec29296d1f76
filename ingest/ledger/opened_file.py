"""The file of an embedded ledger, which must stay the file that was opened.

SQLite goes on with a file that was renamed, deleted or replaced, and what it commits there is lost with it.
So every transaction looks before it begins, and every commit looks again before it is acknowledged. A look
costs a few microseconds. The write-ahead log and its index are looked at too: what is committed is in the
log until it is folded into the file.

What is not noticed: other contents written over the same file without making it smaller.
"""

import os
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from ingest.ledger.database_file import INDEX, WAL
from ingest.ledger.outage import GONE, REPLACED, Outage

_INFO: Final = "tallybook_files"
_OPTION: Final = "tallybook_file"

Identity = tuple[int, int]


class Replaced(Exception):
    """The file is not the file that was opened."""

    def __init__(self, outage: Outage) -> None:
        super().__init__(outage.detail)
        self.outage = outage


class OpenedFile:
    """The file of an embedded ledger, as it was at the first connection; nothing for other databases."""

    def __init__(self, url: sa.URL) -> None:
        is_file = url.get_backend_name() == "sqlite" and not (url.database or "").startswith("file:")
        self._path = os.path.abspath(url.database) if is_file and url.database else None  # noqa: PTH100 - keeps links
        self._identity: Identity | None = None
        self._size = 0

    def outage(self) -> Outage | None:
        """The outage if the file is gone or another; None if it is the file that was opened."""
        if self._path is None or self._identity is None:
            return None
        try:
            found = os.stat(self._path)  # noqa: PTH116 - three times faster
        except OSError:
            return GONE
        if (found.st_dev, found.st_ino) != self._identity or found.st_size < self._size:
            return REPLACED
        self._size = found.st_size
        return None

    def require_unchanged(self, connection: sa.Connection) -> None:
        """Check that the files of a connection are those that it has opened.

        Raises:
            Replaced: they are not.
        """
        if outage := self.outage():
            raise Replaced(outage)
        for path, identity in connection.info.get(_INFO, ()):
            if _identity_of(path) != identity:
                raise Replaced(REPLACED)

    def before_connecting(self, *_: object) -> None:
        """Refuse to connect to another file: SQLite would make an empty file where there is none."""
        if outage := self.outage():
            raise Replaced(outage)

    def note(self, _: object, record: Any) -> None:
        """Note the file at the first connection, and the write-ahead log of each."""
        if self._path is None:
            return
        if self._identity is None:
            self._identity = _identity_of(self._path)
        elif outage := self.outage():
            raise Replaced(outage)
        resolved = Path(self._path).resolve()
        paths = [f"{resolved}{suffix}" for suffix in (WAL, INDEX)]
        record.info[_INFO] = [(path, found) for path in paths if (found := _identity_of(path)) is not None]


def watched(engine: sa.Engine) -> sa.Engine:
    """The engine; it refuses connections and transactions once the file of its ledger is another."""
    file = OpenedFile(engine.url)
    if engine.dialect.name == "sqlite":
        sa.event.listen(engine, "do_connect", file.before_connecting)
        sa.event.listen(engine, "connect", file.note)
        sa.event.listen(engine, "begin", file.require_unchanged)
    engine.update_execution_options(**{_OPTION: file})
    return engine


def of_engine(engine: sa.Engine) -> OpenedFile:
    """The file of an engine; of one that is not `watched`, a file that nothing is known of."""
    file = engine.get_execution_options().get(_OPTION)
    return file if isinstance(file, OpenedFile) else OpenedFile(engine.url)


def require_unchanged(connection: sa.Connection) -> None:
    """Check, after a commit, that it went to the files that are there.

    Raises:
        Replaced: it did not.
    """
    of_engine(connection.engine).require_unchanged(connection)


def _identity_of(path: str) -> Identity | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - three times faster
    except OSError:
        return None
    return found.st_dev, found.st_ino
