"""Numbers of price lists: decimals from their text, never a binary float.

Makers of price maps work in floats: 0.05 / 1,000,000 is written 5.0000000000000004E-8. A float holds 15 digits for certain,
so what has more is rounded to 15 there, which undoes that and changes no price that anybody published.
"""

import json
from decimal import ROUND_HALF_EVEN, Context, Decimal, DecimalException
from typing import Any, Final

from ingest.money import plain_decimal
from ingest.price_lists.price_list import NotAPriceList

_CERTAIN: Final = Context(prec=15, rounding=ROUND_HALF_EVEN)
_LARGEST: Final = Decimal(1_000_000)
_LONGEST: Final = 28


def decoded(text: str) -> Any:
    """JSON with its numbers as decimals.

    Raises:
        NotAPriceList: it is not JSON.
    """
    try:
        return json.loads(text, parse_float=_decimal, parse_int=_decimal, parse_constant=str)
    except RecursionError:
        raise NotAPriceList("its JSON is nested too deeply to be a price list") from None
    except ValueError as error:
        raise NotAPriceList(f"its JSON cannot be read: {error}") from None


def price(held: Any) -> Decimal | None:
    """An amount of money for one unit; None for what is none: no number, below 0, or a million and more."""
    if isinstance(held, str):
        held = _decimal(held.strip())
    if not isinstance(held, Decimal) or not held.is_finite() or not 0 <= held < _LARGEST:
        return None
    return held


def mended(amount: Decimal) -> Decimal:
    """An amount without what a float did to it."""
    return _CERTAIN.plus(amount)


def plain(amount: Decimal) -> Decimal:
    """The same amount as people write it: no zeros at the end, no exponent."""
    return Decimal(plain_decimal(amount))


def _decimal(text: str) -> Any:
    """The decimal of a number's text, or the text where it is none, or too long to be a price."""
    if len(text) > _LONGEST:
        return text
    try:
        return Decimal(text)
    except DecimalException:
        return text
