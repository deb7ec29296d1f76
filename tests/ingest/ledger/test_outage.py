"""Errors of databases that are away: each is a real one, and says what to do without quoting the database."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.engine import DatabaseError, Ledger, LedgerBusy
from ingest.ledger.tables.calls import ledger_property, usage_event
from ingest.pricing.book import Book
from tests.support.ledgers import administrator, put_events
from tests.support.one_call import call, totals

on_postgresql = pytest.mark.parametrize(
    "settings", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True
)


def code(refused: pytest.ExceptionInfo[LedgerBusy]) -> str:
    return refused.value.outage.code


def write_much(ledger: Ledger) -> None:
    with ledger.writing() as connection:
        connection.execute(ledger_property.insert(), [{"name": "much", "value": "x" * 200_000}])


def allow_pages(ledger: Ledger, more: int) -> None:
    """The disk has so many pages left: SQLite's own limit stands for it."""
    with ledger.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        connection.exec_driver_sql(f"PRAGMA max_page_count={pages + more}")


def test_a_full_disk_is_told_and_writing_goes_on_when_there_is_room(embedded: Ledger) -> None:
    allow_pages(embedded, 2)
    with pytest.raises(LedgerBusy) as refused:
        write_much(embedded)
    assert code(refused) == "disk_full"
    assert embedded.writes.latest_failure(10) is refused.value.outage
    allow_pages(embedded, 1_000)
    write_much(embedded)
    assert embedded.writes.latest_failure(10) is None


def test_a_locked_ledger_is_told(embedded: Ledger) -> None:
    with closing(sqlite3.connect(str(embedded.engine.url.database), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerBusy) as refused:
            write_much(embedded.waiting_at_most(0.01))
    assert code(refused) == "locked"
    assert not refused.value.outage.stops_reading


def test_a_file_overwritten_with_something_else_is_damaged(embedded: Ledger, tmp_path: Path) -> None:
    file = Path(str(embedded.engine.url.database))
    embedded.close()
    file.write_bytes(b"not a ledger at all " * 100_000)
    with pytest.raises(LedgerBusy) as refused:
        totals(embedded)
    assert code(refused) == "damaged"
    assert str(tmp_path) not in refused.value.outage.detail


def test_a_statement_that_is_wrong_is_no_outage(ledger: Ledger) -> None:
    def insert_twice() -> None:
        with ledger.writing() as connection:
            for _ in range(2):
                connection.execute(ledger_property.insert(), [{"name": "twice", "value": ""}])

    with pytest.raises(DatabaseError) as refused:
        insert_twice()
    assert not isinstance(refused.value, LedgerBusy)
    assert ledger.writes.latest_failure(10) is None


def test_all_connections_in_use_is_told(embedded: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded.engine.pool, "_timeout", 0.01)
    connections = [embedded.engine.connect() for _ in range(15)]
    with pytest.raises(LedgerBusy) as refused:
        totals(embedded)
    assert code(refused) == "no_connection"
    for connection in connections:
        connection.close()
    assert totals(embedded) == (0, 0, 0)


def cut(connection: sa.Connection) -> None:
    """The server ends the connection, as it does when it is stopped."""
    own = connection.exec_driver_sql("SELECT pg_backend_pid()").scalar_one()
    with administrator(connection.engine.url) as other:
        other.exec_driver_sql(f"SELECT pg_terminate_backend({own})")


@on_postgresql
@pytest.mark.parametrize("what", ["a statement", "a copy"])
def test_a_connection_that_is_cut_in_the_middle_is_unreachable_and_the_next_one_works(
    ledger: Ledger, book: Book, what: str
) -> None:
    def read_or_write() -> None:
        with ledger.writing() as connection:
            cut(connection)
            if what == "a copy":
                dialects._copy(connection, "usage_event", "event_id", [(b"x" * 16,)])
            else:
                connection.execute(sa.select(usage_event.c.event_id)).all()

    with pytest.raises(LedgerBusy) as refused:
        read_or_write()
    assert code(refused) == "unreachable"
    put_events(ledger, book, call("a"))
    assert totals(ledger)[0] == 1


@on_postgresql
def test_a_database_that_takes_no_writes_is_read_only(ledger: Ledger) -> None:
    name = str(ledger.engine.url.database)
    with administrator(ledger.engine.url) as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    ledger.close()
    with pytest.raises(LedgerBusy) as refused:
        write_much(ledger)
    assert code(refused) == "read_only"
    assert totals(ledger) == (0, 0, 0)
