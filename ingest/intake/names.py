"""Names and ids of a call: how long they may be, and what of them is stored.

A name (of a model, a team, an end user, a session, a label ...) of more than 1,000 characters is no name: it
may be content, and the record is refused. An id of more than 1,000 characters (of the call, its trace or its
parent) is stored as `sha256:` and the SHA-256 of its UTF-8 bytes in hex, so equal ids stay equal and the
call keeps its identity. A name has no NUL, which no database stores; other control characters are kept.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from ingest.model.call_span import CallSpan
from ingest.model.rejection import Refused

LONGEST: Final = 1_000
"""Characters of a name or an id."""
LARGEST: Final = 2_500
"""Bytes of a name in UTF-8: an index of PostgreSQL takes no more."""
MOST_LABELS: Final = 100

IDS: Final = ("source_event_id", "parent_id", "trace_id", "system_fingerprint", "cache_id")
"""Fields of an event with an id."""
NAMES: Final = ("user", "end_user", "session", "cache_similarity", "cache_threshold")
"""Fields of an event with a name, beside those that many calls share (`ingest.ledger.fields`)."""


def check_names(fields: Sequence[str], texts: Sequence[str | None]) -> None:
    """Check the names in these fields.

    Raises:
        Refused: a name is too long, or has a NUL.
    """
    for field, text in zip(fields, texts, strict=True):
        if text is not None:
            check_name(field, text)


def check_name(field: str, text: str) -> None:
    """Check the name in a field.

    Raises:
        Refused: the name is too long, or has a NUL.
    """
    if len(text) > LONGEST:
        reason = f"{field} has {len(text):,} characters: a name has at most {LONGEST:,}"
        raise Refused("too_long", reason, field)
    if len(text) * 4 > LARGEST and (size := len(text.encode())) > LARGEST:
        reason = f"{field} has {size:,} bytes in UTF-8: a name has at most {LARGEST:,}"
        raise Refused("too_long", reason, field)
    if "\0" in text:
        raise Refused("bad_name", f"{field} has a NUL character, which no database stores", field)


def check_labels(labels: Mapping[str, str]) -> None:
    """Check the number of labels, their keys and their values.

    Raises:
        Refused: there are too many, or one is too long or has a NUL.
    """
    if len(labels) > MOST_LABELS:
        reason = f"the call has {len(labels):,} labels: {MOST_LABELS} are the most"
        raise Refused("too_many_labels", reason, "labels")
    for key, value in labels.items():
        check_name("labels", key)
        check_name("labels", value)


def short_id(text: str) -> str:
    """An id as it is stored: itself, or its hash if it is longer than a name may be."""
    if len(text) <= LONGEST:
        return text
    return f"sha256:{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()}"


def short_span(span: CallSpan) -> CallSpan:
    """A span as it is stored, with the hash of an id of its response that is too long.

    Raises:
        Refused: the name of its instrumentation is too long.
    """
    check_name("scope", span.scope)
    if span.response_id is None or len(span.response_id) <= LONGEST:
        return span
    return msgspec.structs.replace(span, response_id=short_id(span.response_id))
