"""`tallybook reprice`: stored events at the prices of today's book, with a record of what that changed."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ingest.ledger import periods, rollups
from ingest.ledger.engine import Ledger, open_ledger
from ingest.model.invalid import Invalid
from ingest.model.money import from_pico, plain
from ingest.model.ownership import END_DAY, FIRST_DAY
from ingest.parse.dates import read_edges
from ingest.price_book import reprice_runs, repricing
from ingest.price_book.reprice_runs import Change, Run, Scope
from ingest.price_book.repricing import Repricing
from ingest.settings import Settings
from ingest.terminal import ExitCode, current_user, explained, print_json, say, table, warn

INTERRUPTED: Final = 130
_SHOWN: Final = 30


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command was asked for."""

    start: str | None
    end: str | None
    provider: str | None
    model: str | None
    only_unpriced: bool
    dry_run: bool
    resume: bool
    as_json: bool


def run(asked: Asked) -> int:
    """Price again, or say what that would change; the exit code."""
    err = Console(stderr=True)
    with open_ledger(Settings()) as ledger:
        try:
            scope = _scope(asked, ledger)
        except Invalid as error:
            return _refused(explained(error))
        if asked.dry_run:
            with _progress(err) as progress:
                found = repricing.rehearse(ledger, scope, _heard(progress))
            _print(asked, found, None, _closed(ledger, scope))
            return ExitCode.OK
        try:
            done = _run(ledger, asked, scope, err)
        except KeyboardInterrupt:
            warn("tallybook: interrupted; `tallybook reprice --resume` goes on where it was")
            return INTERRUPTED
        if done is None:
            return _refused("no run was interrupted: there is nothing to go on with")
        _print(asked, Repricing(done.examined, done.changed), done, _closed(ledger, done.scope))
    return ExitCode.OK


def _run(ledger: Ledger, asked: Asked, scope: Scope, err: Console) -> Run | None:
    with _progress(err) as progress:
        if asked.resume:
            with ledger.reading() as connection:
                held = reprice_runs.unfinished(connection)
            if held is None:
                return None
            done = repricing.resume(ledger, held, _heard(progress))
        else:
            done = repricing.reprice(ledger, scope, current_user(), _heard(progress))
        if waiting := rollups.count_dirty_slots(ledger):
            summing = progress.add_task("summing", total=waiting)
            rollups.roll(ledger, lambda slots: progress.update(summing, advance=slots))
    return done


def _scope(asked: Asked, ledger: Ledger) -> Scope:
    start, end = read_edges(asked.start, asked.end, ledger.zone)
    if start is not None and end is not None and start >= end:
        raise Invalid(
            "empty_period", f"{asked.end}: the period must end after it starts ({asked.start})", "to"
        )
    return Scope(
        start=start,
        end=end,
        provider=asked.provider,
        model=asked.model,
        only_unpriced=asked.only_unpriced,
    )


def _heard(progress: Progress) -> repricing.Heard:
    task = progress.add_task("pricing", total=None)
    return lambda events, total: progress.update(task, advance=events, total=total)


def _progress(err: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def _closed(ledger: Ledger, scope: Scope) -> tuple[str, ...]:
    """The closed months that calls of the scope are in: their statements stand, whatever the calls cost now."""
    first = FIRST_DAY if scope.start is None else ledger.zone.day(scope.start)
    end = END_DAY if scope.end is None else ledger.zone.day(scope.end - 1) + 1
    with ledger.reading() as connection:
        return periods.closed_within(connection, first, end)


def _print(asked: Asked, found: Repricing, done: Run | None, closed: Sequence[str]) -> None:
    changes = found.changes if done is None else list(done.changes)
    if asked.as_json:
        answer = _object(found, changes, done) | {"closed_periods": list(closed)}
        print_json(answer)
        return
    say(_sentence(found, done))
    if closed and changes:
        words = f"closed already: {', '.join(closed)}; what changes there is booked in the next open month"
        say(words, style="yellow")
    if changes:
        Console().print(_table(changes[:_SHOWN]))
        if len(changes) > _SHOWN:
            say(f"and {len(changes) - _SHOWN:,} more models; --json lists all")
    for currency, (before, after) in sorted(repricing.amounts(changes).items()):
        words = f"{plain(before)} {currency} before, {plain(after)} {currency} after"
        say(f"the calls that changed cost {words}")


def _sentence(found: Repricing, done: Run | None) -> str:
    calls = f"{found.examined:,} calls looked at, {found.changed:,}"
    return (
        f"{calls} would change; nothing was written"
        if done is None
        else f"{calls} changed; run {done.run_id}"
    )


def _table(changes: Sequence[Change]) -> Table:
    rows = table("model")
    for name in ("calls", "before", "after", "difference", "unpriced before", "after"):
        rows.add_column(name, justify="right")
    for one in changes:
        amounts = (one.before, one.after, one.difference)
        rows.add_row(
            escape(f"{one.provider}/{one.model}"),
            f"{one.events:,}",
            *(f"{_short(pico)} {one.currency}" for pico in amounts),
            f"{one.unpriced_before:,}",
            f"{one.unpriced_after:,}",
        )
    return rows


def _short(pico: int) -> str:
    """An amount to six places, for a table."""
    return f"{from_pico(pico).quantize(Decimal('0.000001')):f}"


def _object(found: Repricing, changes: Sequence[Change], done: Run | None) -> dict[str, Any]:
    if done is not None:
        return {"dry_run": False, **reprice_runs.as_object(done)}
    return {
        "dry_run": True,
        "examined": found.examined,
        "changed": found.changed,
        "changes": [reprice_runs.change_object(one) for one in changes],
    }


def _refused(message: str) -> int:
    warn(f"tallybook: {message}")
    return ExitCode.USAGE
