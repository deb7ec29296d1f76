"""FOCUS rows as Parquet: numbers as decimal128, times as UTC timestamps, text as text. Nothing is rounded."""

from collections.abc import Iterable, Iterator
from io import RawIOBase
from itertools import islice
from types import ModuleType
from typing import Any, Final

from dashboard.focus.columns import NUMBER_SCALE, PRECISION, Column, columns, values_of
from dashboard.focus.parse_request import Version
from dashboard.focus.row import Row

MEDIA_TYPE: Final = "application/vnd.apache.parquet"
EXTRA: Final = "pip install 'tallybook[parquet]'"
_ROWS: Final = 20_000


class MissingPackage(Exception):
    """Parquet is asked for and pyarrow is not installed."""


def written(rows: Iterable[Row], version: Version) -> Iterator[bytes]:
    """The file in pieces, a group of rows at a time.

    Raises:
        MissingPackage: pyarrow is not installed.
    """
    pa, parquet = _packages()
    found = columns(version)
    schema = pa.schema([pa.field(one.name, _type(one, pa), one.is_nullable) for one in found])
    return _written(rows, found, schema, pa, parquet)


def is_there() -> bool:
    """Whether Parquet can be written here."""
    try:
        _packages()
    except MissingPackage:
        return False
    return True


def _written(
    rows: Iterable[Row], found: tuple[Column, ...], schema: Any, pa: ModuleType, parquet: ModuleType
) -> Iterator[bytes]:
    sink = _Sink()
    filled = [column for column in found if column.field]
    values = values_of(filled)
    with parquet.ParquetWriter(pa.PythonFile(sink, mode="w"), schema, compression="zstd") as writer:
        remaining = iter(rows)
        while some := list(islice(remaining, _ROWS)):
            by_name = dict(
                zip((one.name for one in filled), zip(*map(values, some), strict=True), strict=True)
            )
            nothing = (None,) * len(some)
            arrays = [pa.array(by_name.get(field.name, nothing), field.type) for field in schema]
            writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
            yield sink.drained()
    yield sink.drained()


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


class _Sink(RawIOBase):
    """Takes what is written and gives it on."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def write(self, piece: Any) -> int:
        """Take a piece."""
        self._pieces.append(bytes(piece))
        return len(piece)

    def drained(self) -> bytes:
        """What was written since the last time."""
        found = b"".join(self._pieces)
        self._pieces.clear()
        return found
