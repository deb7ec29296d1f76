"""Periods in the ledger: what happened to each, the statement as it was when it was closed, and booked adjustments.

A period is a month of the reporting zone and is called by it: `2026-10`. It is open until somebody closes it. Closing
keeps the statement with its hash, which holds the hash of the statement closed before it, so that none can be changed or
left out unseen. Opening it again adds to the history and takes nothing away.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

import sqlalchemy as sa

from ingest.ledger.tables.periods import adjustment, period_event
from ingest.model.ownership import Owner
from ingest.model.zone import day_number

Status = Literal["open", "closing", "closed"]
_GENESIS: Final = "0" * 64
"""What stands for the statement before the first."""


class AlreadyClosed(ValueError):
    """The period is closed, so that it can be neither closed nor booked in."""


@dataclass(frozen=True, slots=True)
class Event:
    """What happened to a period."""

    period: str
    revision: int
    status: Status
    at: int
    by: str
    reason: str
    hash: str | None
    number: int


def events(connection: sa.Connection, period: str | None = None) -> list[Event]:
    """What happened to a period, or to all, in order."""
    c = period_event.c
    at = sa.type_coerce(c.at, sa.BigInteger)
    wanted = sa.select(c.period, c.revision, c.status, at, c.by, c.reason, c.hash, c.number).order_by(
        c.number
    )
    if period is not None:
        wanted = wanted.where(c.period == period)
    return [Event(*row) for row in connection.execute(wanted)]


def standing(connection: sa.Connection) -> dict[str, Event]:
    """The last event of each period; one that nothing happened to is open."""
    return {one.period: one for one in events(connection)}


def status_of(connection: sa.Connection, period: str) -> Status:
    """Whether a period is open, closing or closed."""
    found = events(connection, period)
    return found[-1].status if found else "open"


def closed(connection: sa.Connection) -> dict[str, Event]:
    """The closing of every period that is closed now, by its name, in order."""
    found = standing(connection)
    return {name: found[name] for name in sorted(found) if found[name].status == "closed"}


def statement_of(connection: sa.Connection, closing: Event) -> Mapping[str, Any]:
    """The statement as it was at a closing."""
    c = period_event.c
    text = connection.execute(sa.select(c.statement).where(c.number == closing.number)).scalar_one()
    found: Mapping[str, Any] = json.loads(text)
    return found


def closed_within(connection: sa.Connection, first_day: int, end_day: int) -> tuple[str, ...]:
    """The closed months that share a day with others, by number of the day."""
    names = (name for name, event in sorted(standing(connection).items()) if event.status == "closed")
    return tuple(name for name in names if _shares(name, first_day, end_day))


def _shares(month: str, first_day: int, end_day: int) -> bool:
    first = date.fromisoformat(f"{month}-01")
    following = date(first.year + first.month // 12, first.month % 12 + 1, 1)
    return first_day < day_number(following) and end_day > day_number(first)


def begin_closing(connection: sa.Connection, period: str, at: int, by: str, reason: str) -> None:
    """Note that a period is being closed and what stops it.

    Raises:
        AlreadyClosed: it is closed.
    """
    before = _open_event(connection, period)
    if before is None or before.status != "closing" or before.reason != reason:
        _add(connection, period, before, status="closing", at=at, by=by, reason=reason)


def close(
    connection: sa.Connection, period: str, statement: Mapping[str, Any], *, at: int, by: str, reason: str
) -> str:
    """Close a period with its statement; the hash of it.

    Raises:
        AlreadyClosed: it is closed.
    """
    before = _open_event(connection, period)
    text = canonical(statement)
    previous = _last_hash(connection)
    sealed = seal(previous, period, text)
    _add(
        connection,
        period,
        before,
        status="closed",
        at=at,
        by=by,
        reason=reason,
        statement=text,
        hash=sealed,
        previous_hash=previous,
    )
    return sealed


def reopen(connection: sa.Connection, period: str, *, at: int, by: str, reason: str) -> None:
    """Open a closed period again.

    Raises:
        LookupError: it is not closed.
    """
    found = events(connection, period)
    if not found or found[-1].status != "closed":
        raise LookupError(f"{period} is not closed")
    _add(connection, period, found[-1], status="open", at=at, by=by, reason=reason)


def canonical(statement: Mapping[str, Any]) -> str:
    """The text of a statement that is kept and hashed: JSON with sorted keys and no spaces."""
    return json.dumps(statement, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def seal(previous: str, period: str, text: str) -> str:
    """The hash of a statement: SHA-256 of the hash before it, the period and the text, a line each."""
    return hashlib.sha256(f"{previous}\n{period}\n{text}".encode()).hexdigest()


def broken_seals(connection: sa.Connection) -> list[str]:
    """The periods whose kept statement is not what was sealed, or stands in another order than it was sealed in."""
    c = period_event.c
    wanted = sa.select(c.period, c.statement, c.hash, c.previous_hash)
    rows = connection.execute(wanted.where(c.status == "closed").order_by(c.number)).all()
    broken = []
    previous = _GENESIS
    for period, text, sealed, before in rows:
        if before != previous or seal(before, period, text) != sealed:
            broken.append(period)
        previous = sealed
    return broken


def _open_event(connection: sa.Connection, period: str) -> Event | None:
    found = events(connection, period)
    if found and found[-1].status == "closed":
        raise AlreadyClosed(f"{period} is closed already")
    return found[-1] if found else None


def _last_hash(connection: sa.Connection) -> str:
    c = period_event.c
    wanted = sa.select(c.hash).where(c.hash.is_not(None)).order_by(c.number.desc()).limit(1)
    return connection.execute(wanted).scalar() or _GENESIS


def _add(connection: sa.Connection, period: str, before: Event | None, **facts: Any) -> None:
    row = {"period": period, "revision": before.revision + 1 if before else 1, **facts}
    connection.execute(period_event.insert(), row)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """An amount that people book in a period."""

    period: str
    cause: str
    """`reconciliation`, `credit`, `tax` or `manual`."""
    owner: Owner
    currency: str
    amount: int
    """Pico-units; negative for what is taken off."""
    reason: str
    recorded_at: int
    recorded_by: str
    about: str | None = None
    """The period that it is about, where that is another one."""
    provider: str | None = None
    number: int = 0


def book(connection: sa.Connection, one: Adjustment) -> None:
    """Book an adjustment.

    Raises:
        AlreadyClosed: its period is closed.
    """
    _open_event(connection, one.period)
    row = {
        "period": one.period,
        "about": one.about,
        "cause": one.cause,
        **one.owner._asdict(),
        "provider": one.provider,
        "currency": one.currency,
        "amount": str(one.amount),
        "reason": one.reason,
        "recorded_at": one.recorded_at,
        "recorded_by": one.recorded_by,
    }
    connection.execute(adjustment.insert(), row)


def adjustments(connection: sa.Connection, period: str | None = None) -> list[Adjustment]:
    """What people booked in a period, or in all, in order."""
    c = adjustment.c
    at = sa.type_coerce(c.recorded_at, sa.BigInteger).label("instant")
    wanted = sa.select(adjustment, at).order_by(c.number)
    if period is not None:
        wanted = wanted.where(c.period == period)
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
        for row in connection.execute(wanted).mappings()
    ]
