"""Prepared writes: what a write depends on is read and worked out before the ledger is locked for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import sqlalchemy as sa

from ingest.ledger.engine import Ledger

T = TypeVar("T")


@contextmanager
def prepared_write(
    ledger: Ledger,
    prepare: Callable[[sa.Connection], T],
    version: Callable[[sa.Connection], object],
    lock: Callable[[sa.Connection], None] = lambda _connection: None,
) -> Iterator[tuple[sa.Connection, T]]:
    """A write transaction, and what `prepare` has worked out from the rows that `version` stands for.

    `prepare` runs in a read transaction. It runs again in the write transaction, after `lock`, only if the
    version has changed meanwhile.

    Raises:
        DatabaseError: the database refuses a statement; `LedgerBusy` if a retry may succeed.
    """
    with ledger.reading() as connection:
        before, prepared = version(connection), prepare(connection)
    with ledger.writing() as connection:
        lock(connection)
        if version(connection) != before:
            prepared = prepare(connection)
        yield connection, prepared
