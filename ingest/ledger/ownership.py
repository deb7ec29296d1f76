"""Ownership in the ledger: append-only assignments, and the owners of attributions derived from them.

The table `owned` is derived and always complete: a transaction that adds
assignments or attributions also updates it. An attribution that no assignment
changes has no row; its owner is the owner that the gateway reported.
"""

import json
from collections.abc import Callable, Collection, Iterable, Sequence
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.dirty_slots import zone_of
from ingest.ledger.tables.calls import LARGEST_CELL, attribution, term
from ingest.ledger.tables.ownership import assignment, cost_center, owned
from ingest.model.ownership import (
    END_DAY,
    FIRST_DAY,
    RULES,
    Assignment,
    CallAttribution,
    Owners,
    OwnerShare,
    SubjectKind,
    Target,
)
from ingest.model.zone import Zone

Instants = Callable[[OwnerShare], dict[str, int]]

COLUMNS: Final = (*OwnerShare._fields, "first_at", "end_at")
"""The columns of `owned` besides the attribution."""
_CHUNK: Final = 500
_LOCK: Final = 0x7A110001
"""The lock that transactions adding attributions (shared) and adding assignments (exclusive) take."""


def record(connection: sa.Connection, new: Iterable[Assignment]) -> None:
    """Add assignments, and update the owners of attributions."""
    rows = [
        {
            "subject_kind": added.subject_kind,
            "subject": added.subject,
            "target_kind": added.target_kind,
            "targets": json.dumps(added.targets, separators=(",", ":")),
            "first_day": None if added.first_day == FIRST_DAY else added.first_day,
            "end_day": None if added.end_day == END_DAY else added.end_day,
            "reason": added.reason,
            "recorded_at": added.recorded_at,
            "recorded_by": added.recorded_by,
        }
        for added in new
    ]
    if rows:
        lock_attributions(connection)
        connection.execute(assignment.insert(), rows)
        update_owners(connection)


def assignments(connection: sa.Connection, until: int | None = None) -> list[Assignment]:
    """The assignments in the order of their recording; only those before the instant `until` if given."""
    at = sa.type_coerce(assignment.c.recorded_at, sa.BigInteger)
    query = sa.select(assignment, at.label("at")).order_by(assignment.c.number)
    if until is not None:
        query = query.where(at < until)
    return [_assignment(row) for row in connection.execute(query).mappings()]


def set_gl_code(connection: sa.Connection, entry_id: int, gl_code: str) -> bool:
    """Set the general-ledger account of a cost centre; whether it has changed."""
    c = cost_center.c
    if connection.execute(sa.select(c.gl_code).where(c.entry_id == entry_id)).scalar() == gl_code:
        return False
    statement = dialects.insert(connection, cost_center).values(entry_id=entry_id, gl_code=gl_code)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["entry_id"], set_={"gl_code": gl_code})
    )
    return True


def add_owners(connection: sa.Connection, attributions: Collection[int]) -> None:
    """Add the owners of new attributions, in the transaction that adds them, after `lock_assignments`."""
    if attributions and connection.execute(sa.select(assignment.c.number).limit(1)).first():
        update_owners(connection, attributions)


def lock_assignments(connection: sa.Connection) -> None:
    """Block new assignments until the end of this transaction, which is going to add attributions."""
    dialects.lock_by_number(connection, _LOCK, shared=True)


def lock_attributions(connection: sa.Connection) -> None:
    """Block new attributions until the end of this transaction, which is going to add assignments.

    A transaction that also adds directory entries must take this lock first. Otherwise
    it may deadlock with a writer of calls that waits for one of the entries.
    """
    dialects.lock_by_number(connection, _LOCK, shared=False)


def move_assignments(connection: sa.Connection, old: int, into: int) -> None:
    """Move all assignments of a merged directory entry to the entry it was merged into."""
    c = assignment.c
    subject = assignment.update().where(c.subject_kind.in_(("virtual_key", "team")), c.subject == str(old))
    connection.execute(subject.values(subject=str(into)))
    update_owners(connection)


