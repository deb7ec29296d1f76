"""An export as files: the rows, their metadata, and the calls that have no price.

All files are made from one snapshot of the ledger. A file appears under its name only when it is complete.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from dashboard.focus import csv_text, metadata, parquet_file
from dashboard.focus.columns import Record
from dashboard.focus.completeness import time_sectors
from dashboard.focus.dataset import Dataset
from dashboard.focus.parse_request import DatasetName, ExportScope, Form, Version
from dashboard.focus.unpriced import HEADER, UnpricedCalls
from dashboard.query.serialize import write_csv
from ingest.ledger.engine import Connection, Ledger
from ingest.model.zone import micros


@dataclass(frozen=True)
class ExportResult:
    """The number of rows written, the calls that are in no row, and the files."""

    rows: int
    unpriced: int
    """The number of calls without a price."""
    unconverted: int
    """The number of calls without an exchange rate to the billing currency."""
    files: tuple[Path, ...] = ()


class _CountedRows:
    """Rows, counted while they are iterated."""

    def __init__(self, rows: Iterable[Record]) -> None:
        self._rows = rows
        self.number = 0

    def __iter__(self) -> Iterator[Record]:
        for row in self._rows:
            self.number += 1
            yield row


def export_chunks(
    connection: Connection, ledger: Ledger, scope: ExportScope, version: Version, form: Form
) -> Iterator[bytes]:
    """The rows as a file, in chunks.

    Raises:
        MissingPackage: the format is Parquet and pyarrow is not installed.
    """
    records = Dataset(connection, ledger, scope, _now()).records(UnpricedCalls())
    return _encode(records, version, form, scope.dataset)


def export_to_stream(
    ledger: Ledger, scope: ExportScope, version: Version, form: Form, out: BinaryIO
) -> ExportResult:
    """Write the rows to a stream."""
    unpriced = UnpricedCalls()
    with ledger.reading() as connection:
        rows = _CountedRows(Dataset(connection, ledger, scope, _now()).records(unpriced))
        out.writelines(_encode(rows, version, form, scope.dataset))
    return ExportResult(rows.number, unpriced.calls, unpriced.unconverted)


def export_to_files(
    ledger: Ledger, scope: ExportScope, version: Version, form: Form, path: Path
) -> ExportResult:
    """Write the rows to `path`, and beside it the metadata and, of cost and usage, the calls in no row."""
    unpriced, now = UnpricedCalls(), datetime.now(UTC)
    with ledger.reading() as connection:
        rows = _CountedRows(Dataset(connection, ledger, scope, micros(now)).records(unpriced))
        _write_file(path, _encode(rows, version, form, scope.dataset))
        details = _make_metadata(connection, scope, version, unpriced, now)
    extras = {"metadata.json": metadata.metadata_json(details)}
    if scope.dataset == "cost_and_usage":
        extras["unpriced.csv"] = unpriced_csv(unpriced)
    paths = {path.with_name(f"{path.name}.{name}"): text for name, text in extras.items()}
    for extra, text in paths.items():
        _write_file(extra, [text.encode()])
    return ExportResult(rows.number, unpriced.calls, unpriced.unconverted, (path, *paths))


def export_metadata(ledger: Ledger, scope: ExportScope, version: Version) -> dict[str, Any]:
    """The metadata of an export made now."""
    with ledger.reading() as connection:
        unpriced = Dataset(connection, ledger, scope, _now()).unpriced()
        return _make_metadata(connection, scope, version, unpriced, datetime.now(UTC))


def export_unpriced(ledger: Ledger, scope: ExportScope) -> str:
    """The calls of the export's days that have no price, as CSV."""
    with ledger.reading() as connection:
        return unpriced_csv(Dataset(connection, ledger, scope, _now()).unpriced())


def unpriced_csv(unpriced: UnpricedCalls) -> str:
    """Calls without a price as CSV."""
    return write_csv(HEADER, unpriced.lines())


def _make_metadata(
    connection: Connection, scope: ExportScope, version: Version, unpriced: UnpricedCalls, now: datetime
) -> dict[str, Any]:
    sectors = time_sectors(connection, scope.span, micros(now))
    return metadata.make_metadata(scope, version, sectors, unpriced, now)


def _encode(rows: Iterable[Record], version: Version, form: Form, dataset: DatasetName) -> Iterator[bytes]:
    if form == "parquet":
        return parquet_file.parquet_chunks(rows, version, dataset)
    return (text.encode() for text in csv_text.csv_chunks(rows, version, dataset))


def _write_file(path: Path, pieces: Iterable[bytes]) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            for piece in pieces:
                file.write(piece)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _now() -> int:
    return micros(datetime.now(UTC))
