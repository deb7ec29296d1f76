"""The page Teams: spend and keys of each team, keys without a team, and the history of owners.

A view that is filtered to one key or one team makes the page about it alone. The form assigns owners as
`tallybook owner set` does.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.directory import names
from dashboard.directory.owners_on_day import Home, OwnersOnDay, owners_on_day
from dashboard.formatting import format as wording
from dashboard.pages.teams import ownership
from dashboard.query.labels_store import NamedEntry
from dashboard.query.run import Row, run
from dashboard.ui import tables, totals
from dashboard.ui.components import no_calls, notes, page, panel, registered_as
from dashboard.ui.links import spend_csv
from dashboard.ui.view import View, narrowed_search, question, to_search
from ingest.clock import now
from ingest.ledger.engine import Ledger

NO_TEAM: Final = "no team"
_COLUMNS: Final = ("total_cost", tables.SHARE, "requests", "unpriced_requests", "total_tokens")
_METRICS: Final = tuple(key for key in _COLUMNS if key != tables.SHARE)
_HEADER: Final = ("Spend", "Share", "Requests", "Unpriced", "Tokens")
_NO_CALLS: Final = (wording.NOTHING, wording.NOTHING, "0", "0", "0")
_NO_HOME: Final = Home(None, None)
_KEYLESS: Final = (
    "Calls without a key are given to a team by what they name: "
    "tallybook owner set --project NAME --team TEAM."
)


@registered_as("teams:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view: all teams, or the chosen key or team."""
    chosen = ownership.chosen(ledger, view)
    inside = [
        html.Div(figures(ledger, view), id="teams-shown"),
        ownership.form(ledger, view),
        *([] if (team_form := ownership.team_form(ledger, view)) is None else [team_form]),
        html.Div(ownership.histories(ledger, view), id="owners-shown"),
    ]
    title = f"Owners of {chosen.person.shown}" if chosen.kind == "virtual_key" and chosen.person else None
    if title is None:
        title = f"Team {chosen.person.shown}" if chosen.person else "Teams"
    if not totals.totals_of(ledger, view).requests:
        return dmc.Stack([no_calls(ledger, view), *inside], gap="md")
    return page(title, question(view, ledger.zone, ("requests",)), inside, (*totals.METRICS, *_METRICS))


def figures(ledger: Ledger, view: View) -> Any:
    """The figures of the page, renewed when an owner is assigned."""
    chosen, owners = ownership.chosen(ledger, view), owners_on_day(ledger, ledger.zone.day(now()))
    total = totals.totals_of(ledger, view)
    parts: list[Any] = []
    if total.requests:
        parts = [*notes(total), totals.total_cards(ledger, view, total)]
    if chosen.person is None:
        parts += [team_table(ledger, view, owners), unassigned_keys(ledger, view) if total.requests else None]
    elif chosen.kind == "team":
        team = chosen.person
        parts = [_team_today(team, owners, view), *parts, key_table(ledger, view, team, owners)]
    else:
        key = chosen.person
        parts = [_key_today(ledger, key, owners, view), *parts, team_table(ledger, view, owners)]
    return dmc.Stack([part for part in parts if part is not None], gap="md")


def team_table(ledger: Ledger, view: View, owners: OwnersOnDay) -> Any:
    """Teams by spend. Without filters, teams of the ledger that made no call come last."""
    query = question(view, ledger.zone, _METRICS, ("team",))
    result = run(ledger, replace(query, by_entry=True))
    entries = _entries(ledger, "team")
    key_counts = owners.counts()
    rows = [
        _team_row(entries.get(_entry(row)), _cells(result, row), owners, key_counts, view)
        for row in result.rows
    ]
    if not view.filters:
        with_calls = {_entry(row) for row in result.rows}
        without_calls = (team for entry, team in entries.items() if entry not in with_calls)
        rows += [_team_row(team, _NO_CALLS, owners, key_counts, view) for team in without_calls]
    if not rows:
        return None
    header = ("Team", "Customer", "Cost centre", *_HEADER, "Keys now")
    remark = (
        "Customer, cost centre and keys are those of today; "
        "spend is that of whoever owned each call on its day."
    )
    return tables.table(
        "teams",
        "Teams",
        header,
        rows[: tables.SHOWN_ROWS],
        texts=3,
        csv=spend_csv(replace(query, dimensions=("team", "customer", "cost_center"))),
        remarks=[remark, *_more(rows)],
    )


def unassigned_keys(ledger: Ledger, view: View) -> Any:
    """The keys whose calls belong to no team, by spend, each with a link to the form that assigns it."""
    if view.values("team"):
        return None
    query = ownership.without_team(question(view, ledger.zone, _METRICS, ("virtual_key",)))
    result = run(ledger, replace(query, by_entry=True))
    if not result.requests:
        note = (
            "Every call of these days belongs to a team."
            if not view.filters
            else "Every one of these calls belongs to a team."
        )
        return panel("Belongs to no team", [html.P(note, id="unassigned", className="note")])
    entries = _entries(ledger, "virtual_key")
    rows = [[_key_text(entries.get(_entry(row)), view), *_cells(result, row)] for row in result.rows]
    has_keyless = any(row.key[0] is None for row in result.rows)
    return tables.table(
        "unassigned",
        "Belongs to no team",
        ("Virtual key", *_HEADER),
        rows[: tables.SHOWN_ROWS],
        texts=1,
        csv=spend_csv(query),
        remarks=[*([_KEYLESS] if has_keyless else []), *_more(rows)],
        width=620,
    )


