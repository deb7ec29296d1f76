"""FOCUS rows as CSV (RFC 4180): numbers in full, times in UTC, no text that a spreadsheet would run."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from typing import Any, Final

from dashboard.focus.columns import Record, columns, values_getter
from dashboard.focus.parse_request import DatasetName, Version
from dashboard.query.serialize import guarded
from ingest.model.money import plain_decimal

MEDIA_TYPE: Final = "text/csv; charset=utf-8"
_ROWS: Final = 1_000


def csv_chunks(
    rows: Iterable[Record], version: Version, dataset: DatasetName = "cost_and_usage"
) -> Iterator[str]:
    """The CSV file in chunks, its header first."""
    all_columns = columns(version, dataset)
    yield _text([[column.name for column in all_columns]])
    # Programs that read 1.2 take a number without a point for an integer, which they refuse as a quantity.
    number = _number_with_point if version == "1.2" else plain_decimal
    writers: dict[str, Callable[[Any], str]] = {"decimal": number, "instant": utc}
    filled = [
        (at, writers.get(column.kind, guarded)) for at, column in enumerate(all_columns) if column.field
    ]
    values = values_getter(all_columns)
    remaining = iter(rows)
    while chunk := list(islice(remaining, _ROWS)):
        lines = [[""] * len(all_columns) for _ in chunk]
        for line, row in zip(lines, chunk, strict=True):
            for (at, write), value in zip(filled, values(row), strict=True):
                if value is not None:
                    line[at] = write(value)
        yield _text(lines)


@lru_cache(maxsize=4_096)
def utc(moment: datetime) -> str:
    """A UTC time in the format of FOCUS."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def _number_with_point(value: Decimal) -> str:
    text = plain_decimal(value)
    return text if "." in text else f"{text}.0"


def _text(lines: Iterable[Iterable[Any]]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows(lines)
    return out.getvalue()
