"""Single calls in the ledger: pages of them, one in full, and what is kept beside them. Values come as the database holds them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

import sqlalchemy as sa

from dashboard.query.question import Filter
from dashboard.query.sql.filters import restrictions
from ingest.ledger import dialects
from ingest.ledger.fields import TERMS
from ingest.ledger.key_hashes import KeyRing
from ingest.ledger.tables.calls import attribution, import_batch, price_set, usage_event, usage_event_revision
from ingest.ledger.tables.ownership import owned

DEFAULT_LIMIT: Final = 100

Row = sa.RowMapping
"""What the database holds of a call, by column."""


@dataclass(frozen=True)
class CallsQuery:
    """Which calls are listed. Without a period, all of them."""

    start: datetime | None = None
    end: datetime | None = None
    filters: tuple[Filter, ...] = ()
    limit: int = DEFAULT_LIMIT
    after: tuple[int, int] | None = None
    """Time and number of the call after which the page starts."""


def column_of(fact: str) -> str:
    """The column that holds a fact of a call: of a term its id."""
    return f"{fact}_id" if fact in TERMS else fact


def newest_calls(
    connection: sa.Connection, keyring: KeyRing, query: CallsQuery, facts: Iterable[str]
) -> Sequence[Row]:
    """The calls of a page with some facts, newest first, and one more where there are more."""
    held = usage_event.c
    columns = [held.seq, held.attribution_id, *(held[column_of(fact)] for fact in facts)]
    wanted = (
        sa.select(*map(_undecoded, columns))
        .where(*_conditions(query, keyring))
        .order_by(held.occurred_at.desc(), held.seq.desc())
        .limit(query.limit + 1)
    )
    return connection.execute(wanted).mappings().all()


def one_call(connection: sa.Connection, keyring: KeyRing, event_id: bytes) -> Row | None:
    """Everything that is kept of one call; None where there is no such call."""
    is_seen = restrictions((), usage_event, keyring)
    wanted = sa.select(*map(_undecoded, usage_event.c)).where(usage_event.c.event_id == event_id, *is_seen)
    return connection.execute(wanted).mappings().one_or_none()


def count_revisions(connection: sa.Connection, event_id: bytes) -> int:
    """How many earlier versions of a call are kept."""
    revision = usage_event_revision
    wanted = sa.select(sa.func.count()).where(revision.c.event_id == event_id)
    return connection.execute(wanted).scalar_one()


def attributions(connection: sa.Connection, ids: Sequence[int]) -> Sequence[Row]:
    """Whom some attributions name."""
    wanted = sa.select(attribution).where(attribution.c.attribution_id.in_(ids))
    return connection.execute(wanted).mappings().all()


def owners(connection: sa.Connection, ids: Sequence[int]) -> Mapping[int | None, list[Row]]:
    """Who owns the calls of some attributions from when to when, in the order of their recording."""
    found: dict[int | None, list[Row]] = {}
    for some in dialects.chunks(ids):
        wanted = sa.select(owned).where(owned.c.attribution_id.in_(some)).order_by(owned.c.number)
        for row in connection.execute(wanted).mappings():
            found.setdefault(row["attribution_id"], []).append(row)
    return found


def price_set_of(connection: sa.Connection, call: Row) -> Row | None:
    """The prices that a call was priced with."""
    wanted = sa.select(price_set).where(price_set.c.price_set_id == call["price_set_id"])
    return connection.execute(wanted).mappings().one_or_none()


def import_path(connection: sa.Connection, call: Row) -> str | None:
    """The file that a call was imported from."""
    wanted = sa.select(import_batch.c.path).where(import_batch.c.batch_id == call["batch_id"])
    return connection.execute(wanted).scalar()


def edge(connection: sa.Connection, keyring: KeyRing, which: Literal["first", "last"]) -> int | None:
    """When the oldest or the newest call was, in microseconds UTC; None without calls."""
    at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
    outermost = sa.func.min(at) if which == "first" else sa.func.max(at)
    return connection.execute(sa.select(outermost).where(*restrictions((), usage_event, keyring))).scalar()


def _conditions(query: CallsQuery, keyring: KeyRing) -> list[sa.ColumnElement[Any]]:
    held = usage_event.c
    found = restrictions(query.filters, usage_event, keyring)
    if query.start is not None:
        found.append(held.occurred_at >= query.start)
    if query.end is not None:
        found.append(held.occurred_at < query.end)
    if query.after is not None:
        place = [sa.literal(part, sa.BigInteger) for part in query.after]
        found.append(sa.tuple_(held.occurred_at, held.seq) < sa.tuple_(*place))
    return found


def _undecoded(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """The column as the integer or bytes that the database holds."""
    kind = column.type
    if isinstance(kind, sa.types.TypeDecorator):
        return sa.type_coerce(column, kind.impl_instance).label(str(column.key))
    return column