def key_table(ledger: Ledger, view: View, team: NamedEntry, owners: OwnersOnDay) -> Any:
    """The keys of a team: keys that made its calls, then keys that it owns today and that made no call."""
    query = question(view, ledger.zone, _METRICS, ("virtual_key",))
    result = run(ledger, replace(query, by_entry=True))
    entries, owned = _entries(ledger, "virtual_key"), owners.keys(team.entry_id)
    rows = [
        [_key_text(entries.get(entry), view.without("team")), *_cells(result, row), _share_text(owned, entry)]
        for row in result.rows
        for entry in (_entry(row),)
    ]
    with_calls = {_entry(row) for row in result.rows}
    rows += [
        [_key_text(entries.get(entry), view.without("team")), *_NO_CALLS, _share_text(owned, entry)]
        for entry in sorted(owned)
        if entry not in with_calls
    ]
    if not rows:
        return None
    return tables.table(
        "team-keys",
        "Its keys",
        ("Virtual key", *_HEADER, "Owned now"),
        rows[: tables.SHOWN_ROWS],
        texts=1,
        csv=spend_csv(query),
        remarks=_more(rows),
        width=700,
    )


def _team_today(team: NamedEntry, owners: OwnersOnDay, view: View) -> Any:
    home = owners.homes.get(team.entry_id, _NO_HOME)
    facts = [
        ("Customer", home.customer or wording.NOTHING),
        ("Cost centre", home.cost_center or wording.NOTHING),
        ("Keys", wording.number(len(owners.keys(team.entry_id)))),
    ]
    return _today("This team today", facts, view, "team")


def _key_today(ledger: Ledger, key: NamedEntry, owners: OwnersOnDay, view: View) -> Any:
    targets = owners.teams.get(key.entry_id, ())
    team_names = {team.entry_id: team.shown for team in names.by_name(ledger, "team").values()}
    owner_text = ownership.targets_text(targets, team_names) if targets else "nobody"
    facts = [("Belongs to", owner_text), ("Id", key.ident), *([("Hint", key.hint)] if key.hint else [])]
    return _today("This key today", facts, view, "virtual_key")


def _today(title: str, facts: Iterable[tuple[str, str]], view: View, kind: names.Kind) -> Any:
    lines = [html.Div([html.Dt(label), html.Dd(value)], className="line") for label, value in facts]
    links = [
        dcc.Link("All teams", href=f"/dashboard/teams{to_search(view.without(kind))}", className="back"),
        dcc.Link("Its models, and its name", href=f"/dashboard/keys{to_search(view)}", className="back"),
    ]
    return panel(title, [html.Dl(lines, className="lines", id="today"), dmc.Group(links, gap="md")])


def _team_row(
    team: NamedEntry | None,
    cells: Sequence[str],
    owners: OwnersOnDay,
    key_counts: Mapping[int, int],
    view: View,
) -> list[Any]:
    """The row of a team; `cells` are its spend and usage."""
    if team is None:
        unknown = tables.Text(wording.NOTHING)
        return [tables.Text(NO_TEAM), unknown, unknown, *cells, wording.NOTHING]
    home = owners.homes.get(team.entry_id, _NO_HOME)
    return [
        tables.Text(team.shown, narrowed_search(view.without("virtual_key"), ("team", team.ident))),
        *(tables.Text(name or wording.NOTHING) for name in home),
        *cells,
        wording.number(key_counts.get(team.entry_id, 0)),
    ]


def _key_text(key: NamedEntry | None, view: View) -> tables.Text:
    if key is None:
        return tables.Text(names.NO_KEY)
    return tables.Text(key.shown, narrowed_search(view, ("virtual_key", key.ident)))


def _share_text(owned: Mapping[int, tuple[int, int]], entry: int | None) -> str:
    parts, whole = owned.get(entry or 0, (0, 1))
    return wording.percent_of(parts, whole) if parts else "no"


def _cells(result: Any, row: Row) -> list[str]:
    return [tables.cell(result, row, column) for column in _COLUMNS]


def _entry(row: Row) -> int | None:
    return None if row.key[0] is None else int(row.key[0])


def _entries(ledger: Ledger, kind: names.Kind) -> Mapping[int | None, NamedEntry]:
    return {person.entry_id: person for person in names.by_name(ledger, kind).values()}


def _more(rows: Sequence[Any]) -> list[str]:
    more = len(rows) - tables.SHOWN_ROWS
    return (
        [f"{wording.number(more)} more are not shown here; the CSV has all that made calls"]
        if more > 0
        else []
    )
