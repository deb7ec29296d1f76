"""Virtual keys: who spends and uses how much; one of them or one team alone, with the name that people give it."""

from collections.abc import Sequence
from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard import catalogue, figures, people, wording
from dashboard.filters import View, question, to_search
from dashboard.links import spend_csv
from dashboard.names import Person
from dashboard.pages import tables
from dashboard.pages.parts import chart, empty, notes, over_time, page, panel
from dashboard.pages.series import spend_over_time
from dashboard.people import Kind
from dashboard.runner import Result, run
from ingest.ledger.engine import Ledger

SHOWN_SERIES: Final = 7
NO_KEY: Final = "no key"
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


def content(ledger: Ledger, view: View) -> Any:
    """The page for a view: all keys, or the detail of the only key or team that is chosen."""

    def ask(metrics: Sequence[str], *by: str) -> Result:
        return run(ledger, question(view, ledger.zone, metrics, by))

    kind, chosen = _chosen(ledger, view)
    card = [] if chosen is None else [_card(kind, chosen, view, ledger)]
    result = ask(_METRICS, "virtual_key", "team")
    if not result.total("requests"):
        return dmc.Stack([*card, empty(ledger, view)], gap="md")
    links: dict[str, tables.Links] = {which: _links(ledger, which, view) for which in _KINDS}
    second = "model" if chosen and kind == "virtual_key" else "virtual_key"
    links["model"] = lambda name: to_search(view.narrowed("model", name))
    keys = tables.of_metrics(
        "keys",
        "Virtual keys",
        result,
        _COLUMNS,
        link=links["virtual_key"],
        second=links["team"],
        none=NO_KEY,
    )
    models = None
    if chosen:
        asked = ask((*(m for m in _OF_MODELS if m != tables.SHARE), "unpriced_requests"), "model")
        models = tables.of_metrics("models-of", "Models", asked, _OF_MODELS, link=links["model"])
    return page(
        f"{_called(kind)} {chosen.shown}" if chosen else "Virtual keys",
        result.query,
        [
            *card,
            *notes(result),
            _over_time(ask(("total_cost",), "time", second), links[second]),
            keys,
            models,
        ],
        _METRICS,
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


def _links(ledger: Ledger, kind: Kind, view: View) -> tables.Links:
    """Where a shown name leads: the view of that key or team alone."""
    known = people.by_name(ledger, kind)

    def only(name: str) -> str | None:
        return to_search(view.narrowed(kind, known[name].ident)) if name in known else None

    return only


def _over_time(result: Result, link: tables.Links) -> Any:
    second = result.query.dimensions[1]
    found = spend_over_time(result, SHOWN_SERIES, NO_KEY)
    links = {
        name: target for name in found.values if name != figures.OTHER and (target := link(name)) is not None
    }
    return chart(
        "spend-over-time",
        f"Spend over time by {second.replace('_', ' ')} ({result.totals.currency})",
        figures.stacked_bars(result.buckets, found.values, found.texts),
        [*found.values],
        means=over_time(result),
        links=links,
        csv=spend_csv(result.query),
    )


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
