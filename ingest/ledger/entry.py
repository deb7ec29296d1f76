"""The entry: one priced usage event between decoding and the writer, and the batch that contains entries.

The decoding stage hands entries to the writer, from this process or another. Their identity and money are
final; text is not replaced by ids yet. Most calls of a batch share their model, key, status and prices, so
shared values are sent once, and columns that are empty in the whole batch are not sent.
"""

from typing import Any, Final

import msgspec

from ingest.model.call_span import CallSpan
from ingest.model.rejection import Rejection


class Shared(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Values that calls of a batch share: of `ingest.ledger.fields.WHO` and `TERMS`, and the prices."""

    who: tuple[str | None, ...]
    hint: str | None
    """The displayable part of a secret virtual key."""
    price_set: str | None
    """Digest of the prices that the cost was computed with."""
    terms: tuple[str | None, ...]
    unpriced: bool
    flagged: bool = False


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event as the writer takes it."""

    event_id: bytes
    """Empty for a record without a key of its own, until its occurrences are counted."""
    content_hash: bytes
    version_rank: bytes
    dated: bool
    """Whether the source gave the time of the call; otherwise `occurred_at` is the time of arrival."""
    shared: int
    """Index into the batch's `shared`."""
    facts: tuple[Any, ...]
    """The values of the batch's `columns`."""
    former_id: bytes = b""
    """The id of the event in releases with the first version of the content hash; empty like `event_id`."""
    former_hash: bytes = b""
    """The content hash of the first version."""
    line: int = 0
    """The line of the body or file where the record starts, from 1."""
    span: CallSpan | None = None
    """What tells the call of a span from others; None for an event that did not come from a span."""


class PriceSetRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row of `price_set`, identified by its digest."""

    digest: str
    provider: str
    model: str
    service_tier: str
    above_input_tokens: int
    currency: str
    origin: str
    rates: str
    rule: str | None
    workings: str | None


class Batch(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Entries and rejections in the order of their records, and the price sets that the entries point to."""

    read: int
    """The number of raw records read. A raw record may be a page of many records."""
    columns: tuple[str, ...]
    """Fields of `ingest.ledger.fields.FACTS`, in the order of the entries' facts; the others are empty."""
    shared: list[Shared]
    entries: list[Entry]
    rejections: list[Rejection]
    price_sets: list[PriceSetRow]
    formats: list[str]
    """Names of the formats that the entries were read with."""
    keyless: int = 0
    """Records that are known by their arrival alone: sent again, they count again."""
    passed_over: int = 0
    """Rows that the mapping excludes as no records."""


BATCH_RECORDS: Final = 2_000
"""Records per batch. An import commits four batches together (see `ingest.importing.importer`)."""
