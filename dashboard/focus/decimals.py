"""The decimal numbers of an export. None is rounded by accident.

An amount has at most `MONEY_SCALE` decimals and a unit price at most `PRICE_SCALE`. The decimals of a price
and of its quantity together are at most `MONEY_SCALE`, so that their product is exact. A shared amount is
split to the last decimal, and the parts add up to it.
"""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Context, Decimal, Inexact
from fractions import Fraction
from typing import Final

from dashboard.query.apportion import apportioned
from ingest.model.money import SCALE as PICO_SCALE
from ingest.model.money import divide_half_even

DIGITS: Final = 38
"""The number of digits that fit a decimal128."""
MONEY_SCALE: Final = 24
PRICE_SCALE: Final = 18
CONVERTED_PRICE_SCALE: Final = 15
"""The number of decimals of a unit price that is converted to another currency."""
QUANTITY_SCALE: Final = 12

ZERO: Final = Decimal(0)
ONE: Final = Decimal(1)

_EXACT: Final = Context(prec=76, traps=[Inexact])
_ROUNDING: Final = Context(prec=76, rounding=ROUND_HALF_EVEN)


def product(price: Decimal, quantity: Decimal) -> Decimal:
    """Price times quantity, exactly."""
    return _EXACT.multiply(price, quantity)


def plus(left: Decimal, right: Decimal) -> Decimal:
    """The sum, exactly."""
    return _EXACT.add(left, right)


def scaled(number: int, scale: int) -> Decimal:
    """The decimal `number` / 10^`scale`."""
    return _EXACT.scaleb(Decimal(number), -scale)


def of_pico(pico: int) -> Decimal:
    """An amount of the ledger, which is in pico-units, as a decimal."""
    return scaled(pico, PICO_SCALE)


def decimal_of(exact: Fraction, scale: int) -> Decimal:
    """A fraction as a decimal, rounded half to even to at most `scale` decimals."""
    number = exact * 10**scale
    rounded = scaled(divide_half_even(number.numerator, number.denominator), scale)
    return rounded.normalize(_ROUNDING)


def decimals(value: Decimal) -> int:
    """The number of decimals of a number."""
    exponent = value.as_tuple().exponent
    assert isinstance(exponent, int), "a number of the ledger is finite"
    return max(0, -exponent)


def split(number: Decimal, scale: int, shares: Sequence[Fraction]) -> list[Decimal]:
    """The number split by the shares into parts of at most `scale` decimals that add up to it exactly."""
    if len(shares) == 1:
        return [number]
    whole = int(_EXACT.to_integral_exact(_EXACT.scaleb(number, scale)))
    parts = apportioned([whole * share for share in shares], whole)
    return [scaled(part, scale).normalize(_ROUNDING) for part in parts]
