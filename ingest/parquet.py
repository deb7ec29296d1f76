"""Parquet: each row of a file becomes a JSON object by column, read a batch of a row group at a time.

Nothing is rounded on the way: decimals stay decimals, a floating-point number becomes its shortest decimal, a time keeps
its zone or its lack of one, and what is null is absent.
"""

from collections.abc import Callable, Iterator
from datetime import timedelta
from types import ModuleType
from typing import Any, BinaryIO, Final

import msgspec

from ingest.refusal import Refused
from ingest.unpacking import Unreadable

MAGIC: Final = b"PAR1"
EXTRA: Final = "pip install 'tallybook[parquet]'"
_ROWS: Final = 2_000
_MICROSECOND: Final = timedelta(microseconds=1)


def rows(file: BinaryIO, columns: Callable[[list[str]], None]) -> Iterator[list[bytes]]:
    """The rows of a file that can be read in any order, in lists. `columns` is told their names first.

    Raises:
        Refused: as `columns` does.
        Unreadable: the file is damaged, or the package that reads it is not installed.
    """
    parquet, pa = _packages()
    try:
        held = parquet.ParquetFile(file, pre_buffer=False, buffer_size=2**20)
        schema = held.schema_arrow
        columns(list(schema.names))
        plain = pa.schema([field.with_type(_plain(field.type, pa)) for field in schema])
        lengths = [field.name for field in plain if pa.types.is_duration(field.type)]
        for batch in held.iter_batches(batch_size=_ROWS, use_threads=False):
            table = pa.Table.from_batches([batch]).cast(plain, safe=False)
            yield [_record(row, lengths) for row in table.to_pylist(maps_as_pydicts="lossy")]
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
    """The type to read a column as: nanoseconds cut to microseconds, dictionaries as what they stand for."""
    types = pa.types
    if types.is_timestamp(kind):
        return pa.timestamp("us", kind.tz) if kind.unit == "ns" else kind
    if types.is_duration(kind):
        return pa.duration("us") if kind.unit == "ns" else kind
    if types.is_dictionary(kind):
        return _plain(kind.value_type, pa)
    if types.is_float16(kind) or types.is_float32(kind):
        return (
            pa.string()
        )  # whose text is the shortest: as a longer float it would have digits that nobody wrote
    return _nested(kind, pa)


def _nested(kind: Any, pa: ModuleType) -> Any:
    types = pa.types
    if types.is_struct(kind):
        return pa.struct([field.with_type(_plain(field.type, pa)) for field in kind.fields])
    if types.is_list(kind) or types.is_large_list(kind):
        return pa.list_(_plain(kind.value_type, pa))
    return kind


def _record(row: dict[str, Any], lengths: list[str]) -> bytes:
    """A row as JSON, with microseconds for the lengths of time."""
    for name in lengths:
        if row[name] is not None:
            row[name] //= _MICROSECOND
    return _encode({name: value for name, value in row.items() if value is not None})


_encode = msgspec.json.Encoder(decimal_format="number", enc_hook=str).encode
