"""Virtual keys: spend and usage by key; details of a single key or team, with a form for its name."""

from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.directory import names
from dashboard.directory.names import Kind
from dashboard.formatting import format as wording
from dashboard.query import catalogue
from dashboard.query.labels_store import NamedEntry
from dashboard.query.run import run
from dashboard.ui import tables, totals
from dashboard.ui.components import lazy_part, no_calls, notes, page, panel, registered_as
from dashboard.ui.links import spend_csv
from dashboard.ui.series import top_rows
from dashboard.ui.spend_chart import spend_chart
from dashboard.ui.view import View, narrowed_search, question, to_search
from ingest.ledger.engine import Ledger

_COLUMNS: Final = (
    "total_cost",
    tables.SHARE,
    "requests",
    "total_tokens",
    "error_rate",
    "cost_per_request",
    "cost_per_million_tokens",
    "cache_savings",
    "latency_p50",
    "latency_p95",
)
_METRICS: Final = (*(key for key in _COLUMNS if key != tables.SHARE), "unpriced_requests")
_MODEL_COLUMNS: Final = ("total_cost", tables.SHARE, "requests", "total_tokens", "error_rate", "latency_p95")
_KINDS: Final[tuple[Kind, ...]] = ("virtual_key", "team")


@registered_as("virtual_keys:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view: all keys, or the details of the key or the team that the view is filtered on."""
    kind, selected = _selected(ledger, view)
    details = [] if selected is None else [_details(kind, selected, view, ledger)]
    result = totals.totals_of(ledger, view)
    if not result.requests:
        return dmc.Stack([*details, no_calls(ledger, view)], gap="md")
    cards = totals.total_cards(ledger, view, result)
    parts = [*details, *notes(result), cards, lazy_part(spend, view), lazy_part(keys, view)]
    return page(
        f"{_label(kind)} {selected.shown}" if selected else "Virtual keys",
        result.query,
        [*parts, lazy_part(models, view)] if selected else parts,
        (*totals.METRICS, *_METRICS),
    )


@registered_as("virtual_keys:spend")
def spend(ledger: Ledger, view: View) -> Any:
    """Spend over time of the keys that spent most, or of the models of a single key."""
    kind, selected = _selected(ledger, view)
    by_model = selected is not None and kind == "virtual_key"
    dimension = "model" if by_model else "virtual_key"
    idents = {} if by_model else names.idents(ledger, "virtual_key")
    return spend_chart(
        ledger,
        question(view, ledger.zone, ("total_cost",), ("time", dimension)),
        run(ledger, question(view, ledger.zone, ("total_cost",), (dimension,))),
        f"Spend over time by {dimension.replace('_', ' ')}",
        link=lambda name: narrowed_search(view, (dimension, idents.get(name, name))),
        idents=idents,
        unknown="unknown" if by_model else names.NO_KEY,
    )


@registered_as("virtual_keys:keys")
def keys(ledger: Ledger, view: View) -> Any:
    """Each key with its team, spend and usage."""
    idents = {kind: names.idents(ledger, kind) for kind in _KINDS}
    query = question(view, ledger.zone, _METRICS, _KINDS)
    result, row_count = top_rows(ledger, query, tables.SHOWN_ROWS, idents["virtual_key"])
    return tables.metric_table(
        "keys",
        "Virtual keys",
        result,
        _COLUMNS,
        row_count=row_count,
        csv=spend_csv(query),
        link=lambda key: narrowed_search(view, ("virtual_key", idents["virtual_key"].get(str(key[0])))),
        second_link=lambda name: narrowed_search(view, ("team", idents["team"].get(name))),
        unknown=names.NO_KEY,
    )


@registered_as("virtual_keys:models")
def models(ledger: Ledger, view: View) -> Any:
    """The models that the selected key or team uses."""
    metrics = (*(metric for metric in _MODEL_COLUMNS if metric != tables.SHARE), "unpriced_requests")
    result = run(ledger, question(view, ledger.zone, metrics, ("model",)))
    return tables.metric_table(
        "models-of",
        "Models",
        result,
        _MODEL_COLUMNS,
        link=lambda key: narrowed_search(view, ("model", key[0])),
    )


def _selected(ledger: Ledger, view: View) -> tuple[Kind, NamedEntry | None]:
    """The key, or else the team, if the view is filtered on a single one."""
    for kind in _KINDS:
        values = view.values(kind)
        if len(values) == 1 and (entry := names.known_as(ledger, kind, values[0])):
            return kind, entry
    return "virtual_key", None


def _label(kind: Kind) -> str:
    dimension = catalogue.dimension(kind)
    return dimension.label if dimension else kind


def _details(kind: Kind, entry: NamedEntry, view: View, ledger: Ledger) -> Any:
    """The names and ids of a key or a team, and the form for its name."""
    since = wording.date_time(entry.first_seen_at, ledger.zone.info, seconds=False)
    facts = [
        ("Gateway's name", entry.name),
        ("Hint", entry.hint),
        ("Id", entry.ident),
        ("In this ledger since", f"{since} {ledger.zone.name}"),
    ]
    lines = [
        html.Div([html.Dt(label), html.Dd(value)], className="line")
        for label, value in facts
        if value is not None
    ]
    back = dcc.Link(f"Show all {_label(kind).lower()}s", href=to_search(view.without(kind)), className="back")
    return panel(
        f"About this {_label(kind).lower()}",
        [
            dmc.SimpleGrid(
                [html.Div([html.Dl(lines, className="lines"), back]), _name_form(entry)],
                cols={"base": 1, "sm": 2},
                spacing="xl",
            ),
            dcc.Store(id="name-entry", data=entry.entry_id),
        ],
    )


def _name_form(entry: NamedEntry) -> Any:
    field = dmc.TextInput(
        id="given-name",
        label="Name on this ledger",
        description="Stands before the gateway's name everywhere and changes no figure.",
        placeholder=entry.name or entry.hint or entry.ident,
        value=entry.given_name or "",
    )
    buttons = [
        dmc.Button("Save name", id="name-save"),
        dmc.Button("Clear name", id="name-clear", variant="default", disabled=entry.given_name is None),
        html.Div(id="name-said", role="status", className="note"),
    ]
    return dmc.Stack([field, dmc.Group(buttons, gap="sm")], gap="sm")


PARTS: Final = (spend, keys, models)
