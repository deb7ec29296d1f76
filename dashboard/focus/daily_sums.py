"""A day's calls as sums: one for everything that a charge keeps apart. Calls that are free are left out."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import sqlalchemy as sa

from dashboard.focus import store
from dashboard.focus.export_period import Day
from dashboard.query.sql.measures import SMALL
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
"""What is summed, in order."""


class Place(NamedTuple):
    """What a sum is about: the day, and ids of the ledger in the order of `store.KEYS`."""

    day: int
    """Of the reporting zone."""
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
        """The ids of texts."""
        return (
            self.currency_id,
            self.provider_id,
            self.model_id,
            self.service_tier_id,
            self.cost_source_id,
        )


def sums_of(
    connection: sa.Connection, day: Day, *, is_ledger_day: bool, until: int | None = None
) -> Iterator[tuple[Place, list[int]]]:
    """The sums of a day, several of one place to be added.

    `is_ledger_day` says that it is a day of the zone that the ledger reports in. With `until`, which only such a day may have,
    calls that came in after the one of that number are taken off again.
    """
    for row in store.daily_sums(connection, day, SUMS, is_ledger_day=is_ledger_day):
        yield _place(row), _numbers(row)
    if until is not None:
        for row in store.late_sums(connection, day, SUMS, until):
            yield _place(row), [-number for number in _numbers(row)]


def _place(row: Sequence[Any]) -> Place:
    return Place(*row[: len(Place._fields)])


def _numbers(row: Sequence[Any]) -> list[int]:
    """The sums of a row, in the order of `SUMS`."""
    at = iter(row[len(Place._fields) :])
    return [int(next(at) or 0) if name in SMALL else join_sum(next(at) or 0, next(at) or 0) for name in SUMS]
