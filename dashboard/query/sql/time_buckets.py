"""The time bucket of a row, in SQL: read from the ledger's columns, or computed from an instant.

The offset of a zone changes at a few known instants. A computed bucket is therefore integer arithmetic with
one CASE, the same on every database.
"""

from itertools import pairwise
from typing import Any

import sqlalchemy as sa

from dashboard.query import buckets
from dashboard.query.question import SpendQuery
from ingest.ledger.tables.calls import DAY_ROLLUPS
from ingest.model.zone import HOUR, Slot, Zone

_DAYS = tuple(table for table, _ in DAY_ROLLUPS)

Column = sa.ColumnElement[Any]


def bucket_of(query: SpendQuery, row: sa.Table | Slot) -> Column:
    """The bucket in the ledger's zone, from the columns of a table or from a single slot."""
    if query.interval is None:
        return sa.null()
    if isinstance(row, Slot):
        return sa.literal(buckets.of_slot(query.interval, row), sa.BigInteger)
    if query.interval == "week":
        return (row.c.day + buckets.WEEK_SHIFT) // 7
    if query.interval == "hour" and row in _DAYS:
        raise LookupError("hours are not kept by day")
    return row.c[query.interval]


def bucket_at(query: SpendQuery, at: Column) -> Column:
    """The bucket of the instant `at` in the question's zone."""
    zone = Zone(query.zone)
    match query.interval:
        case None:
            return sa.null()
        case "month":
            return _month(query, zone, at)
        case "hour":
            offset = _offset(query, zone, at)
            return (at + offset) // HOUR * HOUR - offset
        case "day":
            return (at + _offset(query, zone, at)) // buckets.DAY
        case "week":
            return ((at + _offset(query, zone, at)) // buckets.DAY + buckets.WEEK_SHIFT) // 7


def _offset(query: SpendQuery, zone: Zone, at: Column) -> Column:
    """The zone's distance from UTC at the instant `at`, in microseconds."""
    offsets = buckets.offsets(zone, query.period)
    last = sa.literal(offsets[-1].offset, sa.BigInteger)
    changes = [
        (at < following.since, sa.literal(offset.offset, sa.BigInteger))
        for offset, following in pairwise(offsets)
    ]
    return sa.case(*changes, else_=last) if changes else last


def _month(query: SpendQuery, zone: Zone, at: Column) -> Column:
    starts = buckets.month_starts(query.period, zone)
    last = sa.literal(starts[-1][0], sa.BigInteger)
    changes = [
        (at < next_start, sa.literal(month, sa.BigInteger))
        for (month, _), (_, next_start) in pairwise(starts)
    ]
    return sa.case(*changes, else_=last) if changes else last