def update_owners(connection: sa.Connection, attributions: Collection[int] | None = None) -> None:
    """Derive the owners of these attributions again, or of all."""
    owners = Owners(assignments(connection))
    instants = _instants(zone_of(connection))
    if attributions is None:
        connection.execute(owned.delete())
    for chunk in [None] if attributions is None else dialects.chunks(sorted(attributions)):
        if chunk is not None:
            connection.execute(owned.delete().where(owned.c.attribution_id.in_(chunk)))
        rows = _rows(connection, owners, instants, chunk)
        for start in range(0, len(rows), _CHUNK):
            connection.execute(owned.insert(), rows[start : start + _CHUNK])


def expected_owners(connection: sa.Connection) -> set[tuple[object, ...]]:
    """The rows that `owned` should have: the attribution, then `COLUMNS`."""
    owners = Owners(assignments(connection))
    rows = _rows(connection, owners, _instants(zone_of(connection)), None)
    return {(row["attribution_id"], *(row[name] for name in COLUMNS)) for row in rows}


def _rows(
    connection: sa.Connection,
    owners: Owners,
    instants: Instants,
    attributions: Sequence[int] | None,
) -> list[dict[str, Any]]:
    return [
        {"attribution_id": attribution_id, **share._asdict(), **instants(share)}
        for attribution_id, reported in _reported(connection, attributions)
        for share in _changed_shares(owners, reported)
    ]


def _instants(zone: Zone) -> Instants:
    """The instants at which days start and end in the reporting zone, for calls without rollups by day."""

    @cache
    def midnight(day: int) -> int:
        if day in (FIRST_DAY, END_DAY):
            return LARGEST_CELL if day == END_DAY else -LARGEST_CELL
        return zone.midnight(day)

    return lambda share: {"first_at": midnight(share.first_day), "end_at": midnight(share.end_day)}


def _changed_shares(owners: Owners, reported: CallAttribution) -> Sequence[OwnerShare]:
    """The owners by assignments; empty if they are the same as the gateway reported."""
    shares = owners.of(reported)
    unchanged = (reported.team_id, reported.customer_id, None, 1, 1)
    return [] if len(shares) == 1 and shares[0][2:] == unchanged else shares


def _reported(
    connection: sa.Connection, attributions: Sequence[int] | None
) -> Iterable[tuple[int, CallAttribution]]:
    """Attributions as the gateway reported them, with the texts that rules match."""
    c = attribution.c
    texts: list[sa.ColumnElement[Any]] = []
    source: sa.FromClause = attribution
    for kind in RULES:
        rule_term = term.alias(f"{kind}_term")
        texts.append(rule_term.c.text.label(kind))
        source = source.outerjoin(rule_term, rule_term.c.term_id == c[f"{kind}_id"])
    query = sa.select(c.attribution_id, c.virtual_key_id, c.team_id, c.customer_id, *texts).select_from(
        source
    )
    if attributions is not None:
        query = query.where(c.attribution_id.in_(attributions))
    for row in connection.execute(query).mappings():
        texts_of_rules: dict[SubjectKind, str] = {kind: row[kind] for kind in RULES if row[kind] is not None}
        yield (
            row["attribution_id"],
            CallAttribution(row["virtual_key_id"], row["team_id"], row["customer_id"], texts_of_rules),
        )


def _assignment(row: sa.RowMapping) -> Assignment:
    return Assignment(
        subject_kind=row["subject_kind"],
        subject=row["subject"],
        target_kind=row["target_kind"],
        targets=tuple(Target(*target) for target in json.loads(row["targets"])),
        first_day=FIRST_DAY if row["first_day"] is None else row["first_day"],
        end_day=END_DAY if row["end_day"] is None else row["end_day"],
        reason=row["reason"],
        recorded_at=row["at"],
        recorded_by=row["recorded_by"],
        number=row["number"],
    )
