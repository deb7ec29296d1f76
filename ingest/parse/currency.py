"""Codes of currencies (ISO 4217): three capital letters, such as USD.

What sources state is only checked for its form. What people type is looked up in the list of the standard,
former currencies included, so that a slip is not taken for a currency.
"""

import re
from functools import cache
from typing import Final

_CODE: Final = re.compile("[A-Z]{3}")
_NO_MONEY: Final = frozenset(("XTS", "XXX"))
"""Codes of the standard that stand for no currency: for tests, and for none."""


def is_currency(text: str) -> bool:
    """Whether a text is the code of a currency."""
    return _CODE.fullmatch(text) is not None


def read_currency(text: str) -> str | None:
    """The currency code in a text, upper or lower case; None for anything else."""
    code = text.strip().upper()
    return code if is_currency(code) else None


def known_currency(text: str) -> str | None:
    """The code of a currency of ISO 4217 in a text, upper or lower case; None for anything else."""
    code = read_currency(text)
    return code if code in _known() else None


@cache
def _known() -> frozenset[str]:
    from babel.core import get_global

    return frozenset(get_global("all_currencies")) - _NO_MONEY
