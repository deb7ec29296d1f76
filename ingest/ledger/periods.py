"""Periods in the ledger: their history, the statements sealed at their closing, and booked adjustments.

A period is a month of the reporting zone, written `2026-10`. It is open until it is closed.
Closing stores the statement. Reopening adds to the history and deletes nothing. The events of all periods
are a hash chain, and so are adjustments, so that a changed, inserted, deleted or missing row is detected. The
hash of a closing is its seal: it covers the statement, its number, who closed the period, when, and the
reason. A statement also names the heads of all chains before its closing.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

import sqlalchemy as sa

from ingest.ledger import chain
from ingest.ledger.audit import audit_entry
from ingest.ledger.tables.periods import adjustment, period_event
from ingest.model.ownership import Owner
from ingest.model.zone import day_number

Status = Literal["open", "closing", "closed"]
CHAINS: Final = (period_event, adjustment, audit_entry)
"""The tables whose rows are hash chains."""
_BOOKS: Final = (period_event, adjustment)
"""The chains that statements depend on, in the order in which transactions lock them."""


class AlreadyClosed(ValueError):
    """The period is closed, so it cannot be closed again or get an adjustment."""


class BooksChanged(Exception):
    """A period was closed or opened, or an adjustment was booked, since a statement was computed."""


@dataclass(frozen=True, slots=True)
class Event:
    """A change of a period's status."""

    period: str
    revision: int
    status: Status
    at: int
    by: str
    reason: str
    hash: str | None
    number: int


def events(connection: sa.Connection, period: str | None = None) -> list[Event]:
    """The events of a period, or of all periods, in order."""
    c = period_event.c
    at = sa.type_coerce(c.at, sa.BigInteger)
    query = sa.select(c.period, c.revision, c.status, at, c.by, c.reason, c.hash, c.number).order_by(c.number)
    if period is not None:
        query = query.where(c.period == period)
    return [Event(*row) for row in connection.execute(query)]


def latest_events(connection: sa.Connection) -> dict[str, Event]:
    """The last event of each period. A period without events is open."""
    return {event.period: event for event in events(connection)}


def status_of(connection: sa.Connection, period: str) -> Status:
    """Whether a period is open, closing or closed."""
    history = events(connection, period)
    return history[-1].status if history else "open"


def closed(connection: sa.Connection) -> dict[str, Event]:
    """The closing event of every closed period, by period, in order."""
    latest = latest_events(connection)
    return {period: latest[period] for period in sorted(latest) if latest[period].status == "closed"}


def statement_of(connection: sa.Connection, closing: Event) -> Mapping[str, Any]:
    """The statement that was sealed at a closing."""
    c = period_event.c
    text = connection.execute(sa.select(c.statement).where(c.number == closing.number)).scalar_one()
    statement: Mapping[str, Any] = json.loads(text)
    return statement


def closed_within(connection: sa.Connection, first_day: int, end_day: int) -> tuple[str, ...]:
    """The closed months that overlap the days `[first_day, end_day)`."""
    names = (name for name, event in sorted(latest_events(connection).items()) if event.status == "closed")
    return tuple(name for name in names if _shares(name, first_day, end_day))


def _shares(month: str, first_day: int, end_day: int) -> bool:
    first = date.fromisoformat(f"{month}-01")
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first_day < day_number(following) and end_day > day_number(first)


def begin_closing(connection: sa.Connection, period: str, at: int, by: str, reason: str) -> None:
    """Record that the closing of a period has begun, and the reason that prevents it.

    Raises:
        AlreadyClosed: it is closed.
    """
    before = _open_event(connection, period)
    if before is None or before.status != "closing" or before.reason != reason:
        _add(connection, period, before, status="closing", at=at, by=by, reason=reason)


Books = Mapping[str, chain.Head | None]
"""The heads of the chains of periods and adjustments."""


def books(connection: sa.Connection) -> Books:
    """What is booked by hand and closed, as the heads of its chains; equal if nothing has changed."""
    return {table.name: chain.head_of(connection, table) for table in _BOOKS}


def close(
    connection: sa.Connection,
    period: str,
    fields: Mapping[str, str],
    *,
    at: int,
    by: str,
    reason: str,
    computed_from: Books | None = None,
) -> str:
    """Close a period with its statement; the hash of the closing.

    `fields` are the fields of the statement as `canonical` texts, made before the transaction because a
    statement may be large. `computed_from` are the books of the snapshot that it was computed from.

    Raises:
        AlreadyClosed: it is closed.
        BooksChanged: the books are not those that the statement was computed from.
    """
    heads = {table.name: chain.lock(connection, table) for table in _BOOKS}
    before = _open_event(connection, period)
    if computed_from is not None and heads != computed_from:
        raise BooksChanged
    texts = {**fields, "chains": canonical(_heads(connection))}
    text = "{" + ",".join(f"{canonical(name)}:{texts[name]}" for name in sorted(texts)) + "}"
    facts = {"status": "closed", "at": at, "by": by, "reason": reason, "statement": text}
    sealed = _add(connection, period, before, **facts)
    hashes = {"hash": sealed.seal, "previous_hash": sealed.previous}
    connection.execute(period_event.update().where(period_event.c.number == sealed.number).values(hashes))
    return sealed.seal


