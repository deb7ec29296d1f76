"""Linking: what a list says of who owns what, as assignments.

A link that says no day holds from the beginning where nothing was assigned before, and from today where something was. A
list that is read again changes nothing: only what is not so already is recorded.
"""

from collections.abc import Iterable, Sequence
from datetime import date

import sqlalchemy as sa

from ingest.directory.assign import record_missing
from ingest.ledger import audit, directory, ownership
from ingest.ledger.directory import Link, Listed
from ingest.ledger.engine import Ledger
from ingest.model.ownership import FIRST_DAY, Assignment, SubjectKind, Target, TargetKind
from ingest.model.zone import day_number


def link(ledger: Ledger, listed: Sequence[Listed], *, at: int, by: str) -> int:
    """Record the links of a list; how many said anything new."""
    linked = [one for one in listed if one.links or one.gl_code]
    if not linked:
        return 0
    with ledger.writing() as connection:
        codes = sum(_gl_code(connection, ledger, one) for one in linked if one.gl_code)
        wanted = _assignments(connection, ledger, linked, at, by)
        new = record_missing(connection, wanted)
        if new or codes:
            detail = {"owners": new, "gl_codes": codes}
            entry = audit.Entry(at=at, by=by, action="directory import", subject="a list", detail=detail)
            audit.note(connection, entry)
    return new


def _gl_code(connection: sa.Connection, ledger: Ledger, one: Listed) -> bool:
    entry_id = directory.find(connection, one.kind, one.ident, ledger.keyring)
    return ownership.set_gl_code(connection, entry_id, one.gl_code or "")


def _assignments(
    connection: sa.Connection, ledger: Ledger, listed: Iterable[Listed], at: int, by: str
) -> list[Assignment]:
    """The links as assignments, those of one subject in the order of their first days."""
    standing = {one.about for one in ownership.assignments(connection)}
    parts: dict[tuple[SubjectKind, str, TargetKind, int], list[Target]] = {}
    for one in listed:
        subject_kind: SubjectKind = "team" if one.kind == "team" else "virtual_key"
        subject = str(directory.find(connection, one.kind, one.ident, ledger.keyring))
        for each in one.links:
            about = (subject_kind, subject, each.kind)
            first = _first(each, is_known=about in standing, today=ledger.zone.day(at))
            targets = parts.setdefault((*about, first), [])
            if each.target:
                targets.append(Target(_entry(connection, ledger, each, at), each.parts))
    return [
        Assignment(
            subject_kind=subject_kind,
            subject=subject,
            target_kind=target_kind,
            targets=tuple(targets),
            first_day=first,
            recorded_at=at,
            recorded_by=by,
        )
        for (subject_kind, subject, target_kind, first), targets in sorted(
            parts.items(), key=lambda item: item[0][3]
        )
    ]


def _first(each: Link, *, is_known: bool, today: int) -> int:
    if each.first is None:
        return today if is_known else FIRST_DAY
    return FIRST_DAY if each.first == "always" else day_number(date.fromisoformat(each.first))


def _entry(connection: sa.Connection, ledger: Ledger, each: Link, at: int) -> int:
    """The entry of whom a link names; made where the directory does not know it."""
    try:
        return directory.find(connection, each.kind, each.target, ledger.keyring)
    except directory.NotKnown as unknown:
        if unknown.several:
            raise
        return directory.add(connection, Listed(each.kind, each.target), at)
