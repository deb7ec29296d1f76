"""Closing: the check list of a month, closing it with its statement, and opening it again."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from dashboard.chargeback.sealed import as_kept
from dashboard.chargeback.statement import Statement, unassigned
from dashboard.chargeback.statements import statement
from dashboard.chargeback.store import running_imports
from dashboard.query.calendar import Month, of_month, read_month
from dashboard.reconciliation.compare import unreconciled
from ingest.ledger import audit, periods
from ingest.ledger.engine import Ledger
from ingest.model import money
from ingest.model.invalid import Invalid

_REASON_MOST: Final = 500


class CloseRefused(Invalid):
    """A month that cannot be closed or opened as asked; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Item:
    """One point of the check list."""

    code: str
    text: str
    stops: bool
    """Whether closing waits for it or for a reason to go on without."""
    facts: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The point as outputs give it."""
        return {"code": self.code, "text": self.text, "stops": self.stops, **self.facts}


@dataclass(frozen=True, slots=True)
class Closing:
    """What came of closing a month."""

    statement: Statement
    items: tuple[Item, ...]
    hash: str | None
    """The hash of the statement; None where something stopped it."""


def check(ledger: Ledger, found: Statement) -> tuple[Item, ...]:
    """The check list of a statement; nothing where all is well."""
    return tuple(_items(ledger, found))


def _items(ledger: Ledger, found: Statement) -> Iterator[Item]:
    used = found.used
    if used.unpriced_requests:
        models = [{"provider": o.provider, "model": o.model, "requests": o.requests} for o in found.unpriced]
        yield Item(
            "unpriced",
            f"{used.unpriced_requests:,} calls have no price and are in no amount; price them with "
            "`tallybook prices set` and `tallybook reprice`",
            stops=True,
            facts={"requests": used.unpriced_requests, "models": models},
        )
    with ledger.reading() as connection:
        running = running_imports(connection)
    if running:
        paths = ", ".join(running[:3])
        yield Item(
            "imports_running",
            f"{len(running)} imports have not finished: {paths}; wait for them, or run them again with --resume",
            stops=True,
            facts={"imports": running},
        )
    for one in found.unconverted:
        yield Item(
            "unconverted",
            f"{one.requests:,} calls cost {money.plain(one.amount)} {one.currency}, which is in no amount: {one.reason}",
            stops=True,
            facts={
                "currency": one.currency,
                "amount": money.plain(one.amount),
                "requests": one.requests,
            },
        )
    for row in unreconciled(ledger, read_month(found.period)):
        variance = None if row.variance is None else money.plain(row.variance)
        what = (
            "no invoice of this month is known"
            if variance is None
            else f"its invoice differs by {variance} {found.currency}"
        )
        yield Item(
            "unreconciled",
            f"{row.provider}: {what} (`tallybook reconcile --period {found.period}`)",
            stops=False,
            facts={"provider": row.provider, "variance": variance},
        )
    nobody = unassigned(found)
    if nobody.total or nobody.used.requests:
        yield Item(
            "unassigned",
            f"{nobody.used.requests:,} calls and {money.plain(nobody.total)} {found.currency} belong to no team",
            stops=False,
            facts={"requests": nobody.used.requests, "amount": money.plain(nobody.total)},
        )


def close(ledger: Ledger, month: Month, *, accept: str | None, by: str, now: int) -> Closing:
    """Close a month with its statement, unless its check list stops it and nobody accepts that with a reason.

    Raises:
        CloseRefused: the month is not over, or closed already.
    """
    reason = _clean(accept)
    if now < ledger.zone.midnight(of_month(month).days[1]):
        message = f"{month} is not over yet in {ledger.zone.name}: close it when it is"
        raise CloseRefused("not_over", message)
    found = statement(ledger, of_month(month), now)
    if found.status == "closed":
        message = f"{month} is closed already; `tallybook period reopen {month} --reason REASON` opens it"
        raise CloseRefused("already_closed", message)
    items = check(ledger, found)
    stopped = [item.code for item in items if item.stops]
    if stopped and not reason:
        with ledger.writing() as connection:
            periods.begin_closing(connection, str(month), now, by, ", ".join(stopped))
        return Closing(found, items, None)
    kept = as_kept(replace(found, revision=found.revision + 1))
    try:
        with ledger.writing() as connection:
            sealed = periods.close(connection, str(month), kept, at=now, by=by, reason=reason)
            detail = {"hash": sealed, "total": money.plain(found.total), "currency": found.currency}
            if reason:
                detail |= {"accepted": reason, "despite": ", ".join(stopped)}
            audit.note(
                connection,
                audit.Entry(at=now, by=by, action="period close", subject=str(month), detail=detail),
            )
    except periods.AlreadyClosed as error:  # by somebody else at this very moment
        raise CloseRefused("already_closed", str(error)) from error
    return Closing(found, items, sealed)


def reopen(ledger: Ledger, month: Month, *, reason: str, by: str, now: int) -> None:
    """Open a closed month again, with a reason.

    Raises:
        CloseRefused: it is not closed, or there is no reason.
    """
    why = _clean(reason)
    if not why:
        raise CloseRefused("missing_reason", "say why the month is opened again", field="reason")
    try:
        with ledger.writing() as connection:
            periods.reopen(connection, str(month), at=now, by=by, reason=why)
            entry = audit.Entry(
                at=now, by=by, action="period reopen", subject=str(month), detail={"reason": why}
            )
            audit.note(connection, entry)
    except LookupError as error:
        raise CloseRefused("not_closed", str(error)) from error


def _clean(reason: str | None) -> str:
    text = " ".join((reason or "").split())
    if len(text) > _REASON_MOST:
        raise CloseRefused("long_reason", f"a reason has at most {_REASON_MOST} characters")
    return text
