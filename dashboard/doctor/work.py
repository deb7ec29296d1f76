"""Checks of the work that is done beside taking calls in: rollups, messages, sync, imports, backups."""

from typing import Final

from dashboard.doctor import store
from dashboard.doctor.model import Case, Findings, trouble, warning
from ingest.backup.state import last_backup_state
from ingest.clock import rfc3339_seconds
from ingest.model.zone import HOUR, date_of

MANY_SLOTS: Final = 200
"""Slots without rollups that a server never has for long."""
OLD_BACKUP_DAYS: Final = 7
_DAY: Final = 24 * HOUR
_LATE: Final = HOUR // 2
"""How long a message may be due before the check takes the sending of messages for stopped."""
_MONTH: Final = 31 * _DAY


def rollups(case: Case) -> Findings:
    """Slots that wait for their rollups."""
    assert case.ledger is not None, "asked with an open ledger only"
    with case.ledger.reading() as connection:
        count, oldest = store.backlog(connection)
    if count > MANY_SLOTS and oldest is not None:
        day = date_of(case.ledger.zone.day(oldest))
        yield warning(
            f"{count:,} slots wait for their rollups, the oldest of {day}: answers are right, and slow",
            "run `tallybook rollup`, or a server, which makes them by itself",
        )


def messages(case: Case) -> Findings:
    """Alerts and reports that do not arrive."""
    assert case.ledger is not None, "asked with an open ledger only"
    with case.ledger.reading() as connection:
        found = store.undelivered(connection, since=case.now - _MONTH, overdue_before=case.now - _LATE)
    for state in found:
        what = "alerts" if "alert" in state.command else "reports"
        said = f": {state.said}" if state.said else ""
        if state.status == "late":
            yield warning(
                f"{state.messages:,} {what} are due and nobody sends them{said}",
                f"run a server, or `{state.command}` by cron",
            )
        else:
            yield trouble(
                f"{state.messages:,} {what} did not arrive ({state.status}){said}",
                f"mend the target; `{state.command} --again NUMBER` sends one again",
            )


def sync(case: Case) -> Findings:
    """Gateways' stores that have not been read for a day."""
    assert case.ledger is not None, "asked with an open ledger only"
    with case.ledger.reading() as connection:
        cursors = store.cursors(connection)
    for cursor in cursors:
        if case.now - cursor.moved_at > _DAY:
            yield warning(
                f"{cursor.store} was last read at {rfc3339_seconds(cursor.moved_at)}",
                "run `tallybook sync` with --every, or by cron",
            )


def imports(case: Case) -> Findings:
    """Imports that were cut off."""
    assert case.ledger is not None, "asked with an open ledger only"
    with case.ledger.reading() as connection:
        paths = store.unfinished_imports(connection, case.now - _DAY)
    if paths:
        yield warning(
            f"{len(paths):,} imports have not ended, the newest of {paths[0]}: no month is closed meanwhile",
            "run the same import again; what is there counts once",
        )


def backups(case: Case) -> Findings:
    """When the ledger was copied, and whether the copy is whole."""
    assert case.ledger is not None, "asked with an open ledger only"
    action = "`tallybook backup DEST --every 6h` makes one and goes on"
    state = last_backup_state(case.ledger)
    if state is None:
        with case.ledger.reading() as connection:
            if store.newest_arrival(connection) is not None:
                yield warning("there is no backup of this ledger", action)
        return
    days = (case.now - state.at) // _DAY
    if days >= OLD_BACKUP_DAYS:
        yield warning(f"the last backup is of {rfc3339_seconds(state.at)}, {days:,} days ago", action)
    if not state.is_in_sight:
        yield warning(
            f"the last backup, {state.path}, cannot be seen from here",
            "look whether it is where it was put",
        )
    elif state.problem:
        yield trouble(f"the last backup, {state.path}, is not whole: {state.problem}", action)
