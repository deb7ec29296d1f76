"""A ledger's file that is replaced while it is open: nothing is acknowledged that goes to the old file."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ingest.ledger.engine import Ledger, LedgerReplaced, open_ledger
from ingest.pricing.book import Book
from ingest.settings import Settings
from tests.support.ledgers import SECRET, blank, put_events
from tests.support.one_call import call, totals
from tests.support.other_reader import committed


def beside(file: Path, suffix: str) -> Path:
    return file.with_name(file.name + suffix)


def restored(file: Path) -> None:
    """A copy takes the place of the file and its log, as people restore it."""
    copy = beside(file, ".copy")
    shutil.copyfile(file, copy)
    for suffix in ("-wal", "-shm"):
        beside(file, suffix).unlink()
    copy.replace(file)


def renamed_over(file: Path) -> None:
    """The log stays, with what belongs to the old file."""
    copy = beside(file, ".copy")
    shutil.copyfile(file, copy)
    copy.replace(file)


def unmounted(file: Path) -> None:
    file.parent.rename(file.parent.with_name("elsewhere"))


def log_deleted(file: Path) -> None:
    beside(file, "-wal").unlink()


def index_deleted(file: Path) -> None:
    beside(file, "-shm").unlink()


def emptied(file: Path) -> None:
    os.truncate(file, 0)


MISHAPS = [restored, renamed_over, Path.unlink, unmounted, log_deleted, index_deleted, emptied]

Mishap = Callable[[Path], None]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "mounted"
    folder.mkdir()
    return folder / "ledger.db"


@pytest.fixture
def opened(file: Path) -> Iterator[Ledger]:
    ledger = open_ledger(Settings(database_url=blank(file), secret_key=SECRET))
    yield ledger
    ledger.close()


@pytest.mark.parametrize("mishap", MISHAPS)
def test_a_commit_into_a_file_that_is_no_longer_there_is_not_acknowledged(
    opened: Ledger, file: Path, book: Book, mishap: Mishap
) -> None:
    put_events(opened, book, call("a"))

    def write() -> None:
        with opened.writing() as connection:
            connection.exec_driver_sql("DELETE FROM usage_event")
            mishap(file)

    with pytest.raises(LedgerReplaced, match="restart"):
        write()


@pytest.mark.parametrize("mishap", MISHAPS)
def test_after_a_mishap_nothing_is_written_or_read(
    opened: Ledger, file: Path, book: Book, mishap: Mishap
) -> None:
    put_events(opened, book, call("a"))
    mishap(file)
    with pytest.raises(LedgerReplaced):
        put_events(opened, book, call("b"))
    with pytest.raises(LedgerReplaced):
        totals(opened)


def test_no_empty_file_takes_the_place_of_one_that_is_gone(opened: Ledger, file: Path, book: Book) -> None:
    put_events(opened, book, call("a"))
    file.unlink()
    with opened.engine.pool.connect() as _, pytest.raises(LedgerReplaced):
        totals(opened)  # needs a second connection
    assert not file.exists()


def test_a_file_that_another_process_writes_to_is_the_same_file(
    opened: Ledger, file: Path, book: Book
) -> None:
    put_events(opened, book, call("a"))
    with open_ledger(Settings(database_url=f"sqlite:///{file}", secret_key=SECRET)) as other:
        put_events(other, book, *(call(f"b{n}") for n in range(500)))
        with other.engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    put_events(opened, book, call("c"))
    assert totals(opened)[0] == 502


def test_a_file_behind_a_link_may_be_moved_with_its_link(tmp_path: Path, book: Book) -> None:
    blank(tmp_path / "real.db")
    (tmp_path / "link.db").symlink_to("real.db")
    with open_ledger(Settings(database_url=f"sqlite:///{tmp_path}/link.db", secret_key=SECRET)) as ledger:
        put_events(ledger, book, call("a"))
        blank(tmp_path / "other.db")
        (tmp_path / "link.db").unlink()
        (tmp_path / "link.db").symlink_to("other.db")
        with pytest.raises(LedgerReplaced):
            put_events(ledger, book, call("b"))


def test_a_ledger_of_which_all_connections_were_closed_is_opened_again(
    opened: Ledger, file: Path, book: Book
) -> None:
    put_events(opened, book, call("a"))
    opened.close()  # SQLite deletes the log with the last connection
    assert not beside(file, "-wal").exists()
    put_events(opened, book, call("b"))
    assert totals(opened)[0] == committed(f"sqlite:///{file}") == 2
