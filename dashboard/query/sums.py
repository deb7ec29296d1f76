"""Sums: the measures of a group of calls, added up, from which every metric is computed.

The sums of two groups can be combined: numbers are added, histograms are merged. Ratios and percentiles are
therefore computed from the combined sums at the end, and never averaged.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ingest.ledger.histogram import Histogram, parse
from ingest.pricing.charge import MONEY

NO_HISTOGRAM = parse(None)
MONEY_MEASURES = frozenset((*MONEY, "list_cost", "contracted_cost"))
"""Measures in pico-units, which are converted to another currency."""


@dataclass(frozen=True)
class Sums:
    """Numbers and histograms by the name of their measure; a measure that is missing reads as 0."""

    numbers: Mapping[str, int] = field(default_factory=dict)
    histograms: Mapping[str, Histogram] = field(default_factory=dict)

    def __getitem__(self, measure: str) -> int:
        return self.numbers.get(measure, 0)

    def percentile(self, measure: str, q: float) -> float | None:
        """The percentile of a histogram, in the unit of the histogram; None without measured calls."""
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
    filled = np.flatnonzero(tally).astype(np.int64)
    return Histogram(filled, tally[filled])
