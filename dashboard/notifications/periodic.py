"""Rounds: what a server does again and again beside serving."""

import sys
import threading
from collections.abc import Callable

from ingest.ledger.engine import DatabaseError
from ingest.logs import logger

_log = logger("tallybook.rounds")


def run_periodically(what: str, work: Callable[[], object], seconds: float, stop: threading.Event) -> None:
    """Do some work now and every so many seconds until told to stop. A busy database is tried again, and no fault ends it."""
    while not stop.is_set():
        try:
            work()
        except DatabaseError as error:
            if stop.is_set():
                return
            sys.stderr.write(f"tallybook: {what}: put off, {error}\n")
        except Exception as error:  # noqa: BLE001 - the rim of a thread: the next round may do better, and the log says why
            _log.exception("round failed", what=what, error=type(error).__qualname__)
        stop.wait(seconds)
