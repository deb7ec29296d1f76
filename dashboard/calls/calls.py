"""Single calls: a list, newest first, page by page, and one call in full.

A page is identified by a cursor: time and number of the last call of the page before. So calls that arrive
between two requests do not shift the pages.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

import msgspec

from dashboard.calls import store as calls_store
from dashboard.calls.owners import owners_of
from dashboard.calls.store import CallsQuery, Row, column_of
from dashboard.query import labels
from dashboard.query.question import QuestionError
from ingest.clock import rfc3339
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.fields import TERMS, WHO
from ingest.model import event, flags, money
from ingest.model.zone import instant
from ingest.pricing.charge import MONEY, Charge

MAX_LIMIT: Final = 1_000
DIRECTORY_KINDS: Final = ("virtual_key", "team", "customer", "business_unit")
LABEL_KINDS: Final = ("project", "environment", "application")
LISTED_FIELDS: Final = (
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
    "session",
    "agent",
    "workflow",
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
    "flags",
)
"""The fields of each call in the list, in order."""

_FIELDS: Final = tuple(
    name
    for name in ("event_id", *event.COLUMNS, *Charge.__struct_fields__)
    if name not in (*WHO, "price_set")
)
"""The stored fields of a call, in the order of the usage event; attributions are read separately."""

Call = dict[str, Any]


@dataclass(frozen=True)
class CallsPage:
    """A page of calls, and the cursor of the next page; None on the last page."""

    calls: tuple[Call, ...]
    next_cursor: str | None


def list_calls(ledger: Ledger, query: CallsQuery) -> CallsPage:
    """One page of calls, newest first."""
    fields = [name for name in _FIELDS if _shown_name(name) in LISTED_FIELDS]
    with ledger.reading() as connection:
        rows = calls_store.newest_calls(connection, ledger.keyring, query, fields)
        page = rows[: query.limit]
        calls = _decoded(connection, page, fields)
    has_more = len(rows) > query.limit
    cursor = to_cursor(page[-1]["occurred_at"], page[-1]["seq"]) if has_more else None
    return CallsPage(tuple({name: call[name] for name in LISTED_FIELDS} for call in calls), cursor)


def list_revised_calls(ledger: Ledger, query: CallsQuery, last_call: int) -> CallsPage:
    """A page of calls that were replaced since the call with a number was stored, with their cost then."""
    page = list_calls(ledger, replace(query, revised_after=last_call))
    ids = {UUID(call["event_id"]).bytes: call for call in page.calls}
    with ledger.reading() as connection:
        costs = calls_store.costs_before(connection, ids, last_call)
    calls = (
        {**call, "total_cost_before": None if costs.get(ident) is None else money.plain(costs[ident] or 0)}
        for ident, call in ids.items()
    )
    return CallsPage(tuple(calls), page.next_cursor)


def read_call(ledger: Ledger, event_id: UUID) -> Call | None:
    """All stored fields of one call; None if there is no such call."""
    with ledger.reading() as connection:
        row = calls_store.one_call(connection, ledger.keyring, event_id.bytes)
        if row is None:
            return None
        (call,) = _decoded(connection, [row], _FIELDS)
        call |= _provenance(connection, row)
        call["revisions"] = calls_store.count_revisions(connection, bytes(row["event_id"]))
    return call


def to_cursor(occurred_at: int, seq: int) -> str:
    """The cursor of a place in the list, as opaque text."""
    return base64.urlsafe_b64encode(f"{occurred_at}.{seq}".encode()).decode().rstrip("=")


def read_cursor(text: str) -> tuple[int, int]:
    """Time (microseconds UTC) and number of the call that a cursor identifies.

    Raises:
        QuestionError: the text is not a cursor.
    """
    try:
        plain = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode()
        occurred_at, seq = map(int, plain.split("."))
        if max(abs(occurred_at), abs(seq)) > money.LARGEST:
            raise ValueError(text)  # noqa: TRY301 - the message is below
    except (ValueError, binascii.Error) as error:
        raise QuestionError(
            "invalid_cursor", "cursor", "cursor: use the next_cursor of the page before"
        ) from error
    return occurred_at, seq


def _decoded(connection: Connection, rows: Sequence[Row], fields: Sequence[str]) -> list[Call]:
    """The fields, attribution and owners of each row as readable values."""
    terms = labels.term_texts(
        connection, (row[column_of(name)] for row in rows for name in fields if name in TERMS)
    )
    attributions = _attributions(connection, {row["attribution_id"] for row in rows})
    owners = owners_of(connection, ((row["attribution_id"], row["occurred_at"]) for row in rows))
    return [
        {_shown_name(name): _shown_value(name, row[column_of(name)], terms) for name in fields}
        | attributions[row["attribution_id"]]
        | owners.get((row["attribution_id"], row["occurred_at"]), {})
        for row in rows
    ]


def _shown_value(  # noqa: PLR0911 - one for each kind
    name: str, value: Any, terms: Mapping[int | None, str | None]
) -> Any:
    """A field of a call: ids as text, money as decimals, times in RFC 3339, durations in milliseconds."""
    if name == "flags":
        return list(flags.split(terms[value]))
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


def _shown_name(name: str) -> str:
    return f"{name.removesuffix('_us')}_ms" if name.endswith("_us") else name


def _attributions(connection: Connection, ids: Iterable[int | None]) -> Mapping[int | None, Call]:
    """The names of each attribution; under None, an attribution without names."""
    known_ids = [ident for ident in ids if ident is not None]
    rows = calls_store.attributions(connection, known_ids)
    directory_names = labels.entry_names(
        connection, (row[f"{kind}_id"] for row in rows for kind in DIRECTORY_KINDS)
    )
    label_texts = labels.term_texts(connection, (row[f"{kind}_id"] for row in rows for kind in LABEL_KINDS))
    attributions: dict[int | None, Call] = {
        None: dict.fromkeys((*DIRECTORY_KINDS, "cost_center", *LABEL_KINDS))
    }
    for row in rows:
        names = {kind: directory_names[row[f"{kind}_id"]] for kind in DIRECTORY_KINDS} | {"cost_center": None}
        attributions[row["attribution_id"]] = names | {
            kind: label_texts[row[f"{kind}_id"]] for kind in LABEL_KINDS
        }
    return attributions


def _provenance(connection: Connection, row: Row) -> Call:
    """Where the call's record came from, and its price set."""
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
    columns = {name: value for name, value in prices.items() if name not in ("price_set_id", "rates")}
    return columns | {"rates": msgspec.json.decode(prices["rates"])}


def last_call(ledger: Ledger) -> datetime | None:
    """The time of the newest call; None for a ledger without calls."""
    return _boundary_time(ledger, "last")


def first_call(ledger: Ledger) -> datetime | None:
    """The time of the oldest call; None for a ledger without calls."""
    return _boundary_time(ledger, "first")


def _boundary_time(ledger: Ledger, which: Literal["first", "last"]) -> datetime | None:
    with ledger.reading() as connection:
        at = calls_store.boundary_time(connection, ledger.keyring, which)
    return None if at is None else instant(at)
