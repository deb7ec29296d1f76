"""A ledger that a release before wrote keeps its calls: a record that it holds is never a second call."""

import gzip
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.verification import verify
from ingest.pricing.book import Book
from ingest.settings import Settings, sqlite_url
from tests.support.ledgers import SECRET, put_records
from tests.support.one_call import totals

BEFORE = Path(__file__).parent.parent / "ledgers"
RECORDS = tuple((BEFORE / "records.jsonl").read_bytes().splitlines())


@pytest.fixture
def written_before(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger of the release with schema 0012, which has imported `records.jsonl` and closed the month."""
    file = tmp_path / "before.db"
    with sqlite3.connect(file) as connection:
        connection.executescript(gzip.decompress((BEFORE / "release_before.sql.gz").read_bytes()).decode())
    connection.close()
    with open_ledger(Settings(database_url=sqlite_url(file), secret_key=SECRET)) as ledger:
        yield ledger


def test_a_file_that_was_imported_before_counts_no_call_again(written_before: Ledger, book: Book) -> None:
    before = totals(written_before)
    receipt = put_records(written_before, book, RECORDS, channel="import")
    assert (receipt.accepted, receipt.rejected) == (0, 0)
    assert totals(written_before)[0] == before[0]


def test_a_record_with_the_facts_of_before_is_a_duplicate(written_before: Ledger, book: Book) -> None:
    unchanged = [RECORDS[at] for at in (0, 1, 5, 10, 11)]
    receipt = put_records(written_before, book, tuple(unchanged), channel="import")
    assert (receipt.duplicates, receipt.revised) == (len(unchanged), 0)


def test_a_third_equal_record_without_an_id_is_another_call(written_before: Ledger, book: Book) -> None:
    receipt = put_records(written_before, book, (RECORDS[0],) * 3, channel="import")
    assert (receipt.accepted, receipt.duplicates) == (1, 2)


def test_a_live_post_counts_beside_an_equal_call_of_before(written_before: Ledger, book: Book) -> None:
    receipt = put_records(written_before, book, (RECORDS[0],), arrival="arrival:1")
    assert (receipt.accepted, receipt.keyless) == (1, 1)


def test_every_invariant_holds_after_the_migration(written_before: Ledger) -> None:
    assert [finding for finding in verify(written_before) if finding.level == "error"] == []
