"""Database rows as records: the columns that may be read, as the JSON that the formats read."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from ingest.model.rejection import SURPRISES
from ingest.sync import timestamps
from ingest.sync.store import PROCESSING, Page, Row, Table

_encode = msgspec.json.Encoder(decimal_format="number").encode
UNREADABLE_ROW: Final = b""
"""Stands for a row that cannot be read from its store: it is rejected, and its neighbours are read."""
_BYTES: Final = (bytes, bytearray, memoryview)


def reader(table: Table, columns: Sequence[str]) -> Callable[[Sequence[Sequence[Any]]], Page]:
    """A function that turns the result of a SELECT of these columns into a page."""
    key, time = columns.index(table.key), columns.index(table.time)
    status = columns.index(table.status) if table.status in columns else None

    def row(values: Sequence[Any]) -> Row:
        record = {name: value for name, value in zip(columns, values, strict=True) if value is not None}
        at = timestamps.micros(values[time])
        if at is None:
            record[table.time] = timestamps.normalized(values[time])
            at = timestamps.micros(record[table.time])
        ended = status is None or values[status] != PROCESSING
        return Row(_text(values[key]), at, ended, _json(record))

    return lambda rows: [row(values) for values in rows]


def _json(record: dict[str, Any]) -> bytes:
    if any(isinstance(value, _BYTES) for value in record.values()):
        record = {
            name: _text(value) if isinstance(value, _BYTES) else value for name, value in record.items()
        }
    try:
        return _encode(record)
    except SURPRISES:
        return UNREADABLE_ROW


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return bytes(value).decode("utf-8", "replace") if isinstance(value, _BYTES) else str(value)


class Statements:
    """The SELECTs of one table, in the SQL shared by SQLite and PostgreSQL."""

    def __init__(self, table: Table, columns: Sequence[str], parameter: str) -> None:
        names = ", ".join(map(quoted, columns))
        time, key = quoted(table.time), quoted(table.key)
        condition = _calls_only(table, columns)
        order = f"ORDER BY {time}, {key} LIMIT {parameter}"
        select = f"SELECT {names} FROM {quoted(table.name)}"  # noqa: S608 - names are quoted, values are bound
        within = f" AND {condition}" if condition else ""
        self.first = f"{select} WHERE {condition} {order}" if condition else f"{select} {order}"
        self.since = f"{select} WHERE {time} >= {parameter}{within} {order}"
        self.after = f"{select} WHERE ({time}, {key}) > ({parameter}, {parameter}){within} {order}"
        self._by_key = f"{select} WHERE {key} IN ({{}}){within}"
        self._parameter = parameter

    def by_key(self, count: int) -> str:
        """The statement that reads `count` rows by their keys."""
        return self._by_key.format(", ".join([self._parameter] * count))


def _calls_only(table: Table, columns: Sequence[str]) -> str:
    """The condition for rows that are calls; empty if all rows are."""
    if table.paid is None:
        return ""
    has_cost = f"{quoted(table.paid)} > 0"
    return f"({has_cost} OR {quoted(table.status)} = '{PROCESSING}')" if table.status in columns else has_cost


def listing(name: str, key: str, columns: Sequence[str], parameter: str, *, first: bool) -> str:
    """The SELECT of a page of another table, in the order of its key."""
    after = "" if first else f"WHERE {quoted(key)} > {parameter} "
    names = ", ".join(map(quoted, columns))
    return f"SELECT {names} FROM {quoted(name)} {after}ORDER BY {quoted(key)} LIMIT {parameter}"  # noqa: S608


def quoted(name: str | None) -> str:
    """A name quoted for SQL."""
    return '"' + (name or "").replace('"', '""') + '"'
