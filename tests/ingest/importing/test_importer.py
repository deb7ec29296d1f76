"""The importer: small files are committed together, and each keeps its own numbers."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from ingest.files.paths import sources
from ingest.importing.importer import FileReport, Importer, ImportOptions
from ingest.ledger import imports
from ingest.ledger.engine import Ledger
from ingest.ledger.tables.calls import import_batch, usage_event
from ingest.ledger.verification import verify
from tests.support.import_runs import lines, response


def test_many_small_files_are_few_commits_and_have_a_report_each(ledger: Ledger, tmp_path: Path) -> None:
    """Every file has its own numbers, also where equal records without an id are in two of them."""
    keyless = {key: value for key, value in response(0).items() if key != "id"}
    for n in range(120):
        (tmp_path / f"{n:03}.jsonl").write_text(lines(response(n), keyless))
    (tmp_path / "200.jsonl").write_text(lines(response(0), {"nothing": 1}))
    (tmp_path / "900.jsonl").write_text(lines(*(response(n) for n in range(2_100))))
    commits: list[object] = []
    sa.event.listen(ledger.engine, "commit", commits.append)
    importer, reports = Importer(ledger, ImportOptions()), []
    for source in sources([str(tmp_path)]):
        reports.append(FileReport(source.path))
        importer.run(source, reports[-1], lambda _size, _records: None)
    importer.finish()
    assert len(commits) < 10
    told = [(one.receipt.accepted, one.receipt.duplicates, one.receipt.rejected) for one in reports]
    assert told[:3] == [(2, 0, 0), (1, 1, 0), (1, 1, 0)]
    assert told[-2:] == [(0, 1, 1), (1_980, 120, 0)]
    with ledger.reading() as connection:
        rows = connection.execute(
            sa.select(import_batch.c.path, import_batch.c.status, import_batch.c.records)
        )
        files = {Path(row.path).name: (row.status, row.records) for row in rows}
    assert (len(files), files["000.jsonl"], files["900.jsonl"]) == (122, ("finished", 2), ("finished", 2_100))
    assert verify(ledger) == []


def test_small_files_that_are_not_committed_leave_nothing(
    embedded: Ledger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        (tmp_path / f"{n}.jsonl").write_text(lines(response(n)))
    importer, report = Importer(embedded, ImportOptions()), FileReport("2.jsonl")
    for source in sources([str(tmp_path)]):
        importer.run(source, report, lambda _size, _records: None)
    real = imports.finish_all

    def dies_at_the_end(connection: sa.Connection, files: list[imports.WholeFile], at: int) -> None:
        real(connection, files, at)
        raise KeyboardInterrupt

    monkeypatch.setattr(imports, "finish_all", dies_at_the_end)
    with pytest.raises(KeyboardInterrupt):
        importer.finish()
    with embedded.reading() as connection:
        kept = [
            connection.execute(sa.select(sa.func.count()).select_from(kind)).scalar_one()
            for kind in (usage_event, import_batch)
        ]
    assert (kept, report.receipt.records) == ([0, 0], 0)


def test_files_without_records_cost_no_transaction(embedded: Ledger, tmp_path: Path) -> None:
    for n in range(300):
        (tmp_path / f"{n:03}.jsonl").write_text("" if n % 2 else "\n")
    commits: list[object] = []
    sa.event.listen(embedded.engine, "commit", commits.append)
    importer, reports = Importer(embedded, ImportOptions()), []
    for source in sources([str(tmp_path)]):
        reports.append(FileReport(source.path))
        importer.run(source, reports[-1], lambda _size, _records: None)
    importer.finish()
    assert (len(commits), sum(report.receipt.records for report in reports)) == (0, 0)


def test_a_file_with_a_poisonous_line_loses_that_line_alone(embedded: Ledger, tmp_path: Path) -> None:
    """A number that no decimal can hold once ended the import, and every import of the file after it."""
    good = [response(n) for n in range(3_000)]
    span = '{"traceId":"%s","spanId":"%s","attributes":{"x":1e999999999999999999999}}\n'
    poison = span % ("5b8efff798038103d269b633813fc60c", "eee19b7ec3c1b174")
    (tmp_path / "calls.jsonl").write_text(lines(*good[:2_500]) + poison + lines(*good[2_500:]))
    importer, report = Importer(embedded, ImportOptions()), FileReport("calls.jsonl")
    for source in sources([str(tmp_path / "calls.jsonl")]):
        importer.run(source, report, lambda _size, _records: None)
    importer.finish()
    assert (report.receipt.accepted, report.receipt.rejected) == (3_000, 1)
    assert [one.line for one in report.receipt.rejections] == [2_501]


def test_an_import_commits_less_at_once_while_commits_take_long(embedded: Ledger, tmp_path: Path) -> None:
    """Others wait for a commit. The clock says that the first takes a second, and the others no time."""
    (tmp_path / "a.jsonl").write_text(lines(*(response(n) for n in range(1_000))))
    ticks = iter([0.0, 1.0])
    sizes: list[int] = []
    importer = Importer(embedded, ImportOptions(), clock=lambda: next(ticks, 1.0))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ingest.importing.importer.BATCH_RECORDS", 100)
        (source,) = sources([str(tmp_path)])
        importer.run(source, FileReport(source.path), lambda _size, records: sizes.append(records))
    assert [size for size in sizes if size] == [400, 200, 400]
