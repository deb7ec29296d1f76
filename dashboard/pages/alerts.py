"""Alerts: what is out of line now, what fired before and why, who was told, and what is watched."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

import dash_mantine_components as dmc
from dash import html

from dashboard import alert_listing, wording
from dashboard.alert_listing import Told
from dashboard.filters import View
from dashboard.pages import tables
from dashboard.pages.parts import card, cards, known_as, page_of_now, panel
from ingest.alerts import KINDS
from ingest.ledger.engine import Ledger
from ingest.model.zone import instant
from ingest.principal import asking

_SHOWN: Final = 100
_HOW: Final = "tallybook alert add NAME --when budget --to smtp:ADDRESS"


@known_as("alerts:content")
def content(ledger: Ledger, view: View) -> Any:  # noqa: ARG001 - what is out of line is so now, whatever is looked at elsewhere
    """The page of all alerts that whoever asks may see."""
    told = alert_listing.told(ledger, _SHOWN)
    rules = alert_listing.rules(ledger) if asking().sees_all else []
    parts = [_cards(told), _open(ledger, told), _history(ledger, told)]
    if asking().sees_all:
        parts += [_messages(told), _rules(rules)]
    return page_of_now("Alerts", ledger.zone, parts)


def _cards(told: Sequence[Told]) -> Any:
    is_open = [one for one in told if one.alert.ended_at is None]
    failing = [
        each for one in told for each in one.messages if each["status"] in ("failing", "given up", "unknown")
    ]
    found = [
        card("Out of line", str(len(is_open)), "now"),
        card("Over", str(len(told) - len(is_open)), f"of the last {_SHOWN}"),
    ]
    if asking().sees_all:
        found.append(card("Messages that fail", str(len(failing)), "tried again, given up or in doubt"))
    return cards(found)


def _open(ledger: Ledger, told: Sequence[Told]) -> Any:
    now = [one for one in told if one.alert.ended_at is None]
    if not now:
        return panel(
            "Out of line now", [html.P("Nothing is out of line.", className="note", id="alerts-open")]
        )
    found = [
        dmc.Alert(
            [html.P(_with_commands(one.alert.text)), html.P(_since(ledger, one), className="note")],
            title=one.alert.title,
            color="orange",
            variant="light",
            className="alert",
            styles={"title": {"color": "var(--mantine-color-text)"}},
        )
        for one in now
    ]
    return panel("Out of line now", [dmc.Stack(found, gap="sm", id="alerts-open")])


def _with_commands(text: str) -> list[Any]:
    """A text in which commands stand between backticks."""
    return [html.Code(part) if at % 2 else part for at, part in enumerate(text.split("`"))]


def _since(ledger: Ledger, one: Told) -> str:
    zone = ledger.zone.info
    fired = wording.date_time(instant(one.alert.fired_at), zone, seconds=False)
    return f"Since {fired}, by the rule {one.alert.rule}: when {KINDS[one.alert.kind].sentence}."


def _history(ledger: Ledger, told: Sequence[Told]) -> Any:
    zone = ledger.zone.info
    rows = [
        [
            tables.Text(wording.date_time(instant(one.alert.fired_at), zone, seconds=False)),
            tables.Text(one.alert.title),
            tables.Text(compared(one.alert.facts)),
            tables.Text(_until(ledger, one)),
        ]
        for one in told
    ]
    remarks = [] if rows else ["Nothing has fired yet."]
    header = ["Fired", "What", "Compared with", "Over"]
    return tables.table("alerts", "What fired", header, rows, texts=4, remarks=remarks, is_wrapped=True)


def _until(ledger: Ledger, one: Told) -> str:
    ended = one.alert.ended_at
    return "still so" if ended is None else wording.date_time(instant(ended), ledger.zone.info, seconds=False)


def compared(facts: Mapping[str, Any]) -> str:
    """What an alert was compared with, in a line."""
    worth = {key: _worth(facts, key) for key in ("limit", "expected", "low", "high", "total")}
    found = []
    if facts.get("limit") is not None:
        found.append(f"limit {worth['limit']}")
    if facts.get("threshold") is not None:
        found.append(f"threshold {facts['threshold']}%")
    if facts.get("expected") is not None:
        found.append(f"expected {worth['expected']}, usually {worth['low']} to {worth['high']}")
    if facts.get("compared_with"):
        found.append(str(facts["compared_with"]))
    if facts.get("hours") is not None:
        found.append(f"{facts['hours']} hours")
    if facts.get("requests") is not None:
        found.append(f"{wording.number(facts['requests'])} calls of the month")
    if facts.get("total") is not None:
        found.append(f"{worth['total']} of all")
    return "; ".join(found)


def _worth(facts: Mapping[str, Any], key: str) -> str:
    """An amount among the facts: money or tokens."""
    value = facts.get(key)
    if value is None:
        return wording.NOTHING
    if facts.get("unit") == "tokens":
        return f"{wording.number(Decimal(value))} tokens"
    return wording.amount(Decimal(value), facts.get("currency") or facts.get("unit") or "")


def _messages(told: Sequence[Told]) -> Any:
    rows = [
        [
            tables.Text(one.alert.title),
            tables.Text(each["to"]),
            tables.Text(each["status"]),
            tables.Text(each["said"] or ""),
            str(each["attempts"]),
        ]
        for one in told
        for each in one.messages
    ]
    remarks = [] if rows else ["Nobody had to be told of these."]
    header = ["What", "To", "Status", "Why", "Tried"]
    return tables.table(
        "alert-messages", "Who was told", header, rows, texts=4, remarks=remarks, is_wrapped=True
    )


def _rules(rules: Sequence[Mapping[str, Any]]) -> Any:
    if not rules:
        text = html.P(["Nothing is watched yet. ", html.Code(_HOW)], className="note", id="alert-rules")
        return panel("What is watched", [text])
    rows = [
        [
            tables.Text(one["name"]),
            tables.Text(f"when {one['when']}"),
            tables.Text(one["of"]),
            tables.Text(one["limit"] or ""),
            tables.Text(", ".join(one["tells"]) or "nobody"),
        ]
        for one in rules
    ]
    header = ["Rule", "When", "Of", "Limit", "Tells"]
    return tables.table("alert-rules", "What is watched", header, rows, texts=5, is_wrapped=True)
