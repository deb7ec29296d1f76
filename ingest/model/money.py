"""Exact money: 64-bit integers of pico-units (10^-12 of a currency unit), Decimal at the edges, no float.

One rounding rule for the whole ledger: a cost component is rounded once, half to even, when it becomes
pico-units. Sums of pico-units are plain integer sums and therefore exact. One event is below 9.2 million
units, so that it fits a signed 64-bit column; sums may be larger and are Python integers or NUMERIC.
"""

from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation, localcontext

SCALE = 12
PICO_PER_UNIT = 10**SCALE
LARGEST = 2**63 - 1
MOST_DIGITS = 13
"""Most digits before the point of an amount that a user enters; ten of the largest still fit every export."""

_WIDE = Context(prec=60, rounding=ROUND_HALF_EVEN)


class MoneyError(ValueError):
    """An amount that the ledger refuses: not a number, or too large for one event."""


def to_pico(amount: Decimal) -> int:
    """`amount` in pico-units, rounded half to even.

    Raises:
        MoneyError: the amount is NaN or infinite, or 9.2 million units and more.
    """
    if not amount.is_finite():
        raise MoneyError(f"{amount} is not an amount of money")
    if amount.adjusted() > 7:  # noqa: PLR2004 - 8 digits before the point: refused before it is scaled
        raise MoneyError(f"{amount:.4E} is larger than one event can cost")
    pico = int(amount.scaleb(SCALE, _WIDE).to_integral_value(ROUND_HALF_EVEN))
    if abs(pico) > LARGEST:
        raise MoneyError(f"{amount} is larger than one event can cost")
    return pico


def from_pico(pico: int) -> Decimal:
    """Exactly `pico` pico-units as a Decimal of whole units, whatever its size."""
    with localcontext(_WIDE):
        return Decimal(pico).scaleb(-SCALE)


def pico_of(amount: Decimal) -> int:
    """The pico-units of a sum of any size, exactly; the inverse of `from_pico`."""
    return int(amount.scaleb(SCALE, _WIDE))


def add(first: Decimal, second: Decimal) -> Decimal:
    """The sum of two amounts that `to_pico` takes, exact to 60 digits."""
    return _WIDE.add(first, second)


def plain(pico: int) -> str:
    """`pico` as a decimal text: full precision, no exponent, no trailing zeros, `"0"` for zero."""
    sign = "-" if pico < 0 else ""
    units, rest = divmod(abs(pico), PICO_PER_UNIT)
    if not rest:
        return f"{sign}{units}"
    return f"{sign}{units}.{rest:012d}".rstrip("0")


def plain_decimal(amount: Decimal) -> str:
    """`amount` as a decimal text: full precision, no exponent, no trailing zeros, `"0"` for zero."""
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def as_written(text: str) -> Decimal:
    """The number that people write as `1234.5`, `1,234.50`, `1.234,50` or `1,5`.

    Raises:
        InvalidOperation: the text is not a number, or is ambiguous, such as `1,234`.
    """
    text = text.strip()
    if "," not in text:
        return Decimal(text)
    if "." in text:
        thousands = "," if text.rindex(".") > text.rindex(",") else "."
        return Decimal(text.replace(thousands, "").replace(",", "."))
    whole, _, rest = text.partition(",")
    if len(rest) == 3 or "," in rest or not whole.lstrip("-").isdigit():  # noqa: PLR2004 - ambiguous
        raise InvalidOperation
    return Decimal(f"{whole}.{rest}")


def divide_half_even(numerator: int, denominator: int) -> int:
    """`numerator / denominator` as the nearest integer, ties to the even one. The denominator is positive."""
    quotient, rest = divmod(numerator, denominator)
    twice = 2 * rest
    if twice > denominator or (twice == denominator and quotient % 2):
        return quotient + 1
    return quotient
