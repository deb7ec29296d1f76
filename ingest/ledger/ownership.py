"""Ownership in the ledger: assignments, which are only added, and what they make of attributions.

`owned` is derived and always complete: whoever records an assignment makes it anew in the same transaction, and so does
whoever adds attributions. An attribution of which the assignments say nothing has no row; it belongs to whom the gateway said.
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
"""What is kept of an attribution's owners."""
_CHUNK: Final = 500
_LOCK: Final = 0x7A110001
"""What those who add attributions and those who add assignments hold against each other."""


def record(connection: sa.Connection, new: Iterable[Assignment]) -> None:
    """Add assignments, and bring what attributions belong to up to them."""
    rows = [
        {
            "subject_kind": one.subject_kind,
            "subject": one.subject,
            "target_kind": one.target_kind,
            "targets": json.dumps(one.targets, separators=(",", ":")),
            "first_day": None if one.first_day == FIRST_DAY else one.first_day,
            "end_day": None if one.end_day == END_DAY else one.end_day,
            "reason": one.reason,
            "recorded_at": one.recorded_at,
            "recorded_by": one.recorded_by,
        }
        for one in new
    ]
    if rows:
        hold_back(connection)
        connection.execute(assignment.insert(), rows)
        settle(connection)


def assignments(connection: sa.Connection, until: int | None = None) -> list[Assignment]:
    """All assignments in the order of their recording; those recorded before `until` (microseconds UTC), if it is given."""
    at = sa.type_coerce(assignment.c.recorded_at, sa.BigInteger)
    wanted = sa.select(assignment, at.label("at")).order_by(assignment.c.number)
    if until is not None:
        wanted = wanted.where(at < until)
    return [_assignment(row) for row in connection.execute(wanted).mappings()]


def set_gl_code(connection: sa.Connection, entry_id: int, gl_code: str) -> bool:
    """Note the general ledger's code of a cost centre; whether that changed anything."""
    c = cost_center.c
    if connection.execute(sa.select(c.gl_code).where(c.entry_id == entry_id)).scalar() == gl_code:
        return False
    statement = dialects.insert(connection, cost_center).values(entry_id=entry_id, gl_code=gl_code)
    connection.execute(
        statement.on_conflict_do_update(index_elements=["entry_id"], set_={"gl_code": gl_code})
    )
    return True


def arrive(connection: sa.Connection, attributions: Collection[int]) -> None:
    """Say whose new attributions are, in the transaction that adds them.

    Whoever records an assignment waits for it, and it for them: neither misses what the other adds.
    """
    if attributions and connection.execute(sa.select(assignment.c.number).limit(1)).first():
        settle(connection, attributions)


def expect(connection: sa.Connection) -> None:
    """Hold back new assignments until this transaction, which is about to add attributions, has ended."""
    dialects.hold(connection, _LOCK, shared=True)


def hold_back(connection: sa.Connection) -> None:
    """Hold back new attributions until this transaction, which is about to add assignments, has ended.

    A transaction that also adds entries of the directory does so first: a writer of calls that waits for one of
    them would else be waited for.
    """
    dialects.hold(connection, _LOCK, shared=False)


def follow(connection: sa.Connection, old: int, into: int) -> None:
    """Make what is recorded of an entry of the directory that became part of another one that of the other."""
    c = assignment.c
    subject = assignment.update().where(c.subject_kind.in_(("virtual_key", "team")), c.subject == str(old))
    connection.execute(subject.values(subject=str(into)))
    settle(connection)


def settle(connection: sa.Connection, attributions: Collection[int] | None = None) -> None:
    """Work out anew whom attributions belong to: these, or all. A ledger without assignments has nothing to work out."""
    owners = Owners(assignments(connection))
    instants = _instants(zone_of(connection))
    if attributions is None:
        connection.execute(owned.delete())
    for some in [None] if attributions is None else dialects.chunks(sorted(attributions)):
        if some is not None:
            connection.execute(owned.delete().where(owned.c.attribution_id.in_(some)))
        rows = _rows(connection, owners, instants, some)
        for start in range(0, len(rows), _CHUNK):
            connection.execute(owned.insert(), rows[start : start + _CHUNK])


def expected(connection: sa.Connection) -> set[tuple[object, ...]]:
    """What `owned` should hold: the attribution, then `COLUMNS`."""
    owners = Owners(assignments(connection))
    rows = _rows(connection, owners, _instants(zone_of(connection)), None)
    return {(row["attribution_id"], *(row[name] for name in COLUMNS)) for row in rows}


def _rows(
    connection: sa.Connection,
    owners: Owners,
    instants: Instants,
    some: Sequence[int] | None,
) -> list[dict[str, Any]]:
    return [
        {"attribution_id": attribution_id, **one._asdict(), **instants(one)}
        for attribution_id, said in _said(connection, some)
        for one in _told(owners, said)
    ]


def _instants(zone: Zone) -> Instants:
    """The instants at which days begin and end in the reporting zone, for calls that are not yet summed by day."""

    @cache
    def midnight(day: int) -> int:
        if day in (FIRST_DAY, END_DAY):
            return LARGEST_CELL if day == END_DAY else -LARGEST_CELL
        return zone.midnight(day)

    return lambda one: {"first_at": midnight(one.first_day), "end_at": midnight(one.end_day)}


def _told(owners: Owners, said: CallAttribution) -> Sequence[OwnerShare]:
    """What the assignments say; nothing where they only repeat what the gateway said."""
    found = owners.of(said)
    only = found[0]
    unchanged = (said.team_id, said.customer_id, None, 1, 1)
    return [] if len(found) == 1 and only[2:] == unchanged else found


def _said(connection: sa.Connection, some: Sequence[int] | None) -> Iterable[tuple[int, CallAttribution]]:
    """What attributions say, with the texts that rules are about."""
    c = attribution.c
    texts: list[sa.ColumnElement[Any]] = []
    source: sa.FromClause = attribution
    for kind in RULES:
        named = term.alias(f"{kind}_term")
        texts.append(named.c.text.label(kind))
        source = source.outerjoin(named, named.c.term_id == c[f"{kind}_id"])
    wanted = sa.select(c.attribution_id, c.virtual_key_id, c.team_id, c.customer_id, *texts).select_from(
        source
    )
    if some is not None:
        wanted = wanted.where(c.attribution_id.in_(some))
    for row in connection.execute(wanted).mappings():
        known: dict[SubjectKind, str] = {kind: row[kind] for kind in RULES if row[kind] is not None}
        yield (
            row["attribution_id"],
            CallAttribution(row["virtual_key_id"], row["team_id"], row["customer_id"], known),
        )


def _assignment(row: sa.RowMapping) -> Assignment:
    return Assignment(
        subject_kind=row["subject_kind"],
        subject=row["subject"],
        target_kind=row["target_kind"],
        targets=tuple(Target(*one) for one in json.loads(row["targets"])),
        first_day=FIRST_DAY if row["first_day"] is None else row["first_day"],
        end_day=END_DAY if row["end_day"] is None else row["end_day"],
        reason=row["reason"],
        recorded_at=row["at"],
        recorded_by=row["recorded_by"],
        number=row["number"],
    )
