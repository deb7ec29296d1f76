"""Periodic work of a server, in a thread of its own."""

import threading
from collections.abc import Callable

from ingest.ledger.engine import DatabaseError, reason_of
from ingest.logs import logger

_log = logger("tallybook.rounds")


def run_periodically(what: str, work: Callable[[], object], seconds: float, stop: threading.Event) -> None:
    """Do the work now and every `seconds` seconds, until `stop` is set.

    A busy database is tried again at the next round, and logged once. No error ends the loop.
    """
    is_put_off = False
    while not stop.is_set():
        try:
            work()
            is_put_off = False
        except DatabaseError as error:
            if stop.is_set():
                return
            if not is_put_off:
                _log.warning("round put off", what=what, reason=reason_of(error))
            is_put_off = True
        except Exception as error:  # noqa: BLE001 - the thread must live on; the error is logged
            _log.exception("round failed", what=what, error=type(error).__qualname__)
        stop.wait(seconds)
