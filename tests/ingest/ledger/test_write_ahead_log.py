"""The write-ahead log stays short, and a reader that holds it back is told."""

import resource

import pytest

from ingest.ledger import write_ahead_log
from ingest.ledger.engine import Ledger, LedgerBusy
from ingest.ledger.write_ahead_log import LONGEST_BYTES, LogKeeper, cut, wal_bytes
from tests.support.calls import call, put

OCTOBER = "2026-10-05T10:00:00+00:00"


def grow(ledger: Ledger, first: int, calls: int = 2_000) -> None:
    put(ledger, [call(OCTOBER, 1, labels={"a": "x" * 800}) for _ in range(calls)], first=first)


def test_commits_keep_the_log_below_its_limit(embedded: Ledger) -> None:
    longest = 0
    for batch in range(6):
        grow(embedded, batch * 2_000)
        longest = max(longest, wal_bytes(embedded))
    assert 0 < longest < LONGEST_BYTES


def test_a_server_cuts_the_log(embedded: Ledger) -> None:
    grow(embedded, 0)
    assert wal_bytes(embedded) > write_ahead_log.WANTED_BYTES
    assert not LogKeeper(embedded).keep_short().is_held_back
    assert wal_bytes(embedded) == 0


def test_a_short_log_is_left_alone(embedded: Ledger) -> None:
    put(embedded, [call(OCTOBER, 1)])
    before = wal_bytes(embedded)
    assert before > 0
    assert cut(embedded).bytes == before


def test_a_reader_holds_the_log_back_and_is_told_once(
    embedded: Ledger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_ahead_log, "LONGEST_BYTES", write_ahead_log.WANTED_BYTES)
    keeper = LogKeeper(embedded)
    with embedded.reading() as connection:
        connection.exec_driver_sql("SELECT count(*) FROM term").scalar()
        grow(embedded, 0)
        assert keeper.keep_short().is_held_back
        keeper.keep_short()
    assert capsys.readouterr().err.count("held back") == 1
    assert not keeper.keep_short().is_held_back


def test_cutting_waits_for_no_writer(embedded: Ledger) -> None:
    grow(embedded, 0)
    with embedded.writing():
        assert cut(embedded).is_held_back
    assert not cut(embedded).is_held_back


def test_other_databases_have_no_log(ledger: Ledger) -> None:
    if ledger.file is None:
        assert cut(ledger).bytes == wal_bytes(ledger) == 0


def test_a_log_that_cannot_be_taken_back_is_an_outage_with_a_reason(embedded: Ledger) -> None:
    """The file may not grow, as on a full disk."""
    file = embedded.file
    assert file is not None
    with embedded.writing() as connection:
        connection.exec_driver_sql("CREATE TABLE large AS SELECT zeroblob(300000) AS bytes")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (file.stat().st_size, hard))
    try:
        with pytest.raises(LedgerBusy) as refused:
            cut(embedded, wanted=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert refused.value.outage.code in {"disk_error", "disk_full"}
    assert cut(embedded, wanted=0).bytes == 0
