"""Alerts: open alerts, earlier alerts and their reasons, notifications, and alert rules."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc
from dash import html

from dashboard.alerts import listing
from dashboard.alerts.listing import Told
from dashboard.alerts.model import KINDS
from dashboard.formatting import format as wording
from dashboard.ui import tables
from dashboard.ui.components import card, cards, current_page, panel, registered_as
from dashboard.ui.view import View
from ingest.ledger.engine import Ledger
from ingest.model.principal import current_principal
from ingest.model.zone import instant

_SHOWN_ALERTS: Final = 100
_EXAMPLE: Final = "tallybook alert add NAME --when budget --to smtp:ADDRESS"


@registered_as("alerts:content")
def content(ledger: Ledger, view: View) -> Any:  # noqa: ARG001 - alerts do not depend on days and filters
    """The page of all alerts that the caller may see."""
    alerts = listing.told(ledger, _SHOWN_ALERTS)
    rules = listing.rules(ledger) if current_principal().sees_all else []
    parts = [_cards(alerts), _open_alerts(ledger, alerts), _history(ledger, alerts)]
    if current_principal().sees_all:
        parts += [_messages(alerts), _rules(rules)]
    return current_page("Alerts", ledger.zone, parts)


def _cards(alerts: Sequence[Told]) -> Any:
    open_count = sum(listed.alert.ended_at is None for listed in alerts)
    statuses = [message["status"] for listed in alerts for message in listed.messages]
    failing = sum(status in ("failing", "given up", "unknown") for status in statuses)
    shown = [
        card("Out of line", str(open_count), "now"),
        card("Over", str(len(alerts) - open_count), f"of the last {_SHOWN_ALERTS}"),
    ]
    if current_principal().sees_all:
        shown.append(card("Messages that fail", str(failing), "tried again, given up or in doubt"))
    return cards(shown)


def _open_alerts(ledger: Ledger, alerts: Sequence[Told]) -> Any:
    open_alerts = [listed for listed in alerts if listed.alert.ended_at is None]
    if not open_alerts:
        return panel(
            "Out of line now", [html.P("Nothing is out of line.", className="note", id="alerts-open")]
        )
    boxes = [
        dmc.Alert(
            [html.P(_with_code(listed.alert.text)), html.P(_since(ledger, listed), className="note")],
            title=listed.alert.title,
            color="orange",
            variant="light",
            className="alert",
            styles={"title": {"color": "var(--mantine-color-text)"}},
        )
        for listed in open_alerts
    ]
    return panel("Out of line now", [dmc.Stack(boxes, gap="sm", id="alerts-open")])


def _with_code(text: str) -> list[Any]:
    """A text whose parts between backticks are shown as code."""
    return [html.Code(part) if at % 2 else part for at, part in enumerate(text.split("`"))]


def _since(ledger: Ledger, listed: Told) -> str:
    zone = ledger.zone.info
    fired = wording.date_time(instant(listed.alert.fired_at), zone, seconds=False)
    return f"Since {fired}, by the rule {listed.alert.rule}: when {KINDS[listed.alert.kind].sentence}."


def _history(ledger: Ledger, alerts: Sequence[Told]) -> Any:
    zone = ledger.zone.info
    rows = [
        [
            tables.Text(wording.date_time(instant(listed.alert.fired_at), zone, seconds=False)),
            tables.Text(listed.alert.title),
            tables.Text(_comparison(listed.alert.facts)),
            tables.Text(_until(ledger, listed)),
        ]
        for listed in alerts
    ]
    remarks = [] if rows else ["Nothing has fired yet."]
    header = ["Fired", "What", "Compared with", "Over"]
    return tables.table("alerts", "What fired", header, rows, texts=4, remarks=remarks, is_wrapped=True)


def _until(ledger: Ledger, listed: Told) -> str:
    ended = listed.alert.ended_at
    return "still so" if ended is None else wording.date_time(instant(ended), ledger.zone.info, seconds=False)


def _comparison(facts: Mapping[str, Any]) -> str:
    """The limits and expectations that an alert was compared with, in a line."""
    amounts = {key: _amount(facts, key) for key in ("limit", "expected", "low", "high", "total")}
    parts = []
    if facts.get("limit") is not None:
        parts.append(f"limit {amounts['limit']}")
    if facts.get("threshold") is not None:
        parts.append(f"threshold {facts['threshold']}%")
    if facts.get("expected") is not None:
        parts.append(f"expected {amounts['expected']}, usually {amounts['low']} to {amounts['high']}")
    if facts.get("compared_with"):
        parts.append(str(facts["compared_with"]))
    if facts.get("hours") is not None:
        parts.append(f"{facts['hours']} hours")
    if facts.get("requests") is not None:
        parts.append(f"{wording.number(facts['requests'])} calls of the month")
    if facts.get("total") is not None:
        parts.append(f"{amounts['total']} of all")
    return "; ".join(parts)


def _amount(facts: Mapping[str, Any], key: str) -> str:
    """An amount among the facts: money or tokens."""
    value = facts.get(key)
    if value is None:
        return wording.NOTHING
    if facts.get("unit") == "tokens":
        return f"{wording.number(Decimal(value))} tokens"
    return wording.amount(Decimal(value), facts.get("currency") or facts.get("unit") or "")


def _messages(alerts: Sequence[Told]) -> Any:
    rows = [
        [
            tables.Text(listed.alert.title),
            tables.Text(message["to"]),
            tables.Text(message["status"]),
            tables.Text(message["said"] or ""),
            str(message["attempts"]),
        ]
        for listed in alerts
        for message in listed.messages
    ]
    remarks = [] if rows else ["No messages were due for these alerts."]
    header = ["What", "To", "Status", "Why", "Tried"]
    return tables.table(
        "alert-messages", "Who was told", header, rows, texts=4, remarks=remarks, is_wrapped=True
    )


def _rules(rules: Sequence[Mapping[str, Any]]) -> Any:
    if not rules:
        text = html.P(["Nothing is watched yet. ", html.Code(_EXAMPLE)], className="note", id="alert-rules")
        return panel("What is watched", [text])
    rows = [
        [
            tables.Text(rule["name"]),
            tables.Text(f"when {rule['when']}"),
            tables.Text(rule["of"]),
            tables.Text(rule["limit"] or ""),
            tables.Text(", ".join(rule["tells"]) or "nobody"),
        ]
        for rule in rules
    ]
    header = ["Rule", "When", "Of", "Limit", "Tells"]
    return tables.table("alert-rules", "What is watched", header, rows, texts=5, is_wrapped=True)
