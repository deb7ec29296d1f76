"""Hash chains: each row of an append-only table is sealed with a hash of the row and the seal before it.

The head of a chain (its number of rows and its last seal) is a property of the ledger, so that rows that are
cut off at the end are missed too. Nulls are no part of a seal: a column that is added later leaves older
seals valid.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa

from ingest.ledger.tables.calls import ledger_property
from ingest.ledger.types import Instant

GENESIS: Final = "0" * 64
"""The seal before the first row."""
_UNSEALED: Final = ("seal", "previous_seal", "hash", "previous_hash")
"""The columns that a seal does not cover: hashes."""


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a chain: how many rows it has, and the seal of the last row."""

    count: int
    seal: str


@dataclass(frozen=True, slots=True)
class Sealed:
    """A row that was added: its number, its seal and the seal before it."""

    number: int
    seal: str
    previous: str


def append(connection: sa.Connection, table: sa.Table, row: Mapping[str, Any]) -> Sealed:
    """Add a row and seal it. Only one transaction at a time adds to a chain; others wait for its end."""
    head = _read_head(connection, table, for_update=True)
    if head is None:
        raise LookupError(f"the ledger has no head of the chain {table.name}; `tallybook verify` says more")
    (number,) = connection.execute(table.insert(), dict(row)).inserted_primary_key or (0,)
    sealed = Sealed(number, seal_of(head.seal, table.name, {**row, "number": number}), head.seal)
    seals = {"seal": sealed.seal, "previous_seal": sealed.previous, "sealed_by_migration": False}
    connection.execute(table.update().where(table.c.number == number).values(seals))
    moved = json.dumps({"count": head.count + 1, "seal": sealed.seal})
    connection.execute(ledger_property.update().where(_is_head_of(table)).values(value=moved))
    return sealed


def lock(connection: sa.Connection, table: sa.Table) -> Head | None:
    """The head of a chain, to which no other transaction adds until the end of this transaction."""
    return _read_head(connection, table, for_update=True)


def seal_of(previous: str, table: str, row: Mapping[str, Any]) -> str:
    """The seal of a row: SHA-256 of the seal before it, the table and the row as JSON, a line each."""
    values = {name: value for name, value in row.items() if value is not None and name not in _UNSEALED}
    values["sealed_by_migration"] = bool(values.get("sealed_by_migration"))
    text = json.dumps(values, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(f"{previous}\n{table}\n{text}".encode()).hexdigest()


def head_of(connection: sa.Connection, table: sa.Table) -> Head | None:
    """The stored head of a chain; None if it is missing or unreadable."""
    return _read_head(connection, table)


def broken_links(
    connection: sa.Connection, table: sa.Table, anchors: Mapping[int, str] | None = None
) -> Iterator[str]:
    """A message for each place where the rows of a chain are not what was sealed.

    `anchors` are seals that were noted elsewhere, by the number of rows that the chain had then.
    """
    anchors = anchors or {}
    count, last = 0, GENESIS
    for row in connection.execute(_rows(table)).mappings():
        number, seal = row["number"], row["seal"]
        if seal is None:
            yield f"row {number} of {table.name} has no seal: it was inserted past the program"
            continue
        if row["previous_seal"] != last:
            yield f"before row {number} of {table.name}, rows were deleted, inserted or put in another order"
        if seal_of(row["previous_seal"] or GENESIS, table.name, dict(row)) != seal:
            yield f"row {number} of {table.name} is not what was sealed: it was changed"
        count, last = count + 1, seal
        if anchors.get(count, seal) != seal:
            yield f"row {number} of {table.name} is not the row that a closed statement names as the last"
    if any(place > count for place in anchors):
        yield f"{table.name} has {count} rows, a closed statement names {max(anchors)}"
    head = head_of(connection, table)
    if head is None:
        yield f"the head of the chain {table.name} is missing"
    elif head != Head(count, last):
        yield (
            f"{table.name} ends with {count} rows and seal {last[:12]}, its head says {head.count} and "
            f"{head.seal[:12]}: rows were cut off or added"
        )


def _rows(table: sa.Table) -> sa.Select[Any]:
    """The rows of a table in order, times as stored numbers."""
    columns = (
        sa.type_coerce(column, sa.BigInteger).label(column.name)
        if isinstance(column.type, Instant)
        else column
        for column in table.c
    )
    return sa.select(*columns).order_by(table.c.number)


def _read_head(connection: sa.Connection, table: sa.Table, *, for_update: bool = False) -> Head | None:
    query = sa.select(ledger_property.c.value).where(_is_head_of(table))
    text = connection.execute(query.with_for_update() if for_update else query).scalar()
    try:
        stored = json.loads(text or "")
        return Head(int(stored["count"]), str(stored["seal"]))
    except (ValueError, TypeError, KeyError):
        return None


def _is_head_of(table: sa.Table) -> sa.ColumnElement[bool]:
    return ledger_property.c.name == f"chain_{table.name}"
