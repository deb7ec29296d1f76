"""Codes of currencies (ISO 4217): three capital letters, such as USD."""

import re
from typing import Final

_CODE: Final = re.compile("[A-Z]{3}")


def is_currency(text: str) -> bool:
    """Whether a text is the code of a currency."""
    return _CODE.fullmatch(text) is not None


def read_currency(text: str) -> str | None:
    """The currency code in a text, upper or lower case; None for anything else."""
    code = text.strip().upper()
    return code if is_currency(code) else None
