"""Numbers as people type them: `1200`, `1,200.50`, `5_000_000`. A comma stands before three digits and nowhere else: nobody's `1,5` becomes 15."""

import re
from decimal import Decimal
from typing import Final

from ingest.model import money

_NUMBER: Final = re.compile(
    r"[+-]?(?=[.\d])(\d{1,3}(,\d{3})+|\d+(_\d+)*)?(\.\d*)?(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE
)
_LONGEST: Final = 60
_MOST: Final = 10**money.MOST_DIGITS
"""More than anybody has."""
_MOST_PERCENT: Final = 1_000_000
_PERCENT_DECIMALS: Final = 9


class NotANumber(ValueError):
    """A text that is no number, or one that nobody can mean."""


def number(text: str) -> Decimal:
    """The number that a text is.

    Raises:
        NotANumber: it is none, or too large.
    """
    plain = text.strip()
    if len(plain) > _LONGEST or not _NUMBER.fullmatch(plain) or plain.strip("+-") == ".":
        raise NotANumber(text)
    found = Decimal(plain.replace(",", ""))
    if abs(found) >= _MOST:
        raise NotANumber(text)
    return found


def amount(text: str) -> int:
    """The pico-units of an amount of money.

    Raises:
        NotANumber: it is none, or finer than money is counted.
    """
    exact = number(text)
    pico = money.pico_of(exact)
    if money.from_pico(pico) != exact:
        raise NotANumber(text)
    return pico


def whole(text: str) -> int:
    """A whole number of something.

    Raises:
        NotANumber: it is none.
    """
    exact = number(text)
    if exact != int(exact):
        raise NotANumber(text)
    return int(exact)


def percent(text: str) -> Decimal:
    """The share that a percentage such as `12%` or `7.5 %` is: 0.12 or 0.075, negative below 0%.

    Raises:
        NotANumber: it has no percent sign or no number before it, is 1,000,000% or more, or has over nine decimals.
    """
    before, sign, after = text.strip().partition("%")
    if not sign or after:
        raise NotANumber(text)
    exact = number(before.replace("\N{MINUS SIGN}", "-"))
    if abs(exact) >= _MOST_PERCENT or int(exact.as_tuple().exponent) < -_PERCENT_DECIMALS:
        raise NotANumber(text)
    return exact.scaleb(-2)
