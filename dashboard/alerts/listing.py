"""Lists of rules, alerts and messages for commands and pages. Targets are shown without secret paths."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from dashboard.alerts import store as alerts
from dashboard.alerts.model import KINDS, AlertRule
from dashboard.alerts.store import Alert, Message
from dashboard.directory.subjects import subjects
from dashboard.notifications.channels import target_of
from dashboard.query.question import ALL_TIME, SpendQuery
from dashboard.query.run import run
from dashboard.query.sql.filters import visible_teams
from ingest.clock import rfc3339_seconds
from ingest.ledger.engine import Ledger
from ingest.model.principal import current_principal

_MOST_SEARCHED: Final = 10_000
"""The number of latest alerts that are searched for alerts of the caller's teams."""


@dataclass(frozen=True, slots=True)
class AlertWithMessages:
    """An alert, and its messages as JSON."""

    alert: Alert
    messages: Sequence[Mapping[str, Any]]


def visible_alerts(ledger: Ledger, *, is_open: bool | None = None, most: int = 200) -> list[Alert]:
    """The alerts that the caller may see, the latest first.

    A caller who may see only some teams sees the alerts about these teams, and no alerts about everything.
    """
    with ledger.reading() as connection:
        if current_principal().sees_all:
            return alerts.read_alerts(connection, is_open=is_open, most=most)
        teams = {str(entry) for entry in visible_teams(connection) or ()}
        latest = alerts.read_alerts(connection, is_open=is_open, most=_MOST_SEARCHED)
    return [alert for alert in latest if alert.scope == "team" and alert.subject in teams][:most]


def alerts_with_messages(ledger: Ledger, most: int) -> list[AlertWithMessages]:
    """The alerts that the caller may see, the latest first, with their messages."""
    fired = visible_alerts(ledger, most=most)
    with ledger.reading() as connection:
        messages = alerts.read_messages(connection, [alert.number for alert in fired])
    return [
        AlertWithMessages(
            alert, [message_json(message) for message in messages if message.alert_number == alert.number]
        )
        for alert in fired
    ]


def message_json(message: Message) -> dict[str, Any]:
    """A message as JSON."""
    is_ended = message.status in ("sent", "given up", "unknown")
    return {
        "number": message.number,
        "to": target_of(message.target).shown,
        "status": message.status,
        "attempts": message.attempts,
        "next": None if is_ended else rfc3339_seconds(message.due_at),
        "sent_at": rfc3339_seconds(message.sent_at),
        "said": message.said,
    }


def rules(ledger: Ledger) -> list[dict[str, Any]]:
    """The active rules as JSON."""
    with ledger.reading() as connection:
        active = alerts.read_rules(connection)
        about = subjects(connection, {(rule.scope, rule.subject) for rule in active})
    return [
        {
            "name": rule.name,
            "kind": rule.kind,
            "when": rule.sentence,
            "of": _checked(rule, about[rule.scope, rule.subject].words),
            "limit": _limit(ledger, rule),
            "tells": [target_of(target).shown for target in rule.targets],
        }
        for rule in active
    ]


def _checked(rule: AlertRule, subject: str) -> str:
    """What a rule checks, as text."""
    if rule.each is not None:
        return f"each {rule.each.replace('_', ' ')} of {subject}"
    return rule.budget or rule.source or subject


def _limit(ledger: Ledger, rule: AlertRule) -> str | None:
    if rule.percent is not None:
        return f"{rule.percent.normalize():f}%"
    if rule.hours is not None:
        return f"{rule.hours} hours"
    if rule.amount is None:
        return None
    counts_calls = rule.kind is not None and KINDS[rule.kind].counts_calls
    return f"{rule.amount:,} calls" if counts_calls else f"{rule.amount:,} {ledger.currency}"


def known_sources(ledger: Ledger) -> list[str]:
    """The sources of all calls, by name."""
    query = SpendQuery(ALL_TIME, ledger.zone.name, ("requests",), ("source",))
    return sorted(str(row.key[0]) for row in run(ledger, query).rows)
