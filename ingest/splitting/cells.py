"""Cells: one row of a table of text, taken apart and given the names of its columns."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from ingest.refusal import Refused

DELIMITERS: Final = (b",", b";", b"\t", b"|")
LONGEST_NAME: Final = 80
_LARGEST_CELL: Final = 2**31 - 1  # rows are bounded before they come here
_WESTERN: Final = "cp1252"
_NUMBER: Final = re.compile(r"[-+\d.,:/ TZ]*")
_ANNOUNCED: Final = re.compile(rb'"?sep=([,;\t|])"?\r?\n?', re.IGNORECASE)
"""What Excel writes above a table for itself."""

_encode = msgspec.json.Encoder().encode

csv.field_size_limit(_LARGEST_CELL)


def announced(line: bytes) -> bytes | None:
    """The delimiter, if `line` is nothing but its announcement (`sep=;`)."""
    said = _ANNOUNCED.fullmatch(line)
    return said[1] if said else None


def header(row: bytes, delimiter: bytes) -> tuple[str, ...] | None:
    """The columns that `row` names; None where it is no row of names.

    At least two cells hold a name, none holds a number, a time or JSON. A nameless column is called by its place and a
    repeated name by how often it came.
    """
    try:
        cells = [cell.strip() for cell in split(row, delimiter)]
    except csv.Error:
        return None
    while cells and not cells[-1]:
        cells.pop()
    names = [cell for cell in cells if cell]
    if len(names) < 2 or not all(map(_is_name, names)):  # noqa: PLR2004 - one column is no table
        return None
    return _distinct([cell or f"column_{place}" for place, cell in enumerate(cells, start=1)])


def split(row: bytes, delimiter: bytes) -> list[str]:
    """The cells of a row, which is UTF-8, or else what Excel writes in the West.

    Raises:
        csv.Error: a carriage return stands in it outside of quotes.
    """
    try:
        text = row.decode()
    except UnicodeDecodeError:
        text = row.decode(_WESTERN, "replace")
    return next(csv.reader((text,), delimiter=delimiter.decode(), skipinitialspace=True), [])


def record(names: Sequence[str], row: bytes, delimiter: bytes) -> bytes | None:
    """The row as a JSON object of texts by column, without its empty cells; None for a row of nothing else.

    Raises:
        Refused: it has more cells than there are columns, or fewer.
    """
    try:
        cells = split(row, delimiter)
    except csv.Error:
        raise Refused("ragged_row", "a carriage return stands in the middle of this row") from None
    if len(cells) != len(names):
        while len(cells) > len(names) and not cells[-1].strip():
            cells.pop()
        if not any(map(str.strip, cells)):
            return None
        if len(cells) != len(names):
            reason = f"this row has {len(cells)} cell(s) for {len(names)} columns: is a quote missing?"
            raise Refused("ragged_row", reason)
    found = {name: cell for name, cell in zip(names, cells, strict=True) if cell and not cell.isspace()}
    return _encode(found) if found else None


def _is_name(cell: str) -> bool:
    return (
        len(cell) <= LONGEST_NAME
        and not _NUMBER.fullmatch(cell)
        and cell[0] not in "{["
        and not any(not character.isprintable() for character in cell)
    )


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    distinct: list[str] = []
    for name in names:
        seen[name] += 1
        while (called := name if seen[name] == 1 else f"{name}_{seen[name]}") in distinct:
            seen[name] += 1
        distinct.append(called)
    return tuple(distinct)
