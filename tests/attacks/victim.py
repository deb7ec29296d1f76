"""Commands that are killed: each runs in a process forked from a warm one, so that a kill costs little.

The warm process has loaded the program and opened nothing. What is forked from it starts where a command
starts: it reads the settings and opens the ledger.
"""

import importlib
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Final

from dashboard.cli import main

LOADED: Final = (
    *("ingest.importing.commands", "ingest.sync.commands", "ingest.price_book.reprice_command"),
    *("ingest.directory.import_command", "dashboard.chargeback.period_commands", "dashboard.server.site"),
    *("dashboard.server.serve", "alembic.command", "psycopg", "uvicorn"),
)
"""What the commands load when they run."""
OUTPUT: Final = "output.txt"
KILLED: Final = -9


def run(words: Sequence[str], folder: str, settings: Mapping[str, str]) -> None:
    """Be the command `tallybook` with these words, in a folder and with settings by their names."""
    os.chdir(folder)
    os.environ.update({f"TALLYBOOK_{name}": value for name, value in settings.items()})
    output = Path(OUTPUT).open("w", buffering=1)  # noqa: SIM115 - the process closes it, when it ends
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    sys.stdout = sys.stderr = output
    sys.argv = ["tallybook", *words]
    main()


@dataclass(frozen=True)
class Ending:
    """How a command ended, and after how long."""

    code: int
    seconds: float
    output: str

    @property
    def was_killed(self) -> bool:
        return self.code == KILLED


class Victims:
    """Starts commands in a folder, to be killed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([__name__])
        warming = self._context.Process(target=os.getpid)
        warming.start()
        warming.join()

    def start(self, words: Sequence[str], settings: Mapping[str, str]) -> ForkServerProcess:
        """Start a command."""
        process = self._context.Process(target=run, args=(tuple(words), str(self.folder), dict(settings)))
        process.start()
        return process

    def end(
        self, words: Sequence[str], settings: Mapping[str, str], kill_after: float | None = None
    ) -> Ending:
        """Run a command to its end, or kill it after so many seconds unless it has ended by then."""
        started = time.perf_counter()
        process = self.start(words, settings)
        process.join(kill_after)
        process.kill()
        process.join()
        seconds = time.perf_counter() - started
        assert process.exitcode is not None
        ending = Ending(process.exitcode, seconds, (self.folder / OUTPUT).read_text())
        process.close()
        return ending


if __name__ != "__main__":
    for _name in LOADED:
        importlib.import_module(_name)
