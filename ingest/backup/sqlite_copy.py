"""A copy of an embedded ledger while others write to it.

The copy is made in steps inside a single read transaction. In WAL mode a reader sees one snapshot and stops
no writer, and the copy does not begin anew at each commit of others, as SQLite's does outside a transaction.
The write-ahead log is not taken back meanwhile, so it grows by what is written.
"""

import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from ingest.backup.model import Stopped
from ingest.ledger import database_file
from ingest.ledger.engine import BUSY_SECONDS

STEP_PAGES: Final = 1_000

Progress = Callable[[int, int], None]
"""Gets the pages that are left and all pages, after each step."""


def copy(file: Path, to: Path, stop: threading.Event, progress: Progress | None = None) -> None:
    """Copy the ledger in `file` as it is now into a new file, which stands alone.

    Raises:
        Stopped: `stop` was set.
        sqlite3.Error: the ledger cannot be read, or the copy not be written.
        WrongFile: the ledger cannot be read where it lies.
    """

    def after_step(_status: int, left: int, pages: int) -> None:
        if stop.is_set():
            raise Stopped
        if progress is not None:
            progress(left, pages)

    database_file.create(to)
    with closing(_reader(file)) as source, closing(sqlite3.connect(to)) as target:
        target.execute("PRAGMA synchronous = OFF")  # the caller brings the files to the disk at the end
        source.execute("BEGIN")
        source.execute("SELECT count(*) FROM sqlite_master").fetchone()
        source.backup(target, pages=STEP_PAGES, progress=after_step)
    with closing(sqlite3.connect(to)) as target:
        target.execute("PRAGMA journal_mode = DELETE")  # so that no other file is needed to read it


def _reader(file: Path) -> sqlite3.Connection:
    if database_file.read_only_reason(file) is not None:
        uri = database_file.read_only_uri(file)
    else:
        uri = f"{file.absolute().as_uri()}?mode=rw"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
