"""The sample: the first records of a file by column, what each column seems to hold, and what of it may be shown."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

import msgspec

from ingest.formats.stripping import mask_secrets
from ingest.mapping.cell import text
from ingest.mapping.figures import Notation
from ingest.mapping.moments import Clock, NoMoment

Guess = Literal["empty", "whole number", "number", "time", "true or false", "text", "long text"]

EXAMPLES: Final = 3
NOTHING: Final = frozenset({"NULL", "null", "None", "none", "N/A", "n/a", "NaN", "nan", "-", "--", "\\N"})
"""What writers put where there is nothing."""

_DEEPEST: Final = 4
_SHORT: Final = 40
_TOTAL: Final = re.compile(r"(grand |sub)?total|sum|summe|gesamt", re.IGNORECASE)
_WORDS: Final = 5
_CONTENT: Final = re.compile(
    r"(prompt|completion|content|message|messages|question|answer|text|input|output|request|response|body|query)$",
    re.IGNORECASE,
)
"""Names of columns whose texts may be what somebody asked or was answered."""
_SECRET: Final = re.compile(r"(key|token|secret|password|authorization|hash)$", re.IGNORECASE)
_POINT: Final = Notation(".", ",")
_COMMA: Final = Notation(",", ".")
_IS_COMMA: Final = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),(\d{1,2}|\d{4,})|[+-]?\d{1,3}(\.\d{3})+,\d*")
"""Texts that are numbers with a decimal comma and nothing else."""
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
"""How many digits a time since 1970 has before its point, in years about this one."""

_decode = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal).decode


@dataclass(slots=True)
class Found:
    """One column of the sample."""

    name: str
    cells: list[str] = field(default_factory=list)
    """Its values as text, without those that are empty or stand for nothing."""
    nothing: set[str] = field(default_factory=set)
    """Texts in it that stand for nothing."""
    numeric: bool = True
    """Whether every value is a number of JSON."""

    @property
    def kind(self) -> Guess:
        """What the column seems to hold."""
        if not self.cells:
            return "empty"
        if self._all(lambda cell: cell.lower() in {"true", "false", "yes", "no"}):
            return "true or false"
        if self._all(_is_whole):
            return "whole number"
        if self.is_number:
            return "number"
        if self.form is not None:
            return "time"
        return "text" if self._all(_is_short) else "long text"

    @property
    def is_number(self) -> bool:
        """Whether every value is a number, in one notation or the other."""
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
        """Whether its numbers could have points between thousands, where commas are decimal elsewhere."""
        return any(re.fullmatch(r"[+-]?\d{1,3}(\.\d{3})+", cell) for cell in self.cells)

    @property
    def form(self) -> str | None:
        """How its times are written; None where they are none."""
        forms = self.forms()
        return forms[0] if forms else None

    def forms(self) -> list[str]:
        """Every form that all its values fit."""
        if not self.cells:
            return []
        if self.is_number:
            digits = {len(cell.lstrip("-").partition(".")[0]) for cell in self.cells}
            return [form for form, least, most in _EPOCHS if all(least <= one <= most for one in digits)]
        return [form for form in ("iso", *_PATTERNS) if self._all(lambda cell: _is_time(cell, form))]  # noqa: B023 - used at once

    @property
    def is_secret(self) -> bool:
        """Whether its name says that it may hold keys."""
        return _SECRET.search(self.name) is not None

    @property
    def distinct(self) -> list[str]:
        """Its different values, in the order that they came."""
        return list(dict.fromkeys(self.cells))

    @property
    def examples(self) -> list[str]:
        """Three different values as they may be shown."""
        return [self._shown(cell) for cell in self.distinct[:EXAMPLES]]

    def _shown(self, cell: str) -> str:
        if self.is_secret and not _is_whole(cell):
            return f"... ({len(cell)} characters)"
        shown = _is_short(cell) and not (_CONTENT.search(self.name) and " " in cell)
        return mask_secrets(cell) if shown else f"text of {len(cell):,} characters"

    def _all(self, test: Any) -> bool:
        return bool(self.cells) and all(map(test, self.cells))


@dataclass(frozen=True, slots=True)
class Sample:
    """The first records of a file."""

    rows: int
    columns: dict[str, Found]
    totals: dict[str, str]
    """Columns in which a row calls itself a total, and what it says. Such rows are in no column."""


def sample(records: Iterable[bytes], names: Iterable[str] = ()) -> Sample:
    """The columns of JSON objects; fields of nested objects have dotted names. `names` are there in any case."""
    columns = {name: Found(name) for name in names}
    totals: dict[str, str] = {}
    rows = 0
    for raw in records:
        rows += 1
        cells = dict(_flat(_decode(raw)))
        summed = {
            name: cell
            for name, cell in cells.items()
            if isinstance(cell, str) and _TOTAL.fullmatch(cell.strip())
        }
        totals |= summed
        for name, cell in cells.items():
            found = columns.setdefault(name, Found(name))
            if not summed:
                _add(found, cell)
    return Sample(rows, columns, totals)


def _add(found: Found, cell: object) -> None:
    assert isinstance(cell, str | int | bool | Decimal), "nested values are taken apart"
    said = text(cell)
    if said in NOTHING:
        found.nothing.add(said)
    elif said:
        found.cells.append(said)
        found.numeric &= isinstance(cell, int | Decimal) and not isinstance(cell, bool)


def _flat(row: Mapping[str, Any], within: str = "", depth: int = 0) -> Iterable[tuple[str, Any]]:
    for name, cell in row.items():
        path = f"{within}{name}"
        if isinstance(cell, dict) and depth < _DEEPEST:
            yield from _flat(cell, f"{path}.", depth + 1)
        elif cell is not None and not isinstance(cell, dict | list):
            yield path, cell


def _number(cell: str) -> Decimal | None:
    bare = cell.strip("$€£¥ ")
    found = _POINT.number(bare)
    return _COMMA.number(bare) if found is None else found


def _is_whole(cell: str) -> bool:
    return re.fullmatch(r"[+-]?\d{1,20}", cell) is not None


def _is_time(cell: str, form: str) -> bool:
    try:
        Clock(form, _ANY_ZONE).instant(cell)
    except NoMoment:
        return False
    return True


def _is_short(cell: str) -> bool:
    return len(cell) <= _SHORT and cell.count(" ") < _WORDS and "\n" not in cell
