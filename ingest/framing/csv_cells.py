"""Cells: a row of a table of text, split and named by its columns."""

import csv
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

import msgspec

from ingest.model.rejection import Refused

DELIMITERS: Final = (b",", b";", b"\t", b"|")
MOST_COLUMNS: Final = 4_000
MAX_NAME_LENGTH: Final = 80
_MAX_CELL_SIZE: Final = 2**31 - 1  # rows are bounded before they come here
_WESTERN: Final = "cp1252"
_NUMBER: Final = re.compile(r"[-+\d.,:/ TZ]*")
_ANNOUNCEMENT: Final = re.compile(rb'"?sep=([,;\t|])"?\r?\n?', re.IGNORECASE)
"""The line that Excel writes above a table, with the delimiter."""

_encode = msgspec.json.Encoder().encode

csv.field_size_limit(_MAX_CELL_SIZE)


def announced_delimiter(line: bytes) -> bytes | None:
    """The delimiter, if `line` is an announcement of it (`sep=;`)."""
    match = _ANNOUNCEMENT.fullmatch(line)
    return match[1] if match else None


def header(row: bytes, delimiter: bytes) -> tuple[str, ...] | None:
    """The column names in `row`; None where it is not a header.

    In a header at least two cells are names, and no cell is a number, a time or JSON. A column without a
    name is named by its position, and a repeated name gets a number.

    Raises:
        Refused: it has more columns than are read.
    """
    row, rest = _read_part(row, delimiter)
    try:
        cells = [cell.strip() for cell in split_row(row, delimiter)]
    except csv.Error:
        return None
    while cells and not cells[-1]:
        cells.pop()
    names = [cell for cell in cells if cell]
    if len(names) < 2 or not all(map(_is_name, names)):  # noqa: PLR2004 - one column is no table
        return None
    if rest:
        reason = f"the header names more than {MOST_COLUMNS:,} columns: leave out those without a figure"
        raise Refused("too_many_columns", reason)
    return _distinct([cell or f"column_{place}" for place, cell in enumerate(cells, start=1)])


def _read_part(row: bytes, delimiter: bytes) -> tuple[bytes, bytes]:
    """A header up to the columns that are read, and what is named after them."""
    if row.count(delimiter) < MOST_COLUMNS:
        return row, b""
    cells = row.split(delimiter, MOST_COLUMNS)
    return delimiter.join(cells[:MOST_COLUMNS]), cells[-1].strip(delimiter + b'" \t\r\n')


def split_row(row: bytes, delimiter: bytes) -> list[str]:
    """The cells of a row in UTF-8, or else in Windows-1252, Excel's western encoding.

    Raises:
        csv.Error: the row has a carriage return outside quotes.
    """
    try:
        text = row.decode()
    except UnicodeDecodeError:
        text = row.decode(_WESTERN, "replace")
    return next(csv.reader((text,), delimiter=delimiter.decode(), skipinitialspace=True), [])


def row_as_json(names: Sequence[str], row: bytes, delimiter: bytes) -> bytes | None:
    """The row as a JSON object of texts by column, without empty cells; None for an empty row.

    Raises:
        Refused: the numbers of cells and columns differ.
    """
    try:
        cells = split_row(row, delimiter)
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
    cells_by_name = {
        name: cell for name, cell in zip(names, cells, strict=True) if cell and not cell.isspace()
    }
    return _encode(cells_by_name) if cells_by_name else None


def _is_name(cell: str) -> bool:
    return (
        len(cell) <= MAX_NAME_LENGTH
        and not _NUMBER.fullmatch(cell)
        and cell[0] not in "{["
        and cell.isprintable()
    )


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    seen: Counter[str] = Counter()
    distinct: dict[str, None] = {}
    for name in names:
        seen[name] += 1
        while (unique_name := name if seen[name] == 1 else f"{name}_{seen[name]}") in distinct:
            seen[name] += 1
        distinct[unique_name] = None
    return tuple(distinct)
