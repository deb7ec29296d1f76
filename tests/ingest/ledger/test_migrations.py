"""Migrations of ledgers that hold calls: up from every schema, down and up again, killed, without room."""

import gzip
import json
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from pydantic import SecretStr

from ingest.ledger import schema
from ingest.ledger.engine import Ledger, LedgerBusy, make_engine, open_ledger
from ingest.ledger.tables.calls import metadata
from ingest.ledger.verification import verify
from ingest.pricing.book import Book
from ingest.settings import Settings, sqlite_url
from tests.support.cli import Command
from tests.support.ledgers import put_records
from tests.support.one_call import totals

LEDGERS = Path(__file__).parents[2] / "ledgers"
EXPECTED: dict[str, list[int]] = json.loads((LEDGERS / "expected.json").read_text())
"""Calls, input tokens and pico-units of each ledger, as it was dumped."""
ALWAYS_OPENED = ("0001", "0006", "0012", max(EXPECTED))
"""The ledgers that `make test` opens; `make test-long` opens all."""
RECORDS = tuple((LEDGERS / "records.jsonl").read_bytes().splitlines())
SECRET = SecretStr("secret-of-the-tests")
"""The secret of the dumped ledgers."""
HEAD = schema.revisions()[-1]


def written_by(revision: str, folder: Path) -> str:
    """The database URL of a ledger that a program with the schema `revision` wrote."""
    file = folder / "ledger.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(gzip.decompress((LEDGERS / f"{revision}.sql.gz").read_bytes()).decode())
    return sqlite_url(file)


def opened(url: str) -> Ledger:
    return open_ledger(Settings(database_url=url, secret_key=SECRET))


def test_there_is_a_ledger_of_each_schema_but_the_newest() -> None:
    assert set(schema.revisions()) - {HEAD} <= set(EXPECTED)


@pytest.mark.parametrize(
    "revision",
    [pytest.param(r, marks=() if r in ALWAYS_OPENED else pytest.mark.long) for r in EXPECTED],
)
def test_a_ledger_of_an_older_schema_keeps_its_calls_and_its_invariants(
    revision: str, tmp_path: Path
) -> None:
    with opened(written_by(revision, tmp_path)) as ledger:
        assert list(totals(ledger)) == EXPECTED[revision]
        assert [finding for finding in verify(ledger) if finding.level == "error"] == []
        with ledger.reading() as connection:
            assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_a_ledger_goes_down_to_each_schema_and_up_again_with_its_calls(ledger: Ledger, book: Book) -> None:
    put_records(ledger, book, RECORDS, channel="import")
    before = totals(ledger)
    for revision in reversed(schema.revisions()[:-1]):
        assert schema.migrate(ledger.engine, revision, copy=False).after == revision
    for revision in schema.revisions():
        schema.migrate(ledger.engine, revision, copy=False)
    assert totals(ledger) == before
    assert [finding for finding in verify(ledger) if finding.level == "error"] == []


def test_a_migration_leaves_a_copy_of_the_ledger_that_only_its_owner_reads(tmp_path: Path) -> None:
    url = written_by("0012", tmp_path)
    opened(url).close()
    (copy,) = tmp_path.glob("ledger.db.schema-0012-*Z")
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    engine = make_engine(sqlite_url(copy))
    assert schema.current(engine) == "0012"
    engine.dispose()
    with opened(sqlite_url(copy)) as ledger:
        assert list(totals(ledger)) == EXPECTED["0012"]


def test_a_new_ledger_is_not_copied(tmp_path: Path) -> None:
    opened(sqlite_url(tmp_path / "ledger.db")).close()
    assert list(tmp_path.glob("ledger.db.schema-*")) == []


def test_a_ledger_without_room_for_its_copy_stays_as_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "ROOM_LEFT", 2**62)
    engine = make_engine(written_by("0012", tmp_path))
    with pytest.raises(schema.SchemaError, match=r"has no room for that.*tallybook migrate --no-copy"):
        schema.migrate(engine)
    assert schema.current(engine) == "0012"
    assert schema.migrate(engine, copy=False).copied_to is None
    engine.dispose()


def test_a_copy_that_cannot_be_written_to_its_end_is_not_left(embedded: Ledger) -> None:
    """The file may not grow, as where another program has taken the room meanwhile."""
    file = embedded.file
    assert file is not None
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2**16, hard))
    try:
        with pytest.raises(sqlite3.Error):
            schema.copy_aside(embedded.engine, "0001")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(file.parent.glob("*.schema-0001-*")) == []


def test_the_command_goes_down_and_says_who_may_open_the_ledger_then(
    tallybook: Command, embedded: Ledger
) -> None:
    embedded.close()
    result = tallybook("migrate", "--to", "0012")
    assert result.exit_code == 0, result.output
    assert "migrated to schema 0012" in result.output
    assert "Use the release of Tallybook that has this schema now" in result.output
    assert schema.current(embedded.engine) == "0012"
    assert f"migrated to schema {HEAD}" in tallybook("migrate").output
    assert f"already at schema {HEAD}" in tallybook("migrate").output


def test_a_ledger_that_is_in_use_is_not_taken_to_another_schema(tallybook: Command, embedded: Ledger) -> None:
    result = tallybook("migrate", "--to", "0012")
    assert isinstance(result.exception, LedgerBusy)
    assert "a server or a command has the ledger" in str(result.exception)
    assert schema.current(embedded.engine) == HEAD


def test_an_unknown_schema_is_named_with_those_that_there_are(embedded: Ledger) -> None:
    with pytest.raises(schema.SchemaError, match=f"there is no schema '4711'; there are 0001 to {HEAD}"):
        schema.migrate(embedded.engine, "4711")


KILLED_AT_STATEMENT = """
import os, signal, sys
import sqlalchemy as sa
from ingest.ledger import schema
from ingest.ledger.engine import make_engine

engine, left = make_engine(sys.argv[1]), int(sys.argv[2])

@sa.event.listens_for(engine, "after_cursor_execute")
def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

schema.migrate(engine)
"""


@pytest.mark.parametrize("statement", [20, 60])
def test_a_killed_migration_leaves_the_ledger_as_it_was_and_runs_again(
    tmp_path: Path, statement: int
) -> None:
    url = written_by("0012", tmp_path)
    killed = subprocess.run([sys.executable, "-c", KILLED_AT_STATEMENT, url, str(statement)], check=False)
    assert killed.returncode == -signal.SIGKILL
    engine = make_engine(url)
    assert schema.current(engine) == "0012"
    engine.dispose()
    with opened(url) as ledger:
        assert list(totals(ledger)) == EXPECTED["0012"]
