"""Single calls: a list, newest first, page by page, and one call in full.

A page is known by its cursor, the time and the number of its last call, so calls that arrive meanwhile move nothing.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import msgspec
import sqlalchemy as sa

from dashboard import names
from dashboard.owners import owners_of
from dashboard.question import Filter, QuestionError
from dashboard.restriction import restrictions
from ingest import event, money
from ingest.clock import rfc3339
from ingest.ledger.engine import Ledger
from ingest.ledger.fields import TERMS, WHO
from ingest.ledger.tables import (
    attribution,
    import_batch,
    price_set,
    usage_event,
    usage_event_revision,
)
from ingest.model.zone import instant
from ingest.pricing.charge import MONEY, Charge

DEFAULT_LIMIT: Final = 100
MOST: Final = 1_000
PEOPLE: Final = ("virtual_key", "team", "customer", "business_unit")
PLACES: Final = ("project", "environment", "application")
LISTED: Final = (
    "event_id",
    "occurred_at",
    "source",
    "provider",
    "model",
    "virtual_key",
    "team",
    "customer",
    "cost_center",
    "project",
    "environment",
    "end_user",
    "request_type",
    "status",
    "stream",
    "cache_hit",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "latency_ms",
    "time_to_first_token_ms",
    "currency",
    "cost_source",
    "total_cost",
)
"""What the list shows of each call, in order."""

_FACTS: Final = tuple(
    name
    for name in ("event_id", *event.COLUMNS, *Charge.__struct_fields__)
    if name not in (*WHO, "price_set")
)
"""What is kept of a call itself, in the order of the usage event."""

Call = dict[str, Any]


@dataclass(frozen=True)
class CallsQuery:
    """Which calls are listed. Without a period, all of them."""

    start: datetime | None = None
    end: datetime | None = None
    filters: tuple[Filter, ...] = ()
    limit: int = DEFAULT_LIMIT
    after: tuple[int, int] | None = None
    """Time and number of the call after which the page starts."""


@dataclass(frozen=True)
class Page:
    """Some calls, and the cursor of the page after it; None on the last page."""

    calls: tuple[Call, ...]
    next_cursor: str | None


def listed(ledger: Ledger, query: CallsQuery) -> Page:
    """One page of calls, newest first."""
    held = usage_event.c
    facts = [name for name in _FACTS if _shown_as(name) in LISTED]
    columns = [held.seq, held.attribution_id, *(held[_column(name)] for name in facts)]
    select = (
        sa.select(*map(_undecoded, columns))
        .where(*_conditions(query, ledger))
        .order_by(held.occurred_at.desc(), held.seq.desc())
        .limit(query.limit + 1)
    )
    with ledger.reading() as connection:
        rows = connection.execute(select).mappings().all()
        page = rows[: query.limit]
        calls = _decoded(connection, page, facts)
    more = len(rows) > query.limit
    cursor = to_cursor(page[-1]["occurred_at"], page[-1]["seq"]) if more else None
    return Page(tuple({name: one[name] for name in LISTED} for one in calls), cursor)


def in_full(ledger: Ledger, event_id: UUID) -> Call | None:
    """Everything that is kept of one call; None where there is no such call."""
    is_seen = restrictions((), usage_event, ledger.keyring)
    found = sa.select(*map(_undecoded, usage_event.c)).where(
        usage_event.c.event_id == event_id.bytes, *is_seen
    )
    revisions = sa.select(sa.func.count()).where(usage_event_revision.c.event_id == event_id.bytes)
    with ledger.reading() as connection:
        row = connection.execute(found).mappings().one_or_none()
        if row is None:
            return None
        (one,) = _decoded(connection, [row], _FACTS)
        one |= _provenance(connection, row)
        one["revisions"] = connection.execute(revisions).scalar_one()
    return one


def to_cursor(occurred_at: int, seq: int) -> str:
    """The opaque text that names a place in the list."""
    return base64.urlsafe_b64encode(f"{occurred_at}.{seq}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[int, int]:
    """The place that a cursor names.

    Raises:
        QuestionError: it is not a cursor of ours.
    """
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        occurred_at, seq = map(int, plain.split("."))
        if max(abs(occurred_at), abs(seq)) > money.LARGEST:
            raise ValueError(text)  # noqa: TRY301 - said once, below
    except (ValueError, binascii.Error) as error:
        raise QuestionError(
            "invalid_cursor", "cursor", "cursor: use the next_cursor of the page before"
        ) from error
    return occurred_at, seq


def _conditions(query: CallsQuery, ledger: Ledger) -> list[sa.ColumnElement[Any]]:
    held = usage_event.c
    found = restrictions(query.filters, usage_event, ledger.keyring)
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


def _decoded(connection: sa.Connection, rows: Sequence[sa.RowMapping], facts: Sequence[str]) -> list[Call]:
    """The facts of each row, and who it belongs to, as people read them."""
    terms = names.terms(connection, (row[_column(name)] for row in rows for name in facts if name in TERMS))
    whos = _whos(connection, {row["attribution_id"] for row in rows})
    owners = owners_of(connection, ((row["attribution_id"], row["occurred_at"]) for row in rows))
    return [
        {_shown_as(name): _fact(name, row[_column(name)], terms) for name in facts}
        | whos[row["attribution_id"]]
        | owners.get((row["attribution_id"], row["occurred_at"]), {})
        for row in rows
    ]


def _fact(name: str, value: Any, terms: Mapping[int | None, str | None]) -> Any:  # noqa: PLR0911 - one for each kind
    """One fact of a call: ids as text, money as plain decimals, times in RFC 3339, durations in milliseconds."""
    if name in TERMS:
        return terms[value]
    if value is None:
        return None
    if name in MONEY:
        return money.plain(value)
    if name in ("occurred_at", "source_updated_at"):
        return rfc3339(value)
    if name == "event_id":
        return str(UUID(bytes=bytes(value)))
    if name in ("stream", "cache_hit"):
        return bool(value)
    if name == "labels":
        return msgspec.json.decode(value)
    return value / 1000 if name.endswith("_us") else value


def _column(name: str) -> str:
    return f"{name}_id" if name in TERMS else name


def _shown_as(name: str) -> str:
    return f"{name.removesuffix('_us')}_ms" if name.endswith("_us") else name


def _whos(connection: sa.Connection, ids: Iterable[int | None]) -> Mapping[int | None, Call]:
    """Who each attribution names, and None for nobody."""
    wanted = [one for one in ids if one is not None]
    held = attribution.c
    rows = connection.execute(sa.select(attribution).where(held.attribution_id.in_(wanted))).mappings().all()
    people = names.people(connection, (row[f"{kind}_id"] for row in rows for kind in PEOPLE))
    places = names.terms(connection, (row[f"{kind}_id"] for row in rows for kind in PLACES))
    found: dict[int | None, Call] = {None: dict.fromkeys((*PEOPLE, "cost_center", *PLACES))}
    for row in rows:
        who = {kind: people[row[f"{kind}_id"]] for kind in PEOPLE} | {"cost_center": None}
        found[row["attribution_id"]] = who | {kind: places[row[f"{kind}_id"]] for kind in PLACES}
    return found


def _provenance(connection: sa.Connection, row: sa.RowMapping) -> Call:
    """Where the call's record came from and what it was priced with."""
    prices = (
        connection.execute(sa.select(price_set).where(price_set.c.price_set_id == row["price_set_id"]))
        .mappings()
        .one_or_none()
    )
    path = connection.execute(
        sa.select(import_batch.c.path).where(import_batch.c.batch_id == row["batch_id"])
    ).scalar()
    return {
        "price_set": None if prices is None else _price_set(prices),
        "content_hash": bytes(row["content_hash"]).hex(),
        "version_rank": bytes(row["version_rank"]).hex(),
        "revision": row["revision"],
        "received_at": rfc3339(row["received_at"]),
        "import_batch": row["batch_id"],
        "import_path": path,
    }


def _price_set(prices: sa.RowMapping) -> Call:
    shown = {name: value for name, value in prices.items() if name not in ("price_set_id", "rates")}
    return shown | {"rates": msgspec.json.decode(prices["rates"])}


def last_call(ledger: Ledger) -> datetime | None:
    """When the newest call was; None for a ledger without calls."""
    return _extreme(ledger, sa.func.max)


def first_call(ledger: Ledger) -> datetime | None:
    """When the oldest call was; None for a ledger without calls."""
    return _extreme(ledger, sa.func.min)


def _extreme(ledger: Ledger, which: Any) -> datetime | None:
    at = sa.type_coerce(usage_event.c.occurred_at, sa.BigInteger)
    with ledger.reading() as connection:
        found = connection.execute(
            sa.select(which(at)).where(*restrictions((), usage_event, ledger.keyring))
        ).scalar()
    return None if found is None else instant(found)
