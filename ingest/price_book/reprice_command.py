"""`tallybook reprice`: price stored events by today's price book, and record the changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ingest.ledger import periods, rollups
from ingest.ledger.engine import Ledger, open_existing
from ingest.model.invalid import Invalid
from ingest.model.money import from_pico, plain
from ingest.model.ownership import END_DAY, FIRST_DAY
from ingest.parse.dates import read_edges
from ingest.price_book import reprice_runs, repricing
from ingest.price_book.reprice_runs import ModelChange, Run, Scope
from ingest.price_book.repricing import Repricing
from ingest.settings import Settings
from ingest.terminal import ExitCode, console, current_user, explained, print_json, say, table, warn

INTERRUPTED: Final = 130
_MAX_ROWS: Final = 30


@dataclass(frozen=True, slots=True)
class RepriceOptions:
    """The options of `tallybook reprice`."""

    start: str | None
    end: str | None
    provider: str | None
    model: str | None
    only_unpriced: bool
    dry_run: bool
    resume: bool
    as_json: bool


def run(options: RepriceOptions) -> int:
    """Reprice events, or print what a run would change; the exit code."""
    err = console(stderr=True)
    with open_existing(Settings()) as ledger:
        try:
            scope = _scope(options, ledger)
        except Invalid as error:
            return _refuse(explained(error))
        if options.dry_run:
            with _progress(err) as progress:
                result = repricing.dry_run(ledger, scope, _report_to(progress))
            _print(options, result, None, _closed_periods(ledger, scope))
            return ExitCode.OK
        try:
            finished_run = _run(ledger, options, scope, err)
        except KeyboardInterrupt:
            warn("tallybook: interrupted; `tallybook reprice --resume` goes on where it was")
            return INTERRUPTED
        if finished_run is None:
            return _refuse("no run was interrupted: there is nothing to go on with")
        result = Repricing(finished_run.examined, finished_run.changed)
        _print(options, result, finished_run, _closed_periods(ledger, finished_run.scope))
    return ExitCode.OK


def _run(ledger: Ledger, options: RepriceOptions, scope: Scope, err: Console) -> Run | None:
    with _progress(err) as progress:
        if options.resume:
            with ledger.reading() as connection:
                unfinished = reprice_runs.unfinished_run(connection)
            if unfinished is None:
                return None
            finished_run = repricing.resume(ledger, unfinished, _report_to(progress))
        else:
            finished_run = repricing.reprice(ledger, scope, current_user(), _report_to(progress))
        if waiting := rollups.count_dirty_slots(ledger):
            summing = progress.add_task("summing", total=waiting)
            rollups.roll(ledger, lambda slots: progress.update(summing, advance=slots))
    return finished_run


def _scope(options: RepriceOptions, ledger: Ledger) -> Scope:
    start, end = read_edges(options.start, options.end, ledger.zone)
    if start is not None and end is not None and start >= end:
        raise Invalid(
            "empty_period", f"{options.end}: the period must end after it starts ({options.start})", "to"
        )
    return Scope(
        start=start,
        end=end,
        provider=options.provider,
        model=options.model,
        only_unpriced=options.only_unpriced,
    )


def _report_to(progress: Progress) -> repricing.ReportProgress:
    task = progress.add_task("pricing", total=None)
    return lambda events, total: progress.update(task, advance=events, total=total)


def _progress(err: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=err, transient=True, disable=not err.is_terminal)


def _closed_periods(ledger: Ledger, scope: Scope) -> tuple[str, ...]:
    """The closed months in the scope; repricing does not change their statements."""
    first = FIRST_DAY if scope.start is None else ledger.zone.day(scope.start)
    end = END_DAY if scope.end is None else ledger.zone.day(scope.end - 1) + 1
    with ledger.reading() as connection:
        return periods.closed_within(connection, first, end)


def _print(
    options: RepriceOptions, result: Repricing, finished_run: Run | None, closed: Sequence[str]
) -> None:
    changes = result.changes if finished_run is None else list(finished_run.changes)
    if options.as_json:
        answer = _object(result, changes, finished_run) | {"closed_periods": list(closed)}
        print_json(answer)
        return
    say(_sentence(result, finished_run))
    if closed and changes:
        text = f"closed already: {', '.join(closed)}; what changes there is booked in the next open month"
        say(text, style="yellow")
    if changes:
        console().print(_table(changes[:_MAX_ROWS]))
        if len(changes) > _MAX_ROWS:
            say(f"and {len(changes) - _MAX_ROWS:,} more models; --json lists all")
    for currency, (before, after) in sorted(repricing.amounts(changes).items()):
        text = f"{plain(before)} {currency} before, {plain(after)} {currency} after"
        say(f"the calls that changed cost {text}")


def _sentence(result: Repricing, finished_run: Run | None) -> str:
    calls = f"{result.examined:,} calls looked at, {result.changed:,}"
    return (
        f"{calls} would change; nothing was written"
        if finished_run is None
        else f"{calls} changed; run {finished_run.run_id}"
    )


def _table(changes: Sequence[ModelChange]) -> Table:
    rows = table("model")
    for name in ("calls", "before", "after", "difference", "unpriced before", "after"):
        rows.add_column(name, justify="right")
    for change in changes:
        amounts = (change.before, change.after, change.difference)
        rows.add_row(
            f"{change.provider}/{change.model}",
            f"{change.events:,}",
            *(f"{_short(pico)} {change.currency}" for pico in amounts),
            f"{change.unpriced_before:,}",
            f"{change.unpriced_after:,}",
        )
    return rows


def _short(pico: int) -> str:
    """An amount to six places, for a table."""
    return f"{from_pico(pico).quantize(Decimal('0.000001')):f}"


def _object(result: Repricing, changes: Sequence[ModelChange], finished_run: Run | None) -> dict[str, Any]:
    if finished_run is not None:
        return {"dry_run": False, **reprice_runs.as_object(finished_run)}
    return {
        "dry_run": True,
        "examined": result.examined,
        "changed": result.changed,
        "changes": [reprice_runs.change_object(one) for one in changes],
    }


def _refuse(message: str) -> int:
    warn(f"tallybook: {message}")
    return ExitCode.USAGE
