"""Links: the owners named in a list, recorded as assignments.

A link without a day holds for all days if its subject has no assignment yet, and from today
otherwise. Importing a list again changes nothing: only assignments that change an owner are recorded.
"""

from collections.abc import Iterable, Sequence
from datetime import date

from ingest.directory.assign import record_missing
from ingest.ledger import audit, directory, ownership
from ingest.ledger.directory import DirectoryEntry, Link
from ingest.ledger.engine import Connection, Ledger
from ingest.model.ownership import FIRST_DAY, Assignment, SubjectKind, Target, TargetKind
from ingest.model.zone import day_number


def record_links(ledger: Ledger, listed: Sequence[DirectoryEntry], *, at: int, by: str) -> int:
    """Record the links of a list; the number of new assignments."""
    linked = [entry for entry in listed if entry.links or entry.gl_code]
    if not linked:
        return 0
    with ledger.writing() as connection:
        codes = sum(_set_gl_code(connection, ledger, entry) for entry in linked if entry.gl_code)
        new = record_missing(connection, _assignments(connection, ledger, linked, at, by))
        if new or codes:
            detail = {"owners": new, "gl_codes": codes}
            entry = audit.Entry(at=at, by=by, action="directory import", subject="a list", detail=detail)
            audit.note(connection, entry)
    return new


def _set_gl_code(connection: Connection, ledger: Ledger, entry: DirectoryEntry) -> bool:
    entry_id = directory.find(connection, entry.kind, entry.ident, ledger.keyring)
    return ownership.set_gl_code(connection, entry_id, entry.gl_code or "")


def _assignments(
    connection: Connection, ledger: Ledger, listed: Iterable[DirectoryEntry], at: int, by: str
) -> list[Assignment]:
    """The links as assignments, in the order of their first days."""
    assigned = {assignment.about for assignment in ownership.assignments(connection)}
    parts: dict[tuple[SubjectKind, str, TargetKind, int], list[Target]] = {}
    for entry in listed:
        subject_kind: SubjectKind = "team" if entry.kind == "team" else "virtual_key"
        subject = str(directory.find(connection, entry.kind, entry.ident, ledger.keyring))
        for link in entry.links:
            about = (subject_kind, subject, link.kind)
            first = _first_day(link, is_assigned=about in assigned, today=ledger.zone.day(at))
            targets = parts.setdefault((*about, first), [])
            if link.target:
                targets.append(Target(_find_or_add_target(connection, ledger, link, at), link.parts))
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


def _first_day(link: Link, *, is_assigned: bool, today: int) -> int:
    if link.first is None:
        return today if is_assigned else FIRST_DAY
    return FIRST_DAY if link.first == "always" else day_number(date.fromisoformat(link.first))


def _find_or_add_target(connection: Connection, ledger: Ledger, link: Link, at: int) -> int:
    """The directory entry that a link names; added if the directory does not have it."""
    try:
        return directory.find(connection, link.kind, link.target, ledger.keyring)
    except directory.NotKnown as unknown:
        if unknown.several:
            raise
        return directory.add(connection, DirectoryEntry(link.kind, link.target), at)
