"""Numbers of price lists: decimals from their text, never a binary float.

Price maps are calculated with floats: 0.05 / 1,000,000 is written as 5.0000000000000004E-8. A float is exact
to 15 digits, so longer numbers are rounded to 15, which restores the published price.
"""

import json
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException
from typing import Any, Final

from ingest.model.money import plain_decimal
from ingest.price_book.lists.price_list import NotAPriceList

_CERTAIN_DIGITS: Final = Context(prec=15, rounding=ROUND_HALF_EVEN)
_LARGEST: Final = Decimal(1_000_000)
_LONGEST: Final = 28
_LARGEST_EXPONENT: Final = 100
"""A number with a larger exponent is no figure, and its digits would fill the memory."""


def decoded(text: str) -> Any:
    """JSON with its numbers as decimals.

    Raises:
        NotAPriceList: the text is not JSON.
    """
    try:
        return json.loads(text, parse_float=_decimal, parse_int=_decimal, parse_constant=str)
    except RecursionError:
        raise NotAPriceList("its JSON is nested too deeply to be a price list") from None
    except ValueError as error:
        raise NotAPriceList(f"its JSON cannot be read: {error}") from None


def price(value: Any) -> Decimal | None:
    """The price of one unit; None for anything but a number from 0 to below 1,000,000."""
    if isinstance(value, str):
        value = _decimal(value.strip())
    if not isinstance(value, Decimal) or not value.is_finite() or not 0 <= value < _LARGEST:
        return None
    return value


def without_float_noise(amount: Decimal) -> Decimal:
    """The amount without the error of a binary float."""
    return _CERTAIN_DIGITS.plus(amount)


def plain(amount: Decimal) -> Decimal:
    """The same amount without trailing zeros and without an exponent."""
    return Decimal(plain_decimal(amount))


def _decimal(text: str) -> Any:
    """The decimal of a number's text, or the text itself if it is no number, or none that a price can be."""
    if len(text) > _LONGEST:
        return text
    try:
        number = Decimal(text)
    except DecimalException:
        return text
    is_figure = not number.is_finite() or abs(number.adjusted()) <= _LARGEST_EXPONENT
    return number if is_figure else text
