"""Closing months: the checklist of a month, sealing its statement, and reopening it."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from dashboard.chargeback.comparison import compared
from dashboard.chargeback.evidence import with_evidence
from dashboard.chargeback.months import first_month
from dashboard.chargeback.sealed import sealed_content
from dashboard.chargeback.statement import Statement, unassigned
from dashboard.chargeback.statements import statement
from dashboard.chargeback.store import running_imports
from dashboard.query.calendar import Month, of_month, read_month
from dashboard.query.question import Period, SpendQuery
from dashboard.query.run import run
from dashboard.reconciliation.compare import unreconciled
from ingest.ledger import audit, periods
from ingest.ledger.arrivals import settled_snapshot
from ingest.ledger.engine import Ledger
from ingest.model import money
from ingest.model.invalid import Invalid
from ingest.model.zone import instant

_REASON_MOST: Final = 500
_ATTEMPTS: Final = 3


class CloseRefused(Invalid):
    """The month cannot be closed or reopened; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class ChecklistItem:
    """An item of the checklist of a month."""

    code: str
    text: str
    stops: bool
    """True if the month can be closed only with a reason while the item stands."""
    facts: Mapping[str, Any]

    def as_json(self) -> dict[str, Any]:
        """The item as JSON outputs give it."""
        return {"code": self.code, "text": self.text, "stops": self.stops, **self.facts}


@dataclass(frozen=True, slots=True)
class CloseResult:
    """The result of an attempt to close a month."""

    statement: Statement
    items: tuple[ChecklistItem, ...]
    hash: str | None
    """The hash of the sealed statement; None if an item stopped the closing."""

    @property
    def number(self) -> str | None:
        """The number of the issued statement, such as `2026-10/2`; None if an item stopped the closing."""
        return f"{self.statement.period}/{self.statement.revision + 1}" if self.hash else None


def checklist(ledger: Ledger, draft: Statement) -> tuple[ChecklistItem, ...]:
    """The checklist of a month's statement; empty if nothing is amiss."""
    return (
        *_unpriced(draft),
        *_flagged(ledger, draft),
        *_imports_running(ledger),
        *_unconverted(draft),
        *_unreconciled(ledger, draft),
        *_unassigned(draft),
    )


def _unpriced(draft: Statement) -> Iterator[ChecklistItem]:
    used = draft.used
    if used.unpriced_requests:
        models = [
            {"provider": row.provider, "model": row.model, "requests": row.requests} for row in draft.unpriced
        ]
        yield ChecklistItem(
            "unpriced",
            f"{used.unpriced_requests:,} calls have no price and are in no amount; price them with "
            "`tallybook prices set` and `tallybook reprice`",
            stops=True,
            facts={"requests": used.unpriced_requests, "models": models},
        )


def _flagged(ledger: Ledger, draft: Statement) -> Iterator[ChecklistItem]:
    start, stop = (instant(ledger.zone.midnight(day)) for day in of_month(read_month(draft.period)).days)
    query = SpendQuery(Period(start, stop), ledger.zone.name, ("flagged_requests",))
    if not run(ledger, query).total("flagged_requests"):
        return
    rows = run(ledger, replace(query, dimensions=("flag",))).rows
    counts = {str(row.key[0]): int(row.values[0] or 0) for row in rows if row.key[0] is not None}
    listed = ", ".join(f"{count:,} {codes}" for codes, count in sorted(counts.items()))
    yield ChecklistItem(
        "flagged",
        f"calls of which a part is doubtful, though they count: {listed}; `tallybook spend --by flag,model` "
        "names their models",
        stops=False,
        facts={"flags": counts},
    )


def _imports_running(ledger: Ledger) -> Iterator[ChecklistItem]:
    with ledger.reading() as connection:
        running = running_imports(connection)
    if running:
        paths = ", ".join(running[:3])
        yield ChecklistItem(
            "imports_running",
            f"{len(running)} imports have not finished: {paths}; wait for them, or run them again with "
            "--resume",
            stops=True,
            facts={"imports": running},
        )


def _unconverted(draft: Statement) -> Iterator[ChecklistItem]:
    for unconverted in draft.unconverted:
        yield ChecklistItem(
            "unconverted",
            f"{unconverted.requests:,} calls cost {money.plain(unconverted.amount)} {unconverted.currency}, "
            f"which is in no amount: {unconverted.reason}",
            stops=True,
            facts={
                "currency": unconverted.currency,
                "amount": money.plain(unconverted.amount),
                "requests": unconverted.requests,
            },
        )


