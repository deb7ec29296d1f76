"""Response ids: which ids identify a call.

Some servers send one id with every response, and some count or draw small numbers, so that many calls share
one. Such an id is no id: the call is known by another id, or has none.
"""

import re
from typing import Final

_SHARED: Final = frozenset({"stub", "none", "null", "unknown", "00000000-0000-0000-0000-000000000000"})
_SMALL_NUMBER: Final = re.compile(r"(?:[a-z]+[-_]|[a-z])?[0-9]{0,6}", re.IGNORECASE)
"""A number below a million, alone or after a letter or one word: `7`, `w7`, `chatcmpl-506`."""


def is_id(value: str | int | None) -> bool:
    """Whether `value` identifies one call of its provider."""
    text = "" if value is None else str(value).strip()
    return _SMALL_NUMBER.fullmatch(text) is None and text.lower() not in _SHARED


def first_id(*values: str | int | None) -> str | int | None:
    """The first of `values` that identifies a call, None where none does."""
    return next((value for value in values if is_id(value)), None)
