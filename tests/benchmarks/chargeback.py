"""How long a month's chargeback takes on a large ledger, beside the same sums made by pandas.

    python -m tests.benchmarks.chargeback [FOLDER] [--events 1000000]

The ledger is kept in FOLDER, so that only the first run makes it; what is changed of it is changed in a copy.
pandas reads the rows of the month's events and sums cost by team, key and model in floats: no owners,
no shares, no currencies, nothing exact.
"""

import argparse
import shutil
import sqlite3
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final, TypeVar

import pandas as pd
import sqlalchemy as sa

from dashboard.chargeback import closing as months
from dashboard.chargeback.outputs import FORMS, report_of
from dashboard.query.calendar import Month, read_calendar
from ingest.clock import now
from ingest.ledger.engine import Ledger
from ingest.ledger.ownership import record
from ingest.ledger.tables.calls import directory
from ingest.model.ownership import Assignment, Target
from ingest.model.zone import day_number
from tests.benchmarks.ledgers import make_one, opened

MONTH: Final = "2026-10"
T = TypeVar("T")
_ROWS: Final = """
    SELECT attribution.team_id, attribution.virtual_key_id, usage_event.provider_id, usage_event.model_id,
           usage_event.total_cost / 1e12 AS cost, usage_event.total_tokens
    FROM usage_event JOIN attribution USING (attribution_id)
    WHERE usage_event.occurred_at >= ? AND usage_event.occurred_at < ?
"""


def timed(name: str, work: Callable[[], T]) -> T:
    """Do some work twice, and print how long the second time took."""
    work()
    return once(name, work)


def once(name: str, work: Callable[[], T]) -> T:
    """Do some work, and print how long it took."""
    started = time.perf_counter()
    done = work()
    print(f"{name:<48}{time.perf_counter() - started:>8.2f} s", flush=True)
    return done


def in_pandas(file: Path, start: int, end: int) -> object:
    """The month's events, read and summed."""
    with closing(sqlite3.connect(file)) as connection:
        rows = pd.read_sql_query(_ROWS, connection, params=(start, end))
    return rows.groupby(["team_id", "virtual_key_id", "provider_id", "model_id"], dropna=False).sum()


def share_everything(ledger: Ledger) -> None:
    """Give every key to two teams from the tenth of the month on."""
    entry = directory.c
    with ledger.writing() as connection:
        keys, teams = (
            connection.execute(sa.select(entry.entry_id).where(entry.kind == kind)).scalars().all()
            for kind in ("virtual_key", "team")
        )
        first = day_number(read_calendar(f"{MONTH}-10").first)
        made = [
            Assignment(
                subject_kind="virtual_key",
                subject=str(key),
                target_kind="team",
                targets=(Target(teams[at % len(teams)], 60), Target(teams[(at + 1) % len(teams)], 40)),
                first_day=first,
                recorded_at=now(),
            )
            for at, key in enumerate(keys)
        ]
        record(connection, made)


def main() -> None:
    """Print a line for each step."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument(
        "folder", nargs="?", type=Path, default=Path(tempfile.gettempdir()) / "tallybook-bench"
    )
    asked.add_argument("--events", type=int, default=1_000_000)
    said = asked.parse_args()
    original = make_one(said.folder, said.events)
    with tempfile.TemporaryDirectory(dir=said.folder) as folder:
        file = Path(folder) / "ledger.db"
        shutil.copyfile(original, file)
        with opened(file) as ledger:
            calendar = read_calendar(MONTH)
            start, end = calendar.period(ledger.zone).micros
            timed("pandas: cost by team, key and model", lambda: in_pandas(file, start, end))
            made = timed("report by team", lambda: report_of(ledger, calendar, "team", now()))
            for form, output in FORMS.items():
                timed(f"  written as {form}", lambda output=output: output.make(made))  # type: ignore[misc]
            once("every key given to two teams", lambda: share_everything(ledger))
            timed("report by team, all keys shared", lambda: report_of(ledger, calendar, "team", now()))
            for number in (8, 9):
                month = Month(2026, number)
                once(
                    f"{month} closed",
                    lambda m=month: months.close(ledger, m, accept="timing", by="x", now=now()),  # type: ignore[misc]
                )
            timed("report after two closed months", lambda: report_of(ledger, calendar, "team", now()))


if __name__ == "__main__":
    main()
