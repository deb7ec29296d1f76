"""The store: where a gateway keeps the log of its calls, read a page at a time and never written.

A page is read whole and let go of before it goes on its way, so that no transaction of ours stands in the gateway's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple, Protocol

from ingest.formats.format import Format
from ingest.ledger.entry import BATCH_RECORDS

PAGE: Final = BATCH_RECORDS
"""Rows of a page, and so of a commit."""


class StoreError(Exception):
    """A store cannot be read; the message says why and what to do, and holds no password."""


class Away(StoreError):
    """It cannot be read now, and may be in a while."""


class Unusable(StoreError):
    """It cannot be read until somebody has changed something."""


@dataclass(frozen=True, slots=True)
class Table:
    """One table of calls: how its rows are told apart and ordered, and what may be read of them."""

    name: str
    key: str
    time: str
    columns: tuple[str, ...]
    """Those that the format reads. No other column is ever selected, so that content stays where it is."""
    format: Format
    marks: tuple[str, ...]
    """Columns without which this is not the table that it should be."""
    status: str | None = None
    """The column that says `processing` of a call that has not ended."""
    paid: str | None = None
    """The column of a cost without which a row that has ended is no call of a model."""
    path: str | None = None
    """Where the gateway's log API has these rows."""
    optional: bool = False
    """Whether the gateway had no such table in all of its versions."""


PROCESSING: Final = "processing"


class Row(NamedTuple):
    """One row as it is handed on."""

    key: str
    at: int | None
    """When the call was, microseconds UTC; None where that cannot be read."""
    ended: bool
    raw: bytes
    """The columns that may be read, as a JSON object."""


Page = list[Row]


class Store(Protocol):
    """A store that can be read. Every method may raise a `StoreError`."""

    place: str
    """What it is called in reports and cursors: without user and password."""

    def has(self, table: Table) -> bool:
        """Whether it holds this table.

        Raises:
            Unusable: a table of that name is there, and is another or may not be read.
        """
        ...

    def pages(self, table: Table, since: int | None) -> Iterator[Page]:
        """The rows from the instant `since` on, or all of them, oldest first."""
        ...

    def rows(self, table: Table, keys: Sequence[str]) -> Page:
        """The rows with these keys that are still there."""
        ...

    def listing(self, name: str, key: str, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Some columns of another table, in the order of its key; nothing where the store has no such table."""
        ...

    def close(self) -> None:
        """Let go of every connection."""
        ...
