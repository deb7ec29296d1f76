"""Chargeback: the cost of each team for a month, allocations, adjustments, and closing the month."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc
from dash import dcc, html

from dashboard.budgets.model import counted_in_words
from dashboard.chargeback import closing
from dashboard.chargeback.adjustment import OpenedAdjustment, read_adjustment
from dashboard.chargeback.allocation import FEES, METHODS, POOLS, UNASSIGNED
from dashboard.chargeback.evidence_text import part_of, prices_of, teams_of
from dashboard.chargeback.outputs import FORMS, report_of
from dashboard.chargeback.report import Report, ReportEntry
from dashboard.chargeback.statement import CAUSES
from dashboard.chargeback.statements import current_month
from dashboard.chargeback.xlsx import warnings
from dashboard.formatting import format as wording
from dashboard.query.calendar import Month, month_of, of_month
from dashboard.ui import tables
from dashboard.ui.components import card, cards, page, panel, registered_as
from dashboard.ui.view import View, date_range, narrowed_search, question, to_search
from ingest.clock import now
from ingest.ledger import periods
from ingest.ledger.engine import Ledger
from ingest.model import money
from ingest.model.money import from_pico
from ingest.model.zone import instant

MONTHS_OFFERED: Final = 24
_POOL_LABELS: Final = {FEES: "Fees that no team bears", UNASSIGNED: "Calls that belong to no team"}


@registered_as("chargeback:content")
def content(ledger: Ledger, view: View) -> Any:
    """The page for the month that the view ends in."""
    month = month_shown(ledger, view)
    report = report_of(ledger, of_month(month), "team", now())
    query = question(view, ledger.zone, ("requests",))
    return page(
        f"Chargeback {month}",
        query,
        [
            _controls(ledger, month, report),
            *_alerts(report, view),
            *_opened(ledger, view),
            _cards(report),
            _table(report, view),
            _shared_cost(report),
            _adjustments(report, view),
            _closing(ledger, month, report),
        ],
    )


def month_shown(ledger: Ledger, view: View) -> Month:
    """The month of the last day of the view."""
    _, last = date_range(view, ledger.zone, datetime.now(UTC))
    return month_of(last)


def _controls(ledger: Ledger, month: Month, report: Report) -> Any:
    """The choice of the month, its status, and downloads of the statement."""
    status = report.statement.status
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
    links_by_group = [
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
            html.Div([*links, *links_by_group], className="downloads", id="downloads"),
        ],
        align="end",
        gap="md",
    )


def month_field(ledger: Ledger, month: Month) -> Any:
    """The choice of the month, and a browser store that holds the month shown.

    A callback compares the two: where they differ, the user chose another month.
    """
    current = max(current_month(ledger, now()), month)
    months = [str(current.plus(-back)) for back in range(MONTHS_OFFERED)]
    if str(month) not in months:
        months.append(str(month))
    field = dmc.Select(
        id="chargeback-month",
        label="Month",
        data=[{"value": month_text, "label": month_text} for month_text in months],
        value=str(month),
        allowDeselect=False,
        w=140,
    )
    return html.Div([field, dcc.Store(id="month-shown", data=str(month))])


def _alerts(report: Report, view: View) -> list[Any]:
    texts = list(warnings(report))
    if view.filters:
        texts.append("The filters above do not apply here: a statement is of all calls.")
    return [
        dmc.Alert(text, color="yellow", variant="light", p="sm", className="chargeback-warning")
        for text in texts
    ]


def _cards(report: Report) -> Any:
    shown, currency = report.shown, report.statement.currency
    change = wording.relative_change(from_pico(report.whole.total), from_pico(report.before))
    used = report.whole.used

    def amount(units: int) -> str:
        return _money(report, units)

    return cards(
        [
            card("Total", amount(shown.total), f"in {currency}, all teams together", change),
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


def _table(report: Report, view: View) -> Any:
    has_budgets = bool(report.budgets)
    header = ["Team", "Customer", "Direct", "Shared", "Adjusted", "Total", "Change"]
    header += [*(["Budget"] if has_budgets else []), "Calls", "Per million tokens"]
    rows = [_row(report, entry, view, has_budgets=has_budgets) for entry in report.entries]
    shown = report.shown
    total = [
        _money(report, units)
        for units in (shown.direct_cost, shown.shared_cost, shown.adjustments, shown.total)
    ]
    if rows:
        empty_cells = [""] * (len(header) - 7)
        change = (
            wording.relative_change(from_pico(report.whole.total), from_pico(report.before))
            or wording.NOTHING
        )
        rows.append([tables.Text("Total"), tables.Text(""), *total, change, *empty_cells])
    remarks = [] if rows else ["Nobody called or was charged in this month."]
    if counts := sorted({entry.budget_counts for entry in report.entries if entry.budget_counts}):
        remarks.append(f"Budgets count {counted_in_words(', '.join(counts))}.")
    return tables.table("chargeback", "What every team owes", header, rows, texts=2, remarks=remarks)


def _row(report: Report, entry: ReportEntry, view: View, *, has_budgets: bool) -> list[Any]:
    name = report.name(entry.ident)
    team = report.statement.names.get(entry.ident) if entry.ident else None
    shown = entry.shown
    change = (
        wording.relative_change(from_pico(entry.line.total), from_pico(entry.before))
        if entry.before
        else None
    )
    budget = [wording.NOTHING if entry.budget is None else _pico(report, entry.budget)] if has_budgets else []
    ratio = entry.cost_per_million_tokens
    link = narrowed_search(view, ("team", team.ident)) if team else narrowed_search(view, ("team", None))
    return [
        tables.Text(name or "(no team)", link),
        tables.Text(entry.customer or ""),
        *(
            _money(report, units)
            for units in (shown.direct_cost, shown.shared_cost, shown.adjustments, shown.total)
        ),
        change or wording.NOTHING,
        *budget,
        wording.compact(entry.used.requests),
        wording.NOTHING if ratio is None else wording.amount(ratio, report.statement.currency),
    ]


def _shared_cost(report: Report) -> Any:
    """The allocations of shared cost, and a form for a rule of allocation unless the month is closed."""
    rows = [
        [
            tables.Text(allocation.pool),
            tables.Text(report.name(entry.ident) or "(no team)"),
            tables.Text(METHODS[allocation.method]),
            _money(report, report.shown_whole(allocation)),
            _money(report, units),
        ]
        for entry in report.entries
        for allocation, units in zip(entry.allocations, entry.shown_allocations, strict=True)
    ]
    allocations = (
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
    if report.statement.status == "closed":
        return allocations
    form = dmc.Group(
        [
            dmc.Select(
                id="allocate-pool",
                label="Share",
                data=[{"value": pool, "label": _POOL_LABELS[pool]} for pool in POOLS],
                value=FEES,
                allowDeselect=False,
            ),
            dmc.Select(
                id="allocate-method",
                label="How",
                data=[{"value": key, "label": text} for key, text in METHODS.items() if key != "fixed"],
                value="cost",
                allowDeselect=False,
                w=260,
            ),
            dmc.TextInput(id="allocate-from", label="From", value=report.statement.first.isoformat(), w=130),
            dmc.Button("Set the rule", id="allocate-set", variant="default"),
            _outcome("allocate-said"),
        ],
        align="end",
        gap="sm",
    )
    return dmc.Stack([allocations, panel("A rule for shared cost", [form])], gap="md")


def _adjustments(report: Report, view: View) -> Any:
    """The adjustments of the month; each opens to what it is made of."""
    rows = [
        [
            tables.Text(correction.number, to_search(replace(view, adjustment=correction.number))),
            tables.Text(report.name(entry.ident) or "(no team)"),
            tables.Text(correction.about or ""),
            tables.Text(CAUSES[correction.cause] + (f": {correction.reason}" if correction.reason else "")),
            _money(report, units),
        ]
        for entry in report.entries
        for correction, units in zip(entry.corrections, entry.shown_corrections, strict=True)
    ]
    if not rows:
        return None
    header = ["Number", "Team", "About", "Cause", "Amount"]
    return tables.table("adjustments", "Adjustments", header, rows, texts=4, width=620)


def _opened(ledger: Ledger, view: View) -> list[Any]:
    """The adjustment of the view with its evidence; nothing if the view opens none."""
    if not view.adjustment:
        return []
    opened = read_adjustment(ledger, view.adjustment, now())
    closed_view = to_search(replace(view, adjustment=""))
    back = dcc.Link("Close", href=closed_view or "?", className="button-link")
    if opened is None:
        text = f"There is no adjustment {view.adjustment}."
        return [panel("Adjustment", [html.P(text, className="note"), back])]
    correction, currency = opened.correction, opened.statement.currency

    def exact(pico: int) -> str:
        return f"{money.plain(pico)} {currency}"

    rows = [
        [
            tables.Text(part_of(opened, line)),
            tables.Text(teams_of(opened, line)),
            tables.Text(prices_of(opened, line)),
            f"{line.requests_before:,}" if line.kind == "calls" else "",
            f"{line.requests_after:,}" if line.kind == "calls" else "",
            *(exact(amount) for amount in (line.before, line.after, line.amount)),
        ]
        for line in opened.evidence
    ]
    rows.append([tables.Text("Total"), *[tables.Text("")] * 2, *[""] * 4, exact(correction.amount)])
    header = ["Part", "Teams", "Prices", "Calls before", "Calls after", "Before", "After", "Amount"]
    about = f" of {correction.about}" if correction.about else ""
    team = opened.name(correction.owner.team_id) or "no team"
    title = f"Adjustment {correction.number}: {CAUSES[correction.cause]}{about}, {team}"
    lines = tables.table("adjustment", title, header, rows, texts=3, is_wrapped=True)
    return [lines, *_opened_calls(opened, view), *_opened_changes(opened, ledger), html.Div(back)]


def _opened_calls(opened: OpenedAdjustment, view: View) -> list[Any]:
    """The single calls behind an adjustment."""
    if not opened.calls:
        return []
    rows = [
        [
            tables.Text(call["occurred_at"], to_search(replace(view, request=call["event_id"]))),
            tables.Text(call["virtual_key"] or "(no key)"),
            tables.Text(f"{call['provider']}/{call['model']}"),
            call.get("total_cost_before") or wording.NOTHING,
            call["total_cost"] or wording.NOTHING,
        ]
        for call in opened.calls
    ]
    remarks = ["There are more calls; the page Requests has all."] if opened.has_more_calls else []
    header = ["Call", "Key", "Model", "Cost before", "Cost"]
    return [tables.table("adjustment-calls", "Its calls", header, rows, texts=3, remarks=remarks)]


def _opened_changes(opened: OpenedAdjustment, ledger: Ledger) -> list[Any]:
    """What people changed since the month was closed."""
    zone = ledger.zone.info
    lines = [
        html.Li(
            f"{wording.date_time(instant(entry.at), zone, seconds=False)}: {entry.action} {entry.subject} "
            f"by {entry.by}"
        )
        for entry in opened.changes
    ]
    return [html.Ul(lines, className="note", id="adjustment-changes")] if lines else []


def _closing(ledger: Ledger, month: Month, report: Report) -> Any:
    """The check list, the button that closes or reopens the month, and the history of its status."""
    statement = report.statement
    is_closed = statement.status == "closed"
    items = () if is_closed else closing.checklist(ledger, statement)
    is_over = now() >= ledger.zone.midnight(of_month(month).days[1])
    lines = [
        html.Li([html.Strong("Stops closing: " if item.stops else "To know: "), item.text]) for item in items
    ]
    checklist = (
        html.Ul(lines, className="checklist")
        if lines
        else html.P(_closing_note(report, is_over), className="note")
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
    store = dcc.Store(id="period-of", data={"month": str(month), "closed": is_closed})
    title = f"{month} is closed" if is_closed else f"Close {month}"
    group = dmc.Group([reason, button, _outcome("period-said")], align="end", gap="sm")
    return panel(title, [checklist, group, _history(ledger, month), store])


def _outcome(element_id: str) -> Any:
    """The element that shows the outcome of a form, and that screen readers announce."""
    live: Any = {"aria-live": "polite"}
    return html.Div(id=element_id, className="said", **live)


def _closing_note(report: Report, is_over: bool) -> str:
    """The note in place of a check list without items."""
    statement = report.statement
    if statement.status == "closed":
        replaced = f", which replaces {statement.replaces}" if statement.replaces else ""
        return f"Statement {statement.number}{replaced}, sealed with {statement.hash}."
    return (
        "Nothing is left to be done."
        if is_over
        else "The month is not over yet; it can be closed once it has ended."
    )


def _history(ledger: Ledger, month: Month) -> Any:
    with ledger.reading() as connection:
        events = periods.events(connection, str(month))
    if not events:
        return None
    zone = ledger.zone.info
    lines = [
        html.Li(
            f"{wording.date_time(instant(event.at), zone, seconds=False)}: {event.status} by {event.by}"
            + (f" ({event.reason})" if event.reason else "")
        )
        for event in reversed(events)
    ]
    return html.Ul(lines, className="note", id="period-history")


def first_and_last(month: str) -> tuple[date, date]:
    """The first and the last day of a month, both included."""
    calendar = of_month(Month(int(month[:4]), int(month[5:])))
    return calendar.first, date.fromordinal(calendar.end.toordinal() - 1)


def _money(report: Report, units: int) -> str:
    """An amount in the smallest shown unit, as text."""
    return wording.amount(Decimal(units).scaleb(-report.digits), report.statement.currency)


def _pico(report: Report, pico: int) -> str:
    """An amount in pico-units as text, rounded half to even."""
    unit = money.PICO_PER_UNIT // 10**report.digits
    return _money(report, money.divide_half_even(pico, unit))
