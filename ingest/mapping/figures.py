"""Figures: numbers as people and spreadsheets write them, exactly. No float on the way.

What separates thousands and what the decimals is stated and never guessed: "1,234" is one number in one notation and
another in the other, so a separator that was not stated is no number at all.
"""

import re
from decimal import Context, Decimal
from functools import cached_property
from typing import Final

Separator = str

WIDE: Final = Context(prec=160)
"""More digits than any figure here has, so that changing its unit loses none."""

_LONGEST: Final = 80
_FEW: Final = 18
_LARGEST_EXPONENT: Final = 40
_SPELLINGS: Final = {
    " ": "[ \N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}\N{THIN SPACE}]",
    "'": "['\N{RIGHT SINGLE QUOTATION MARK}]",
}
"""Separators that writers spell in several ways."""
_FORMULA: Final = re.compile(r"""='?"?(.*?)"?|'(?=[=+\-@\d.,])(.*)""", re.DOTALL)
_ESCAPED: Final = re.compile(r"'(?=[=+\-@])")


class Notation:
    """One way to write numbers."""

    def __init__(self, decimal: Separator = ".", thousands: Separator | None = None) -> None:
        self.decimal = decimal
        self.thousands = thousands

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        point = re.escape(self.decimal)
        group = _spelled(self.thousands)
        whole = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)" if group else r"\d+"
        fraction = rf"(?:{point}(\d*))?"
        return re.compile(rf"([+-]?)(?:({whole}){fraction}|{point}(\d+))(?:[eE]([+-]?\d{{1,3}}))?", re.ASCII)

    def number(self, value: object) -> Decimal | None:
        """The number that a cell holds; None where it holds none in this notation."""
        if isinstance(value, str) and len(value) <= _FEW and value.isdecimal() and value.isascii():
            return Decimal(value)  # the same in every notation, and most of them
        if isinstance(value, bool):
            return None
        if isinstance(value, int | Decimal):
            number = Decimal(value)
        elif isinstance(value, str) and len(value) <= _LONGEST:
            found = self._pattern.fullmatch(unescaped_number(value.strip()).replace("\N{MINUS SIGN}", "-"))
            if found is None:
                return None
            sign, whole, decimals, bare, exponent = found.groups()
            digits = whole or "0"
            if not digits.isdecimal():
                digits = "".join(filter(str.isdecimal, digits))
            number = Decimal(f"{sign}{digits}.{decimals or bare or '0'}e{exponent or 0}")
        else:
            return None
        return number if number.is_finite() and abs(number.adjusted()) <= _LARGEST_EXPONENT else None


def unescaped(text: str) -> str:
    """`text` without the apostrophe that keeps a spreadsheet from taking it for a formula."""
    return _ESCAPED.sub("", text, count=1) if text[:1] == "'" else text


def unescaped_number(text: str) -> str:
    """The same for a number, which is kept as text by an apostrophe or as a formula of itself (`="0012"`)."""
    found = _FORMULA.fullmatch(text)
    return text if found is None else found[1] or found[2] or ""


def _spelled(separator: Separator | None) -> str:
    return "" if separator is None else _SPELLINGS.get(separator, re.escape(separator))
