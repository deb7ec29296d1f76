"""FOCUS rows as Parquet: numbers as decimal128, times as UTC timestamps, text as text. Nothing is rounded."""

from collections.abc import Iterable, Iterator
from io import RawIOBase
from itertools import islice
from types import ModuleType
from typing import Any, Final

from dashboard.focus.columns import NUMBER_SCALE, PRECISION, Column, Record, columns, values_getter
from dashboard.focus.parse_request import DatasetName, Version

MEDIA_TYPE: Final = "application/vnd.apache.parquet"
EXTRA: Final = "pip install 'tallybook[parquet]'"
_ROWS: Final = 20_000


class MissingPackage(Exception):
    """Parquet cannot be written because pyarrow is not installed."""


def parquet_chunks(
    rows: Iterable[Record], version: Version, dataset: DatasetName = "cost_and_usage"
) -> Iterator[bytes]:
    """The Parquet file in chunks, one row group at a time.

    Raises:
        MissingPackage: pyarrow is not installed.
    """
    pa, parquet = _packages()
    selected = columns(version, dataset)
    schema = pa.schema([pa.field(column.name, _type(column, pa), column.is_nullable) for column in selected])
    return _chunks(rows, selected, schema, pa, parquet)


def is_available() -> bool:
    """Whether pyarrow is installed."""
    try:
        _packages()
    except MissingPackage:
        return False
    return True


def _chunks(
    rows: Iterable[Record], selected: tuple[Column, ...], schema: Any, pa: ModuleType, parquet: ModuleType
) -> Iterator[bytes]:
    sink = _ChunkBuffer()
    filled = [column for column in selected if column.field]
    values = values_getter(filled)
    with parquet.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        remaining = iter(rows)
        names = [column.name for column in filled]
        while chunk := list(islice(remaining, _ROWS)):
            by_name = dict(zip(names, zip(*map(values, chunk), strict=True), strict=True))
            nulls = (None,) * len(chunk)
            arrays = [pa.array(by_name.get(field.name, nulls), field.type) for field in schema]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield sink.take()
    yield sink.take()


def _type(column: Column, pa: ModuleType) -> Any:
    if column.kind == "decimal":
        return pa.decimal128(PRECISION, NUMBER_SCALE)
    return pa.timestamp("us", "UTC") if column.kind == "instant" else pa.string()


def _packages() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise MissingPackage(f"writing Parquet needs pyarrow: {EXTRA}") from None
    return pa, parquet


class _ChunkBuffer(RawIOBase):
    """A writable file whose bytes are taken out in chunks."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """True: the buffer can be written to."""
        return True

    def write(self, piece: Any) -> int:
        """Append bytes to the buffer."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def take(self) -> bytes:
        """The bytes written since the last call."""
        chunk = b"".join(self._pieces)
        self._pieces.clear()
        return chunk
