"""Prepared writes: worked out before the lock is taken, and again only if it matters."""

import sqlalchemy as sa

from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.prepared import prepared_write
from ingest.ledger.tables.calls import term


def count(connection: Connection) -> int:
    return connection.execute(sa.select(sa.func.count()).select_from(term)).scalar_one()


def add(ledger: Ledger, text: str) -> None:
    with ledger.writing() as connection:
        connection.execute(term.insert().values(text=text))


def test_what_is_prepared_is_worked_out_while_others_write(ledger: Ledger) -> None:
    prepared: list[int] = []

    def prepare(connection: Connection) -> int:
        add(ledger, "another's")
        prepared.append(count(connection))
        return prepared[-1]

    with prepared_write(ledger, prepare, lambda connection: count(connection) * 0) as (_, found):
        assert (found, prepared) == (0, [0])


def test_it_is_worked_out_again_if_something_was_written_meanwhile(ledger: Ledger) -> None:
    prepared: list[int] = []

    def prepare(connection: Connection) -> int:
        if not prepared:
            add(ledger, "another's")
        prepared.append(count(connection))
        return prepared[-1]

    with prepared_write(ledger, prepare, count) as (_, found):
        assert (found, prepared) == (1, [0, 1])
