"""Single calls: a list, newest first, page by page, and one call in full.

A page is known by its cursor, the time and the number of its last call, so calls that arrive meanwhile move nothing.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec
from sqlalchemy import Connection

from dashboard.calls import store as calls_store
from dashboard.calls.owners import owners_of
from dashboard.calls.store import CallsQuery, Row, column_of
from dashboard.query import labels
from dashboard.query.question import QuestionError
from ingest.clock import rfc3339
from ingest.ledger.engine import Ledger
from ingest.ledger.fields import TERMS, WHO
from ingest.model import event, money
from ingest.model.zone import instant
from ingest.pricing.charge import MONEY, Charge

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
class Page:
    """Some calls, and the cursor of the page after it; None on the last page."""

    calls: tuple[Call, ...]
    next_cursor: str | None


def listed(ledger: Ledger, query: CallsQuery) -> Page:
    """One page of calls, newest first."""
    facts = [name for name in _FACTS if _shown_as(name) in LISTED]
    with ledger.reading() as connection:
        rows = calls_store.newest_calls(connection, ledger.keyring, query, facts)
        page = rows[: query.limit]
        calls = _decoded(connection, page, facts)
    more = len(rows) > query.limit
    cursor = to_cursor(page[-1]["occurred_at"], page[-1]["seq"]) if more else None
    return Page(tuple({name: one[name] for name in LISTED} for one in calls), cursor)


def in_full(ledger: Ledger, event_id: UUID) -> Call | None:
    """Everything that is kept of one call; None where there is no such call."""
    with ledger.reading() as connection:
        row = calls_store.one_call(connection, ledger.keyring, event_id.bytes)
        if row is None:
            return None
        (one,) = _decoded(connection, [row], _FACTS)
        one |= _provenance(connection, row)
        one["revisions"] = calls_store.count_revisions(connection, event_id.bytes)
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


def _decoded(connection: Connection, rows: Sequence[Row], facts: Sequence[str]) -> list[Call]:
    """The facts of each row, and who it belongs to, as people read them."""
    terms = labels.term_texts(
        connection, (row[column_of(name)] for row in rows for name in facts if name in TERMS)
    )
    whos = _whos(connection, {row["attribution_id"] for row in rows})
    owners = owners_of(connection, ((row["attribution_id"], row["occurred_at"]) for row in rows))
    return [
        {_shown_as(name): _fact(name, row[column_of(name)], terms) for name in facts}
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


def _shown_as(name: str) -> str:
    return f"{name.removesuffix('_us')}_ms" if name.endswith("_us") else name


def _whos(connection: Connection, ids: Iterable[int | None]) -> Mapping[int | None, Call]:
    """Who each attribution names, and None for nobody."""
    wanted = [one for one in ids if one is not None]
    rows = calls_store.attributions(connection, wanted)
    people = labels.entry_names(connection, (row[f"{kind}_id"] for row in rows for kind in PEOPLE))
    places = labels.term_texts(connection, (row[f"{kind}_id"] for row in rows for kind in PLACES))
    found: dict[int | None, Call] = {None: dict.fromkeys((*PEOPLE, "cost_center", *PLACES))}
    for row in rows:
        who = {kind: people[row[f"{kind}_id"]] for kind in PEOPLE} | {"cost_center": None}
        found[row["attribution_id"]] = who | {kind: places[row[f"{kind}_id"]] for kind in PLACES}
    return found


def _provenance(connection: Connection, row: Row) -> Call:
    """Where the call's record came from and what it was priced with."""
    prices = calls_store.price_set_of(connection, row)
    return {
        "price_set": None if prices is None else _price_set(prices),
        "content_hash": bytes(row["content_hash"]).hex(),
        "version_rank": bytes(row["version_rank"]).hex(),
        "revision": row["revision"],
        "received_at": rfc3339(row["received_at"]),
        "import_batch": row["batch_id"],
        "import_path": calls_store.import_path(connection, row),
    }


def _price_set(prices: Row) -> Call:
    shown = {name: value for name, value in prices.items() if name not in ("price_set_id", "rates")}
    return shown | {"rates": msgspec.json.decode(prices["rates"])}


def last_call(ledger: Ledger) -> datetime | None:
    """When the newest call was; None for a ledger without calls."""
    return _edge(ledger, "last")


def first_call(ledger: Ledger) -> datetime | None:
    """When the oldest call was; None for a ledger without calls."""
    return _edge(ledger, "first")


def _edge(ledger: Ledger, which: Literal["first", "last"]) -> datetime | None:
    with ledger.reading() as connection:
        at = calls_store.edge(connection, ledger.keyring, which)
    return None if at is None else instant(at)
