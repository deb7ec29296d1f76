"""Response ids: which ids identify a call.

Some servers send one id with every response, and some count or draw small numbers, so that many calls share
one. Such an id is no id: the call is known by another id, or has none.
"""

import re
from typing import Final

_SHARED: Final = re.compile(
    r"(?:[a-z]{1,20}[-_])?(?:stub|none|null|nil|undefined|unknown|n/a|)|[0-9]{1,3}|-+|0[0-]*"
)
"""Ids that many calls share: a word for nothing, alone or behind a prefix; a prefix without anything behind
it; a number below a thousand; nothing but zeros."""
_LONGEST: Final = 30
"""The length of the longest of these that is not made of zeros."""
_DRAWN: Final = re.compile(r"(?:chat)?cmpl-[0-9]{1,3}|resp_[0-9]{1,6}|[a-z][0-9]{1,3}", re.IGNORECASE)
"""Ids of Ollama, a number below a thousand or a million that is drawn anew for each response, and those of
small servers that count: a number after a letter."""
_MAY_DRAW: Final = frozenset({"ollama", "unknown"})
"""Providers whose ids may be drawn: Ollama, and servers that nobody knows."""


def is_id(value: str | int | None) -> bool:
    """Whether `value` identifies one call of its provider."""
    if isinstance(value, str) and len(value) > _LONGEST and value[0] not in " \t\n0":
        return True
    text = "" if value is None else str(value).strip().lower()
    return _SHARED.fullmatch(text) is None


def is_drawn(value: str | int | None, provider: str) -> bool:
    """Whether `value` is an id that the provider may draw again soon."""
    return provider in _MAY_DRAW and _DRAWN.fullmatch(str(value)) is not None


def first_id(*values: str | int | None) -> str | int | None:
    """The first of `values` that identifies a call, None where none does."""
    return next((value for value in values if is_id(value)), None)
