"""Mappings: a file that says which column of a table is what of an event, so that any table can be read.

A mapping is a format like the others, but for one import: `Mapped.format` reads its rows and no others.
"""

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Final

from ingest.formats.format import Fields, Format
from ingest.mapping import plan
from ingest.mapping.plan import MappingError
from ingest.mapping.reading import KEPT, Reader, source_of
from ingest.refusal import Refused

__all__ = ["Mapped", "MappingError", "load", "source_of"]

_LARGEST: Final = 2**20
_NAMES_SHOWN: Final = 20


class Mapped:
    """A mapping in use. It travels to another process as its text."""

    def __init__(self, text: str, name: str) -> None:
        """`text` is TOML, `name` what messages call it.

        Raises:
            MappingError: it cannot be used.
        """
        self.text = text
        self.name = name
        self.digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
        """What tells this mapping from another, also of the same name."""
        self._reader = Reader(plan.read(text, name))
        self.source = self._reader.plan.source
        self._known = frozenset(self._columns()) | {KEPT}
        self.format = Format(
            name=f"mapping:{self.source}",
            title=f"a row of the table that {name} describes",
            recognises=self._recognises,
            read=self._reader.read,
            keep=self._reader.kept,
        )

    def __reduce__(self) -> tuple[type["Mapped"], tuple[str, str]]:
        return Mapped, (self.text, self.name)

    def fits(self, columns: Collection[str]) -> None:
        """See that a table with these columns has those that are mapped.

        Raises:
            Refused: one is missing and not said to be optional; the mapping or the table is another's.
        """
        there = frozenset(columns)
        for key, column in self._reader.plan.columns().items():
            missing = [name for name in column.names if not _has(there, name)]
            enough = column.first_of is not None and len(missing) < len(column.names)
            if missing and not enough and not column.optional:
                raise self._lacks(key, missing[0], columns)
        for one in self._reader.plan.skip:
            if not _has(there, one.column):
                raise self._lacks("skip", one.column, columns)

    def _lacks(self, key: str, missing: str, columns: Collection[str]) -> Refused:
        shown = ", ".join(list(columns)[:_NAMES_SHOWN]) + (", ..." if len(columns) > _NAMES_SHOWN else "")
        reason = f"{self.name}: {key}: the table has no column {missing!r}; it has {shown}"
        return Refused("missing_column", reason, missing)

    def _recognises(self, fields: Fields) -> bool:
        return not self._known.isdisjoint(fields)

    def _columns(self) -> set[str]:
        held = self._reader.plan
        named = {name for column in held.columns().values() for name in column.names}
        named |= {one.column for one in held.skip}
        return named | {name.partition(".")[0] for name in named}


def load(path: str) -> Mapped:
    """The mapping in a file.

    Raises:
        MappingError: it cannot be read or used; the message names the file, the key and what is allowed.
    """
    at = Path(path)
    try:
        if at.stat().st_size > _LARGEST:
            raise MappingError(f"{path}: a mapping is not larger than {_LARGEST} bytes")
        text = at.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MappingError(f"{path}: {error.strerror or error}") from error
    except UnicodeDecodeError:
        raise MappingError(f"{path}: not UTF-8: is this the mapping and not the table?") from None
    return Mapped(text, path)


def _has(columns: Collection[str], name: str) -> bool:
    return name in columns or name.partition(".")[0] in columns
