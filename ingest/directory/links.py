"""Links: the owners named in a list, recorded as assignments.

A link without a day holds for all days if its subject has no assignment yet, and from today
otherwise. Importing a list again changes nothing: only assignments that change an owner are recorded.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Final

from ingest.directory.assign import record_missing
from ingest.ledger import audit, directory, ownership
from ingest.ledger.directory import DirectoryEntry, Ident, Kind, Link
from ingest.ledger.engine import Connection, Ledger
from ingest.model.ownership import FIRST_DAY, Assignment, SubjectKind, Target, TargetKind
from ingest.model.zone import day_number

_ORDER: Final[tuple[Kind, ...]] = ("cost_center", "customer", "business_unit", "team", "virtual_key")
"""Owners before what they own, so that a link that names an owner finds it."""
_CHUNK: Final = 500
"""Entries in one transaction, so that it is short."""
_WEIGHTS: Final[Mapping[Kind, int]] = {"team": 10}
"""How many entries of other kinds an entry counts for: the owners of all keys of a team follow from it."""


def chunks_of(listed: Sequence[DirectoryEntry]) -> list[list[DirectoryEntry]]:
    """The list in chunks for short transactions: owners before what they own, an entry's rows together."""
    groups: dict[object, list[DirectoryEntry]] = {}
    group_of: dict[tuple[str, str], object] = {}
    for entry in sorted(listed, key=lambda entry: _ORDER.index(entry.kind)):
        idents = [(entry.kind, ident) for ident in (entry.ident, *entry.aliases)]
        group = next((group_of[ident] for ident in idents if ident in group_of), idents[0])
        group_of.update(dict.fromkeys(idents, group))
        groups.setdefault(group, []).append(entry)
    chunks: list[list[DirectoryEntry]] = []
    size = _CHUNK
    for rows in groups.values():
        weight = sum(_WEIGHTS.get(entry.kind, 1) for entry in rows)
        if size + weight > _CHUNK:
            chunks.append([])
            size = 0
        chunks[-1] += rows
        size += weight
    return chunks


def record_links(
    connection: Connection, ledger: Ledger, listed: Sequence[DirectoryEntry], *, at: int, by: str
) -> int:
    """Record the links of a short list, whose entries are in the directory; the number of new assignments."""
    linked = [entry for entry in listed if entry.links or entry.gl_code]
    if not linked:
        return 0
    known = directory.entries_of(connection, _named(linked))
    codes = sum(
        ownership.set_gl_code(connection, known[entry.kind, entry.ident], entry.gl_code)
        for entry in linked
        if entry.gl_code
    )
    new = record_missing(connection, _assignments(connection, ledger, linked, known, at, by))
    if new or codes:
        detail = {"owners": new, "gl_codes": codes}
        entry = audit.Entry(at=at, by=by, action="directory import", subject="a list", detail=detail)
        audit.note(connection, entry)
    return new


def _named(linked: Iterable[DirectoryEntry]) -> set[Ident]:
    """The entries of a list and of its links."""
    links = ((link.kind, link.target) for entry in linked for link in entry.links if link.target)
    return {*((entry.kind, entry.ident) for entry in linked), *links}


def _subject_of(entry: DirectoryEntry, known: Mapping[Ident, int]) -> tuple[SubjectKind, str]:
    return ("team" if entry.kind == "team" else "virtual_key"), str(known[entry.kind, entry.ident])


def _assignments(
    connection: Connection,
    ledger: Ledger,
    listed: Sequence[DirectoryEntry],
    known: dict[Ident, int],
    at: int,
    by: str,
) -> list[Assignment]:
    """The links as assignments, in the order of their first days."""
    subjects = {_subject_of(entry, known) for entry in listed}
    assigned = {assignment.about for assignment in ownership.assignments_of(connection, subjects)}
    parts: dict[tuple[SubjectKind, str, TargetKind, int], list[Target]] = {}
    for entry in listed:
        for link in entry.links:
            about = (*_subject_of(entry, known), link.kind)
            first = _first_day(link, is_assigned=about in assigned, today=ledger.zone.day(at))
            targets = parts.setdefault((*about, first), [])
            if link.target:
                targets.append(Target(_find_or_add_target(connection, ledger, link, known, at), link.parts))
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


def _find_or_add_target(
    connection: Connection, ledger: Ledger, link: Link, known: dict[Ident, int], at: int
) -> int:
    """The directory entry that a link names by id or name; added if the directory does not have it."""
    named = (link.kind, link.target)
    if named not in known:
        try:
            known[named] = directory.find(connection, link.kind, link.target, ledger.keyring)
        except directory.NotKnown as unknown:
            if unknown.several:
                raise
            known[named] = directory.add(connection, DirectoryEntry(link.kind, link.target), at)
    return known[named]
