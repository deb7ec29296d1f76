"""The entry: one priced usage event on its way into the ledger, and the batch that entries travel in.

An entry is what the decoding stage hands to the writer, in this process or another: identity and money are settled,
text is still text. Most of a batch's calls share their model, key, status and prices, so what is shared travels once,
and columns that are empty in a whole batch do not travel at all.
"""

from typing import Any, Final

import msgspec

from ingest.refusal import Rejection


class Shared(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What calls of a batch have in common: the values of `ingest.ledger.fields.WHO` and `TERMS`, and the prices."""

    who: tuple[str | None, ...]
    hint: str | None
    """What may be shown of a virtual key that is secret."""
    price_set: str | None
    """Digest of the prices they were computed with."""
    terms: tuple[str | None, ...]
    unpriced: bool


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One event as the writer takes it."""

    event_id: bytes
    """Empty for a record without a key of its own, until its occurrence is counted."""
    content_hash: bytes
    version_rank: bytes
    dated: bool
    """Whether the source gave the time of the call; otherwise `occurred_at` is the time of arrival."""
    shared: int
    """Which of the batch's `shared`."""
    facts: tuple[Any, ...]
    """The values of the batch's `columns`."""


class PriceSetRow(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A row of `price_set`, known by its digest."""

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
    """How many raw records it was made of; one of them may be a page of many."""
    columns: tuple[str, ...]
    """Fields of `ingest.ledger.fields.FACTS`, in the order of the entries' facts; the others are empty."""
    shared: list[Shared]
    entries: list[Entry]
    rejections: list[Rejection]
    price_sets: list[PriceSetRow]
    formats: list[str]
    """Names of the formats that the entries were read with."""
    passed_over: int = 0
    """Rows that are no records, as the mapping that describes them says."""


BATCH_RECORDS: Final = 2_000
"""Records in one commit: large enough to pay for its flush to disk, small enough to hold the lock under 200 ms."""