def _unreconciled(ledger: Ledger, draft: Statement) -> Iterator[ChecklistItem]:
    for comparison in unreconciled(ledger, read_month(draft.period)):
        variance = None if comparison.variance is None else money.plain(comparison.variance)
        what = (
            "no invoice of this month is known"
            if variance is None
            else f"its invoice differs by {variance} {draft.currency}"
        )
        yield ChecklistItem(
            "unreconciled",
            f"{comparison.provider}: {what} (`tallybook reconcile --period {draft.period}`)",
            stops=False,
            facts={"provider": comparison.provider, "variance": variance},
        )


def _unassigned(draft: Statement) -> Iterator[ChecklistItem]:
    line = unassigned(draft)
    if line.total or line.used.requests:
        yield ChecklistItem(
            "unassigned",
            f"{line.used.requests:,} calls and {money.plain(line.total)} {draft.currency} belong to no team",
            stops=False,
            facts={"requests": line.used.requests, "amount": money.plain(line.total)},
        )


def close(ledger: Ledger, month: Month, *, accept: str | None, by: str, now: int) -> CloseResult:
    """Close a month and seal its statement.

    The statement is computed from one snapshot, while others write. It is sealed if nothing was booked,
    closed or opened meanwhile; else it is computed again.

    Items of the checklist that stop the closing are returned, and nothing is closed, unless `accept` gives a
    reason to close all the same.

    Raises:
        CloseRefused: the month is not over, is before all data, or is closed already.
    """
    reason = _clean(accept)
    if now < ledger.zone.midnight(of_month(month).days[1]):
        message = f"{month} is not over yet in {ledger.zone.name}: close it when it is"
        raise CloseRefused("not_over", message)
    if month < (first := first_month(ledger, now)):
        raise CloseRefused("before_data", f"{month} is before all data: the first month to close is {first}")
    for _ in range(_ATTEMPTS):
        with suppress(periods.BooksChanged):
            return _close(ledger, month, reason=reason, by=by, now=now)
    message = f"others book or close while {month} is computed: close it again when they have finished"
    raise CloseRefused("changing", message)


def _close(ledger: Ledger, month: Month, *, reason: str, by: str, now: int) -> CloseResult:
    """Compute and seal the statement, without a lock but for the moment of sealing.

    Raises:
        CloseRefused: the month is closed already.
        BooksChanged: another month was closed or opened meanwhile, or an adjustment was booked.
    """
    with settled_snapshot(ledger) as snapshot:
        with snapshot.reading() as connection:
            books = periods.books(connection)
        draft = statement(snapshot, of_month(month), now)
        if draft.status == "closed":
            message = f"{month} is closed already; `tallybook period reopen {month} --reason REASON` opens it"
            raise CloseRefused("already_closed", message)
        items = checklist(snapshot, draft)
        stopped = ", ".join(item.code for item in items if item.stops)
        if reason or not stopped:
            complete = with_evidence(snapshot, compared(snapshot, of_month(month), draft, now), now)
    if stopped and not reason:
        with ledger.writing() as connection:
            periods.begin_closing(connection, str(month), now, by, stopped)
        return CloseResult(draft, items, None)
    issued = replace(complete, revision=draft.revision + 1)
    accepted = {"accepted": reason, "despite": stopped} if reason else {}
    return CloseResult(draft, items, _seal(ledger, month, issued, books, accepted, by=by, now=now))


def _seal(
    ledger: Ledger,
    month: Month,
    issued: Statement,
    books: periods.Books,
    accepted: Mapping[str, str],
    *,
    by: str,
    now: int,
) -> str:
    """Seal a statement; the hash of the closing."""
    content = {name: periods.canonical(value) for name, value in sealed_content(issued).items()}
    reason = accepted.get("accepted", "")
    try:
        with ledger.writing() as connection:
            statement_hash = periods.close(
                connection, str(month), content, at=now, by=by, reason=reason, computed_from=books
            )
            detail = {
                "statement": f"{month}/{issued.revision}",
                "hash": statement_hash,
                "total": money.plain(issued.total),
                "currency": issued.currency,
                **accepted,
            }
            entry = audit.Entry(at=now, by=by, action="period close", subject=str(month), detail=detail)
            audit.note(connection, entry)
    except periods.AlreadyClosed as error:  # by a concurrent request
        raise CloseRefused("already_closed", str(error)) from error
    return statement_hash


def reopen(ledger: Ledger, month: Month, *, reason: str, by: str, now: int) -> None:
    """Reopen a closed month, with a reason.

    Raises:
        CloseRefused: the month is not closed, or there is no reason.
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
