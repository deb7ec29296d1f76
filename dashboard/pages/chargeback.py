"""Chargeback: what every team owes for a month, how shared cost is allocated, what is to be done, and closing it."""

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard import wording
from dashboard.chargeback import closing
from dashboard.chargeback.accounting import current_month
from dashboard.chargeback.calendar import Month, month_of, of_month
from dashboard.chargeback.outputs import FORMS, report_of
from dashboard.chargeback.report import Entry, Report
from dashboard.chargeback.statement import CAUSES
from dashboard.chargeback.workbook import warnings
from dashboard.filters import View, date_range, only, question
from dashboard.pages import tables
from dashboard.pages.parts import card, cards, known_as, page, panel
from ingest import money
from ingest.allocation import FEES, METHODS, POOLS, UNASSIGNED
from ingest.clock import now
from ingest.ledger import periods
from ingest.ledger.engine import Ledger
from ingest.model.zone import instant
from ingest.money import from_pico

MONTHS_OFFERED: Final = 24
_POOLS: Final = {FEES: "Fees that no team bears", UNASSIGNED: "Calls that belong to no team"}


@known_as("chargeback:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for the month that the view ends in."""
    month = month_shown(ledger, view)
    made = report_of(ledger, of_month(month), "team", now())
    asked = question(view, ledger.zone, ("requests",))
    return page(
        f"Chargeback {month}",
        asked,
        [
            _choice(ledger, month, made),
            *_alerts(made, view),
            _cards(made),
            _table(made, view),
            _shared(made),
            _adjustments(made),
            _closing(ledger, month, made),
        ],
    )


def month_shown(ledger: Ledger, view: View) -> Month:
    """The month of the last day of a view."""
    _, last = date_range(view, ledger.zone, datetime.now(UTC))
    return month_of(last)


def _choice(ledger: Ledger, month: Month, made: Report) -> Any:
    """Which month is shown, whether it is closed, and the statement as files."""
    status = made.statement.status
    colours = {"closed": "green", "closing": "yellow"}
    badge = dmc.Badge(
        status, color=colours.get(status, "gray"), variant="light", size="lg", id="period-status"
    )
    links = [
        html.A(
            form.upper(), href=f"/v1/reports/chargeback?period={month}&format={form}", className="button-link"
        )
        for form in FORMS
    ]
    by = [
        html.A(
            label,
            href=f"/v1/reports/chargeback?period={month}&by={name}&format=xlsx",
            className="button-link",
        )
        for name, label in (("customer", "By customer"), ("cost_center", "By cost centre"))
    ]
    return dmc.Group(
        [
            month_field(ledger, month),
            badge,
            html.Div([*links, *by], className="downloads", id="downloads"),
        ],
        align="end",
        gap="md",
    )


def month_field(ledger: Ledger, month: Month) -> Any:
    """Where a month is chosen. The month that is shown stands beside it, so that its own choice is told from a person's."""
    current = max(current_month(ledger, now()), month)
    offered = [str(current.plus(-back)) for back in range(MONTHS_OFFERED)]
    if str(month) not in offered:
        offered.append(str(month))
    field = dmc.Select(
        id="chargeback-month",
        label="Month",
        data=[{"value": one, "label": one} for one in offered],
        value=str(month),
        allowDeselect=False,
        w=140,
    )
    return html.Div([field, dcc.Store(id="month-shown", data=str(month))])


def _alerts(made: Report, view: View) -> list[Any]:
    texts = list(warnings(made))
    if view.filters:
        texts.append("The filters above do not apply here: a statement is of all calls.")
    return [
        dmc.Alert(text, color="yellow", variant="light", p="sm", className="chargeback-warning")
        for text in texts
    ]


def _cards(made: Report) -> Any:
    shown, currency = made.shown, made.statement.currency
    before = wording.relative_change(from_pico(made.whole.total), from_pico(made.before))
    used = made.whole.used

    def amount(units: int) -> str:
        return _money(made, units)

    return cards(
        [
            card("Total", amount(shown.total), f"in {currency}, all teams together", before),
            card("Direct cost", amount(shown.direct_cost), "calls, and fees that one team bears"),
            card("Shared cost", amount(shown.shared_cost), "fees, and what belongs to nobody"),
            card("Adjustments", amount(shown.adjustments), "closed months, credits, invoices"),
            card(
                "Calls",
                wording.compact(used.requests),
                f"{wording.compact(used.unpriced_requests)} without a price",
            ),
        ]
    )


def _table(made: Report, view: View) -> Any:
    has_budgets = bool(made.budgets)
    header = ["Team", "Customer", "Direct", "Shared", "Adjusted", "Total", "Change"]
    header += [*(["Budget"] if has_budgets else []), "Calls", "Per million tokens"]
    rows = [_row(made, one, view, has_budgets=has_budgets) for one in made.entries]
    shown = made.shown
    total = [
        _money(made, units)
        for units in (shown.direct_cost, shown.shared_cost, shown.adjustments, shown.total)
    ]
    if rows:
        empty_cells = [""] * (len(header) - 7)
        change = (
            wording.relative_change(from_pico(made.whole.total), from_pico(made.before)) or wording.NOTHING
        )
        rows.append([tables.Text("Total"), tables.Text(""), *total, change, *empty_cells])
    remarks = [] if rows else ["Nobody called or was charged in this month."]
    return tables.table("chargeback", "What every team owes", header, rows, texts=2, remarks=remarks)


def _row(made: Report, one: Entry, view: View, *, has_budgets: bool) -> list[Any]:
    name = made.name(one.ident)
    named = made.statement.names.get(one.ident) if one.ident else None
    shown = one.shown
    change = wording.relative_change(from_pico(one.line.total), from_pico(one.before)) if one.before else None
    budget = [wording.NOTHING if one.budget is None else _pico(made, one.budget)] if has_budgets else []
    ratio = one.cost_per_million_tokens
    link = only(view, ("team", named.ident)) if named else only(view, ("team", None))
    return [
        tables.Text(name or "(no team)", link),
        tables.Text(one.customer or ""),
        *(
            _money(made, units)
            for units in (shown.direct_cost, shown.shared_cost, shown.adjustments, shown.total)
        ),
        change or wording.NOTHING,
        *budget,
        wording.compact(one.used.requests),
        wording.NOTHING if ratio is None else wording.amount(ratio, made.statement.currency),
    ]


def _shared(made: Report) -> Any:
    """What was shared and how, and a form to say how it is to be."""
    rows = [
        [
            tables.Text(one.pool),
            tables.Text(made.name(entry.ident) or "(no team)"),
            tables.Text(METHODS[one.method]),
            _pico(made, one.whole),
            _pico(made, one.amount),
        ]
        for entry in made.entries
        for one in entry.allocations
    ]
    found = (
        tables.table(
            "allocations",
            "Shared cost",
            ["Pool", "Team", "How", "Of", "Amount"],
            rows[: tables.SHOWN_ROWS],
            texts=3,
            width=520,
        )
        if rows
        else html.P("No fee and no call of this month has to be shared.", className="note", id="allocations")
    )
    if made.statement.status == "closed":
        return found
    form = dmc.Group(
        [
            dmc.Select(
                id="allocate-pool",
                label="Share",
                data=[{"value": pool, "label": _POOLS[pool]} for pool in POOLS],
                value=FEES,
                allowDeselect=False,
            ),
            dmc.Select(
                id="allocate-method",
                label="How",
                data=[{"value": one, "label": text} for one, text in METHODS.items() if one != "fixed"],
                value="cost",
                allowDeselect=False,
                w=260,
            ),
            dmc.TextInput(id="allocate-from", label="From", value=made.statement.first.isoformat(), w=130),
            dmc.Button("Set the rule", id="allocate-set", variant="default"),
            html.Div(id="allocate-said", className="said", **{"aria-live": "polite"}),  # type: ignore[arg-type]
        ],
        align="end",
        gap="sm",
    )
    return dmc.Stack([found, panel("A rule for shared cost", [form])], gap="md")


def _adjustments(made: Report) -> Any:
    rows = [
        [
            tables.Text(made.name(entry.ident) or "(no team)"),
            tables.Text(one.about or ""),
            tables.Text(CAUSES[one.cause] + (f": {one.reason}" if one.reason else "")),
            _pico(made, one.amount),
        ]
        for entry in made.entries
        for one in entry.corrections
    ]
    if not rows:
        return None
    return tables.table(
        "adjustments", "Adjustments", ["Team", "About", "Cause", "Amount"], rows, texts=3, width=520
    )


def _closing(ledger: Ledger, month: Month, made: Report) -> Any:
    """The check list, the button that closes or opens the month, and what happened to it."""
    statement = made.statement
    is_closed = statement.status == "closed"
    items = () if is_closed else closing.check(ledger, statement)
    is_over = now() >= ledger.zone.midnight(of_month(month).days[1])
    lines = [
        html.Li([html.Strong("Stops closing: " if item.stops else "To know: "), item.text]) for item in items
    ]
    told = (
        html.Ul(lines, className="checklist") if lines else html.P(_all_well(made, is_over), className="note")
    )
    needs_reason = is_closed or any(item.stops for item in items)
    label = "Why it is opened again" if is_closed else "Why it is closed nevertheless"
    reason = dmc.TextInput(
        id="period-reason", label=label, w=320, style={} if needs_reason else {"display": "none"}
    )
    button = dmc.Button(
        f"Open {month} again" if is_closed else f"Close {month}",
        id="period-turn",
        disabled=not (is_closed or is_over),
        variant="default" if is_closed else "filled",
    )
    said = html.Div(id="period-said", className="said", **{"aria-live": "polite"})  # type: ignore[arg-type]
    store = dcc.Store(id="period-of", data={"month": str(month), "closed": is_closed})
    title = f"{month} is closed" if is_closed else f"Close {month}"
    group = dmc.Group([reason, button, said], align="end", gap="sm")
    return panel(title, [told, group, _history(ledger, month), store])


def _all_well(made: Report, is_over: bool) -> str:
    statement = made.statement
    if statement.status == "closed":
        return f"Statement {statement.revision}, sealed with {statement.hash}."
    return "Nothing is left to be done." if is_over else "The month is not over: it is closed when it is."


def _history(ledger: Ledger, month: Month) -> Any:
    with ledger.reading() as connection:
        happened = periods.events(connection, str(month))
    if not happened:
        return None
    zone = ledger.zone.info
    lines = [
        html.Li(
            f"{wording.date_time(instant(one.at), zone, seconds=False)}: {one.status} by {one.by}"
            + (f" ({one.reason})" if one.reason else "")
        )
        for one in reversed(happened)
    ]
    return html.Ul(lines, className="note", id="period-history")


def first_and_last(month: str) -> tuple[date, date]:
    """The days of a month as the filter bar has them."""
    calendar = of_month(Month(int(month[:4]), int(month[5:])))
    return calendar.first, date.fromordinal(calendar.end.toordinal() - 1)


def _money(made: Report, units: int) -> str:
    """A shown amount as pages write it."""
    return wording.amount(Decimal(units).scaleb(-made.digits), made.statement.currency)


def _pico(made: Report, pico: int) -> str:
    unit = money.PICO_PER_UNIT // 10**made.digits
    return _money(made, money.divide_half_even(pico, unit))
