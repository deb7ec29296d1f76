"""Reconciliation: the invoices of each provider for a month against the ledger, and accepted variances."""

from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.formatting import format as wording
from dashboard.pages.chargeback.page import month_field, month_shown
from dashboard.query.calendar import Month
from dashboard.reconciliation.compare import Reconciliation, ReconciliationRow, reconcile
from dashboard.ui import charts, tables
from dashboard.ui.components import card, cards, chart, page, panel, registered_as
from dashboard.ui.view import View, question
from ingest.ledger.engine import Ledger
from ingest.model.money import from_pico

_SHOWN_DAYS: Final = 60
_EXAMPLE: Final = "tallybook invoice import FILE"


@registered_as("reconciliation:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for the month that the view ends in."""
    month = month_shown(ledger, view)
    reconciliation = reconcile(ledger, month)
    query = question(view, ledger.zone, ("requests",))
    controls = dmc.Group([month_field(ledger, month), _downloads(month)], align="end", gap="md")
    if not reconciliation.rows:
        nothing = panel(
            "Nothing to compare",
            [
                html.P(
                    ["No calls, fees or invoices in this month. ", html.Code(_EXAMPLE)],
                    id="reconciliation",
                    className="note",
                )
            ],
        )
        return page(f"Reconciliation {month}", query, [controls, nothing])
    return page(
        f"Reconciliation {month}",
        query,
        [
            controls,
            *_alerts(reconciliation),
            _cards(reconciliation),
            _chart(reconciliation),
            _table(reconciliation),
            _days(ledger, month),
            _accept_form(reconciliation),
        ],
    )


def _downloads(month: Month) -> Any:
    links = [
        html.A(
            f"CSV by {by}",
            href=f"/v1/reconciliation?period={month}&by={by}&format=csv",
            className="button-link",
        )
        for by in ("provider", "day", "model")
    ]
    return html.Div(links, className="downloads")


def _alerts(reconciliation: Reconciliation) -> list[Any]:
    texts = [f"Left out: {reason}" for reason in reconciliation.unconverted]
    if missing := [row.provider for row in reconciliation.rows if row.invoiced is None and row.ledger]:
        texts.append(f"No invoice is known of {', '.join(missing)}.")
    return [dmc.Alert(text, color="yellow", variant="light", p="sm") for text in texts]


def _cards(reconciliation: Reconciliation) -> Any:
    def amount(name: str) -> str:
        return wording.amount(from_pico(reconciliation.total(name)), reconciliation.currency)

    return cards(
        [
            card("Invoiced", amount("invoiced"), "by providers, for days of UTC"),
            card("In the ledger", amount("ledger"), "what providers with an invoice ask for calls"),
            card("Variance", amount("variance"), "invoice less ledger, fees and what was booked"),
            card("Explained", amount("explained"), "unpriced and cancelled calls, rounding"),
            card("Unexplained", amount("unexplained"), "keys that the gateway does not see, or a fault"),
        ]
    )


def _chart(reconciliation: Reconciliation) -> Any:
    rows = [row for row in reconciliation.rows if row.invoiced is not None]
    if not rows:
        return None
    names = [row.provider for row in rows]
    values = [from_pico(row.variance or 0) for row in rows]
    texts = [wording.amount(value, reconciliation.currency) for value in values]
    figure = charts.ranked_bars(names, values, texts, [None] * len(rows))
    return chart("variance-by-provider", f"Variance by provider ({reconciliation.currency})", figure, [])


def _table(reconciliation: Reconciliation) -> Any:
    header = [
        "Provider",
        "",
        "Invoice",
        "Ledger",
        "Fees",
        "Booked",
        "Variance",
        "Share",
        "Explained",
        "Unexplained",
        "Unpriced",
        "Mark-ups",
    ]
    rows = [[tables.Text(row.provider), *_cells(reconciliation, row)] for row in reconciliation.rows]
    remarks = [
        (
            "Explained is at most what unpriced calls may have cost (an estimate), "
            "what cancelled and failed calls cost, and half a cent a line of the invoice."
        ),
        "The ledger is what providers ask for calls. Mark-ups are charged to teams beyond it, and not compared.",
    ]
    return tables.table("reconciliation", "By provider", header, rows, texts=2, remarks=remarks)


def _cells(reconciliation: Reconciliation, row: ReconciliationRow) -> list[Any]:
    def amount(pico: int | None) -> str:
        return wording.NOTHING if pico is None else wording.amount(from_pico(pico), reconciliation.currency)

    state = (
        "no invoice"
        if row.invoiced is None
        else "agrees"
        if row.agrees(reconciliation.threshold)
        else "differs"
    )
    share = wording.NOTHING if row.share is None else f"{float(row.share):+.2%}"
    has_invoice = row.invoiced is not None
    return [
        tables.Text(state),
        *(amount(pico) for pico in (row.invoiced, row.ledger, row.fees, row.booked, row.variance)),
        share,
        amount(row.explained if has_invoice else None),
        amount(row.unexplained if has_invoice else None),
        wording.compact(row.unpriced_requests),
        amount(row.markups),
    ]


def _days(ledger: Ledger, month: Month) -> Any:
    reconciliation = reconcile(ledger, month, "day")
    rows = [row for row in reconciliation.rows if row.invoiced is not None]
    if not rows:
        return None
    cells = [
        [
            tables.Text(row.key or ""),
            tables.Text(row.provider),
            *(
                wording.NOTHING if pico is None else wording.amount(from_pico(pico), reconciliation.currency)
                for pico in (row.invoiced, row.ledger, row.variance)
            ),
        ]
        for row in sorted(rows, key=lambda row: (row.key or "", row.provider))[:_SHOWN_DAYS]
    ]
    return tables.table(
        "reconciliation-days",
        "By day",
        ["Day", "Provider", "Invoice", "Ledger", "Variance"],
        cells,
        texts=2,
        width=520,
    )


def _accept_form(reconciliation: Reconciliation) -> Any:
    """The form that books a variance as an adjustment; None if nothing differs."""
    providers = [row.provider for row in reconciliation.rows if row.variance]
    if not providers:
        return None
    form = dmc.Group(
        [
            dmc.Select(
                id="accept-provider",
                label="Provider",
                data=providers,
                value=providers[0],
                allowDeselect=False,
            ),
            dmc.TextInput(id="accept-reason", label="Why the variance is accepted", w=320),
            dmc.Button("Book it", id="accept-book", variant="default"),
            html.Div(id="accept-said", className="said", **{"aria-live": "polite"}),  # type: ignore[arg-type]
            dcc.Store(id="accept-of", data=str(reconciliation.month)),
        ],
        align="end",
        gap="sm",
    )
    text = "The variance becomes an adjustment in the earliest open month, on the line of no team."
    return panel("Accept a variance", [html.P(text, className="note"), form])
