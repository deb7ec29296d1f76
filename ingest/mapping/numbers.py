"""Numbers in the notations of people and spreadsheets, converted exactly, without floats.

The separators of thousands and decimals are stated in the mapping and never inferred, because "1,234" is a
different number in each notation. A text with a separator that was not stated is not a number.
"""

import re
from decimal import Context, Decimal
from functools import cached_property
from typing import Final

Separator = str

WIDE_CONTEXT: Final = Context(prec=160)
"""More digits than any number here has, so that a change of unit is exact."""

_MAX_LENGTH: Final = 80
_FAST_PATH_LENGTH: Final = 18
_LARGEST_EXPONENT: Final = 40
_SEPARATOR_VARIANTS: Final = {
    " ": "[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}]",
    "'": "['\N{RIGHT SINGLE QUOTATION MARK}]",
}
"""Separators that are several characters in Unicode."""
_FORMULA: Final = re.compile(r"""='?"?(.*?)"?|'(?=[=+\-@\d.,])(.*)""", re.DOTALL)
_ESCAPED: Final = re.compile(r"'(?=[=+\-@])")


class Notation:
    """A notation of numbers: the separators of decimals and thousands."""

    def __init__(self, decimal: Separator = ".", thousands: Separator | None = None) -> None:
        self.decimal = decimal
        self.thousands = thousands

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        point = re.escape(self.decimal)
        group = _separator_pattern(self.thousands)
        whole = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)" if group else r"\d+"
        fraction = rf"(?:{point}(\d*))?"
        return re.compile(rf"([+-]?)(?:({whole}){fraction}|{point}(\d+))(?:[eE]([+-]?\d{{1,3}}))?", re.ASCII)

    def number(self, value: object) -> Decimal | None:
        """The number in a cell; None where the cell is not a number in this notation."""
        if (
            isinstance(value, str)
            and len(value) <= _FAST_PATH_LENGTH
            and value.isdecimal()
            and value.isascii()
        ):
            return Decimal(value)  # the most frequent case, and equal in every notation
        if isinstance(value, bool):
            return None
        if isinstance(value, int | Decimal):
            number = Decimal(value)
        elif isinstance(value, str) and len(value) <= _MAX_LENGTH:
            match = self._pattern.fullmatch(without_escape(value.strip()).replace("\N{MINUS SIGN}", "-"))
            if match is None:
                return None
            sign, whole, decimals, bare, exponent = match.groups()
            digits = whole or "0"
            if not digits.isdecimal():
                digits = "".join(filter(str.isdecimal, digits))
            number = Decimal(f"{sign}{digits}.{decimals or bare or '0'}e{exponent or 0}")
        else:
            return None
        return number if number.is_finite() and abs(number.adjusted()) <= _LARGEST_EXPONENT else None


def without_apostrophe(text: str) -> str:
    """`text` without the apostrophe that stops a spreadsheet from reading it as a formula."""
    return _ESCAPED.sub("", text, count=1) if text[:1] == "'" else text


def without_escape(text: str) -> str:
    """A number as text, without its apostrophe or its formula (`="0012"`)."""
    match = _FORMULA.fullmatch(text)
    return text if match is None else match[1] or match[2] or ""


def _separator_pattern(separator: Separator | None) -> str:
    return "" if separator is None else _SEPARATOR_VARIANTS.get(separator, re.escape(separator))
