"""Whether a ledger can be written, and the reason if it cannot: each fault is a real one."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.ledger import health, schema
from ingest.ledger.engine import Ledger, make_engine
from ingest.ledger.health import Probe
from ingest.ledger.inspection import looking
from ingest.ledger.tables.calls import ledger_property
from ingest.pricing.book import Book
from tests.support.ledgers import ARRIVAL, put_events
from tests.support.one_call import call

PLENTY = 2 * health.LEAST_FREE


@pytest.fixture
def probe(embedded: Ledger, monkeypatch: pytest.MonkeyPatch) -> Iterator[Probe]:
    monkeypatch.setattr(health, "PATIENCE_SECONDS", 0.02)
    made = Probe(embedded, lambda _: PLENTY)
    yield made
    made.close()


def code(probe: Probe) -> str | None:
    found = probe.outage()
    return None if found is None else found.code


def path(ledger: Ledger) -> Path:
    return Path(str(ledger.engine.url.database))


def other(ledger: Ledger) -> closing[sqlite3.Connection]:
    """Another process's connection."""
    return closing(sqlite3.connect(path(ledger), isolation_level=None))


def test_a_whole_ledger_can_be_written(ledger: Ledger) -> None:
    probe = Probe(ledger, lambda _: PLENTY)
    assert (probe.outage(), probe.outage()) == (None, None)
    probe.close()


def test_a_ledger_that_is_locked_is_so_until_the_lock_is_given_back(embedded: Ledger, probe: Probe) -> None:
    with other(embedded) as connection:
        connection.execute("BEGIN IMMEDIATE")
        assert code(probe) == "locked"
        connection.execute("ROLLBACK")
    assert code(probe) is None


def test_a_ledger_that_others_commit_to_is_busy_and_not_locked(embedded: Ledger, probe: Probe) -> None:
    """Each time the probe asks for the lock another writer has it, and they do commit."""
    assert code(probe) is None
    with other(embedded) as connection:
        connection.execute("BEGIN IMMEDIATE")

        @sa.event.listens_for(probe._engine, "before_cursor_execute")
        def commit_meanwhile(_: object, __: object, statement: str, *___: object) -> None:
            asked.append(statement)
            if asked.count("PRAGMA data_version") == 2:
                connection.execute("CREATE TABLE other (a)")
                connection.execute("COMMIT")

        asked: list[str] = []
        assert code(probe) is None
    assert asked[-1] == "PRAGMA data_version"


def test_a_disk_with_little_left_is_full(embedded: Ledger) -> None:
    left = [health.LEAST_FREE]
    probe = Probe(embedded, lambda _: left[0])
    assert code(probe) is None
    left[0] -= 1
    assert code(probe) == "disk_full"
    probe.close()


def test_a_file_that_is_gone_is_not_made_again(embedded: Ledger, probe: Probe) -> None:
    path(embedded).unlink()
    assert code(probe) == "replaced"
    assert not path(embedded).exists()


@pytest.mark.parametrize(("revision", "reason"), [("9999", "schema_newer"), ("0001", "schema_older")])
def test_a_schema_of_another_version_is_told(ledger: Ledger, revision: str, reason: str) -> None:
    probe = Probe(ledger, lambda _: PLENTY)
    with ledger.writing() as connection:
        connection.execute(
            sa.text("UPDATE alembic_version SET version_num = :revision"), {"revision": revision}
        )
    assert code(probe) == reason
    probe.close()


def test_an_emptied_ledger_has_no_tables(embedded: Ledger, probe: Probe) -> None:
    with other(embedded) as connection:
        connection.execute("DROP TABLE alembic_version")
    assert code(probe) == "schema_older"


def test_a_folder_that_may_not_be_written(probe: Probe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.access", lambda *_: False)  # root may always write
    assert code(probe) == "folder_not_writable"


@pytest.mark.parametrize("settings", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_a_standby_takes_no_writes(ledger: Ledger) -> None:
    name = str(ledger.engine.url.database)
    with ledger.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
    probe = Probe(ledger)
    assert code(probe) == "read_only"
    probe.close()


@pytest.mark.parametrize(
    "value", ["", "null", "{}", '{"at": "soon", "path": "/b"}', '{"at": "2026-11-29", "path": "/b"}']
)
def test_a_note_of_a_backup_that_says_nothing_is_none(embedded: Ledger, probe: Probe, value: str) -> None:
    with embedded.writing() as connection:
        connection.execute(ledger_property.insert(), {"name": "last_backup", "value": value})
    figures = probe.figures()
    assert figures is not None
    assert figures.last_backup_at is None


def test_sizes_and_ages_are_those_of_the_ledger(ledger: Ledger, book: Book) -> None:
    probe = Probe(ledger, lambda _: PLENTY)
    put_events(ledger, book, call("a"), call("b", occurred_at=ARRIVAL - 5))
    figures = probe.figures()
    probe.close()
    assert figures is not None
    assert (figures.newest_event_at, figures.last_backup_at) == (ARRIVAL - 5, None)
    assert figures.dirty_slots >= 1
    assert figures.database_bytes > 0
    is_file = ledger.file is not None
    assert (figures.log_bytes is not None, figures.free_bytes) == (is_file, PLENTY if is_file else None)


@pytest.mark.parametrize("settings", [pytest.param("postgresql", marks=pytest.mark.postgres)], indirect=True)
def test_a_ledger_in_a_schema_of_its_own_is_found(ledger: Ledger) -> None:
    """The options of the URL say where its tables are."""
    with ledger.writing() as connection:
        connection.exec_driver_sql("CREATE SCHEMA books")
        connection.exec_driver_sql("ALTER TABLE alembic_version SET SCHEMA books")
    url = ledger.engine.url.update_query_dict({"options": "-csearch_path=books"})
    elsewhere = replace(ledger, engine=make_engine(url.render_as_string(hide_password=False)))
    with closing(elsewhere), closing(Probe(elsewhere)) as probe:
        assert probe.outage() is None
        with looking(url.render_as_string(hide_password=False)) as look:
            assert look.revision() == schema.revisions()[-1]
