"""Who owns what, as people read it: the history of assignments, keys that nobody owns, and the directory as a list."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC
from typing import Any, Final

import sqlalchemy as sa

from dashboard import names
from dashboard.question import Filter, Period, SpendQuery
from dashboard.runner import Result, run
from ingest.ledger.engine import Ledger
from ingest.ledger.ownership import assignments
from ingest.ledger.ownership_tables import cost_center
from ingest.ledger.slots import date_of
from ingest.ledger.tables import directory
from ingest.ledger.types import instant
from ingest.ownership import END_DAY, FIRST_DAY, Assignment, Timeline

COLUMNS: Final = ("kind", "id", "name", "team", "customer", "cost_center", "from", "share", "gl_code")
"""The columns of the directory as a list, which `directory import` reads."""
_ENTRIES: Final = ("virtual_key", "team")


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


def held(ledger: Ledger, *, on: int | None = None, until: int | None = None) -> list[Held]:
    """Every assignment, the latest first; those that cover a day, and were recorded before an instant, where given."""
    with ledger.reading() as connection:
        found = assignments(connection, until)
        shown = names.people(connection, _entries(found))
    chosen = [one for one in found if on is None or one.first_day <= on < one.end_day]
    return [_held(one, shown) for one in reversed(chosen)]


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
    c = directory.c
    name = sa.func.coalesce(c.given_name, c.name)
    with ledger.reading() as connection:
        entries = connection.execute(
            sa.select(c.entry_id, c.kind, c.ident, name).order_by(c.kind, c.ident)
        ).all()
        codes = dict(connection.execute(sa.select(cost_center.c.entry_id, cost_center.c.gl_code)).all())
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
