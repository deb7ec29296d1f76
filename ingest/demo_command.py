"""`tallybook demo`: a file with sample traffic, made anew each time and put in place whole.

Nothing but a sample ledger is ever replaced: a file that is no ledger, a ledger of one's own, a sample ledger that holds
other calls than the sample traffic and one that is open elsewhere all stay as they are.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Final

from pydantic import SecretStr
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

from ingest.demo import make_demo
from ingest.demo.books import keep_books
from ingest.demo.keys import KEYS
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.secrets import secret_beside
from ingest.ledger.tables import ledger_property
from ingest.receipt import Receipt
from ingest.settings import Settings, sqlite_url

WELL: Final = 0
FAILURE: Final = 1
USAGE: Final = 2

KIND: Final = "kind"
DEMO: Final = "demo"
"""The property that marks a sample ledger."""

_FIRST_YEAR: Final = 2000
_BUSY_SECONDS: Final = 2.0
_MARKED: Final = "SELECT 1 FROM ledger_property WHERE name = ? AND value = ?"
_OTHERS: Final = (
    "SELECT count(*) FROM usage_event WHERE source_id NOT IN (SELECT term_id FROM term WHERE text = ?)"
)
_WORKING_FILES: Final = ("-wal", "-shm", "-journal")


class KeptAsItIs(Exception):
    """The file that is to be replaced is not ours to replace; the message says why."""


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
    err = Console(stderr=True)
    try:
        last = date.fromisoformat(end) if end else datetime.now(UTC).date()
        first = last - timedelta(days=days - 1)
    except (ValueError, OverflowError):
        err.print(f"tallybook: {days} days to {end}: give the last day as in 2026-11-30", highlight=False)
        return USAGE
    if first.year < _FIRST_YEAR:
        err.print(f"tallybook: {days} days to {last} start before {_FIRST_YEAR}", highlight=False)
        return USAGE
    try:
        receipt = _replace(Path(path), events, days, seed, last, err)
    except (KeptAsItIs, OSError) as error:
        err.print(f"tallybook: {error}", highlight=False, soft_wrap=True)
        return FAILURE
    if not quiet:
        _say(Console(), path, receipt, days)
    return WELL


def _replace(file: Path, events: int, days: int, seed: int, end: date, err: Console) -> Receipt:
    """Make the ledger beside `file` and put it in its place."""
    _release(file)
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        ledger = _open(draft, file)
        try:
            with _progress(err) as progress:
                task = progress.add_task("sample traffic", total=events)
                receipt = _fill(
                    ledger, events, days, seed, end, lambda more: progress.update(task, advance=more)
                )
        finally:
            ledger.close()
        _release(file)
        # A write-ahead log that is left beside another database than its own would be played into it.
        _remove(file, _WORKING_FILES)
        draft.replace(file)
    finally:
        _remove(draft, ("", *_WORKING_FILES))
    return receipt


def _open(draft: Path, file: Path) -> Ledger:
    """An empty ledger in `draft`, with the secret that belongs to `file`."""
    settings = Settings()
    secret = settings.secret_key or SecretStr(secret_beside(file.with_name(f"{file.name}.secret")).decode())
    return open_ledger(settings.model_copy(update={"database_url": sqlite_url(draft), "secret_key": secret}))


def _fill(
    ledger: Ledger, events: int, days: int, seed: int, end: date, heard: Callable[[int], None]
) -> Receipt:
    with ledger.writing() as connection:
        connection.execute(ledger_property.insert(), [{"name": KIND, "value": DEMO}])
    receipt = make_demo(ledger, events=events, days=days, seed=seed, end=end, heard=heard)
    keep_books(ledger, end - timedelta(days=days - 1), end)
    return receipt


def _release(file: Path) -> None:
    """Make sure that `file` may be replaced: it is not there, or a sample ledger and nothing else that nobody has open.

    Raises:
        KeptAsItIs: it may not.
    """
    if not file.exists():
        return
    if not _is_sample(file):
        raise KeptAsItIs(f"{file} is not a sample ledger and is kept as it is: name another file with --path")
    with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS)) as connection:
        try:
            # Succeeds only if nobody else has the file open, and takes its write-ahead log back into it.
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            raise KeptAsItIs(
                f"{file} is in use: stop what serves it, or name another file with --path"
            ) from error
        if others := connection.execute(_OTHERS, (DEMO,)).fetchone()[0]:
            raise KeptAsItIs(
                f"{file} also holds {others} calls of your own and is kept as it is: name another with --path"
            )


def _is_sample(file: Path) -> bool:
    """Whether a file is marked as a sample ledger. It is read as it lies there, so that not even a lock is left."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?immutable=1", uri=True)) as connection:
            return bool(connection.execute(_MARKED, (KIND, DEMO)).fetchone())
    except sqlite3.Error:
        return False


def _remove(file: Path, endings: tuple[str, ...]) -> None:
    for ending in endings:
        file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)


def _progress(err: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=err,
        transient=True,
        disable=not err.is_terminal,
    )


def _say(out: Console, path: str, receipt: Receipt, days: int) -> None:
    calls = f"{receipt.accepted:,} calls of {len(KEYS)} keys over {days} day{'s' if days > 1 else ''}"
    out.print(f"{path}: {calls}, {receipt.unpriced:,} of them unpriced", highlight=False, soft_wrap=True)
    out.print(
        f"Look at it: TALLYBOOK_DATABASE_URL={sqlite_url(Path(path))} tallybook serve",
        highlight=False,
        soft_wrap=True,
    )
