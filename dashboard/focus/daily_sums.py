"""A day's calls as sums, grouped by the columns in which charges differ. Calls that are free are left out."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from dashboard.focus import store
from dashboard.focus.arrivals import EVERYTHING, Arrivals, without
from dashboard.focus.export_period import Day
from dashboard.query.sql.measures import SMALL
from ingest.ledger.engine import Connection
from ingest.ledger.rollups import join_sum
from ingest.pricing.charge import COMPONENTS

COUNTS: Final = (
    "requests",
    "input_tokens",
    "input_audio_tokens",
    "input_image_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "cache_write_1h_tokens",
    "output_tokens",
    "output_audio_tokens",
    "output_image_tokens",
    "reasoning_tokens",
    "citation_tokens",
    "total_tokens",
    "search_queries",
    "audio_ms",
    "video_ms",
    "characters",
    "images",
    "pages",
    "search_units",
)
SUMS: Final = (*COUNTS, *COMPONENTS, "total_cost", "contracted_total")
"""The names of the sums, in order."""


class SumKey(NamedTuple):
    """The key of a sum: the day, and ids of the ledger in the order of `store.KEYS`."""

    day: int
    """A day of the reporting zone."""
    currency_id: int
    provider_id: int
    model_id: int
    service_tier_id: int | None
    cost_source_id: int
    cache_hit: bool | None
    price_set_id: int | None
    attribution_id: int

    @property
    def terms(self) -> tuple[int | None, ...]:
        """The ids of the terms in the key."""
        return (
            self.currency_id,
            self.provider_id,
            self.model_id,
            self.service_tier_id,
            self.cost_source_id,
        )


def sums_of(
    connection: Connection, day: Day, *, is_ledger_day: bool, arrivals: Arrivals = EVERYTHING
) -> Iterator[tuple[SumKey, list[int]]]:
    """The sums of a day's calls in ranges of arrival. Sums with the same key are to be added.

    `is_ledger_day` says that it is a day of the ledger's reporting zone; only such a day may leave out calls.
    """
    if arrivals and arrivals[0].after:
        for row in store.arrived_sums(connection, day, SUMS, arrivals):
            yield _sum_key(row), _numbers(row)
        return
    for row in store.daily_sums(connection, day, SUMS, is_ledger_day=is_ledger_day):
        yield _sum_key(row), _numbers(row)
    # Nearly all calls of a closed month came in before the closing: it is faster to subtract the others.
    if others := without(EVERYTHING, arrivals):
        for row in store.arrived_sums(connection, day, SUMS, others):
            yield _sum_key(row), [-number for number in _numbers(row)]


def _sum_key(row: Sequence[Any]) -> SumKey:
    return SumKey(*row[: len(SumKey._fields)])


def _numbers(row: Sequence[Any]) -> list[int]:
    """The sums of a row, in the order of `SUMS`."""
    at = iter(row[len(SumKey._fields) :])
    return [int(next(at) or 0) if name in SMALL else join_sum(next(at) or 0, next(at) or 0) for name in SUMS]
