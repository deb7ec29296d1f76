"""Numbers as users type them: `1200`, `1,200.50`, `5_000_000`.

A comma separates thousands and nothing else: `1,5` is refused and does not become 15.
"""

import re
from decimal import Decimal
from typing import Final

from ingest.model import money

_NUMBER: Final = re.compile(
    r"[+-]?(?=[.\d])(\d{1,3}(,\d{3})+|\d+(_\d+)*)?(\.\d*)?(e[+-]?\d{1,3})?", re.ASCII | re.IGNORECASE
)
_LONGEST: Final = 60
_MOST: Final = 10**money.MOST_DIGITS
"""Numbers of this size and above are refused."""
_MOST_PERCENT: Final = 1_000_000
_PERCENT_DECIMALS: Final = 9


class NotANumber(ValueError):
    """The text is not a number, or is out of range."""


def number(text: str) -> Decimal:
    """The number in a text.

    Raises:
        NotANumber: the text is not a number, or it is too large.
    """
    plain = text.strip()
    if len(plain) > _LONGEST or not _NUMBER.fullmatch(plain) or plain.strip("+-") == ".":
        raise NotANumber(text)
    value = Decimal(plain.replace(",", ""))
    if abs(value) >= _MOST:
        raise NotANumber(text)
    return value


def amount(text: str) -> int:
    """The pico-units of an amount of money.

    Raises:
        NotANumber: the text is not a number, or has more decimals than pico-units have.
    """
    exact = number(text)
    pico = money.pico_of(exact)
    if money.from_pico(pico) != exact:
        raise NotANumber(text)
    return pico


def whole(text: str) -> int:
    """The whole number in a text.

    Raises:
        NotANumber: the text is not a whole number.
    """
    exact = number(text)
    if exact != int(exact):
        raise NotANumber(text)
    return int(exact)


def percent(text: str) -> Decimal:
    """The share of a percentage: 0.12 for `12%`, 0.075 for `7.5 %`; negative below 0%.

    Raises:
        NotANumber: it has no percent sign or no number before it, is 1,000,000%
        or more, or has over nine decimals.
    """
    before, sign, after = text.strip().partition("%")
    if not sign or after:
        raise NotANumber(text)
    exact = number(before.replace("\N{MINUS SIGN}", "-"))
    if abs(exact) >= _MOST_PERCENT or int(exact.as_tuple().exponent) < -_PERCENT_DECIMALS:
        raise NotANumber(text)
    return exact.scaleb(-2)
