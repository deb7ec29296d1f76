"""Reconciliation: what each provider charges for a month against what the ledger says, and what is accepted."""

from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard import figures, wording
from dashboard.chargeback.calendar import Month
from dashboard.filters import View, question
from dashboard.pages import tables
from dashboard.pages.chargeback import month_field, month_shown
from dashboard.pages.parts import card, cards, chart, known_as, page, panel
from dashboard.reconciliation import Compared, Reconciliation, reconcile
from ingest.ledger.engine import Ledger
from ingest.money import from_pico

_SHOWN: Final = 60
_HOW: Final = "tallybook invoice import FILE"


@known_as("reconciliation:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for the month that the view ends in."""
    month = month_shown(ledger, view)
    found = reconcile(ledger, month)
    asked = question(view, ledger.zone, ("requests",))
    choice = dmc.Group([month_field(ledger, month), _files(month)], align="end", gap="md")
    if not found.rows:
        nothing = panel(
            "Nothing to compare",
            [
                html.P(
                    ["No calls, fees or invoices in this month. ", html.Code(_HOW)],
                    id="reconciliation",
                    className="note",
                )
            ],
        )
        return page(f"Reconciliation {month}", asked, [choice, nothing])
    return page(
        f"Reconciliation {month}",
        asked,
        [
            choice,
            *_alerts(found),
            _cards(found),
            _chart(found),
            _table(found),
            _days(ledger, month),
            _accepting(found),
        ],
    )


def _files(month: Month) -> Any:
    links = [
        html.A(
            f"CSV by {by}",
            href=f"/v1/reconciliation?period={month}&by={by}&format=csv",
            className="button-link",
        )
        for by in ("provider", "day", "model")
    ]
    return html.Div(links, className="downloads")


def _alerts(found: Reconciliation) -> list[Any]:
    texts = [f"Left out: {why}" for why in found.unconverted]
    if missing := [row.provider for row in found.rows if row.invoiced is None and row.ledger]:
        texts.append(f"No invoice is known of {', '.join(missing)}.")
    return [dmc.Alert(text, color="yellow", variant="light", p="sm") for text in texts]


def _cards(found: Reconciliation) -> Any:
    def amount(name: str) -> str:
        return wording.amount(from_pico(found.total(name)), found.currency)

    return cards(
        [
            card("Invoiced", amount("invoiced"), "by providers, for days of UTC"),
            card("In the ledger", amount("ledger"), "calls of the providers with an invoice"),
            card("Variance", amount("variance"), "invoice less ledger, fees and what was booked"),
            card("Explained", amount("explained"), "unpriced and cancelled calls, rounding"),
            card("Unexplained", amount("unexplained"), "keys that the gateway does not see, or a fault"),
        ]
    )


def _chart(found: Reconciliation) -> Any:
    rows = [row for row in found.rows if row.invoiced is not None]
    if not rows:
        return None
    names = [row.provider for row in rows]
    values = [from_pico(row.variance or 0) for row in rows]
    texts = [wording.amount(value, found.currency) for value in values]
    figure = figures.ranked_bars(names, values, texts, [None] * len(rows))
    return chart("variance-by-provider", f"Variance by provider ({found.currency})", figure, [])


def _table(found: Reconciliation) -> Any:
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
    ]
    rows = [[tables.Text(row.provider), *_cells(found, row)] for row in found.rows]
    remarks = [
        (
            "Explained is at most what unpriced calls may have cost (an estimate), what cancelled and failed calls cost, and half a "
            "cent a line of the invoice."
        )
    ]
    return tables.table("reconciliation", "By provider", header, rows, texts=2, remarks=remarks)


def _cells(found: Reconciliation, row: Compared) -> list[Any]:
    def amount(pico: int | None) -> str:
        return wording.NOTHING if pico is None else wording.amount(from_pico(pico), found.currency)

    state = "no invoice" if row.invoiced is None else "agrees" if row.agrees(found.threshold) else "differs"
    share = wording.NOTHING if row.share is None else f"{float(row.share):+.2%}"
    known = row.invoiced is not None
    return [
        tables.Text(state),
        *(amount(one) for one in (row.invoiced, row.ledger, row.fees, row.booked, row.variance)),
        share,
        amount(row.explained if known else None),
        amount(row.unexplained if known else None),
        wording.compact(row.unpriced_requests),
    ]


def _days(ledger: Ledger, month: Month) -> Any:
    found = reconcile(ledger, month, "day")
    rows = [row for row in found.rows if row.invoiced is not None]
    if not rows:
        return None
    cells = [
        [
            tables.Text(row.key or ""),
            tables.Text(row.provider),
            *(
                wording.NOTHING if pico is None else wording.amount(from_pico(pico), found.currency)
                for pico in (row.invoiced, row.ledger, row.variance)
            ),
        ]
        for row in sorted(rows, key=lambda row: (row.key or "", row.provider))[:_SHOWN]
    ]
    return tables.table(
        "reconciliation-days",
        "By day",
        ["Day", "Provider", "Invoice", "Ledger", "Variance"],
        cells,
        texts=2,
        width=520,
    )


def _accepting(found: Reconciliation) -> Any:
    """The form that books what differs."""
    providers = [row.provider for row in found.rows if row.variance]
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
            dcc.Store(id="accept-of", data=str(found.month)),
        ],
        align="end",
        gap="sm",
    )
    text = "The variance becomes an adjustment in the earliest open month, on the line of no team."
    return panel("Accept a variance", [html.P(text, className="note"), form])
