"""Owners for tests: entries of the directory, and assignments to them."""

from datetime import datetime

import sqlalchemy as sa

from ingest.ledger.engine import Ledger
from ingest.ledger.ownership import record
from ingest.ledger.tables.calls import directory
from ingest.model.ownership import FIRST_DAY, Assignment, SubjectKind, Target, TargetKind
from ingest.model.zone import day_number


def entry(ledger: Ledger, kind: str, ident: str, connection: sa.Connection | None = None) -> int:
    """The directory's entry of a key, team or cost centre; made where there is none."""
    if connection is None:
        with ledger.writing() as opened:
            return entry(ledger, kind, ident, opened)
    known = sa.select(directory.c.entry_id).where(directory.c.kind == kind, directory.c.ident == ident)
    made = directory.insert().values(kind=kind, ident=ident, first_seen_at=0).returning(directory.c.entry_id)
    return int(connection.execute(known).scalar() or connection.execute(made).scalar_one())


def day(text: str) -> int:
    """The number of a day."""
    return day_number(datetime.fromisoformat(text).date())


def owns(
    ledger: Ledger,
    subject: str,
    *targets: tuple[str, int],
    kind: SubjectKind = "virtual_key",
    target_kind: TargetKind = "team",
    since: str | None = None,
    at: int = 0,
) -> None:
    """Record that a subject belongs to targets from a day on."""
    named = str(entry(ledger, kind, subject)) if kind in ("virtual_key", "team") else subject
    assigned = Assignment(
        subject_kind=kind,
        subject=named,
        target_kind=target_kind,
        targets=tuple(Target(entry(ledger, target_kind, name), parts) for name, parts in targets),
        first_day=FIRST_DAY if since is None else day(since),
        recorded_at=at,
    )
    with ledger.writing() as connection:
        record(connection, [assigned])
