"""Single calls in the ledger: pages, a call in full, its revisions, attribution, owners and price set.

Values are as the database stores them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import sqlalchemy as sa

from dashboard.query.question import Filter
from dashboard.query.sql.filters import restrictions
from dashboard.query.sql.true_rows import new_after
from ingest.ledger import dialects
from ingest.ledger.fields import TERMS
from ingest.ledger.key_hashes import KeyRing
from ingest.ledger.tables.calls import (
    attribution,
    call_span,
    import_batch,
    price_set,
    usage_event,
    usage_event_revision,
)
from ingest.ledger.tables.ownership import owned

DEFAULT_LIMIT: Final = 100

Row = sa.RowMapping
"""The database row of a call, by column."""


@dataclass(frozen=True)
class CallsQuery:
    """Which calls to list; without a period, all calls."""

    start: datetime | None = None
    end: datetime | None = None
    filters: tuple[Filter, ...] = ()
    limit: int = DEFAULT_LIMIT
    after: tuple[int, int] | None = None
    """Time (microseconds UTC) and number of the call after which the page starts."""
    new_after: int | None = None
    """Only calls that were not known yet when the call with this number was stored."""
    stored_until: int | None = None
    """Only calls that were stored no later than the call with this number."""
    revised_after: int | None = None
    """Only calls that a later version has replaced since the call with this number was stored."""


def column_of(field: str) -> str:
    """The column of a call's field; for a term, the column of its id."""
    return f"{field}_id" if field in TERMS else field


def newest_calls(
    connection: sa.Connection, keyring: KeyRing, query: CallsQuery, fields: Iterable[str]
) -> Sequence[Row]:
    """The calls of a page with these fields, newest first, and one more call if there is a next page."""
    c = usage_event.c
    columns = [c.seq, c.attribution_id, *(c[column_of(name)] for name in fields)]
    select = (
        sa.select(*map(_undecoded, columns))
        .where(*_conditions(query, keyring))
        .order_by(c.occurred_at.desc(), c.seq.desc())
        .limit(query.limit + 1)
    )
    return connection.execute(select).mappings().all()


def one_call(connection: sa.Connection, keyring: KeyRing, event_id: bytes) -> Row | None:
    """The whole row of one call; None if there is no such call the reader may see.

    The id of a span finds the event that stands for its call.
    """
    visible = restrictions((), usage_event, keyring)
    standing = sa.select(call_span.c.call_id).where(call_span.c.event_id == event_id).scalar_subquery()
    wanted = usage_event.c.event_id == sa.func.coalesce(standing, event_id)
    select = sa.select(*map(_undecoded, usage_event.c)).where(wanted, *visible)
    return connection.execute(select).mappings().one_or_none()


def count_revisions(connection: sa.Connection, event_id: bytes) -> int:
    """The number of versions of a call that do not stand: earlier ones, and less complete spans of it."""
    revision, own, other = usage_event_revision, call_span.alias(), call_span.alias()
    spans = (
        sa.select(other.c.event_id)
        .join(own, own.c.trace_id == other.c.trace_id)
        .where(own.c.event_id == event_id, other.c.call_id == event_id)
    )
    of_call = sa.or_(revision.c.event_id == event_id, revision.c.event_id.in_(spans))
    return connection.execute(sa.select(sa.func.count()).where(of_call)).scalar_one()


def attributions(connection: sa.Connection, ids: Sequence[int]) -> Sequence[Row]:
    """The rows of attributions."""
    select = sa.select(attribution).where(attribution.c.attribution_id.in_(ids))
    return connection.execute(select).mappings().all()


def owners(connection: sa.Connection, ids: Sequence[int]) -> Mapping[int | None, list[Row]]:
    """The dated owners of each attribution's calls, in the order they were recorded."""
    owners_by_attribution: dict[int | None, list[Row]] = {}
    for chunk in dialects.chunks(ids):
        select = sa.select(owned).where(owned.c.attribution_id.in_(chunk)).order_by(owned.c.number)
        for row in connection.execute(select).mappings():
            owners_by_attribution.setdefault(row["attribution_id"], []).append(row)
    return owners_by_attribution


def price_set_of(connection: sa.Connection, call: Row) -> Row | None:
    """The price set that a call was priced with."""
    select = sa.select(price_set).where(price_set.c.price_set_id == call["price_set_id"])
    return connection.execute(select).mappings().one_or_none()


def import_path(connection: sa.Connection, call: Row) -> str | None:
    """The path of the file that a call was imported from."""
    select = sa.select(import_batch.c.path).where(import_batch.c.batch_id == call["batch_id"])
    return connection.execute(select).scalar()


def boundary_time(connection: sa.Connection, keyring: KeyRing, which: Literal["first", "last"]) -> int | None:
    """The time of the oldest or the newest call, in microseconds UTC; None without calls."""
    at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
    outermost = sa.func.min(at) if which == "first" else sa.func.max(at)
    return connection.execute(sa.select(outermost).where(*restrictions((), usage_event, keyring))).scalar()


def _conditions(query: CallsQuery, keyring: KeyRing) -> list[sa.ColumnElement[Any]]:
    c = usage_event.c
    conditions = restrictions(query.filters, usage_event, keyring)
    if query.start is not None:
        conditions.append(c.occurred_at >= query.start)
    if query.end is not None:
        conditions.append(c.occurred_at < query.end)
    if query.new_after is not None:
        conditions.extend(new_after(query.new_after))
    if query.stored_until is not None:
        conditions.append(c.seq <= query.stored_until)
    if query.revised_after is not None:
        earlier = usage_event_revision.c
        was_known = sa.exists().where(earlier.event_id == c.event_id, earlier.seq <= query.revised_after)
        conditions += [c.seq > query.revised_after, was_known]
    if query.after is not None:
        place = [sa.literal(part, sa.BigInteger) for part in query.after]
        conditions.append(sa.tuple_(c.occurred_at, c.seq) < sa.tuple_(*place))
    return conditions


def costs_before(
    connection: sa.Connection, event_ids: Iterable[bytes], last_call: int
) -> dict[bytes, int | None]:
    """The cost that each call had when the call with the number `last_call` was stored, if it was known."""
    c = usage_event_revision.c
    cost = sa.type_coerce(c.total_cost, sa.BigInteger)
    costs: dict[bytes, int | None] = {}
    for chunk in dialects.chunks(sorted(event_ids)):
        earlier = c.event_id.in_(chunk), c.seq <= last_call
        select = sa.select(_undecoded(c.event_id), cost).where(*earlier).order_by(c.seq)
        for event_id, total in connection.execute(select):
            costs[bytes(event_id)] = total
    return costs


def _undecoded(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column as the integer or bytes that the database stores, without type conversion."""
    column_type = column.type
    if isinstance(column_type, sa.types.TypeDecorator):
        return sa.type_coerce(column, column_type.impl_instance).label(str(column.key))
    return column
