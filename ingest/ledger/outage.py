"""Outages: why the ledger cannot be used at the moment, as a stable code and as advice.

The codes are a closed list. The advice holds nothing of the database's own message, which may quote a
statement or an address.
"""

from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection


@dataclass(frozen=True, slots=True)
class Outage:
    """Why the ledger cannot be used at the moment."""

    code: str
    """A stable name, such as `disk_full`."""
    detail: str
    """What is wrong, and what to do."""
    stops_reading: bool = True
    """Whether the ledger cannot be read either."""
    is_hidden: bool = False
    """Whether only a write can tell that it is over."""


UNAVAILABLE: Final = Outage("unavailable", "the ledger is locked or out of reach", is_hidden=True)
LOCKED: Final = Outage(
    "locked",
    "another process keeps the ledger locked: it goes on by itself when that process ends its transaction",
    stops_reading=False,
)
DISK_FULL: Final = Outage(
    "disk_full",
    "the disk of the ledger is full: make room, it goes on by itself",
    stops_reading=False,
    is_hidden=True,
)
READ_ONLY: Final = Outage(
    "read_only",
    "the ledger can be read but not written: its disk is mounted read-only, its file may not be written, "
    "or its database server is a standby",
    stops_reading=False,
)
DISK_ERROR: Final = Outage(
    "disk_error",
    "the disk of the ledger answers with errors, or a limit of file sizes is reached: check it",
    is_hidden=True,
)
DAMAGED: Final = Outage(
    "damaged", "the ledger's file is damaged, or overwritten: stop the server and bring back a copy of it"
)
REPLACED: Final = Outage("replaced", "the ledger's file was replaced while it was open: restart")
GONE: Final = Outage(
    "replaced", "the ledger's file is gone while it was open: bring it back if it was moved, and restart"
)
UNREACHABLE: Final = Outage(
    "unreachable", "the database of the ledger does not answer: start it, or check the way to it"
)
CANNOT_OPEN: Final = Outage(
    "unreachable", "the ledger's file cannot be opened: check that it is there and may be read and written"
)
NO_CONNECTION: Final = Outage(
    "no_connection", "all connections to the database of the ledger are in use: it goes on when one is free"
)
FOLDER: Final = Outage(
    "folder_not_writable",
    "the ledger's folder may not be written, so SQLite cannot keep its log there: give its user the right to",
    stops_reading=False,
)
NO_TABLES: Final = Outage(
    "schema_older", "the ledger has no tables, or older ones: run `tallybook migrate`, then restart"
)
NEWER: Final = Outage(
    "schema_newer", "the ledger was migrated by a newer Tallybook: update this one, then restart"
)

_OF_SQLITE: Final = {
    5: LOCKED,  # SQLITE_BUSY
    6: LOCKED,  # SQLITE_LOCKED
    8: READ_ONLY,
    10: DISK_ERROR,  # SQLITE_IOERR
    11: DAMAGED,  # SQLITE_CORRUPT
    13: DISK_FULL,
    14: CANNOT_OPEN,
    15: LOCKED,  # SQLITE_PROTOCOL: too many tries to lock the write-ahead log
    22: DISK_FULL,  # SQLITE_NOLFS: the file may not grow as large
    26: DAMAGED,  # SQLITE_NOTADB
}
"""By primary result code."""
_OF_POSTGRESQL: Final = {
    "08": UNREACHABLE,  # connection exception
    "25006": READ_ONLY,
    "42P01": NO_TABLES,
    "40": LOCKED,  # deadlock, or a transaction that must be tried again
    "53": NO_CONNECTION,  # out of connections or memory
    "53100": DISK_FULL,
    "55": LOCKED,
    "57": UNREACHABLE,  # shut down by its operator, or starting
    "57014": LOCKED,  # a statement that took too long
    "58": DISK_ERROR,
}
"""By SQLSTATE, or by its class."""


def nearly_full(free: int, least: int) -> Outage:
    """The outage of a disk with too few MiB free."""
    detail = (
        f"the disk of the ledger has {free} MiB left and needs {least} MiB: make room, it goes on by itself"
    )
    return Outage(DISK_FULL.code, detail, stops_reading=False)


def of_error(error: DBAPIError | NoConnection) -> Outage | None:
    """The outage that an error of the database tells of; None if it refused the statement itself."""
    if isinstance(error, NoConnection):
        return NO_CONNECTION
    original: Any = error.orig
    known = of_driver(original)
    if known is not None:
        return known
    if str(original).startswith("no such table"):
        return NO_TABLES
    if error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError)):
        return UNAVAILABLE if hasattr(original, "sqlite_errorcode") else UNREACHABLE
    return None


def of_driver(original: Any) -> Outage | None:
    """The outage that the code of a driver's error stands for; None if it stands for none."""
    if (code := getattr(original, "sqlite_errorcode", None)) is not None:
        return _OF_SQLITE.get(code & 0xFF)
    state = getattr(original, "sqlstate", None) or ""
    return _OF_POSTGRESQL.get(state) or _OF_POSTGRESQL.get(state[:2])
