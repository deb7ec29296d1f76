"""Teams: what each spends, the keys it owns, what belongs to nobody, and who owned what when.

With one key or one team chosen, the page is about it alone. Owners are assigned here as `tallybook owner set` does it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.directory import names
from dashboard.directory.holdings import Home, OwnersOnDay, owners_on_day
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
_NOBODY: Final = Home(None, None)
_BY_RULE: Final = "Calls without a key are given to a team by what they name: tallybook owner set --project NAME --team TEAM."


@registered_as("teams:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view: all teams, or the only key or team that is chosen."""
    chosen = ownership.chosen(ledger, view)
    inside = [
        html.Div(shown(ledger, view), id="teams-shown"),
        ownership.form(ledger, view),
        *([] if (home := ownership.home_form(ledger, view)) is None else [home]),
        html.Div(ownership.histories(ledger, view), id="owners-shown"),
    ]
    title = f"Owners of {chosen.person.shown}" if chosen.kind == "virtual_key" and chosen.person else None
    if title is None:
        title = f"Team {chosen.person.shown}" if chosen.person else "Teams"
    if not totals.totals_of(ledger, view).requests:
        return dmc.Stack([no_calls(ledger, view), *inside], gap="md")
    return page(title, question(view, ledger.zone, ("requests",)), inside, (*totals.METRICS, *_METRICS))


def shown(ledger: Ledger, view: View) -> Any:
    """What may change when somebody assigns an owner."""
    chosen, held = ownership.chosen(ledger, view), owners_on_day(ledger, ledger.zone.day(now()))
    total = totals.totals_of(ledger, view)
    found: list[Any] = []
    if total.requests:
        found = [*notes(total), totals.total_cards(ledger, view, total)]
    if chosen.person is None:
        found += [teams(ledger, view, held), unassigned(ledger, view) if total.requests else None]
    elif chosen.kind == "team":
        found = [_about_team(chosen.person, held, view), *found, keys(ledger, view, chosen.person, held)]
    else:
        found = [_about_key(ledger, chosen.person, held, view), *found, teams(ledger, view, held)]
    return dmc.Stack([one for one in found if one is not None], gap="md")


def teams(ledger: Ledger, view: View, held: OwnersOnDay) -> Any:
    """Teams by what they spent, those of the whole ledger that made no call last."""
    asked = question(view, ledger.zone, _METRICS, ("team",))
    result = run(ledger, replace(asked, by_entry=True))
    entries = _entries(ledger, "team")
    counts = held.counts()
    rows = [_team(entries.get(_entry(row)), _cells(result, row), held, counts, view) for row in result.rows]
    if not view.filters:
        called = {_entry(row) for row in result.rows}
        others = (one for entry, one in entries.items() if entry not in called)
        rows += [_team(one, _NO_CALLS, held, counts, view) for one in others]
    if not rows:
        return None
    header = ("Team", "Customer", "Cost centre", *_HEADER, "Keys now")
    remarks = [
        "Customer, cost centre and keys are those of today; spend is that of whoever owned each call on its day."
    ]
    return tables.table(
        "teams",
        "Teams",
        header,
        rows[: tables.SHOWN_ROWS],
        texts=3,
        csv=spend_csv(replace(asked, dimensions=("team", "customer", "cost_center"))),
        remarks=[*remarks, *_more(rows)],
    )


def unassigned(ledger: Ledger, view: View) -> Any:
    """The keys whose calls belong to no team, by what they spent; each leads to where it is given to one."""
    if view.values("team"):
        return None
    asked = ownership.of_nobody(question(view, ledger.zone, _METRICS, ("virtual_key",)))
    result = run(ledger, replace(asked, by_entry=True))
    if not result.requests:
        words = (
            "Every call of these days belongs to a team."
            if not view.filters
            else "Every one of these calls belongs to a team."
        )
        return panel("Belongs to no team", [html.P(words, id="unassigned", className="note")])
    entries = _entries(ledger, "virtual_key")
    rows = [[_key(entries.get(_entry(row)), view), *_cells(result, row)] for row in result.rows]
    is_keyless = any(row.key[0] is None for row in result.rows)
    return tables.table(
        "unassigned",
        "Belongs to no team",
        ("Virtual key", *_HEADER),
        rows[: tables.SHOWN_ROWS],
        texts=1,
        csv=spend_csv(asked),
        remarks=[*([_BY_RULE] if is_keyless else []), *_more(rows)],
        width=620,
    )


