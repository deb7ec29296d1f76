"""Keys: the fields of a record, counted where they may be too many.

A record with a million fields takes seconds and hundreds of megabytes to decode. No response and no log row
is near the limit; a page may hold many records.
"""

import re
from typing import Final

from ingest.model.rejection import Refused

MOST_KEYS: Final = 20_000
"""Keys of a record, in all its objects together."""
MOST_KEYS_OF_PAGE: Final = 500_000
LARGE: Final = 2**17
"""Bytes. A smaller record has no more keys than are read: a key takes six bytes with its value."""

_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"[ \t\r\n]*+(:?)', re.DOTALL)


def check_keys(raw: bytes, most: int = MOST_KEYS) -> None:
    """Check the number of keys of a large record. Texts in it may hold JSON, whose keys do not count.

    Raises:
        Refused: it has more keys than `most`.
    """
    if raw.count(b":") <= most:
        return
    keys = 0
    for string in _STRING.finditer(raw):
        keys += bool(string[1])
        if keys > most:
            raise Refused("too_many_keys", f"the record has more than {most:,} fields: no call has so many")
