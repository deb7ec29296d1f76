"""Parts of the page Teams about owners: forms that assign owners, and the history of assignments."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.directory import names
from dashboard.directory.history import HistoryEntry, history_entries
from dashboard.directory.names import Kind
from dashboard.directory.owners_on_day import stretches
from dashboard.formatting import format as wording
from dashboard.query.labels_store import NamedEntry
from dashboard.query.question import Filter, SpendQuery
from dashboard.query.run import run
from dashboard.ui import tables
from dashboard.ui.components import panel
from dashboard.ui.view import View, question
from ingest.directory.assign import RecordedAssignment
from ingest.ledger.directory import ADDED_BY
from ingest.ledger.engine import Ledger
from ingest.model.ownership import END_DAY, FIRST_DAY, Stretch, Target, TargetKind
from ingest.model.zone import date_of, instant

_TARGET_KINDS: Final[Mapping[Kind, tuple[TargetKind, ...]]] = {
    "virtual_key": ("team",),
    "team": ("customer", "cost_center"),
}
_LABELS: Final[Mapping[TargetKind, str]] = {
    "team": "Team",
    "customer": "Customer",
    "cost_center": "Cost centre",
}
_SHOWN_OPTIONS: Final = 60
_NOTE: Final = (
    "Its calls from that day on belong to the team, those that are here and those to come. "
    "Nothing before that day changes, and what changes in a closed month is booked in the next open one."
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The key or the team that a view is filtered to; `person` is None if it is filtered to neither."""

    kind: Kind
    person: NamedEntry | None


def chosen(ledger: Ledger, view: View) -> Chosen:
    """The key that a view is filtered to, else the team."""
    for kind in _TARGET_KINDS:
        values = view.values(kind)
        if len(values) == 1 and (person := names.known_as(ledger, kind, values[0])):
            return Chosen(kind, person)
    return Chosen("team", None)


def without_team(query: SpendQuery) -> SpendQuery:
    """The query, limited to calls that belong to no team."""
    filters = tuple(condition for condition in query.filters if condition.dimension != "team")
    return replace(query, filters=(*filters, Filter("team", (None,))))


def form(ledger: Ledger, view: View) -> Any:
    """The form that assigns a key to a team, or to several teams in parts, from a day on."""
    choice = chosen(ledger, view)
    keys = names.by_name(ledger, "virtual_key")
    unassigned = _unassigned_keys(ledger, view, keys)
    key = choice.person.ident if choice.person and choice.kind == "virtual_key" else None
    team = [choice.person.ident] if choice.person and choice.kind == "team" else []
    fields = [
        dmc.Select(
            id="owner-key",
            label="Virtual key",
            data=_key_options(unassigned, keys.values()),
            value=key or (unassigned[0].ident if unassigned else None),
            searchable=True,
            limit=_SHOWN_OPTIONS,
            nothingFoundMessage="Nothing found",
        ),
        dmc.MultiSelect(
            id="owner-teams",
            label="Team",
            data=_options(names.by_name(ledger, "team").values()),
            value=team,
            searchable=True,
            limit=_SHOWN_OPTIONS,
            nothingFoundMessage="Nothing found: tallybook team add NAME",
        ),
        dmc.TextInput(
            id="owner-parts",
            label="Parts, of several teams",
            placeholder="60, 40",
            attributes={"input": {"inputMode": "numeric", "autoComplete": "off"}},
        ),
        _first_day("owner-from", ledger),
        dmc.TextInput(id="owner-reason", label="Reason", attributes={"input": {"autoComplete": "off"}}),
    ]
    buttons = [
        dmc.Button("Assign", id="owner-set"),
        dmc.Button("Take back what was assigned", id="owner-none", variant="default"),
    ]
    return panel(
        "Assign a key to a team",
        [
            html.P(_NOTE, className="note"),
            dmc.SimpleGrid(fields, cols={"base": 1, "sm": 2, "lg": 5}, spacing="sm", my="sm"),
            dmc.Group(buttons, gap="sm"),
            html.Div(id="owner-said", role="status", className="note"),
        ],
    )


def team_form(ledger: Ledger, view: View) -> Any:
    """The form that assigns the chosen team to a customer and a cost centre; None if no team is chosen."""
    team = chosen(ledger, view)
    if team.person is None or team.kind != "team":
        return None
    fields = [_target_field(ledger, kind) for kind in _TARGET_KINDS["team"]]
    note = "What is left empty stays as it is. Whose the team was before that day does not change."
    return panel(
        "Customer and cost centre",
        [
            html.P(note, className="note"),
            dmc.SimpleGrid(
                [*fields, _first_day("home-from", ledger)], cols={"base": 1, "sm": 3}, spacing="sm", my="sm"
            ),
            dmc.Group([dmc.Button("Save from that day on", id="home-set", variant="default")], gap="sm"),
            html.Div(id="home-said", role="status", className="note"),
            dcc.Store(id="home-of", data=team.person.ident),
        ],
    )


def _target_field(ledger: Ledger, kind: TargetKind) -> Any:
    return dmc.Select(
        id=f"home-{kind.replace('_', '-')}",
        label=_LABELS[kind],
        data=_options(names.by_name(ledger, kind).values()),
        searchable=True,
        clearable=True,
        limit=_SHOWN_OPTIONS,
        nothingFoundMessage=f"Nothing found: tallybook {ADDED_BY[kind]}",
    )


def _first_day(field_id: str, ledger: Ledger) -> Any:
    return dmc.DatePickerInput(
        id=field_id,
        label="From",
        value=datetime.now(ledger.zone.info).date().isoformat(),
        valueFormat=wording.day_format(),
        firstDayOfWeek=wording.first_weekday(),
    )


