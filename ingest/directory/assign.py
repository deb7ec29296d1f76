"""Assign owners to keys, teams and projects. Each assignment is checked, recorded and audited."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from ingest.ledger import audit, directory, ownership, periods
from ingest.ledger.directory import Kind
from ingest.ledger.engine import Connection, Ledger
from ingest.model.invalid import Invalid
from ingest.model.ownership import (
    END_DAY,
    FIRST_DAY,
    RULES,
    Assignment,
    SubjectKind,
    Target,
    TargetKind,
    would_change_owners,
)
from ingest.model.zone import date_of, day_number
from ingest.parse.shares import NotAShare, read_shares, weights_note

_MOST_PARTS: Final = 10**6
_LONGEST: Final = 500


class OwnerRefused(Invalid):
    """An assignment that is not valid; the message says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignOptions:
    """An assignment to record, as the user writes it."""

    subject_kind: SubjectKind
    subject: str
    target_kind: TargetKind = "team"
    targets: tuple[str, ...] = ()
    """`NAME`, or `NAME=SHARE` (`60`, `60%` or `0.6`); empty to take ownership away."""
    first: str | None = None
    """The first day; `always` for all earlier days too; None for today."""
    end: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RecordedAssignment:
    """An assignment that was recorded, with the names of its subject and targets."""

    assignment: Assignment
    subject: str
    targets: Mapping[str, int]
    first: date | None
    end: date | None
    closed: tuple[str, ...]
    """Closed months that it affects: their change is booked in the next open month."""
    note: str = ""
    """What the shares come to, where they are weights that do not make a whole."""


def assign(ledger: Ledger, options: AssignOptions, *, at: int, by: str) -> RecordedAssignment:
    """Record the owners of a subject.

    Raises:
        OwnerRefused: the options are no valid assignment.
        NotKnown: the directory has no entry of that name, or several.
    """
    with ledger.writing() as connection:
        return assign_within(connection, ledger, options, at=at, by=by)


def assign_within(
    connection: Connection, ledger: Ledger, options: AssignOptions, *, at: int, by: str
) -> RecordedAssignment:
    """Record the owners of a subject, in the caller's transaction.

    Raises:
        OwnerRefused: the options are no valid assignment.
        NotKnown: the directory has no entry of that name, or several.
    """
    first, end = _days(ledger, options, at)
    parts, note = _shares(options)
    subject, shown = _subject(connection, ledger, options)
    targets = tuple(
        Target(directory.find(connection, options.target_kind, name, ledger.keyring), number)
        for name, number in parts.items()
    )
    assignment = Assignment(
        subject_kind=options.subject_kind,
        subject=subject,
        target_kind=options.target_kind,
        targets=targets,
        first_day=first,
        end_day=end,
        reason=options.reason,
        recorded_at=at,
        recorded_by=by,
    )
    ownership.record(connection, [assignment])
    closed = periods.closed_within(connection, first, end)
    recorded = RecordedAssignment(assignment, shown, parts, _date(first), _date(end), closed, note)
    audit.note(connection, _entry(recorded))
    return recorded


def _days(ledger: Ledger, options: AssignOptions, at: int) -> tuple[int, int]:
    """The half-open range of days, by number."""
    first = _day("from", options.first, ledger.zone.day(at), always=FIRST_DAY)
    end = _day("to", options.end, END_DAY, always=END_DAY)
    if first >= end:
        raise OwnerRefused("empty_range", "ownership must end after it starts", "to")
    if len(options.reason) > _LONGEST:
        raise OwnerRefused("too_long", f"at most {_LONGEST} characters", "reason")
    return first, end


def _shares(options: AssignOptions) -> tuple[dict[str, int], str]:
    """The parts of each target, by its name, and a note on what they come to."""
    targets = options.targets
    named = [text.rpartition("=")[::2] if "=" in text else (text, "1") for text in targets]
    names = [name for name, _ in named]
    if len(set(names)) < len(names):
        raise OwnerRefused("named_twice", f"a {options.target_kind.replace('_', ' ')} is named twice")
    if len({"=" in text for text in targets}) > 1:
        message = f"{' and '.join(targets)}: write the parts of each, such as a=60 b=40, or of none"
        raise OwnerRefused("mixed_parts", message)
    typed = [share for _, share in named]
    try:
        parts = read_shares(typed, _MOST_PARTS)
    except NotAShare as error:
        raise OwnerRefused("bad_parts", str(error)) from error
    is_even = all(part == 1 for part in parts)
    return dict(zip(names, parts, strict=True)), "" if is_even else weights_note(names, parts, typed)


def _subject(connection: Connection, ledger: Ledger, options: AssignOptions) -> tuple[str, str]:
    """The subject as assignments store it, and its shown name."""
    kind = options.subject_kind
    if kind in RULES:
        text = options.subject.strip()
        if not text:
            raise OwnerRefused("no_subject", "name one", kind)
        return text, f"{kind} {text}"
    entry_kind: Kind = "team" if kind == "team" else "virtual_key"
    entry_id = directory.find(connection, entry_kind, options.subject, ledger.keyring)
    return str(entry_id), directory.shown(connection, entry_id)


def _day(field: str, text: str | None, otherwise: int, *, always: int) -> int:
    if text is None:
        return otherwise
    if text.strip().lower() == "always":
        return always
    try:
        return day_number(date.fromisoformat(text.strip()))
    except ValueError as error:
        message = f"{text!r} is no day; write one as 2026-10-15: ownership changes at midnight"
        raise OwnerRefused("bad_day", message, field) from error


def _date(day: int) -> date | None:
    return None if day in (FIRST_DAY, END_DAY) else date_of(day)


def _entry(recorded: RecordedAssignment) -> audit.Entry:
    assignment = recorded.assignment
    detail = {
        assignment.target_kind: dict(recorded.targets),
        "from": str(recorded.first or "always"),
        "to": str(recorded.end or ""),
        "reason": assignment.reason,
    }
    return audit.Entry(
        at=assignment.recorded_at,
        by=assignment.recorded_by,
        action="owner set",
        subject=recorded.subject,
        detail=detail,
    )


def record_missing(connection: Connection, listed: Sequence[Assignment]) -> int:
    """Record the listed assignments of each subject whose owners they change; the number recorded.

    The listed assignments have no end and are in the order of their first days,
    so each one replaces the one before.
    """
    recorded: dict[object, list[Assignment]] = {}
    for earlier in ownership.assignments_of(connection, {(one.subject_kind, one.subject) for one in listed}):
        recorded.setdefault(earlier.about, []).append(earlier)
    by_subject: dict[object, list[Assignment]] = {}
    for assignment in listed:
        by_subject.setdefault(assignment.about, []).append(assignment)
    new = [
        one
        for about, some in by_subject.items()
        if would_change_owners(some, recorded.get(about, []))
        for one in some
    ]
    ownership.record(connection, new)
    return len(new)
