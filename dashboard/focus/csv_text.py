"""FOCUS rows as CSV (RFC 4180): numbers in full, times in UTC, and no text that a spreadsheet takes for a formula."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from dashboard.focus.columns import columns, values_of
from dashboard.focus.parse_request import Version
from dashboard.focus.row import Row
from dashboard.query.serialize import guarded
from ingest.model.money import plain_decimal

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
_ROWS: Final = 1_000


def written(rows: Iterable[Row], version: Version) -> Iterator[str]:
    """The CSV, its header first, in pieces."""
    found = columns(version)
    yield _text([[column.name for column in found]])
    # Programs that read 1.2 take a number without a point for an integer, and refuse it as a quantity.
    number = _pointed if version == "1.2" else plain_decimal
    writers: dict[str, Callable[[Any], str]] = {"decimal": number, "instant": utc}
    filled = [(at, writers.get(column.kind, guarded)) for at, column in enumerate(found) if column.field]
    values = values_of(found)
    remaining = iter(rows)
    while some := list(islice(remaining, _ROWS)):
        lines = [[""] * len(found) for _ in some]
        for line, row in zip(lines, some, strict=True):
            for (at, write), value in zip(filled, values(row), strict=True):
                if value is not None:
                    line[at] = write(value)
        yield _text(lines)


@lru_cache(maxsize=4_096)
def utc(moment: datetime) -> str:
    """A moment as FOCUS writes it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _pointed(value: Decimal) -> str:
    text = plain_decimal(value)
    return text if "." in text else f"{text}.0"


def _text(lines: Iterable[Iterable[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(lines)
    return out.getvalue()
