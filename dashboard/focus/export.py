"""An export as files: the rows, and beside them what describes them and the calls that have no price.

A file is put in place whole when it is finished. All of them are made from one snapshot of the ledger.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa

from dashboard.focus import csv_text, metadata, parquet_file
from dashboard.focus.completeness import sectors
from dashboard.focus.dataset import Dataset
from dashboard.focus.parse_request import Form, Order, Version
from dashboard.focus.row import Row
from dashboard.focus.unpriced import HEADER, Unpriced
from dashboard.query.serialize import write_csv
from ingest.ledger.engine import Ledger
from ingest.model.zone import micros


@dataclass(frozen=True)
class Done:
    """How many rows were written, and how many calls have no price and are in none of them."""

    rows: int
    unpriced: int
    files: tuple[Path, ...] = ()


class _Counted:
    """Rows that are counted as they go by."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = rows
        self.number = 0

    def __iter__(self) -> Iterator[Row]:
        for row in self._rows:
            self.number += 1
            yield row


def pieces(
    connection: sa.Connection, ledger: Ledger, order: Order, version: Version, form: Form
) -> Iterator[bytes]:
    """The rows as a file, in pieces.

    Raises:
        MissingPackage: Parquet is asked for and pyarrow is not installed.
    """
    return _formed(Dataset(connection, ledger, order, _now()).rows(Unpriced()), version, form)


def to_stream(ledger: Ledger, order: Order, version: Version, form: Form, out: BinaryIO) -> Done:
    """Write the rows to a stream."""
    unpriced = Unpriced()
    with ledger.reading() as connection:
        found = _Counted(Dataset(connection, ledger, order, _now()).rows(unpriced))
        out.writelines(_formed(found, version, form))
    return Done(found.number, unpriced.calls)


def to_files(ledger: Ledger, order: Order, version: Version, form: Form, path: Path) -> Done:
    """Write `path`, and beside it the metadata and the calls without a price."""
    unpriced, now = Unpriced(), datetime.now(UTC)
    beside = {name: path.with_name(f"{path.name}.{name}") for name in ("metadata.json", "unpriced.csv")}
    with ledger.reading() as connection:
        found = _Counted(Dataset(connection, ledger, order, micros(now)).rows(unpriced))
        _put(path, _formed(found, version, form))
        about = _described(connection, order, version, unpriced, now)
    _put(beside["metadata.json"], [metadata.written(about).encode()])
    _put(beside["unpriced.csv"], [listed(unpriced).encode()])
    return Done(found.number, unpriced.calls, (path, *beside.values()))


def describe(ledger: Ledger, order: Order, version: Version) -> dict[str, Any]:
    """The metadata of an export that would be made now."""
    with ledger.reading() as connection:
        counted = Dataset(connection, ledger, order, _now()).unpriced()
        return _described(connection, order, version, counted, datetime.now(UTC))


def unpriced_of(ledger: Ledger, order: Order) -> str:
    """The calls of the ordered days that have no price, as CSV."""
    with ledger.reading() as connection:
        return listed(Dataset(connection, ledger, order, _now()).unpriced())


def listed(unpriced: Unpriced) -> str:
    """Calls without a price as CSV."""
    return write_csv(HEADER, unpriced.lines())


def _described(
    connection: sa.Connection, order: Order, version: Version, unpriced: Unpriced, now: datetime
) -> dict[str, Any]:
    found = sectors(connection, order.span, micros(now))
    return metadata.described(order, version, found, unpriced.calls, now)


def _formed(found: Iterable[Row], version: Version, form: Form) -> Iterator[bytes]:
    if form == "parquet":
        return parquet_file.written(found, version)
    return (text.encode() for text in csv_text.written(found, version))


def _put(path: Path, pieces: Iterable[bytes]) -> None:
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
