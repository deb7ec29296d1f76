"""The sample: the columns of the first records of a file, their inferred kinds, and safe examples."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from ingest.formats.json.numbers import exact_or_text
from ingest.formats.redaction import mask_secrets
from ingest.mapping.cell import text
from ingest.mapping.numbers import Notation
from ingest.mapping.timestamps import NotATimestamp, TimestampNotation

ContentKind = Literal["empty", "whole number", "number", "time", "true or false", "text", "long text"]

EXAMPLES: Final = 3
NULL_TEXTS: Final = frozenset({"NULL", "null", "None", "none", "N/A", "n/a", "NaN", "nan", "-", "--", "\\N"})
"""Texts that writers use for a missing value."""

_MAX_DEPTH: Final = 4
_MAX_SHORT_LENGTH: Final = 40
_TOTAL: Final = re.compile(r"(grand |sub)?total|sum|summe|gesamt", re.IGNORECASE)
_MAX_SHORT_WORDS: Final = 5
_CONTENT: Final = re.compile(
    r"(prompt|completion|content|message|messages|question|answer|text|input|output|"
    r"request|response|body|query)$",
    re.IGNORECASE,
)
"""Names of columns whose texts may be prompts or completions."""
_SECRET: Final = re.compile(r"(key|token|secret|password|authorization|hash)$", re.IGNORECASE)
_POINT: Final = Notation(".", ",")
_COMMA: Final = Notation(",", ".")
_IS_COMMA: Final = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),(\d{1,2}|\d{4,})|[+-]?\d{1,3}(\.\d{3})+,\d*")
"""Texts that can only be numbers with a decimal comma."""
_ANY_ZONE: Final = ZoneInfo("UTC")
_PATTERNS: Final = tuple(
    f"{day}{time}"
    for day in ("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%Y", "%Y/%m/%d", "%d-%m-%Y", "%d %b %Y", "%b %d, %Y")
    for time in (
        " %H:%M:%S",
        " %H:%M:%S.%f",
        " %H:%M",
        "",
        " %I:%M:%S %p",
        " %I:%M %p",
        ", %I:%M:%S %p",
        ", %H:%M:%S",
    )
)
_EPOCHS: Final = (
    ("seconds", 9, 10),
    ("milliseconds", 12, 13),
    ("microseconds", 15, 16),
    ("nanoseconds", 18, 19),
)
"""The numbers of digits of a present time since 1970 before its point, by unit."""

_decode = msgspec.json.Decoder(dict[str, Any], float_hook=exact_or_text).decode


@dataclass(slots=True)
class SampleColumn:
    """One column of the sample."""

    name: str
    cells: list[str] = field(default_factory=list)
    """Its values as text, without empty values and `null_texts`."""
    null_texts: set[str] = field(default_factory=set)
    """Its texts that mean a missing value."""
    is_numeric: bool = True
    """Whether every value is a JSON number."""

    @property
    def kind(self) -> ContentKind:
        """The kind of its values."""
        if not self.cells:
            return "empty"
        if self._all(lambda cell: cell.lower() in {"true", "false", "yes", "no"}):
            return "true or false"
        if self._all(_is_whole):
            return "whole number"
        if self.is_number:
            return "number"
        if self.time_format is not None:
            return "time"
        return "text" if self._all(_is_short) else "long text"

    @property
    def is_number(self) -> bool:
        """Whether every value is a number, with a decimal point or comma."""
        return self._all(lambda cell: _number(cell) is not None)

    @property
    def has_comma(self) -> bool:
        """Whether its numbers have a decimal comma."""
        return any(_IS_COMMA.fullmatch(cell) for cell in self.cells)

    @property
    def has_thousands(self) -> bool:
        """Whether its numbers have separators between thousands."""
        return self.is_number and any(
            re.search(r"\d[.,]\d{3}[.,]|^\d{1,3},\d{3}$", cell) for cell in self.cells
        )

    @property
    def has_points(self) -> bool:
        """Whether a number may have points between thousands, if other columns have decimal commas."""
        return any(re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+", cell) for cell in self.cells)

    @property
    def time_format(self) -> str | None:
        """The time format of its values; None if they are not times."""
        time_formats = self.time_formats()
        return time_formats[0] if time_formats else None

    def time_formats(self) -> list[str]:
        """Every time format that fits all values."""
        if not self.cells:
            return []
        if self.is_number:
            digits = {len(cell.lstrip("-").partition(".")[0]) for cell in self.cells}
            return [
                time_format
                for time_format, least, most in _EPOCHS
                if all(least <= count <= most for count in digits)
            ]
        names = ("iso", *_PATTERNS)
        return [name for name in names if all(_is_time(cell, name) for cell in self.cells)]

    @property
    def is_secret(self) -> bool:
        """Whether by its name it may have secrets."""
        return _SECRET.search(self.name) is not None

    @property
    def distinct(self) -> list[str]:
        """Its different values, in their first order."""
        return list(dict.fromkeys(self.cells))

    @property
    def examples(self) -> list[str]:
        """Up to three different values, without content and secrets."""
        return [self._shown(cell) for cell in self.distinct[:EXAMPLES]]

    def _shown(self, cell: str) -> str:
        if self.is_secret and not _is_whole(cell):
            return f"... ({len(cell)} characters)"
        is_showable = _is_short(cell) and not (_CONTENT.search(self.name) and " " in cell)
        return mask_secrets(cell) if is_showable else f"text of {len(cell):,} characters"

    def _all(self, test: Any) -> bool:
        return bool(self.cells) and all(map(test, self.cells))


@dataclass(frozen=True, slots=True)
class Sample:
    """The first records of a file."""

    rows: int
    columns: dict[str, SampleColumn]
    totals: dict[str, str]
    """Columns with the text of a total, and that text. Rows of totals are not in `columns`."""


def sample_columns(records: Iterable[bytes], names: Iterable[str] = ()) -> Sample:
    """The columns of JSON objects, with dotted names for nested fields. `names` are always included."""
    columns = {name: SampleColumn(name) for name in names}
    totals: dict[str, str] = {}
    rows = 0
    for raw in records:
        try:
            cells = dict(_flat(_decode(raw)))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue  # it is refused, and tells nothing of its columns
        rows += 1
        totals_in_row = {
            name: cell
            for name, cell in cells.items()
            if isinstance(cell, str) and _TOTAL.fullmatch(cell.strip())
        }
        totals |= totals_in_row
        for name, cell in cells.items():
            column = columns.setdefault(name, SampleColumn(name))
            if not totals_in_row:
                _add(column, cell)
    return Sample(rows, columns, totals)


def _add(column: SampleColumn, cell: object) -> None:
    assert isinstance(cell, str | int | bool | Decimal), "nested values are taken apart"
    cell_text = text(cell)
    if cell_text in NULL_TEXTS:
        column.null_texts.add(cell_text)
    elif cell_text:
        column.cells.append(cell_text)
        column.is_numeric &= isinstance(cell, int | Decimal) and not isinstance(cell, bool)


def _flat(row: Mapping[str, Any], within: str = "", depth: int = 0) -> Iterable[tuple[str, Any]]:
    for name, cell in row.items():
        path = f"{within}{name}"
        if isinstance(cell, dict) and depth < _MAX_DEPTH:
            yield from _flat(cell, f"{path}.", depth + 1)
        elif cell is not None and not isinstance(cell, dict | list):
            yield path, cell


def _number(cell: str) -> Decimal | None:
    bare = cell.strip("$€£¥ ")
    number = _POINT.number(bare)
    return _COMMA.number(bare) if number is None else number


def _is_whole(cell: str) -> bool:
    return re.fullmatch(r"[+-]?\d{1,20}", cell) is not None


def _is_time(cell: str, form: str) -> bool:
    try:
        TimestampNotation(form, _ANY_ZONE).microseconds(cell)
    except NotATimestamp:
        return False
    return True


def _is_short(cell: str) -> bool:
    return len(cell) <= _MAX_SHORT_LENGTH and cell.count(" ") < _MAX_SHORT_WORDS and "\n" not in cell
