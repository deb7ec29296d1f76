"""Cells: the value of a column in one record, before it is converted.

A name is first looked up as it stands. A name with dots that no column has leads into nested objects, lists
(by position) and texts of JSON. A cell that is absent, blank, null, or a text of the mapping's `empty` is
None.
"""

from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from ingest.formats.json import decode_errors, lenient
from ingest.formats.json.numbers import exact
from ingest.mapping.columns import Column
from ingest.model.rejection import Refused

Row = Mapping[str, Any]
Cell = str | bool | int | Decimal | None
GetCell = Callable[[Row], Cell]

MAX_LENGTH: Final = 1_000
"""Characters. A name or an id is shorter; a longer text may be content, which is never stored."""

_decode_nested = msgspec.json.Decoder(float_hook=exact).decode


def cell_getter(column: Column, key: str, empty: Collection[str], joint: str | None = None) -> GetCell:
    """A function that gets the column's value in a row. `key` is its mapping key; `joint` joins columns."""
    if column.constant is not None:
        constant = column.constant
        return lambda _row: constant
    getters = [_single(name, key, empty) for name in column.names]
    getter = _together(getters, joint) if column.together else _first_of(getters)
    return getter if column.values is None else _translated(getter, column)


def text(cell: Cell) -> str:
    """A cell as text."""
    if isinstance(cell, str):
        return cell.strip()
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return str(cell)


def _single(name: str, key: str, empty: Collection[str]) -> GetCell:
    path = tuple(name.split(".")) if "." in name else ()

    def get(row: Row) -> Cell:
        cell = row.get(name)
        if cell is None and path:
            cell = _nested_value(row, path)
        if isinstance(cell, str):
            if not cell or cell.isspace() or (empty and cell.strip() in empty):
                return None
            if len(cell) > MAX_LENGTH:
                reason = (
                    f"{key}: column {name!r} holds {len(cell):,} characters, a name or a figure is expected"
                )
                raise Refused("too_long", reason, name)
        elif isinstance(cell, dict | list):
            kind = decode_errors.safe_repr(cell)
            reason = (
                f"{key}: column {name!r} is {kind}, a single value is expected: name one in it with a dot"
            )
            raise Refused("wrong_type", reason, name)
        return cell

    return get


def _nested_value(value: Any, path: tuple[str, ...]) -> Any:
    for step in path:
        if isinstance(value, str) and value[:1] in ("{", "["):
            value = _decode_json(value)
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    return value


def _decode_json(json_text: str) -> Any:
    try:
        raw = json_text.encode()
        return _decode_nested(lenient.without_nul(raw) if lenient.NUL in raw else raw)
    except (msgspec.DecodeError, UnicodeError, RecursionError, Refused):
        return None


def _first_of(getters: list[GetCell]) -> GetCell:
    if len(getters) == 1:
        return getters[0]

    def get(row: Row) -> Cell:
        return next((cell for getter in getters if (cell := getter(row)) is not None), None)

    return get


def _together(getters: list[GetCell], joint: str | None) -> GetCell:
    def together(row: Row) -> Cell:
        """All cells with a blank between, or None: part of a time is no time."""
        cells = [getter(row) for getter in getters]
        return None if None in cells else " ".join(map(text, cells))

    def key(row: Row) -> Cell:
        """A key of all cells, of which some may be empty. Rows with different cells have different keys."""
        cells = [getter(row) for getter in getters]
        if all(cell is None for cell in cells):
            return None
        return str(joint).join("" if cell is None else _escape_part(text(cell), str(joint)) for cell in cells)

    return together if joint is None else key


def _escape_part(part: str, joint: str) -> str:
    return part.replace("\\", "\\\\").replace(joint, f"\\{joint}")


def _translated(get: GetCell, column: Column) -> GetCell:
    meanings, default = dict(column.values or {}), column.otherwise

    def translated(row: Row) -> Cell:
        cell = get(row)
        if cell is None:
            return None
        meaning = meanings.get(text(cell))
        return meaning if meaning is not None else cell if default is None else default

    return translated
