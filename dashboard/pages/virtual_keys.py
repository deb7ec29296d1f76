"""Virtual keys: who spends and uses how much; one of them or one team alone, with the name that people give it."""

from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard import catalogue, people, wording
from dashboard.filters import View, only, question, to_search
from dashboard.links import spend_csv
from dashboard.names_store import Person
from dashboard.pages import tables, totals
from dashboard.pages.most import of_most
from dashboard.pages.parts import empty, known_as, later, notes, page, panel
from dashboard.pages.spending import spend_chart
from dashboard.people import Kind
from dashboard.runner import run
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
_OF_MODELS: Final = ("total_cost", tables.SHARE, "requests", "total_tokens", "error_rate", "latency_p95")
_KINDS: Final[tuple[Kind, ...]] = ("virtual_key", "team")


@known_as("virtual_keys:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for a view: all keys, or the detail of the only key or team that is chosen."""
    kind, chosen = _chosen(ledger, view)
    card = [] if chosen is None else [_card(kind, chosen, view, ledger)]
    total = totals.of(ledger, view)
    if not total.requests:
        return dmc.Stack([*card, empty(ledger, view)], gap="md")
    figures = totals.in_cards(ledger, view, total)
    shown = [*card, *notes(total), figures, later(spend, view), later(keys, view)]
    return page(
        f"{_called(kind)} {chosen.shown}" if chosen else "Virtual keys",
        total.query,
        [*shown, later(models, view)] if chosen else shown,
        (*totals.METRICS, *_METRICS),
    )


@known_as("virtual_keys:spend")
def spend(ledger: Ledger, view: View) -> Any:
    """Spend over time of the keys that spent most; of a single key, of its models."""
    kind, chosen = _chosen(ledger, view)
    of_models = chosen is not None and kind == "virtual_key"
    dimension = "model" if of_models else "virtual_key"
    idents = {} if of_models else people.idents(ledger, "virtual_key")
    return spend_chart(
        ledger,
        question(view, ledger.zone, ("total_cost",), ("time", dimension)),
        run(ledger, question(view, ledger.zone, ("total_cost",), (dimension,))),
        f"Spend over time by {dimension.replace('_', ' ')}",
        link=lambda name: only(view, (dimension, idents.get(name, name))),
        idents=idents,
        none="unknown" if of_models else people.NO_KEY,
    )


@known_as("virtual_keys:keys")
def keys(ledger: Ledger, view: View) -> Any:
    """Each key with its team and what it spent and used."""
    idents = {kind: people.idents(ledger, kind) for kind in _KINDS}
    asked = question(view, ledger.zone, _METRICS, _KINDS)
    result, in_all = of_most(ledger, asked, tables.SHOWN_ROWS, idents["virtual_key"])
    return tables.of_metrics(
        "keys",
        "Virtual keys",
        result,
        _COLUMNS,
        in_all=in_all,
        csv=spend_csv(asked),
        link=lambda key: only(view, ("virtual_key", idents["virtual_key"].get(str(key[0])))),
        second=lambda name: only(view, ("team", idents["team"].get(name))),
        none=people.NO_KEY,
    )


@known_as("virtual_keys:models")
def models(ledger: Ledger, view: View) -> Any:
    """The models that the chosen key or team uses."""
    metrics = (*(metric for metric in _OF_MODELS if metric != tables.SHARE), "unpriced_requests")
    result = run(ledger, question(view, ledger.zone, metrics, ("model",)))
    return tables.of_metrics(
        "models-of", "Models", result, _OF_MODELS, link=lambda key: only(view, ("model", key[0]))
    )


def _chosen(ledger: Ledger, view: View) -> tuple[Kind, Person | None]:
    """The only key, else the only team, that the view is about."""
    for kind in _KINDS:
        values = view.values(kind)
        if len(values) == 1 and (found := people.known_as(ledger, kind, values[0])):
            return kind, found
    return "virtual_key", None


def _called(kind: Kind) -> str:
    found = catalogue.dimension(kind)
    return found.label if found else kind


def _card(kind: Kind, person: Person, view: View, ledger: Ledger) -> Any:
    """What a key or a team is called and why, and where somebody gives it a name."""
    since = wording.clock(person.first_seen_at, ledger.zone.info, seconds=False)
    told = [
        ("Gateway's name", person.name),
        ("Hint", person.hint),
        ("Id", person.ident),
        ("In this ledger since", f"{since} {ledger.zone.name}"),
    ]
    lines = [
        html.Div([html.Dt(label), html.Dd(value)], className="line")
        for label, value in told
        if value is not None
    ]
    back = dcc.Link(
        f"Show all {_called(kind).lower()}s", href=to_search(view.without(kind)), className="back"
    )
    return panel(
        f"About this {_called(kind).lower()}",
        [
            dmc.SimpleGrid(
                [html.Div([html.Dl(lines, className="lines"), back]), _name_form(person)],
                cols={"base": 1, "sm": 2},
                spacing="xl",
            ),
            dcc.Store(id="name-entry", data=person.entry_id),
        ],
    )


def _name_form(person: Person) -> Any:
    given = dmc.TextInput(
        id="given-name",
        label="Name on this ledger",
        description="Stands before the gateway's name everywhere and changes no figure.",
        placeholder=person.name or person.hint or person.ident,
        value=person.given_name or "",
    )
    buttons = [
        dmc.Button("Save name", id="name-save"),
        dmc.Button("Clear name", id="name-clear", variant="default", disabled=person.given_name is None),
        html.Div(id="name-said", role="status", className="note"),
    ]
    return dmc.Stack([given, dmc.Group(buttons, gap="sm")], gap="sm")


PARTS: Final = (spend, keys, models)
