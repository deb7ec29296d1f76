"""Virtual keys: who spends and uses how much; one of them alone, with the name that people give it."""

from collections.abc import Sequence
from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard import figures, keys, wording
from dashboard.filters import View, question, to_search
from dashboard.links import spend_csv
from dashboard.names import Person
from dashboard.pages import tables
from dashboard.pages.parts import chart, empty, notes, over_time, page, panel
from dashboard.pages.series import spend_over_time
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


def content(ledger: Ledger, view: View) -> Any:
    """The page for a view: all keys, or the detail of the only one that is chosen."""

    def ask(metrics: Sequence[str], *by: str) -> Result:
        return run(ledger, question(view, ledger.zone, metrics, by))

    chosen = view.values("virtual_key")
    key = keys.known_as(ledger, chosen[0]) if len(chosen) == 1 else None
    result = ask(_METRICS, "virtual_key", "team")
    card = [] if key is None else [_card(key, view, ledger)]
    if not result.total("requests"):
        return dmc.Stack([*card, empty(ledger, view)], gap="md")
    known = keys.by_name(ledger)

    def only(name: str) -> str | None:
        return to_search(view.narrowed("virtual_key", known[name].ident)) if name in known else None

    second = "model" if key else "virtual_key"
    by_time = ask(("total_cost",), "time", second)
    table = tables.of_metrics("keys", "Virtual keys", result, _COLUMNS, link=only, none=NO_KEY)
    models = _models(ask((*(m for m in _OF_MODELS if m != tables.SHARE), "unpriced_requests"), "model"), view)
    return page(
        f"Virtual key {key.shown}" if key else "Virtual keys",
        result.query,
        [*card, *notes(result), _over_time(by_time, view, only, second), table, models if key else None],
        _METRICS,
    )


def _over_time(result: Result, view: View, only: tables.Links, second: str) -> Any:
    found = spend_over_time(result, SHOWN_SERIES, NO_KEY)
    links = {
        name: target
        for name in found.values
        if name != figures.OTHER
        and (target := only(name) if second == "virtual_key" else to_search(view.narrowed("model", name)))
    }
    by = "virtual key" if second == "virtual_key" else "model"
    return chart(
        "spend-over-time",
        f"Spend over time by {by} ({result.totals.currency})",
        figures.stacked_bars(result.buckets, found.values, found.texts),
        [*found.values],
        means=over_time(result),
        links=links,
        csv=spend_csv(result.query),
    )


def _models(result: Result, view: View) -> Any:
    return tables.of_metrics(
        "models-of-key",
        "Models of this key",
        result,
        _OF_MODELS,
        link=lambda name: to_search(view.narrowed("model", name)),
    )


def _card(key: Person, view: View, ledger: Ledger) -> Any:
    """What a key is called and why, and where a person gives it a name."""
    called = [
        ("Gateway's name", key.name),
        ("Hint", key.hint),
        ("Id", key.ident),
        (
            "First seen",
            f"{wording.clock(key.first_seen_at, ledger.zone.info, seconds=False)} {ledger.zone.name}",
        ),
    ]
    lines = [
        html.Div([html.Dt(label), html.Dd(value)], className="line")
        for label, value in called
        if value is not None
    ]
    form = dmc.Group(
        [
            dmc.TextInput(
                id="key-name",
                label="Name on this ledger",
                description="Stands before the gateway's name everywhere; changes no figure. Leave empty to clear it.",
                placeholder=key.name or key.hint or key.ident,
                value=key.given_name or "",
                w={"base": "100%", "sm": 420},
            ),
            dmc.Button("Save name", id="key-save", variant="filled"),
            dmc.Button("Clear name", id="key-clear", variant="default", disabled=key.given_name is None),
        ],
        align="flex-end",
        gap="sm",
    )
    return panel(
        key.shown,
        [
            dcc.Link("Show all virtual keys", href=to_search(view.without("virtual_key")), className="back"),
            html.Dl(lines, className="lines"),
            form,
            html.Div(id="key-said", role="status", className="note"),
            dcc.Store(id="key-entry", data=key.entry_id),
        ],
    )
