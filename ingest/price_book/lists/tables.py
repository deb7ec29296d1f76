"""Tables of own prices: the rows of CSV, YAML and JSON, with every cell as text and the place of each row.

A document is a list of prices, or an object with the list under `prices` and shared values beside it.
"""

import csv
import io
from collections.abc import Mapping
from decimal import Decimal
from pathlib import PurePath
from typing import Any, Final, NamedTuple

from ingest.price_book.lists.price_list import Fault, NotAPriceList

_DELIMITERS: Final = ",;\t"
_LIST: Final = "prices"
_CELL: Final = (str, int, Decimal, bool)
_MOST_NODES: Final = 100_000
_DEEPEST: Final = 20


class Row(NamedTuple):
    """One row: its place in the file, and its cells by column name."""

    where: str
    cells: Mapping[str, str]


class Table(NamedTuple):
    """The rows of a file, and its lines or entries that are no rows."""

    rows: tuple[Row, ...]
    faults: tuple[Fault, ...] = ()


def is_csv(name: str, text: str) -> bool:
    """Whether a file is a table rather than YAML: by its name, else by its first line."""
    if PurePath(name.lower()).suffix in {".csv", ".tsv"}:
        return True
    first = text.lstrip().partition("\n")[0].lower()
    return (
        "model" in first
        and any(delimiter in first for delimiter in _DELIMITERS)
        and not first.startswith(("-", "#"))
    )


def of_csv(text: str) -> Table:
    """The rows under a line of column names. Commas, semicolons or tabs separate the cells."""
    first = text.partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    rows, faults = [], []
    try:
        names = [name.strip().lower() for name in next(reader)]
        for cells in reader:
            where = f"line {reader.line_num}"
            if len(cells) > len(names):
                advice = f"the first line names {len(names)} columns; quote a cell that holds a {delimiter!r}"
                faults.append(Fault(where, "row", delimiter.join(cells), advice))
            elif any(cell.strip() for cell in cells):
                rows.append(Row(where, _filled(zip(names, cells, strict=False))))
    except csv.Error as error:
        raise NotAPriceList(f"line {reader.line_num} is not CSV: {error}") from None
    return Table(tuple(rows), tuple(faults))


def of_yaml(text: str) -> Table:
    """The rows of a YAML document. Its scalars stay text, so that no price passes through a binary float.

    Raises:
        NotAPriceList: the text is not YAML, or contains no list of prices.
    """
    import yaml

    try:
        _check_yaml(text)
        document = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - loads only text and lists
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        raise NotAPriceList(
            f"it is not YAML{where}: {getattr(error, 'problem', None) or 'it cannot be read'}"
        ) from None
    return of_document(document)


def _check_yaml(text: str) -> None:
    """Refuse YAML that is far larger than its text, or than any price list, before it is built.

    Raises:
        NotAPriceList: it has aliases, too many values, or values too deep in others.
        yaml.YAMLError: it is not YAML.
    """
    import yaml

    depth = nodes = 0
    for event in yaml.parse(text, Loader=yaml.BaseLoader):
        line = event.start_mark.line + 1 if event.start_mark else 0
        if isinstance(event, yaml.AliasEvent):
            raise NotAPriceList(f"line {line} has the alias *{event.anchor}: write the values out instead")
        if isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.NodeEvent):
            nodes += 1
            depth += isinstance(event, yaml.CollectionStartEvent)
        if depth > _DEEPEST:
            raise NotAPriceList(f"line {line} is nested too deeply to be in a price list")
        if nodes > _MOST_NODES:
            raise NotAPriceList(f"it has more than {_MOST_NODES:,} values by line {line}: split it")


def of_document(document: Any) -> Table:
    """The rows of a JSON or YAML document.

    Raises:
        NotAPriceList: the document contains no list of prices.
    """
    shared = (
        {name: value for name, value in document.items() if name != _LIST}
        if isinstance(document, dict)
        else {}
    )
    listed = document.get(_LIST) if isinstance(document, dict) else document
    if not isinstance(listed, list):
        raise NotAPriceList(
            "it holds no prices: give LiteLLM's price map, Bifrost's datasheet, or a table with the columns "
            "provider, model, input, output (CSV), or a list of such objects (YAML, JSON), as docs/prices.md "
            "shows"
        )
    rows, faults = [], []
    for number, entry in enumerate(listed, start=1):
        where = f"entry {number}"
        cells = shared | entry if isinstance(entry, dict) else {}
        bad_name = next((name for name, cell in cells.items() if cell and not isinstance(cell, _CELL)), None)
        if not isinstance(entry, dict):
            faults.append(
                Fault(where, "entry", str(entry), "write an object with provider, model and prices")
            )
        elif bad_name is not None:
            faults.append(Fault(where, str(bad_name), str(cells[bad_name]), "write one value"))
        else:
            rows.append(Row(where, _filled((name, _text(cell)) for name, cell in cells.items())))
    return Table(tuple(rows), tuple(faults))


def _filled(cells: Any) -> dict[str, str]:
    """The cells that are not empty."""
    return {str(name).strip().lower(): cell.strip() for name, cell in cells if cell.strip()}


def _text(cell: Any) -> str:
    if cell is None or isinstance(cell, list | dict):  # empty ones, as found above
        return ""
    return f"{cell:f}" if isinstance(cell, Decimal) and cell.is_finite() else str(cell)
