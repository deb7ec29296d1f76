"""The price list: what a file says prices are, and what of it could not be taken."""

import re
from dataclasses import dataclass
from typing import Final

from ingest.pricing.point import SNAPSHOT, PricePoint
from ingest.pricing.terms import Term

_LONGEST: Final = 255
_SOURCE: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")


def is_source(name: str) -> bool:
    """Whether imported prices may be kept under this name: that of the shipped snapshot means nothing else."""
    return _SOURCE.fullmatch(name) is not None and name != SNAPSHOT


def is_name(text: str) -> bool:
    """Whether a provider or a model may be called this: something to print, and not a whole text."""
    return 0 < len(text) <= _LONGEST and text.isprintable()


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)


class NotAPriceList(Exception):
    """A file holds no prices that can be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong in a file. Nothing is taken from where it stands."""

    where: str
    """The line or the entry."""
    field: str
    value: str
    advice: str

    def __str__(self) -> str:
        return f"{_printable(self.where)}: {_printable(self.field)} is {self.value!r}; {self.advice}"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Prices of one name that are right but have no use here, and how many of them."""

    field: str
    reason: str
    count: int


@dataclass(frozen=True, slots=True)
class PriceList:
    """What a file says. Points and terms carry its source and edition, not yet when and by whom they were added."""

    kind: str
    source: str
    origin: str
    models: int
    """How many models it has a price of."""
    points: tuple[PricePoint, ...]
    terms: tuple[Term, ...] = ()
    faults: tuple[Fault, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    is_whole: bool = False
    """Whether the source says all that it knows: then a price that it does not name is no longer listed."""