def _heads(connection: sa.Connection) -> dict[str, dict[str, Any]]:
    """The heads of all chains, by table."""
    heads = {table.name: chain.head_of(connection, table) for table in CHAINS}
    return {name: {"count": head.count, "seal": head.seal} for name, head in heads.items() if head}


def reopen(connection: sa.Connection, period: str, *, at: int, by: str, reason: str) -> None:
    """Open a closed period again.

    Raises:
        LookupError: it is not closed.
    """
    history = events(connection, period)
    if not history or history[-1].status != "closed":
        raise LookupError(f"{period} is not closed")
    _add(connection, period, history[-1], status="open", at=at, by=by, reason=reason)


def canonical(value: object) -> str:
    """The text of a statement, or of its part, that is stored and hashed: JSON, keys sorted, no spaces."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def broken_chains(connection: sa.Connection) -> Iterator[str]:
    """A message for each row of periods, adjustments and the audit log that is not what was sealed."""
    noted = _noted_heads(connection)
    for table in CHAINS:
        yield from chain.broken_links(connection, table, noted[table.name])
    yield from _broken_statements(connection)


def _noted_heads(connection: sa.Connection) -> dict[str, dict[int, str]]:
    """The heads of chains that closed statements name: for each table, seals by the number of rows."""
    noted: dict[str, dict[int, str]] = {table.name: {} for table in CHAINS}
    c = period_event.c
    for text in connection.execute(sa.select(c.statement).where(c.statement.is_not(None))).scalars():
        for name, count, seal in _heads_in(text):
            noted[name][count] = seal
    return noted


def _heads_in(text: str) -> list[tuple[str, int, str]]:
    """The heads in a statement, without those of empty chains; none if somebody has damaged the text."""
    try:
        chains = json.loads(text).get("chains", {})
        heads = [(table.name, chains[table.name]) for table in CHAINS if table.name in chains]
        return [(name, head["count"], head["seal"]) for name, head in heads if head["count"]]
    except (ValueError, TypeError, KeyError, AttributeError):
        return []


def _broken_statements(connection: sa.Connection) -> Iterator[str]:
    """A message for each closing whose hash is not the seal; before seals, the hash had a rule of its own."""
    c = period_event.c
    columns = (c.period, c.statement, c.hash, c.previous_hash, c.seal, c.sealed_by_migration)
    previous = chain.GENESIS
    for row in connection.execute(sa.select(*columns).where(c.status == "closed").order_by(c.number)):
        expected = row.seal
        if row.sealed_by_migration:
            text = f"{previous}\n{row.period}\n{row.statement}"
            expected = hashlib.sha256(text.encode()).hexdigest()
        if row.hash != expected:
            yield f"the statement of {row.period} is not what was sealed, or one before it is missing"
        previous = row.hash


def _open_event(connection: sa.Connection, period: str) -> Event | None:
    """The last event of a period that is not closed; None if it has none."""
    history = events(connection, period)
    if history and history[-1].status == "closed":
        raise AlreadyClosed(f"{period} is closed already")
    return history[-1] if history else None


def _add(connection: sa.Connection, period: str, before: Event | None, **facts: Any) -> chain.Sealed:
    row = {"period": period, "revision": before.revision + 1 if before else 1, **facts}
    return chain.append(connection, period_event, row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """An amount that a user books in a period."""

    period: str
    cause: str
    """`reconciliation`, `credit`, `tax` or `manual`."""
    owner: Owner
    currency: str
    amount: int
    """Pico-units; negative for a reduction."""
    reason: str
    recorded_at: int
    recorded_by: str
    about: str | None = None
    """The period that the adjustment corrects, if it is another period."""
    provider: str | None = None
    number: int = 0


def book(connection: sa.Connection, booked: Adjustment) -> None:
    """Book an adjustment.

    Raises:
        AlreadyClosed: its period is closed.
    """
    chain.lock(connection, period_event)  # or its period might be closed meanwhile, without the adjustment
    _open_event(connection, booked.period)
    row = {
        "period": booked.period,
        "about": booked.about,
        "cause": booked.cause,
        **booked.owner._asdict(),
        "provider": booked.provider,
        "currency": booked.currency,
        "amount": str(booked.amount),
        "reason": booked.reason,
        "recorded_at": booked.recorded_at,
        "recorded_by": booked.recorded_by,
    }
    chain.append(connection, adjustment, row)


def adjustments(connection: sa.Connection, period: str | None = None) -> list[Adjustment]:
    """The adjustments of a period, or of all periods, in order."""
    c = adjustment.c
    at = sa.type_coerce(c.recorded_at, sa.BigInteger).label("instant")
    query = sa.select(adjustment, at).order_by(c.number)
    if period is not None:
        query = query.where(c.period == period)
    return [
        Adjustment(
            period=row["period"],
            about=row["about"],
            cause=row["cause"],
            owner=Owner(row["team_id"], row["customer_id"], row["cost_center_id"]),
            provider=row["provider"],
            currency=row["currency"],
            amount=int(row["amount"]),
            reason=row["reason"],
            recorded_at=row["instant"],
            recorded_by=row["recorded_by"],
            number=row["number"],
        )
        for row in connection.execute(query).mappings()
    ]
