"""The history of assignments, the keys without a team, and the directory as a list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

from dashboard.directory import store as directory_store
from dashboard.query import labels
from dashboard.query.question import Filter, Period, SpendQuery, read_moment
from dashboard.query.run import Result, run
from ingest.ledger.directory import Kind, NotKnown, find
from ingest.ledger.engine import Connection, Ledger
from ingest.ledger.ownership import assignments
from ingest.model.ownership import END_DAY, FIRST_DAY, Assignment, Timeline
from ingest.model.zone import Zone, date_of, instant, micros

COLUMNS: Final = ("kind", "id", "name", "team", "customer", "cost_center", "from", "share", "gl_code")
"""The columns of the directory as a list, which `directory import` reads."""
_ENTRIES: Final[tuple[Kind, ...]] = ("virtual_key", "team")


@dataclass(frozen=True, slots=True)
class HistoryEntry:
    """An assignment, with the names of its subject and its targets."""

    assignment: Assignment
    subject: str
    targets: tuple[tuple[str, int], ...]

    def as_json(self) -> dict[str, Any]:
        """The assignment as JSON and CSV outputs show it."""
        assignment = self.assignment
        recorded_at = instant(assignment.recorded_at).astimezone(UTC)
        return {
            "number": assignment.number,
            "subject_kind": assignment.subject_kind,
            "subject": self.subject,
            "target_kind": assignment.target_kind,
            "targets": [{"name": name, "parts": parts} for name, parts in self.targets],
            "from": _date(assignment.first_day),
            "to": _date(assignment.end_day),
            "reason": assignment.reason,
            "recorded_at": recorded_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "recorded_by": assignment.recorded_by,
        }


@dataclass(frozen=True, slots=True)
class HistoryOptions:
    """Which assignments to list; None does not limit them."""

    subject: str | None = None
    """A key or a team by its id or name, or the key itself; the name of a project and the like."""
    on: int | None = None
    """Only assignments that cover this day, by number."""
    until: int | None = None
    """Only assignments recorded before this instant."""


def read_options(subject: str | None, at: str | None, as_of: str | None, zone: Zone) -> HistoryOptions:
    """The options from their texts.

    Raises:
        QuestionError: a text is neither a date nor a time.
    """
    on, until = (
        None if text is None else micros(read_moment(name, text, zone))
        for name, text in (("at", at), ("as_of", as_of))
    )
    return HistoryOptions(subject, None if on is None else zone.day(on), until)


def history_entries(ledger: Ledger, options: HistoryOptions = HistoryOptions()) -> list[HistoryEntry]:
    """The assignments of the options, the latest first.

    Raises:
        NotKnown: several keys or teams have the name of the subject.
    """
    with ledger.reading() as connection:
        recorded = assignments(connection, options.until)
        names = labels.entry_names(connection, _entry_ids(recorded))
        subjects = _subjects_named(connection, ledger, options.subject)
    on = options.on
    covering = [one for one in recorded if on is None or one.first_day <= on < one.end_day]
    entries = [_history_entry(assignment, names) for assignment in reversed(covering)]
    if options.subject is None:
        return entries
    return [
        entry
        for entry in entries
        if entry.subject == options.subject
        or (entry.assignment.subject_kind, entry.assignment.subject) in subjects
    ]


def _subjects_named(connection: Connection, ledger: Ledger, text: str | None) -> set[tuple[str, str]]:
    """The key and the team that a text names, as kind and entry."""
    subjects: set[tuple[str, str]] = set()
    for kind in _ENTRIES:
        try:
            if text is not None:
                subjects.add((kind, str(find(connection, kind, text, ledger.keyring))))
        except NotKnown as error:
            if error.several:
                raise
    return subjects


def _history_entry(assignment: Assignment, names: Mapping[int | None, str | None]) -> HistoryEntry:
    is_entry = assignment.subject_kind in _ENTRIES
    subject = names.get(int(assignment.subject)) if is_entry else assignment.subject
    targets = tuple((names.get(t.entry_id) or f"#{t.entry_id}", t.parts) for t in assignment.targets)
    return HistoryEntry(assignment, subject or f"#{assignment.subject}", targets)


def _entry_ids(recorded: Iterable[Assignment]) -> set[int | None]:
    """The directory entries that assignments refer to."""
    subjects: set[int | None] = {int(one.subject) for one in recorded if one.subject_kind in _ENTRIES}
    return subjects.union(target.entry_id for one in recorded for target in one.targets)


def unassigned_keys(ledger: Ledger, period: Period) -> Result:
    """The keys whose calls belong to no team, the largest spend first."""
    query = SpendQuery(
        period=period,
        zone=ledger.zone.name,
        metrics=("total_cost", "requests", "unpriced_requests", "total_tokens"),
        dimensions=("virtual_key",),
        filters=(Filter("team", (None,)),),
    )
    return run(ledger, query)


def directory_rows(ledger: Ledger) -> list[dict[str, Any]]:
    """The directory with its owners by `COLUMNS`: a row for each entry and for each change of its owners."""
    with ledger.reading() as connection:
        entries = directory_store.entries(connection)
        codes = directory_store.gl_codes(connection)
        recorded = assignments(connection)
    idents = {entry_id: ident for entry_id, _, ident, _ in entries}
    by_subject: dict[tuple[str, str], dict[str, list[Assignment]]] = {}
    for assignment in recorded:
        histories = by_subject.setdefault((assignment.subject_kind, assignment.subject), {})
        histories.setdefault(assignment.target_kind, []).append(assignment)
    rows: list[dict[str, Any]] = []
    for entry_id, kind, ident, shown in entries:
        first = dict.fromkeys(COLUMNS, "") | {
            "kind": kind,
            "id": ident,
            "name": shown or "",
            "gl_code": codes.get(entry_id) or "",
        }
        owned = list(_owned(by_subject.get((kind, str(entry_id)), {}), idents))
        rows += [first | columns for columns in owned] or [first]
    return rows


def _owned(histories: Mapping[str, list[Assignment]], idents: Mapping[int, str]) -> Iterable[dict[str, Any]]:
    """The owners of an entry as columns, by kind and first day.

    The days before its first owner are left out.
    """
    for kind, history in sorted(histories.items()):
        is_first = True
        for stretch in Timeline(history).stretches:
            since = "always" if stretch.first_day == FIRST_DAY else str(date_of(stretch.first_day))
            if stretch.targets:
                for target in stretch.targets:
                    yield {kind: idents.get(target.entry_id, ""), "from": since, "share": target.parts}
            elif not is_first:
                yield {kind: "-", "from": since}
            is_first = False


def _date(day: int) -> str | None:
    return None if day in (FIRST_DAY, END_DAY) else str(date_of(day))
