"""The price list: the prices of a file, and the parts of the file that could not be used."""

import re
from dataclasses import dataclass
from typing import Final

from ingest.pricing.point import SNAPSHOT, PricePoint
from ingest.pricing.terms import Term

_LONGEST: Final = 255
_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


def is_source(name: str) -> bool:
    """Whether imported prices may be stored under this source name; the name of the snapshot is reserved."""
    return _SOURCE.fullmatch(name) is not None and name != SNAPSHOT


def is_name(text: str) -> bool:
    """Whether a text may be the name of a provider or model: printable and not too long."""
    return 0 < len(text) <= _LONGEST and text.isprintable()


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


class NotAPriceList(Exception):
    """A file contains no readable prices; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault in a file. The line or entry with a fault is not used."""

    where: str
    """The line or the entry."""
    field: str
    value: str
    advice: str

    def __str__(self) -> str:
        return f"{_printable(self.where)}: {_printable(self.field)} is {self.value!r}; {self.advice}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """The valid but unusable prices of a field, with the reason and their number."""

    field: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class PriceList:
    """The content of a file.

    Its points and terms have a source and an edition, and get `added_at` and `added_by` later.
    """

    kind: str
    source: str
    origin: str
    models: int
    """The number of models with a price."""
    points: tuple[PricePoint, ...]
    terms: tuple[Term, ...] = ()
    faults: tuple[Fault, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    is_whole: bool = False
    """Whether the file has all prices of its source, so that a price missing in it is no longer listed."""
