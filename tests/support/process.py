"""The command `tallybook` as processes with a ledger of their own."""

import json
import os
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import sqlalchemy as sa

from ingest.ledger import rollups
from ingest.ledger.engine import open_ledger
from ingest.ledger.tables.calls import usage_event
from ingest.ledger.verification import verify
from ingest.settings import Settings
from tests.support.cli import command_in
from tests.support.other_reader import committed


class Tallybook:
    """The command, with a ledger of its own."""

    def __init__(self, folder: Path) -> None:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("TALLYBOOK_")}
        self.folder = folder
        self.url = f"sqlite:///{folder}/ledger.db"
        self.environment = {**clean, "TALLYBOOK_DATABASE_URL": self.url}

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "dashboard", *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str) -> tuple[int, str, str]:
        done = command_in(self.folder, self.environment, *arguments)
        return done.returncode, done.stdout, done.stderr

    def run_apart(self, *arguments: str) -> tuple[int, str, str]:
        """The same in a process of its own."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=300)
        assert "Traceback" not in err, err
        return process.returncode, out, err

    def events(self) -> int:
        ledger = open_ledger(Settings(database_url=self.url))
        with ledger.reading() as connection:
            count = connection.execute(sa.select(sa.func.count()).select_from(usage_event)).scalar_one()
        ledger.close()
        return count

    def wait_for(self, least: int) -> None:
        deadline = time.monotonic() + 120
        while (there := committed(self.url)) < least:
            assert time.monotonic() < deadline, f"{there} events, {least} were to come"
            time.sleep(0.02)

    def holds_together(self) -> None:
        ledger = open_ledger(Settings(database_url=self.url))
        assert rollups.count_dirty_slots(ledger) == 0
        assert verify(ledger) == []
        ledger.close()

    def spend(self) -> Decimal:
        _, out, _ = self.run("spend", "--json", "--from", "2026-01-01", "--to", "2027-01-01")
        return Decimal(json.loads(out)["totals"]["total_cost"])