def _unassigned_keys(ledger: Ledger, view: View, keys: Mapping[str, NamedEntry]) -> list[NamedEntry]:
    """The keys of the view whose calls belong to no team, the largest spend first."""
    query = without_team(question(view, ledger.zone, ("total_cost",), ("virtual_key",)))
    return [keys[name] for row in run(ledger, query).rows if (name := str(row.key[0])) in keys]


def _key_options(unassigned: Sequence[NamedEntry], keys: Iterable[NamedEntry]) -> list[dict[str, Any]]:
    """The options for all keys, with the keys that belong to no team as the first group."""
    first = dict.fromkeys(unassigned)
    others = [key for key in keys if key not in first]
    groups: tuple[tuple[str, Collection[NamedEntry]], ...] = (
        ("Belong to no team", first),
        ("Others", others),
    )
    return [{"group": label, "items": _options(persons)} for label, persons in groups if persons]


def _options(persons: Iterable[NamedEntry]) -> list[dict[str, str]]:
    return [{"value": person.ident, "label": person.shown} for person in persons]


def histories(ledger: Ledger, view: View) -> Any:
    """The owners by day and the assignments of the chosen key or team, else the assignments of all."""
    choice = chosen(ledger, view)
    tables_by_day = [] if choice.person is None else _by_day(ledger, choice.kind, choice.person)
    return dmc.Stack([*tables_by_day, _assignments(ledger, choice)], gap="md")


def _by_day(ledger: Ledger, kind: Kind, person: NamedEntry) -> list[Any]:
    rows = [
        [
            tables.Text(_first_text(stretch)),
            tables.Text(_end_text(stretch)),
            tables.Text(_LABELS[target_kind]),
            tables.Text(_owners_text(ledger, target_kind, stretch)),
        ]
        for target_kind in _TARGET_KINDS[kind]
        for stretch in reversed(stretches(ledger, kind, person.entry_id, target_kind))
    ]
    if not rows:
        return []
    return [
        tables.table(
            "owners-by-day", "Owners by day", ("From", "To", "What", "Who"), rows, texts=4, width=420
        )
    ]


def _owners_text(ledger: Ledger, kind: TargetKind, stretch: Stretch) -> str:
    if not stretch.targets:
        return "as the gateway says" if kind != "cost_center" else "none"
    target_names = names.called(ledger, [target.entry_id for target in stretch.targets])
    return targets_text(stretch.targets, target_names)


def targets_text(targets: Sequence[Target], target_names: Mapping[int, str]) -> str:
    """The names of owners, with their shares if there are several owners."""
    return shares_text(
        [(target_names.get(target.entry_id, f"#{target.entry_id}"), target.parts) for target in targets]
    )


def shares_text(targets: Sequence[tuple[str, int]]) -> str:
    """Names with their shares of the whole; a single name has no share behind it."""
    whole = sum(parts for _, parts in targets)
    if len(targets) == 1:
        return targets[0][0]
    return ", ".join(f"{name} {wording.percent_of(parts, whole)}" for name, parts in targets)


def _assignments(ledger: Ledger, choice: Chosen) -> Any:
    assignments = history_entries(ledger)
    if choice.person is not None:
        assignments = [entry for entry in assignments if _concerns(entry, choice.kind, choice.person)]
    title = "What was recorded"
    if not assignments:
        note = "Nothing has been assigned: calls belong to whom the gateway named."
        return panel(title, [html.P(note, id="assignments", className="note")])
    more = len(assignments) - tables.SHOWN_ROWS
    return tables.table(
        "assignments",
        title,
        ("What", "Belongs to", "From", "To", "Recorded", "By", "Reason"),
        [_assignment_row(entry, ledger) for entry in assignments[: tables.SHOWN_ROWS]],
        texts=7,
        remarks=[
            "Of the lines that are about a day, the one recorded last counts.",
            *([f"{wording.number(more)} more: tallybook owner list"] if more > 0 else []),
        ],
    )


def _concerns(entry: HistoryEntry, kind: Kind, person: NamedEntry) -> bool:
    assignment = entry.assignment
    is_subject = (assignment.subject_kind, assignment.subject) == (kind, str(person.entry_id))
    return is_subject or person.entry_id in {target.entry_id for target in assignment.targets}


def _assignment_row(entry: HistoryEntry, ledger: Ledger) -> list[Any]:
    assignment = entry.assignment
    recorded = instant(assignment.recorded_at)
    subject = assignment.subject_kind.replace("virtual_", "")
    kind = _LABELS[assignment.target_kind].lower()
    texts = [
        f"{subject} {entry.subject}",
        f"{kind} {shares_text(entry.targets)}" if entry.targets else f"no {kind} of its own",
        _day(assignment.first_day) or "always",
        _day(assignment.end_day) or "",
        wording.date_time(recorded, ledger.zone.info, seconds=False),
        assignment.recorded_by,
        assignment.reason,
    ]
    return [*map(tables.Text, texts)]


def assigned_message(done: RecordedAssignment, targets: Sequence[tuple[str, int]]) -> Any:
    """The message about a recorded assignment, with the closed months that it reaches into."""
    since = f" from {wording.day(done.first)} on" if done.first else ", always"
    belongs = f"belongs to {shares_text(targets)}" if targets else "belongs to whom its gateway names"
    message = [html.P(f"{done.subject} {belongs}{since}.")]
    if done.closed:
        months = ", ".join(done.closed)
        message.append(
            html.P(f"Closed already: {months}. What changes there is booked in the next open month.")
        )
    return message


def _first_text(stretch: Stretch) -> str:
    return _day(stretch.first_day) or "always"


def _end_text(stretch: Stretch) -> str:
    return _day(stretch.end_day) or "open"


def _day(number: int) -> str | None:
    return None if number in (FIRST_DAY, END_DAY) else wording.day(date_of(number))
