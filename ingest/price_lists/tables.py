"""Tables of prices of one's own: the rows of CSV, YAML and JSON, every cell as text, and where each stands.

A document is a list of prices, or an object with the list under `prices` and, beside it, what all of them share.
"""

import csv
import io
from collections.abc import Mapping
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final, NamedTuple

from ingest.price_lists.price_list import Fault, NotAPriceList

_DELIMITERS: Final = ",;\t"
_LIST: Final = "prices"
_CELL: Final = (str, int, Decimal, bool)


class Row(NamedTuple):
    """One row: where it stands, and its cells by the names of their columns."""

    where: str
    cells: Mapping[str, str]


class Table(NamedTuple):
    """The rows of a file, and what of it is no row."""

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...] = ()


def is_csv(name: str, text: str) -> bool:
    """Whether a file is a table rather than YAML: by its name, else by its first line."""
    if PurePath(name.lower()).suffix in {".csv", ".tsv"}:
        return True
    first = text.lstrip().partition("\n")[0].lower()
    return "model" in first and any(one in first for one in _DELIMITERS) and not first.startswith(("-", "#"))


def of_csv(text: str) -> Table:
    """The rows under a line of names; commas, semicolons or tabs part the cells."""
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    rows, faults = [], []
    try:
        names = [one.strip().lower() for one in next(reader)]
        for cells in reader:
            where = f"line {reader.line_num}"
            if len(cells) > len(names):
                advice = f"the first line names {len(names)} columns; quote a cell that holds a {delimiter!r}"
                faults.append(Fault(where, "row", delimiter.join(cells), advice))
            elif any(one.strip() for one in cells):
                rows.append(Row(where, _filled(zip(names, cells, strict=False))))
    except csv.Error as error:
        raise NotAPriceList(f"line {reader.line_num} is not CSV: {error}") from None
    return Table(tuple(rows), tuple(faults))


def of_yaml(text: str) -> Table:
    """The rows of a YAML document. Its scalars stay text, so that no price passes through a binary float.

    Raises:
        NotAPriceList: it is not YAML, or holds no list of prices.
    """
    import yaml

    try:
        held = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - makes nothing but text, lists and objects
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise NotAPriceList(
            f"it is not YAML{where}: {getattr(error, 'problem', None) or 'it cannot be read'}"
        ) from None
    except RecursionError:
        raise NotAPriceList("its YAML is nested too deeply to be a price list") from None
    return of_document(held)


def of_document(held: Any) -> Table:
    """The rows of what a JSON or YAML document holds.

    Raises:
        NotAPriceList: it holds no list of prices.
    """
    shared = {name: one for name, one in held.items() if name != _LIST} if isinstance(held, dict) else {}
    listed = held.get(_LIST) if isinstance(held, dict) else held
    if not isinstance(listed, list):
        raise NotAPriceList(
            "it holds no prices: give LiteLLM's price map, Bifrost's datasheet, or a table with the columns provider, "
            "model, input, output (CSV), or a list of such objects (YAML, JSON), as docs/prices.md shows"
        )
    rows, faults = [], []
    for number, one in enumerate(listed, start=1):
        where = f"entry {number}"
        cells = shared | one if isinstance(one, dict) else {}
        wrong = next((name for name, cell in cells.items() if cell and not isinstance(cell, _CELL)), None)
        if not isinstance(one, dict):
            faults.append(Fault(where, "entry", str(one), "write an object with provider, model and prices"))
        elif wrong is not None:
            faults.append(Fault(where, str(wrong), str(cells[wrong]), "write one value"))
        else:
            rows.append(Row(where, _filled((name, _text(cell)) for name, cell in cells.items())))
    return Table(tuple(rows), tuple(faults))


def _filled(cells: Any) -> dict[str, str]:
    """The cells that hold anything."""
    return {str(name).strip().lower(): cell.strip() for name, cell in cells if cell.strip()}


def _text(cell: Any) -> str:
    if cell is None or isinstance(cell, list | dict):  # empty ones, as found above
        return ""
    return f"{cell:f}" if isinstance(cell, Decimal) and cell.is_finite() else str(cell)
