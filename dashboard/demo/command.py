"""`tallybook demo`: a file with sample traffic."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from dashboard.demo.keys import KEYS
from dashboard.demo.service import SampleOptions, SampleRefused, replace_sample
from ingest.model.receipt import Receipt
from ingest.settings import sqlite_url
from ingest.terminal import ExitCode, console, say, warn

_FIRST_YEAR: Final = 2000


def run(
    events: int = 40_000,
    days: int = 90,
    seed: int = 1,
    end: str | None = None,
    path: str = "demo.db",
    *,
    quiet: bool = False,
) -> int:
    """Make the sample ledger `path` and say what it holds and how to look at it; the exit code."""
    try:
        last = date.fromisoformat(end) if end else datetime.now(UTC).date()
        first = last - timedelta(days=days - 1)
    except (ValueError, OverflowError):
        warn(f"tallybook: {days} days to {end}: give the last day as in 2026-11-30")
        return ExitCode.USAGE
    if first.year < _FIRST_YEAR:
        warn(f"tallybook: {days} days to {last} start before {_FIRST_YEAR}")
        return ExitCode.USAGE
    try:
        receipt = _make(Path(path), SampleOptions(events=events, days=days, end=last, seed=seed))
    except (SampleRefused, OSError) as error:
        warn(f"tallybook: {error}")
        return ExitCode.FAILURE
    if not quiet:
        _say(path, receipt, days)
    return ExitCode.OK


def _make(file: Path, options: SampleOptions) -> Receipt:
    with _progress() as progress:
        task = progress.add_task("sample traffic", total=options.events)
        return replace_sample(file, options, lambda more: progress.update(task, advance=more))


def _progress() -> Progress:
    err = console(stderr=True)
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def _say(path: str, receipt: Receipt, days: int) -> None:
    calls = f"{receipt.accepted:,} calls of {len(KEYS)} keys over {days} day{'s' if days > 1 else ''}"
    say(f"{path}: {calls}, {receipt.unpriced:,} of them unpriced")
    say(f"Look at it: TALLYBOOK_DATABASE_URL={sqlite_url(Path(path))} tallybook serve")
