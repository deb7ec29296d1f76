"""Numbers of an export: decimals of which none is rounded by accident.

An amount has at most `MONEY_SCALE` decimals, a unit price `PRICE_SCALE`, and what a price and a quantity have together is no
more than an amount has, so that their product is exact. A shared amount is split to the last decimal, and the parts add up.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact
from fractions import Fraction
from typing import Final

from dashboard.query.apportion import apportioned
from ingest.model.money import SCALE as PICO_SCALE
from ingest.model.money import divide_half_even

DIGITS: Final = 38
"""So many digits fit a decimal128."""
MONEY_SCALE: Final = 24
PRICE_SCALE: Final = 18
QUANTITY_SCALE: Final = 12

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

_EXACT: Final = Context(prec=76, traps=[Inexact])
_ROUNDING: Final = Context(prec=76, rounding=ROUND_HALF_EVEN)


def product(price: Decimal, quantity: Decimal) -> Decimal:
    """Price times quantity, exactly."""
    return _EXACT.multiply(price, quantity)


def plus(one: Decimal, other: Decimal) -> Decimal:
    """The sum, exactly."""
    return _EXACT.add(one, other)


def scaled(number: int, scale: int) -> Decimal:
    """`number` units of the last of `scale` decimals."""
    return _EXACT.scaleb(Decimal(number), -scale)


def of_pico(pico: int) -> Decimal:
    """An amount of the ledger."""
    return scaled(pico, PICO_SCALE)


def decimal_of(exact: Fraction, scale: int) -> Decimal:
    """A fraction with at most `scale` decimals, half to even where it has more."""
    number = exact * 10**scale
    rounded = scaled(divide_half_even(number.numerator, number.denominator), scale)
    return rounded.normalize(_ROUNDING)


def decimals(value: Decimal) -> int:
    """How many decimals a number has."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), "a number of the ledger is finite"
    return max(0, -exponent)


def split(number: Decimal, scale: int, shares: Sequence[Fraction]) -> list[Decimal]:
    """Parts of a number, with at most `scale` decimals each, that add up to it to the last of them."""
    if len(shares) == 1:
        return [number]
    whole = int(_EXACT.to_integral_exact(_EXACT.scaleb(number, scale)))
    parts = apportioned([whole * share for share in shares], whole)
    return [scaled(part, scale).normalize(_ROUNDING) for part in parts]
