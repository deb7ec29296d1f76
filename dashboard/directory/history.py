"""Who owns what, as people read it: the history of assignments, keys that nobody owns, and the directory as a list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from sqlalchemy import Connection

from dashboard.directory import store as directory_store
from dashboard.query import labels
from dashboard.query.question import Filter, Period, SpendQuery, read_moment
from dashboard.query.run import Result, run
from ingest.ledger.directory import Kind, NotKnown, find
from ingest.ledger.engine import Ledger
from ingest.ledger.ownership import assignments
from ingest.model.ownership import END_DAY, FIRST_DAY, Assignment, Timeline
from ingest.model.zone import Zone, date_of, instant, micros

COLUMNS: Final = ("kind", "id", "name", "team", "customer", "cost_center", "from", "share", "gl_code")
"""The columns of the directory as a list, which `directory import` reads."""
_ENTRIES: Final[tuple[Kind, ...]] = ("virtual_key", "team")


@dataclass(frozen=True, slots=True)
class Held:
    """An assignment, and what those in it are called."""

    assignment: Assignment
    subject: str
    targets: tuple[tuple[str, int], ...]

    def as_json(self) -> dict[str, Any]:
        """The assignment as outputs give it."""
        one = self.assignment
        return {
            "number": one.number,
            "subject_kind": one.subject_kind,
            "subject": self.subject,
            "target_kind": one.target_kind,
            "targets": [{"name": name, "parts": parts} for name, parts in self.targets],
            "from": _date(one.first_day),
            "to": _date(one.end_day),
            "reason": one.reason,
            "recorded_at": instant(one.recorded_at).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "recorded_by": one.recorded_by,
        }


@dataclass(frozen=True, slots=True)
class Asked:
    """Which assignments are wanted: all where nothing is said."""

    subject: str | None = None
    """What they are about: a key or a team by its id, its name or the key itself; the name of a project and the like."""
    on: int | None = None
    """The day, by number, that they cover."""
    until: int | None = None
    """The instant before which they were recorded."""


def read_asked(subject: str | None, at: str | None, as_of: str | None, zone: Zone) -> Asked:
    """Read which assignments are wanted.

    Raises:
        QuestionError: one of the times is none.
    """
    on, until = (
        None if text is None else micros(read_moment(name, text, zone))
        for name, text in (("at", at), ("as_of", as_of))
    )
    return Asked(subject, None if on is None else zone.day(on), until)


def held(ledger: Ledger, asked: Asked = Asked()) -> list[Held]:
    """The assignments that are asked for, the latest first.

    Raises:
        NotKnown: several keys or teams are called so.
    """
    with ledger.reading() as connection:
        found = assignments(connection, asked.until)
        shown = labels.entry_names(connection, _entries(found))
        meant = _meant(connection, ledger, asked.subject)
    covering = [one for one in found if asked.on is None or one.first_day <= asked.on < one.end_day]
    lines = [_held(one, shown) for one in reversed(covering)]
    if asked.subject is None:
        return lines
    return [
        one
        for one in lines
        if one.subject == asked.subject or (one.assignment.subject_kind, one.assignment.subject) in meant
    ]


def _meant(connection: Connection, ledger: Ledger, text: str | None) -> set[tuple[str, str]]:
    """The key and the team that a text means."""
    found: set[tuple[str, str]] = set()
    for kind in _ENTRIES:
        try:
            if text is not None:
                found.add((kind, str(find(connection, kind, text, ledger.keyring))))
        except NotKnown as error:
            if error.several:
                raise
    return found


def _held(one: Assignment, shown: Mapping[int | None, str | None]) -> Held:
    subject = shown.get(int(one.subject)) if one.subject_kind in _ENTRIES else one.subject
    targets = tuple((shown.get(each.entry_id) or f"#{each.entry_id}", each.parts) for each in one.targets)
    return Held(one, subject or f"#{one.subject}", targets)


def _entries(found: Iterable[Assignment]) -> set[int | None]:
    subjects: set[int | None] = {int(one.subject) for one in found if one.subject_kind in _ENTRIES}
    return subjects.union(each.entry_id for one in found for each in one.targets)


def unassigned(ledger: Ledger, period: Period) -> Result:
    """Keys whose calls belong to no team, the largest spend first."""
    query = SpendQuery(
        period=period,
        zone=ledger.zone.name,
        metrics=("total_cost", "requests", "unpriced_requests", "total_tokens"),
        dimensions=("virtual_key",),
        filters=(Filter("team", (None,)),),
    )
    return run(ledger, query)


def as_list(ledger: Ledger) -> list[dict[str, Any]]:
    """The directory with its owners, a line for each entry and for each change of its owners, by `COLUMNS`."""
    with ledger.reading() as connection:
        entries = directory_store.entries(connection)
        codes = directory_store.gl_codes(connection)
        found = assignments(connection)
    idents = {entry_id: ident for entry_id, _, ident, _ in entries}
    by_subject: dict[tuple[str, str], dict[str, list[Assignment]]] = {}
    for one in found:
        by_subject.setdefault((one.subject_kind, one.subject), {}).setdefault(one.target_kind, []).append(one)
    rows: list[dict[str, Any]] = []
    for entry_id, kind, ident, shown in entries:
        first = dict.fromkeys(COLUMNS, "") | {
            "kind": kind,
            "id": ident,
            "name": shown or "",
            "gl_code": codes.get(entry_id) or "",
        }
        owned = list(_owned(by_subject.get((kind, str(entry_id)), {}), idents))
        rows += [first | each for each in owned] or [first]
    return rows


def _owned(found: Mapping[str, list[Assignment]], idents: Mapping[int, str]) -> Iterable[dict[str, Any]]:
    """The stretches of an entry's owners as columns; the days before its first owner are left out."""
    for kind, history in sorted(found.items()):
        is_first = True
        for stretch in Timeline(history).stretches:
            since = "always" if stretch.first_day == FIRST_DAY else str(date_of(stretch.first_day))
            if stretch.targets:
                for each in stretch.targets:
                    yield {kind: idents.get(each.entry_id, ""), "from": since, "share": each.parts}
            elif not is_first:
                yield {kind: "-", "from": since}
            is_first = False


def _date(day: int) -> str | None:
    return None if day in (FIRST_DAY, END_DAY) else str(date_of(day))