def keys(ledger: Ledger, view: View, team: NamedEntry, held: OwnersOnDay) -> Any:
    """The keys of a team: those that made its calls, and those that it owns today without one."""
    asked = question(view, ledger.zone, _METRICS, ("virtual_key",))
    result = run(ledger, replace(asked, by_entry=True))
    entries, owned = _entries(ledger, "virtual_key"), held.keys(team.entry_id)
    rows = [
        [_key(entries.get(entry), view.without("team")), *_cells(result, row), _part(owned, entry)]
        for row in result.rows
        for entry in (_entry(row),)
    ]
    called = {_entry(row) for row in result.rows}
    rows += [
        [_key(entries.get(entry), view.without("team")), *_NO_CALLS, _part(owned, entry)]
        for entry in sorted(owned)
        if entry not in called
    ]
    if not rows:
        return None
    return tables.table(
        "team-keys",
        "Its keys",
        ("Virtual key", *_HEADER, "Owned now"),
        rows[: tables.SHOWN_ROWS],
        texts=1,
        csv=spend_csv(asked),
        remarks=_more(rows),
        width=700,
    )


def _about_team(team: NamedEntry, held: OwnersOnDay, view: View) -> Any:
    home = held.homes.get(team.entry_id, _NOBODY)
    facts = [
        ("Customer", home.customer or wording.NOTHING),
        ("Cost centre", home.cost_center or wording.NOTHING),
        ("Keys", wording.number(len(held.keys(team.entry_id)))),
    ]
    return _about("This team today", facts, view, "team")


def _about_key(ledger: Ledger, key: NamedEntry, held: OwnersOnDay, view: View) -> Any:
    targets = held.owners.get(key.entry_id, ())
    named = {one.entry_id: one.shown for one in names.by_name(ledger, "team").values()}
    whose = ownership.whose(targets, named) if targets else "nobody"
    facts = [("Belongs to", whose), ("Id", key.ident), *([("Hint", key.hint)] if key.hint else [])]
    return _about("This key today", facts, view, "virtual_key")


def _about(title: str, facts: Iterable[tuple[str, str]], view: View, kind: names.Kind) -> Any:
    lines = [html.Div([html.Dt(label), html.Dd(value)], className="line") for label, value in facts]
    ways = [
        dcc.Link("All teams", href=f"/dashboard/teams{to_search(view.without(kind))}", className="back"),
        dcc.Link("Its models, and its name", href=f"/dashboard/keys{to_search(view)}", className="back"),
    ]
    return panel(title, [html.Dl(lines, className="lines", id="today"), dmc.Group(ways, gap="md")])


def _team(
    team: NamedEntry | None, cells: Sequence[str], held: OwnersOnDay, counts: Mapping[int, int], view: View
) -> list[Any]:
    """A team's row around what it spent and used."""
    if team is None:
        unknown = tables.Text(wording.NOTHING)
        return [tables.Text(NO_TEAM), unknown, unknown, *cells, wording.NOTHING]
    home = held.homes.get(team.entry_id, _NOBODY)
    return [
        tables.Text(team.shown, narrowed_search(view.without("virtual_key"), ("team", team.ident))),
        *(tables.Text(one or wording.NOTHING) for one in home),
        *cells,
        wording.number(counts.get(team.entry_id, 0)),
    ]


def _key(key: NamedEntry | None, view: View) -> tables.Text:
    if key is None:
        return tables.Text(names.NO_KEY)
    return tables.Text(key.shown, narrowed_search(view, ("virtual_key", key.ident)))


def _part(owned: Mapping[int, tuple[int, int]], entry: int | None) -> str:
    parts, whole = owned.get(entry or 0, (0, 1))
    return wording.percent_of(parts, whole) if parts else "no"


def _cells(result: Any, row: Row) -> list[str]:
    return [tables.cell(result, row, column) for column in _COLUMNS]


def _entry(row: Row) -> int | None:
    return None if row.key[0] is None else int(row.key[0])


def _entries(ledger: Ledger, kind: names.Kind) -> Mapping[int | None, NamedEntry]:
    return {one.entry_id: one for one in names.by_name(ledger, kind).values()}


def _more(rows: Sequence[Any]) -> list[str]:
    more = len(rows) - tables.SHOWN_ROWS
    return (
        [f"{wording.number(more)} more are not shown here; the CSV has all that made calls"]
        if more > 0
        else []
    )
