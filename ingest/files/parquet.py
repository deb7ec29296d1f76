"""Parquet: each row of a file becomes a JSON object by column, in batches of a row group.

Values are exact: decimals stay decimals, a floating-point number becomes its shortest decimal, a time keeps
its zone or its lack of a zone, and null values are absent.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any, BinaryIO, Final

import msgspec

from ingest.framing.decompression import Unreadable
from ingest.model.rejection import SURPRISES, Refused, unreadable

MAGIC: Final = b"PAR1"
EXTRA: Final = "pip install 'tallybook[parquet]'"
_ROWS: Final = 2_000
_MICROSECOND: Final = timedelta(microseconds=1)


def rows(file: BinaryIO, on_columns: Callable[[list[str]], None]) -> Iterator[list[bytes | Refused]]:
    """The rows of a seekable file, in lists. `on_columns` is called first, with the column names.

    A row with a value that cannot be read is a refusal.

    Raises:
        Refused: raised by `on_columns`.
        Unreadable: the file is damaged, or the package that reads it is not installed.
    """
    parquet, pa = _packages()
    try:
        parquet_file = parquet.ParquetFile(file, pre_buffer=False, buffer_size=2**20)
        schema = parquet_file.schema_arrow
        on_columns(list(schema.names))
        plain = pa.schema([field.with_type(_plain(field.type, pa)) for field in schema])
        durations = [field.name for field in plain if pa.types.is_duration(field.type)]
        for batch in parquet_file.iter_batches(batch_size=_ROWS, use_threads=False):
            table = pa.Table.from_batches([batch]).cast(plain, safe=False)
            yield _records(table, durations)
    except Refused:
        raise
    except (pa.ArrowException, OSError, ValueError, OverflowError, TypeError) as error:
        raise Unreadable(f"the Parquet file is damaged: {str(error).splitlines()[0][:200]}") from None


def _packages() -> tuple[ModuleType, ModuleType]:
    try:
        import pyarrow as pa
        from pyarrow import parquet
    except ImportError:
        raise Unreadable(f"reading Parquet needs pyarrow: {EXTRA}") from None
    return parquet, pa


def _plain(kind: Any, pa: ModuleType) -> Any:
    """The type to cast a column to: nanoseconds are cut to microseconds, dictionaries become their values."""
    types = pa.types
    if types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz) if kind.unit == "ns" else kind
    if types.is_duration(kind):
        return pa.duration("us") if kind.unit == "ns" else kind
    if types.is_dictionary(kind):
        return _plain(kind.value_type, pa)
    if types.is_float16(kind) or types.is_float32(kind):
        return pa.string()  # its shortest text; as a wider float it would have additional digits
    return _nested(kind, pa)


def _nested(kind: Any, pa: ModuleType) -> Any:
    types = pa.types
    if types.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type, pa)) for field in kind.fields])
    if types.is_list(kind) or types.is_large_list(kind):
        return pa.list_(_plain(kind.value_type, pa))
    return kind


def _records(table: Any, durations: list[str]) -> list[bytes | Refused]:
    """The rows of a table: one by one where a value of theirs cannot be read."""
    try:
        return [_record(row, durations) for row in table.to_pylist(maps_as_pydicts="lossy")]
    except SURPRISES as error:
        if table.num_rows == 1:
            return [unreadable(error)]
    return [row for at in range(table.num_rows) for row in _records(table.slice(at, 1), durations)]


def _record(row: dict[str, Any], durations: list[str]) -> bytes:
    """A row as JSON, with durations in microseconds."""
    for name in durations:
        if row[name] is not None:
            row[name] //= _MICROSECOND
    return _encode({name: value for name, value in row.items() if value is not None})


_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode
