"""Periodic work of a server, in a thread of its own."""

import sys
import threading
from collections.abc import Callable

from ingest.ledger.engine import DatabaseError
from ingest.logs import logger

_log = logger("tallybook.rounds")


def run_periodically(what: str, work: Callable[[], object], seconds: float, stop: threading.Event) -> None:
    """Do the work now and every `seconds` seconds, until `stop` is set.

    A busy database is tried again at the next round. No error ends the loop.
    """
    while not stop.is_set():
        try:
            work()
        except DatabaseError as error:
            if stop.is_set():
                return
            sys.stderr.write(f"tallybook: {what}: put off, {error}\n")
        except Exception as error:  # noqa: BLE001 - the thread must live on; the error is logged
            _log.exception("round failed", what=what, error=type(error).__qualname__)
        stop.wait(seconds)
