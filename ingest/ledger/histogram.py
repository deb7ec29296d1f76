"""Mergeable latency histograms: logarithmic buckets, each 2% wider than the one before.

Bucket b contains the values v with 1.02^(b-1) < v <= 1.02^b (microseconds; 1 and less are bucket 0). Its
geometric middle 1.02^(b-0.5) represents them, so a percentile is at most 1% off. The text form is a
comma-joined list of `bucket:count`. Joining two texts with a comma merges two histograms, so any database
merges them with its string aggregate, and percentiles of any range come from merged histograms, never from
averages of percentiles.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RATIO = 1.02
_LOG = math.log(RATIO)


def bucket(value: int) -> int:
    """The bucket that contains `value`."""
    return max(0, math.ceil(math.log(value) / _LOG - 1e-9)) if value > 1 else 0


def pack(values: Iterable[int]) -> str | None:
    """The text form of the histogram of `values`; None for no values."""
    return _text(Counter(map(bucket, values)))


def pack_text(values: str | None) -> str | None:
    """`pack` for values that a database has joined with commas."""
    return pack(map(int, values.split(","))) if values else None


def merge(texts: str | None) -> str | None:
    """The normal form of joined texts: one term per bucket, in order."""
    if not texts or "," not in texts:
        return texts or None
    counts: Counter[int] = Counter()
    for term in texts.split(","):
        index, _, count = term.partition(":")
        counts[int(index)] += int(count)
    return _text(counts)


def _text(counts: Counter[int]) -> str | None:
    return ",".join(f"{b}:{n}" for b, n in sorted(counts.items())) or None


@dataclass(frozen=True)
class Histogram:
    """Counts by bucket, in the order of buckets."""

    buckets: NDArray[np.int64]
    counts: NDArray[np.int64]

    @property
    def total(self) -> int:
        """The number of values."""
        return int(self.counts.sum())

    def divided(self, times: int) -> "Histogram":
        """The histogram with every count divided by `times`, rounded half up."""
        if times == 1:
            return self
        counts = (2 * self.counts + times) // (2 * times)
        nonzero = np.flatnonzero(counts)
        return Histogram(self.buckets[nonzero], counts[nonzero])

    def percentile(self, q: float) -> float | None:
        """The value that the fraction `q` of all values does not exceed, within 1%; None without values."""
        if not self.total:
            return None
        rank = max(1, math.ceil(q * self.total))
        at = int(np.searchsorted(np.cumsum(self.counts), rank))
        return middle(int(self.buckets[at]))


def middle(index: int) -> float:
    """The value that represents bucket `index`."""
    return RATIO ** (index - 0.5) if index else 1.0


def parse(text: str | None) -> Histogram:
    """The histogram of a text form. Terms of the same bucket are added up."""
    if not text:
        no_values = np.empty(0, dtype=np.int64)
        return Histogram(no_values, no_values)
    flat = np.fromstring(text.replace(":", ","), dtype=np.int64, sep=",")
    buckets, counts = flat[::2], flat[1::2]
    totals = np.bincount(buckets, weights=counts).astype(np.int64)
    nonzero = np.flatnonzero(totals)
    return Histogram(nonzero.astype(np.int64), totals[nonzero])
