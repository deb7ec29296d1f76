"""The receipt: what became of each record. Every record is in exactly one of four counts."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypeVar
from uuid import UUID

from ingest.model.rejection import Rejection
from ingest.model.tally import Lags, add_bounded

T = TypeVar("T")

MAX_EVENT_IDS = 1_000
MAX_REJECTIONS = 100


@dataclass(slots=True)
class Receipt:
    """Counts of one request or file, growing batch by batch as batches are committed."""

    accepted: int = 0
    duplicates: int = 0
    revised: int = 0
    rejected: int = 0
    unpriced: int = 0
    keyless: int = 0
    """Records without a key of their own: sent again without an `Idempotency-Key`, they count again."""
    flagged: int = 0
    """Accepted or revised calls of which a part is doubtful."""
    rejections: list[Rejection] = field(default_factory=list)
    identities: list[bytes] = field(default_factory=list)
    by_source: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How many records of each source had each outcome but `rejected`, of the first sources."""
    by_code: Counter[str] = field(default_factory=Counter)
    """How many records were rejected for each reason."""
    lags: Lags = field(default_factory=Lags)
    """How long after they were made the new calls with a time of their own arrived."""

    @property
    def records(self) -> int:
        """The number of records counted."""
        return self.accepted + self.duplicates + self.revised + self.rejected

    @property
    def event_ids(self) -> list[str]:
        """The ids of the first events, as UUIDs."""
        return [str(UUID(bytes=one)) for one in self.identities]

    def add(self, other: "Receipt") -> None:
        """Add the counts of `other`, keeping at most the first rejections and ids."""
        self.accepted += other.accepted
        self.duplicates += other.duplicates
        self.revised += other.revised
        self.rejected += other.rejected
        self.unpriced += other.unpriced
        self.keyless += other.keyless
        self.flagged += other.flagged
        add_bounded(self.by_source, other.by_source)
        add_bounded(self.by_code, other.by_code)
        self.lags.add(other.lags)
        _extend(self.rejections, other.rejections, MAX_REJECTIONS)
        _extend(self.identities, other.identities, MAX_EVENT_IDS)


def _extend(items: list[T], more: Sequence[T], limit: int) -> None:
    if len(items) < limit:
        items.extend(more[: limit - len(items)])
