"""Parts of the page Teams about owners: who is to own a key from a day on, and who owned what when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.directory import names
from dashboard.directory.history import HistoryEntry, history_entries
from dashboard.directory.holdings import stretches
from dashboard.directory.names import Kind
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

_OF: Final[Mapping[Kind, tuple[TargetKind, ...]]] = {
    "virtual_key": ("team",),
    "team": ("customer", "cost_center"),
}
_WORDS: Final[Mapping[TargetKind, str]] = {
    "team": "Team",
    "customer": "Customer",
    "cost_center": "Cost centre",
}
_SHOWN_OPTIONS: Final = 60
_TOLD: Final = (
    "Its calls from that day on belong to the team, those that are here and those to come. Nothing before that day "
    "changes, and what changes in a closed month is booked in the next open one."
)


@dataclass(frozen=True, slots=True)
class Chosen:
    """The only key, else the only team, that a view is about; nobody where it is about all."""

    kind: Kind
    person: NamedEntry | None


def chosen(ledger: Ledger, view: View) -> Chosen:
    """Whom a view is about."""
    for kind in _OF:
        values = view.values(kind)
        if len(values) == 1 and (found := names.known_as(ledger, kind, values[0])):
            return Chosen(kind, found)
    return Chosen("team", None)


def of_nobody(asked: SpendQuery) -> SpendQuery:
    """A question, of the calls that belong to no team."""
    others = tuple(one for one in asked.filters if one.dimension != "team")
    return replace(asked, filters=(*others, Filter("team", (None,))))


def form(ledger: Ledger, view: View) -> Any:
    """Where somebody gives a key to a team from a day on, or to several in parts."""
    about = chosen(ledger, view)
    everybody = names.by_name(ledger, "virtual_key")
    waiting = _waiting(ledger, view, everybody)
    key = about.person.ident if about.person and about.kind == "virtual_key" else None
    team = [about.person.ident] if about.person and about.kind == "team" else []
    fields = [
        dmc.Select(
            id="owner-key",
            label="Virtual key",
            data=_keys(waiting, everybody.values()),
            value=key or (waiting[0].ident if waiting else None),
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
            html.P(_TOLD, className="note"),
            dmc.SimpleGrid(fields, cols={"base": 1, "sm": 2, "lg": 5}, spacing="sm", my="sm"),
            dmc.Group(buttons, gap="sm"),
            html.Div(id="owner-said", role="status", className="note"),
        ],
    )


def home_form(ledger: Ledger, view: View) -> Any:
    """Where somebody says which customer and cost centre the chosen team has from a day on."""
    team = chosen(ledger, view)
    if team.person is None or team.kind != "team":
        return None
    fields = [_home_field(ledger, kind) for kind in _OF["team"]]
    told = "What is left empty stays as it is. Whose the team was before that day does not change."
    return panel(
        "Customer and cost centre",
        [
            html.P(told, className="note"),
            dmc.SimpleGrid(
                [*fields, _first_day("home-from", ledger)], cols={"base": 1, "sm": 3}, spacing="sm", my="sm"
            ),
            dmc.Group([dmc.Button("Save from that day on", id="home-set", variant="default")], gap="sm"),
            html.Div(id="home-said", role="status", className="note"),
            dcc.Store(id="home-of", data=team.person.ident),
        ],
    )


def _home_field(ledger: Ledger, kind: TargetKind) -> Any:
    return dmc.Select(
        id=f"home-{kind.replace('_', '-')}",
        label=_WORDS[kind],
        data=_options(names.by_name(ledger, kind).values()),
        searchable=True,
        clearable=True,
        limit=_SHOWN_OPTIONS,
        nothingFoundMessage=f"Nothing found: tallybook {ADDED_BY[kind]}",
    )


def _first_day(name: str, ledger: Ledger) -> Any:
    return dmc.DatePickerInput(
        id=name,
        label="From",
        value=datetime.now(ledger.zone.info).date().isoformat(),
        valueFormat=wording.day_format(),
        firstDayOfWeek=wording.first_weekday(),
    )


def _waiting(ledger: Ledger, view: View, everybody: Mapping[str, NamedEntry]) -> list[NamedEntry]:
    """The keys of the view whose calls belong to no team, the largest spend first."""
    asked = of_nobody(question(view, ledger.zone, ("total_cost",), ("virtual_key",)))
    return [everybody[name] for row in run(ledger, asked).rows if (name := str(row.key[0])) in everybody]


def _keys(waiting: Sequence[NamedEntry], everybody: Any) -> list[dict[str, Any]]:
    """All keys to choose from, those that belong to no team first."""
    first = dict.fromkeys(waiting)
    others = [one for one in everybody if one not in first]
    groups = (("Belong to no team", first), ("Others", others))
    return [{"group": name, "items": _options(some)} for name, some in groups if some]


def _options(some: Any) -> list[dict[str, str]]:
    return [{"value": one.ident, "label": one.shown} for one in some]


def histories(ledger: Ledger, view: View) -> Any:
    """Who owned the chosen key or team on which days, and everything that was recorded of it, or of all."""
    about = chosen(ledger, view)
    lists = [] if about.person is None else _by_day(ledger, about.kind, about.person)
    return dmc.Stack([*lists, _recorded(ledger, about)], gap="md")


def _by_day(ledger: Ledger, kind: Kind, person: NamedEntry) -> list[Any]:
    found = [(one, stretches(ledger, kind, person.entry_id, one)) for one in _OF[kind]]
    rows = [
        [
            tables.Text(_first(one)),
            tables.Text(_end(one)),
            tables.Text(_WORDS[target_kind]),
            tables.Text(_owners(ledger, target_kind, one)),
        ]
        for target_kind, some in found
        for one in reversed(some)
    ]
    if not rows:
        return []
    return [
        tables.table(
            "owners-by-day", "Owners by day", ("From", "To", "What", "Who"), rows, texts=4, width=420
        )
    ]


def _owners(ledger: Ledger, kind: TargetKind, one: Stretch) -> str:
    if not one.targets:
        return "as the gateway says" if kind != "cost_center" else "none"
    return whose(one.targets, names.called(ledger, [each.entry_id for each in one.targets]))


def whose(targets: Sequence[Target], called: Mapping[int, str]) -> str:
    """Owners in words, with their parts where there are several."""
    return shares([(called.get(one.entry_id, f"#{one.entry_id}"), one.parts) for one in targets])


def shares(targets: Sequence[tuple[str, int]]) -> str:
    """Names with their parts of the whole; a single one needs none."""
    whole = sum(parts for _, parts in targets)
    if len(targets) == 1:
        return targets[0][0]
    return ", ".join(f"{name} {wording.percent_of(parts, whole)}" for name, parts in targets)


def _recorded(ledger: Ledger, about: Chosen) -> Any:
    found = [
        one
        for one in history_entries(ledger)
        if about.person is None or _concerns(one, about.kind, about.person)
    ]
    title = "What was recorded"
    if not found:
        words = "Nothing has been assigned: calls belong to whom the gateway named."
        return panel(title, [html.P(words, id="assignments", className="note")])
    more = len(found) - tables.SHOWN_ROWS
    return tables.table(
        "assignments",
        title,
        ("What", "Belongs to", "From", "To", "Recorded", "By", "Reason"),
        [_assignment(one, ledger) for one in found[: tables.SHOWN_ROWS]],
        texts=7,
        remarks=[
            "Of the lines that are about a day, the one recorded last counts.",
            *([f"{wording.number(more)} more: tallybook owner list"] if more > 0 else []),
        ],
    )


def _concerns(one: HistoryEntry, kind: Kind, person: NamedEntry) -> bool:
    assignment = one.assignment
    is_subject = (assignment.subject_kind, assignment.subject) == (kind, str(person.entry_id))
    return is_subject or person.entry_id in {each.entry_id for each in assignment.targets}


def _assignment(one: HistoryEntry, ledger: Ledger) -> list[Any]:
    assignment = one.assignment
    recorded = instant(assignment.recorded_at)
    subject = assignment.subject_kind.replace("virtual_", "")
    kind = _WORDS[assignment.target_kind].lower()
    texts = [
        f"{subject} {one.subject}",
        f"{kind} {shares(one.targets)}" if one.targets else f"no {kind} of its own",
        _day(assignment.first_day) or "always",
        _day(assignment.end_day) or "",
        wording.date_time(recorded, ledger.zone.info, seconds=False),
        assignment.recorded_by,
        assignment.reason,
    ]
    return [*map(tables.Text, texts)]


def was_assigned(done: RecordedAssignment, called: Sequence[tuple[str, int]]) -> Any:
    """What was recorded, and the closed months that it reaches into."""
    since = f" from {wording.day(done.first)} on" if done.first else ", always"
    belongs = f"belongs to {shares(called)}" if called else "belongs to whom its gateway names"
    said = [html.P(f"{done.subject} {belongs}{since}.")]
    if done.closed:
        months = ", ".join(done.closed)
        said.append(html.P(f"Closed already: {months}. What changes there is booked in the next open month."))
    return said


def _first(one: Stretch) -> str:
    return _day(one.first_day) or "always"


def _end(one: Stretch) -> str:
    return _day(one.end_day) or "open"


def _day(number: int) -> str | None:
    return None if number in (FIRST_DAY, END_DAY) else wording.day(date_of(number))
