"""Mappings: a file that maps the columns of a table to the fields of an event, so that any table can be read.

A mapping is a format like the others, but for one import only: `TableMapping.format` reads rows of its table.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Final

from ingest.formats.format import Fields, Format
from ingest.mapping import plan
from ingest.mapping.plan import MappingError
from ingest.mapping.reader import STORED_ROW, RowReader, source_of
from ingest.model.rejection import Refused

__all__ = ["MappingError", "TableMapping", "load", "source_of"]

_MAX_BYTES: Final = 2**20
_NAMES_SHOWN: Final = 20


class TableMapping:
    """A mapping that has been checked. It is sent to other processes as its text."""

    def __init__(self, text: str, name: str) -> None:
        """`text` is TOML; messages call it `name`.

        Raises:
            MappingError: the mapping has errors.
        """
        self.text = text
        self.name = name
        self.digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        """The digest of the text, which differs between mappings of the same name."""
        self._reader = RowReader(plan.parse_plan(text, name))
        self.source = self._reader.plan.source
        self._known = frozenset(self._columns()) | {STORED_ROW}
        self.format = Format(
            name=f"mapping:{self.source}",
            title=f"a row of the table that {name} describes",
            recognises=self._recognises,
            read=self._reader.read,
            redact=self._reader.redact,
        )

    def __reduce__(self) -> tuple[type["TableMapping"], tuple[str, str]]:
        return TableMapping, (self.text, self.name)

    def check_columns(self, columns: Collection[str]) -> None:
        """Check that a table with these columns has the mapped columns.

        Raises:
            Refused: a column is missing that is not optional.
        """
        present = frozenset(columns)
        for key, column in self._reader.plan.columns().items():
            missing = [name for name in column.names if not _has_column(present, name)]
            is_enough = column.first_of is not None and len(missing) < len(column.names)
            if missing and not is_enough and not column.optional:
                raise self._missing_column(key, missing[0], columns)
        for rule in self._reader.plan.skip:
            if not _has_column(present, rule.column):
                raise self._missing_column("skip", rule.column, columns)

    def _missing_column(self, key: str, missing: str, columns: Collection[str]) -> Refused:
        shown = ", ".join(list(columns)[:_NAMES_SHOWN]) + (", ..." if len(columns) > _NAMES_SHOWN else "")
        reason = f"{self.name}: {key}: the table has no column {missing!r}; it has {shown}"
        return Refused("missing_column", reason, missing)

    def _recognises(self, fields: Fields) -> bool:
        return not self._known.isdisjoint(fields)

    def _columns(self) -> set[str]:
        plan = self._reader.plan
        names = {name for column in plan.columns().values() for name in column.names}
        names |= {rule.column for rule in plan.skip}
        return names | {name.partition(".")[0] for name in names}


def load(path: str) -> TableMapping:
    """The mapping in a file.

    Raises:
        MappingError: the file is unreadable or has errors; the message names file, key and allowed values.
    """
    file = Path(path)
    try:
        with file.open("rb") as opened:
            data = opened.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise MappingError(f"{path}: a mapping is not larger than {_MAX_BYTES} bytes")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise MappingError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise MappingError(f"{path}: not UTF-8: is this the mapping and not the table?") from None
    return TableMapping(text, path)


def _has_column(columns: Collection[str], name: str) -> bool:
    return name in columns or name.partition(".")[0] in columns
