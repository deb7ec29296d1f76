"""The store of a gateway's call log, read a page at a time and never written.

The transaction of a page ends before the page is processed, so that it cannot block the gateway.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from ingest.formats.format import Format
from ingest.ledger.entry import BATCH_RECORDS

PAGE: Final = BATCH_RECORDS
"""Rows per page."""


class StoreError(Exception):
    """A store cannot be read; the message says why and what to do, and contains no password."""


class Away(StoreError):
    """The store cannot be read now, but a retry may succeed."""


class Unusable(StoreError):
    """The store cannot be read until the user changes its setup."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of calls: its key and time columns, and the columns that may be read."""

    name: str
    key: str
    time: str
    columns: tuple[str, ...]
    """The columns that the format reads. No other column is ever selected, so that content stays in the
    store."""
    format: Format
    marks: tuple[str, ...]
    """Marker columns: a table without them belongs to another program."""
    status: str | None = None
    """The column that is `processing` for a call that has not ended."""
    paid: str | None = None
    """The cost column, if an ended row without a cost is no call."""
    path: str | None = None
    """The path of these rows in the gateway's log API."""
    optional: bool = False
    """Whether some versions of the gateway have no such table."""


PROCESSING: Final = "processing"


class Row(NamedTuple):
    """One row of a page."""

    key: str
    at: int | None
    """The time of the call, microseconds UTC; None if it is unreadable."""
    ended: bool
    raw: bytes
    """The columns that may be read, as a JSON object."""


Page = list[Row]


class Store(Protocol):
    """A store that can be read. Every method may raise a `StoreError`."""

    place: str
    """The name of the store in reports and cursors, without user and password."""

    def has(self, table: Table) -> bool:
        """Whether the store has this table.

        Raises:
            Unusable: the store has a table of that name, but it lacks marker columns or may not be read.
        """
        ...

    def pages(self, table: Table, since: int | None) -> Iterator[Page]:
        """The rows from the instant `since` on, or all of them, oldest first."""
        ...

    def rows(self, table: Table, keys: Sequence[str]) -> Page:
        """The rows with these keys that still exist."""
        ...

    def listing(self, name: str, key: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Some columns of another table, in the order of its key; no rows if there is no such table."""
        ...

    def close(self) -> None:
        """Close every connection."""
        ...
