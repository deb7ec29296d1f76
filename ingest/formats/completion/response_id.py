"""Response ids: which ids identify a call.

Some servers send one id with every response, and some count or draw small numbers, so that many calls share
one. Such an id is no id: the call is known by another id, or has none.
"""

import re
from typing import Final

_SHARED: Final = frozenset({"", "stub", "none", "null", "unknown", "00000000-0000-0000-0000-000000000000"})
_SMALL_NUMBER: Final = re.compile(r"[0-9]{1,3}|[a-z]{1,20}[-_]")
"""A number below a thousand, or a prefix without anything behind it."""
_LONGEST: Final = 21
"""The length of the longest of these."""
_DRAWN: Final = re.compile(r"(?:chat)?cmpl-[0-9]{1,3}|resp_[0-9]{1,6}|[a-z][0-9]{1,3}", re.IGNORECASE)
"""Ids of Ollama, a number below a thousand or a million that is drawn anew for each response, and those of
small servers that count: a number after a letter."""
_MAY_DRAW: Final = frozenset({"ollama", "unknown"})
"""Providers whose ids may be drawn: Ollama, and servers that nobody knows."""


def is_id(value: str | int | None) -> bool:
    """Whether `value` identifies one call of its provider."""
    if isinstance(value, str) and len(value) > _LONGEST and value not in _SHARED:
        return not value.isspace()
    text = "" if value is None else str(value).strip().lower()
    return text not in _SHARED and _SMALL_NUMBER.fullmatch(text) is None


def is_drawn(value: str | int | None, provider: str) -> bool:
    """Whether `value` is an id that the provider may draw again soon."""
    return provider in _MAY_DRAW and _DRAWN.fullmatch(str(value)) is not None


def first_id(*values: str | int | None) -> str | int | None:
    """The first of `values` that identifies a call, None where none does."""
    return next((value for value in values if is_id(value)), None)
