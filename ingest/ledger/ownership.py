"""Ownership in the ledger: append-only assignments, and the owners of attributions derived from them.

The table `owned` is derived and always complete: a transaction that adds assignments or attributions also
updates it, for the attributions that they concern and no others. An attribution that no assignment changes
has no row; its owner is the owner that the gateway reported.
"""

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
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

Subject = tuple[SubjectKind, str]
Instants = Callable[[OwnerShare], dict[str, int]]

COLUMNS: Final = (*OwnerShare._fields, "first_at", "end_at")
"""The columns of `owned` besides the attribution."""
_CHUNK: Final = 500
_MANY: Final = 5_000
"""So many attributions are derived from all assignments, fewer from those that concern them."""
_LOCK: Final = 0x7A110001
"""The lock that transactions adding attributions (shared) and adding assignments (exclusive) take."""


def record(connection: sa.Connection, new: Iterable[Assignment]) -> None:
    """Add assignments, and update the owners of the attributions that they concern."""
    new = list(new)
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
        subjects = {(added.subject_kind, added.subject) for added in new}
        update_owners(connection, _concerned(connection, subjects))


def assignments(connection: sa.Connection, until: int | None = None) -> list[Assignment]:
    """The assignments in the order of their recording; only those before the instant `until` if given."""
    at = sa.type_coerce(assignment.c.recorded_at, sa.BigInteger)
    return _select(connection, *([] if until is None else [at < until]))


def assignments_of(connection: sa.Connection, subjects: Collection[Subject]) -> list[Assignment]:
    """The assignments of these subjects, in the order of their recording for each subject."""
    c = assignment.c
    found: list[Assignment] = []
    for kind in sorted({kind for kind, _ in subjects}):
        for chunk in dialects.chunks(sorted(subject for of_kind, subject in subjects if of_kind == kind)):
            found += _select(connection, c.subject_kind == kind, c.subject.in_(chunk))
    return found


def _select(connection: sa.Connection, *where: sa.ColumnElement[bool]) -> list[Assignment]:
    at = sa.type_coerce(assignment.c.recorded_at, sa.BigInteger).label("at")
    query = sa.select(assignment, at).where(*where).order_by(assignment.c.number)
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


def move_assignments(connection: sa.Connection, moved: Mapping[int, int]) -> None:
    """Move all assignments of merged directory entries to the entries that they were merged into."""
    c = assignment.c
    subjects = {str(old): str(into) for old, into in moved.items()}
    move = assignment.update().where(c.subject_kind.in_(_ENTRIES), c.subject.in_(subjects))
    connection.execute(move.values(subject=sa.case(subjects, value=c.subject)))
    merged: set[Subject] = {(kind, into) for kind in _ENTRIES for into in subjects.values()}
    update_owners(connection, _concerned(connection, merged))


_ENTRIES: Final[tuple[SubjectKind, ...]] = ("virtual_key", "team")
"""The subjects that are directory entries."""


def _concerned(connection: sa.Connection, subjects: Collection[Subject]) -> set[int]:
    """The attributions whose owners may follow from the assignments of these subjects.

    A team's assignments also concern the calls of keys and projects that belong to the team now.
    """
    c = attribution.c
    of_teams = [int(subject) for kind, subject in subjects if kind == "team"]
    of_keys = [int(subject) for kind, subject in subjects if kind == "virtual_key"]
    selects = [sa.select(c.attribution_id).where(c.virtual_key_id.in_(ids)) for ids in _chunks(of_keys)]
    for ids in _chunks(of_teams):
        selects.append(sa.select(c.attribution_id).where(c.team_id.in_(ids)))
        selects.append(sa.select(owned.c.attribution_id).where(owned.c.team_id.in_(ids)))
    for rule in RULES:
        for texts in _chunks([subject for kind, subject in subjects if kind == rule]):
            terms = sa.select(term.c.term_id).where(term.c.text.in_(texts))
            selects.append(sa.select(c.attribution_id).where(c[f"{rule}_id"].in_(terms)))
    return {found for select in selects for found in connection.execute(select).scalars()}


def _chunks(values: Sequence[Any]) -> list[Sequence[Any]]:
    return dialects.chunks(sorted(values))


def update_owners(connection: sa.Connection, attributions: Collection[int] | None = None) -> None:
    """Derive the owners of these attributions again, or of all."""
    instants = _instants(zone_of(connection))
    if attributions is None:
        connection.execute(owned.delete())
    everything = None
    if attributions is None or len(attributions) > _MANY:
        everything = Owners(assignments(connection))
    for chunk in [None] if attributions is None else dialects.chunks(sorted(attributions), _CHUNK):
        if chunk is not None:
            connection.execute(owned.delete().where(owned.c.attribution_id.in_(chunk)))
        reported = list(_reported(connection, chunk))
        owners = everything or Owners(_assignments_about(connection, [who for _, who in reported]))
        rows = _rows(reported, owners, instants)
        for start in range(0, len(rows), _CHUNK):
            connection.execute(owned.insert(), rows[start : start + _CHUNK])


def _assignments_about(connection: sa.Connection, reported: Sequence[CallAttribution]) -> list[Assignment]:
    """The assignments from which the owners of these attributions follow."""
    subjects: set[Subject] = {(kind, text) for who in reported for kind, text in who.texts.items()}
    subjects |= {("virtual_key", str(who.virtual_key_id)) for who in reported if who.virtual_key_id}
    found = assignments_of(connection, subjects)
    teams = {who.team_id for who in reported if who.team_id}
    teams |= {target.entry_id for one in found if one.target_kind == "team" for target in one.targets}
    return found + assignments_of(connection, {("team", str(team)) for team in teams})


def expected_owners(connection: sa.Connection) -> set[tuple[object, ...]]:
    """The rows that `owned` should have: the attribution, then `COLUMNS`."""
    owners = Owners(assignments(connection))
    rows = _rows(_reported(connection, None), owners, _instants(zone_of(connection)))
    return {(row["attribution_id"], *(row[name] for name in COLUMNS)) for row in rows}


def _rows(
    reported: Iterable[tuple[int, CallAttribution]], owners: Owners, instants: Instants
) -> list[dict[str, Any]]:
    return [
        {"attribution_id": attribution_id, **share._asdict(), **instants(share)}
        for attribution_id, who in reported
        for share in _changed_shares(owners, who)
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
