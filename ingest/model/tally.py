"""Tallies of records for operators: by name, with a bound on the names, and by how late they came."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, TypeVar

MAX_NAMES: Final = 100
LAG_SECONDS: Final = (1, 5, 30, 60, 300, 1_800, 3_600, 21_600, 86_400, 604_800)
"""The upper bounds of the classes of lags; there is one class more for what is above."""
_MICROSECONDS: Final = 1_000_000
_BOUNDS: Final = tuple(seconds * _MICROSECONDS for seconds in LAG_SECONDS)

K = TypeVar("K", bound=Hashable)


def add_bounded(counts: Counter[K], more: Mapping[K, int], most: int = 4 * MAX_NAMES) -> None:
    """Add to `counts`; names beyond the first `most` are left out."""
    for name, count in more.items():
        if name in counts or len(counts) < most:
            counts[name] += count


@dataclass(slots=True)
class Lags:
    """How long after they were made calls arrived, in classes."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(_BOUNDS) + 1))
    microseconds: int = 0

    def note(self, lags: Iterable[int]) -> None:
        """Count lags in microseconds. A call of the future has no lag."""
        ordered = sorted(max(0, lag) for lag in lags)
        below = 0
        for at, bound in enumerate(_BOUNDS):
            until = bisect_right(ordered, bound)
            self.counts[at] += until - below
            below = until
        self.counts[-1] += len(ordered) - below
        self.microseconds += sum(ordered)

    def add(self, other: "Lags") -> None:
        """Add the counts of `other`."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.microseconds += other.microseconds
