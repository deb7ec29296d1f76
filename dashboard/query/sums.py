"""Sums: what a group of calls adds up to, from which every metric is computed.

Sums of two groups make the sums of both: numbers add, histograms merge. A metric that is a ratio or a percentile is
therefore computed from sums at the end and never averaged.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ingest.ledger.histogram import Histogram, parse

NO_HISTOGRAM = parse(None)


@dataclass(frozen=True)
class Sums:
    """Numbers and histograms by the name of their measure; what was not asked for reads as nothing."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    histograms: Mapping[str, Histogram] = field(default_factory=dict)

    def __getitem__(self, measure: str) -> int:
        return self.numbers.get(measure, 0)

    def percentile(self, measure: str, q: float) -> float | None:
        """The percentile of a histogram, in its own unit; None where nothing was measured."""
        return self.histograms.get(measure, NO_HISTOGRAM).percentile(q)


def total(parts: Sequence[Sums]) -> Sums:
    """The sums of all parts together."""
    if len(parts) == 1:
        return parts[0]
    numbers: dict[str, int] = {}
    for part in parts:
        for name, number in part.numbers.items():
            numbers[name] = numbers.get(name, 0) + number
    names = {name for part in parts for name in part.histograms}
    return Sums(
        numbers, {name: _merged(p.histograms[name] for p in parts if name in p.histograms) for name in names}
    )


def _merged(histograms: Iterable[Histogram]) -> Histogram:
    parts = list(histograms)
    buckets = np.concatenate([part.buckets for part in parts])
    if not len(buckets):
        return NO_HISTOGRAM
    tally = np.bincount(buckets, weights=np.concatenate([part.counts for part in parts])).astype(np.int64)
    held = np.flatnonzero(tally).astype(np.int64)
    return Histogram(held, tally[held])
