"""Rows of a database as records: the columns that may be read, as the JSON that the formats know."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from ingest.sync import moment
from ingest.sync.store import PROCESSING, Page, Row, Table

_encode = msgspec.json.Encoder(decimal_format="number").encode
_BYTES: Final = (bytes, bytearray, memoryview)


def reader(table: Table, columns: Sequence[str]) -> Callable[[Sequence[Sequence[Any]]], Page]:
    """What makes a page of the rows that a SELECT of these columns gives."""
    key, time = columns.index(table.key), columns.index(table.time)
    status = columns.index(table.status) if table.status in columns else None

    def row(values: Sequence[Any]) -> Row:
        held = {name: value for name, value in zip(columns, values, strict=True) if value is not None}
        at = moment.micros(values[time])
        if at is None:
            held[table.time] = moment.mended(values[time])
            at = moment.micros(held[table.time])
        ended = status is None or values[status] != PROCESSING
        return Row(_text(values[key]), at, ended, _json(held))

    return lambda rows: [row(values) for values in rows]


def _json(held: dict[str, Any]) -> bytes:
    if any(isinstance(value, _BYTES) for value in held.values()):
        held = {name: _text(value) if isinstance(value, _BYTES) else value for name, value in held.items()}
    return _encode(held)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return bytes(value).decode("utf-8", "replace") if isinstance(value, _BYTES) else str(value)


class Statements:
    """The SELECTs of one table, in the SQL that SQLite and PostgreSQL have in common."""

    def __init__(self, table: Table, columns: Sequence[str], parameter: str) -> None:
        names = ", ".join(map(quoted, columns))
        time, key = quoted(table.time), quoted(table.key)
        kept = _kept(table, columns)
        order = f"ORDER BY {time}, {key} LIMIT {parameter}"
        select = f"SELECT {names} FROM {quoted(table.name)}"  # noqa: S608 - names are quoted, values are bound
        within = f" AND {kept}" if kept else ""
        self.first = f"{select} WHERE {kept} {order}" if kept else f"{select} {order}"
        self.since = f"{select} WHERE {time} >= {parameter}{within} {order}"
        self.after = f"{select} WHERE ({time}, {key}) > ({parameter}, {parameter}){within} {order}"
        self._by_key = f"{select} WHERE {key} IN ({{}}){within}"
        self._parameter = parameter

    def by_key(self, count: int) -> str:
        """The statement that reads so many rows by their keys."""
        return self._by_key.format(", ".join([self._parameter] * count))


def _kept(table: Table, columns: Sequence[str]) -> str:
    """The condition on rows that are worth reading; empty where all are."""
    if table.paid is None:
        return ""
    paid = f"{quoted(table.paid)} > 0"
    return f"({paid} OR {quoted(table.status)} = '{PROCESSING}')" if table.status in columns else paid


def listing(name: str, key: str, columns: Sequence[str], parameter: str, *, first: bool) -> str:
    """The SELECT of one page of another table, in the order of its key."""
    after = "" if first else f"WHERE {quoted(key)} > {parameter} "
    names = ", ".join(map(quoted, columns))
    return f"SELECT {names} FROM {quoted(name)} {after}ORDER BY {quoted(key)} LIMIT {parameter}"  # noqa: S608


def quoted(name: str | None) -> str:
    """A name as SQL has it."""
    return '"' + (name or "").replace('"', '""') + '"'
