"""Numbers of JSON as exact decimals, in one place for every reader that must not see a float.

A number whose exponent is beyond all measure is no figure of a call. Arithmetic with it overflows, and its
digits would fill the memory, so no reader gets it.
"""

from decimal import Decimal
from typing import Final

from ingest.model.rejection import Refused

LARGEST_EXPONENT: Final = 1_000
"""The first digit of a number stands at most this many places before or behind the point. A float has 324."""


def exact(text: str) -> Decimal:
    """The number in `text`, for `float_hook` and `parse_float`.

    Raises:
        Refused: it is no number, or its exponent is beyond all measure.
    """
    number = bounded(text)
    if number is None:
        raise Refused("not_json", "a number has an exponent beyond all measure")
    return number


def exact_or_text(text: str) -> Decimal | str:
    """The number in `text`, or the text itself where it is no number that can be read.

    For pages of many records: only the record that needs the number is refused.
    """
    number = bounded(text)
    return text if number is None else number


def bounded(text: str) -> Decimal | None:
    """The number in `text`; None where it is no number, or its exponent is beyond all measure."""
    try:
        number = Decimal(text)
    except ArithmeticError:
        return None
    return number if not number.is_finite() or abs(number.adjusted()) <= LARGEST_EXPONENT else None
