"""Owning: who is to own what from when, as people ask for it, checked and recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import sqlalchemy as sa

from ingest.ledger import audit, directory, ownership, periods
from ingest.ledger.directory import Kind
from ingest.ledger.engine import Ledger
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

_MOST_PARTS: Final = 10**6
_LONGEST: Final = 500


class OwnerRefused(Invalid):
    """What was asked for is no assignment; the message says what to write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An assignment in words."""

    subject_kind: SubjectKind
    subject: str
    target_kind: TargetKind = "team"
    targets: tuple[str, ...] = ()
    """`NAME`, or `NAME=PARTS` for a share; none takes ownership away."""
    first: str | None = None
    """A day; `always` for all days before as well; today where it is not given."""
    end: str | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Done:
    """What was recorded, as people read it."""

    assignment: Assignment
    subject: str
    targets: Mapping[str, int]
    first: date | None
    end: date | None
    closed: tuple[str, ...]
    """Closed months that it reaches into: their change is booked in the next open one."""


def assign(ledger: Ledger, wanted: Wanted, *, at: int, by: str) -> Done:
    """Record who owns something.

    Raises:
        OwnerRefused: it is no assignment.
        NotKnown: the directory knows nobody, or several, of that name.
    """
    with ledger.writing() as connection:
        return assign_within(connection, ledger, wanted, at=at, by=by)


def assign_within(connection: sa.Connection, ledger: Ledger, wanted: Wanted, *, at: int, by: str) -> Done:
    """Record who owns something, in the transaction of something else.

    Raises:
        OwnerRefused: it is no assignment.
        NotKnown: the directory knows nobody, or several, of that name.
    """
    first, end = _days(ledger, wanted, at)
    parts = _shares(wanted)
    subject, shown = _subject(connection, ledger, wanted)
    targets = tuple(
        Target(directory.find(connection, wanted.target_kind, name, ledger.keyring), number)
        for name, number in parts.items()
    )
    assignment = Assignment(
        subject_kind=wanted.subject_kind,
        subject=subject,
        target_kind=wanted.target_kind,
        targets=targets,
        first_day=first,
        end_day=end,
        reason=wanted.reason,
        recorded_at=at,
        recorded_by=by,
    )
    ownership.record(connection, [assignment])
    closed = periods.closed_within(connection, first, end)
    done = Done(assignment, shown, parts, _date(first), _date(end), closed)
    audit.note(connection, _entry(done))
    return done


def _days(ledger: Ledger, wanted: Wanted, at: int) -> tuple[int, int]:
    """The first day and the day after the last, by number."""
    first = _day("from", wanted.first, ledger.zone.day(at), always=FIRST_DAY)
    end = _day("to", wanted.end, END_DAY, always=END_DAY)
    if first >= end:
        raise OwnerRefused("empty_range", "ownership must end after it starts", "to")
    if len(wanted.reason) > _LONGEST:
        raise OwnerRefused("too_long", f"at most {_LONGEST} characters", "reason")
    return first, end


def _shares(wanted: Wanted) -> dict[str, int]:
    """The parts of each target, by its name."""
    parts = [_parts(text) for text in wanted.targets]
    if len({name for name, _ in parts}) < len(parts):
        raise OwnerRefused("named_twice", f"a {wanted.target_kind.replace('_', ' ')} is named twice")
    if len({"=" in text for text in wanted.targets}) > 1:
        message = f"{' and '.join(wanted.targets)}: write the parts of each, such as a=60 b=40, or of none"
        raise OwnerRefused("mixed_parts", message)
    return dict(parts)


def _subject(connection: sa.Connection, ledger: Ledger, wanted: Wanted) -> tuple[str, str]:
    """The subject as assignments hold it, and as people read it."""
    if wanted.subject_kind in RULES:
        text = wanted.subject.strip()
        if not text:
            raise OwnerRefused("no_subject", "name one", wanted.subject_kind)
        return text, f"{wanted.subject_kind} {text}"
    kind: Kind = "team" if wanted.subject_kind == "team" else "virtual_key"
    entry_id = directory.find(connection, kind, wanted.subject, ledger.keyring)
    return str(entry_id), directory.shown(connection, entry_id)


def _parts(text: str) -> tuple[str, int]:
    name, equals, number = text.rpartition("=")
    if not equals:
        return text, 1
    if not (number.isascii() and number.isdigit() and 0 < int(number) <= _MOST_PARTS):
        message = f"{text!r}: {number!r} is no number of parts; write a whole number, such as {name}=60"
        raise OwnerRefused("bad_parts", message)
    return name, int(number)


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


def _entry(done: Done) -> audit.Entry:
    one = done.assignment
    detail = {
        one.target_kind: dict(done.targets),
        "from": str(done.first or "always"),
        "to": str(done.end or ""),
        "reason": one.reason,
    }
    return audit.Entry(
        at=one.recorded_at, by=one.recorded_by, action="owner set", subject=done.subject, detail=detail
    )


def record_missing(connection: sa.Connection, wanted: Sequence[Assignment]) -> int:
    """Record assignments that are not so already; how many were not.

    They are open to the end and come in the order of their first days, so that each ends the one before it.
    """
    standing = ownership.assignments(connection)
    by_subject: dict[object, list[Assignment]] = {}
    for one in wanted:
        by_subject.setdefault(one.about, []).append(one)
    new = [one for some in by_subject.values() if would_change_owners(some, standing) for one in some]
    ownership.record(connection, new)
    return len(new)
