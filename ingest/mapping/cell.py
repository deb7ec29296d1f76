"""Cells: the value that a column has in one record, before it is read as anything.

A name is looked for as it stands; one with dots that no column has leads into nested objects, lists (by position) and
texts that hold JSON. What is absent, blank, null or said to be empty is None.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from ingest.formats import fault
from ingest.mapping.columns import Column
from ingest.refusal import Refused

Row = Mapping[str, Any]
Cell = str | bool | int | Decimal | None
Take = Callable[[Row], Cell]

LONGEST: Final = 1_000
"""Characters of a text. A name or an id is shorter; what is longer may be content, which is never kept."""

_decode_nested = msgspec.json.Decoder(float_hook=Decimal).decode


def taker(column: Column, key: str, empty: Collection[str], joint: str | None = None) -> Take:
    """What finds the column's value in a row. `key` is where the mapping says so; `joint` joins columns together."""
    if column.constant is not None:
        constant = column.constant
        return lambda _row: constant
    takes = [_one(name, key, empty) for name in column.names]
    take = _joined(takes, joint) if column.together else _first(takes)
    return take if column.values is None else _translated(take, column)


def text(cell: Cell) -> str:
    """A cell as text."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell)


def _one(name: str, key: str, empty: Collection[str]) -> Take:
    path = tuple(name.split(".")) if "." in name else ()

    def take(row: Row) -> Cell:
        cell = row.get(name)
        if cell is None and path:
            cell = _walked(row, path)
        if isinstance(cell, str):
            if not cell or cell.isspace() or (empty and cell.strip() in empty):
                return None
            if len(cell) > LONGEST:
                reason = (
                    f"{key}: column {name!r} holds {len(cell):,} characters, a name or a figure is expected"
                )
                raise Refused("too_long", reason, name)
        elif isinstance(cell, dict | list):
            reason = f"{key}: column {name!r} is {fault.safe_repr(cell)}, a single value is expected: name one in it with a dot"
            raise Refused("wrong_type", reason, name)
        return cell

    return take


def _walked(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if isinstance(value, str) and value[:1] in ("{", "["):
            value = _nested(value)
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _nested(held: str) -> Any:
    try:
        return _decode_nested(held)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _first(takes: list[Take]) -> Take:
    if len(takes) == 1:
        return takes[0]

    def take(row: Row) -> Cell:
        return next((cell for one in takes if (cell := one(row)) is not None), None)

    return take


def _joined(takes: list[Take], joint: str | None) -> Take:
    def together(row: Row) -> Cell:
        """All of them with a blank between, or nothing: half a time is none."""
        cells = [one(row) for one in takes]
        return None if None in cells else " ".join(map(text, cells))

    def key(row: Row) -> Cell:
        """A key of parts, of which some may be empty; no two rows with different parts have the same."""
        cells = [one(row) for one in takes]
        if all(cell is None for cell in cells):
            return None
        return str(joint).join("" if cell is None else _part(text(cell), str(joint)) for cell in cells)

    return together if joint is None else key


def _part(part: str, joint: str) -> str:
    return part.replace("\\", "\\\\").replace(joint, f"\\{joint}")


def _translated(take: Take, column: Column) -> Take:
    meant, otherwise = dict(column.values or {}), column.otherwise

    def translated(row: Row) -> Cell:
        cell = take(row)
        if cell is None:
            return None
        found = meant.get(text(cell))
        return found if found is not None else cell if otherwise is None else otherwise

    return translated
