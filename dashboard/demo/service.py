"""The sample ledger: a file that is made anew each time and put in place whole.

Only a sample ledger is ever replaced. A file that is no ledger, another ledger, a sample ledger with calls
beside the sample traffic, and a sample ledger that another process has open stay as they are.
"""

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from dashboard.demo.books import keep_books
from dashboard.demo.load import make_demo
from dashboard.demo.store import DEMO, KIND, mark_as_sample
from ingest.ledger.database_file import LOCK, WORKING_FILES
from ingest.ledger.engine import Ledger, open_ledger
from ingest.ledger.key_hashes import secret_beside
from ingest.model.receipt import Receipt
from ingest.settings import Settings, sqlite_url

_BUSY_SECONDS: Final = 2.0
_MARKED: Final = "SELECT 1 FROM ledger_property WHERE name = ? AND value = ?"
_OTHERS: Final = (
    "SELECT count(*) FROM usage_event WHERE source_id NOT IN (SELECT term_id FROM term WHERE text = ?)"
)


class SampleRefused(Exception):
    """The file may not be replaced; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleOptions:
    """How much sample traffic, over which days. The same options make the same ledger."""

    events: int
    days: int
    end: date
    """The last day."""
    seed: int


def replace_sample(file: Path, options: SampleOptions, report: Callable[[int], None]) -> Receipt:
    """Make the sample ledger beside `file` and put it in its place.

    `report` is called with the number of calls of each chunk, once it is written.

    Raises:
        SampleRefused: the file may not be replaced.
    """
    _release(file)
    draft = file.with_name(f"{file.name}.{os.getpid()}.new")
    try:
        ledger = _open(draft, file)
        try:
            receipt = _fill(ledger, options, report)
        finally:
            ledger.close()
        _release(file)
        # SQLite would replay a write-ahead log that is left behind into the new database.
        _remove(file, WORKING_FILES)
        draft.replace(file)
    finally:
        _remove(draft, ("", *WORKING_FILES, LOCK))
    return receipt


def _open(draft: Path, file: Path) -> Ledger:
    """An empty ledger in `draft`, with the secret that belongs to `file`."""
    settings = Settings()
    secret = settings.secret_key or SecretStr(secret_beside(file.with_name(f"{file.name}.secret")).decode())
    return open_ledger(settings.model_copy(update={"database_url": sqlite_url(draft), "secret_key": secret}))


def _fill(ledger: Ledger, options: SampleOptions, report: Callable[[int], None]) -> Receipt:
    with ledger.writing() as connection:
        mark_as_sample(connection)
    receipt = make_demo(
        ledger, events=options.events, days=options.days, seed=options.seed, end=options.end, report=report
    )
    keep_books(ledger, options.end - timedelta(days=options.days - 1), options.end)
    return receipt


def _release(file: Path) -> None:
    """Make sure that `file` may be replaced: it does not exist, or is a sample ledger that is not open.

    Raises:
        SampleRefused: it may not be replaced.
    """
    if not file.exists():
        return
    if not _is_sample(file):
        raise SampleRefused(
            f"{file} is not a sample ledger and is kept as it is: name another file with --path"
        )
    with closing(sqlite3.connect(file, timeout=_BUSY_SECONDS)) as connection:
        try:
            # Succeeds only if nobody else has the file open, and takes its write-ahead log back into it.
            connection.execute("PRAGMA journal_mode=DELETE")
        except sqlite3.OperationalError as error:
            raise SampleRefused(
                f"{file} is in use: stop what serves it, or name another file with --path"
            ) from error
        if others := connection.execute(_OTHERS, (DEMO,)).fetchone()[0]:
            raise SampleRefused(
                f"{file} also holds {others} calls of your own and is kept as it is: name another with --path"
            )


def _is_sample(file: Path) -> bool:
    """Whether a file is marked as a sample ledger. It is read as immutable, which leaves no lock."""
    try:
        with closing(sqlite3.connect(f"{file.resolve().as_uri()}?immutable=1", uri=True)) as connection:
            return bool(connection.execute(_MARKED, (KIND, DEMO)).fetchone())
    except sqlite3.Error:
        return False


def _remove(file: Path, endings: tuple[str, ...]) -> None:
    for ending in endings:
        file.with_name(f"{file.name}{ending}").unlink(missing_ok=True)
