"""What commands and pages list of alerts: the rules, what fired, and who was told. Where a message goes is not told whole."""

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
from dashboard.query.sql.filters import teams_seen
from ingest.clock import rfc3339_seconds
from ingest.ledger.engine import Ledger
from ingest.model.principal import current_principal

_LOOKED_THROUGH: Final = 10_000
"""So many of the latest alerts are looked through for those of some teams."""


@dataclass(frozen=True, slots=True)
class Told:
    """What fired, and what became of its messages."""

    alert: Alert
    messages: Sequence[Mapping[str, Any]]


def seen_alerts(ledger: Ledger, *, is_open: bool | None = None, most: int = 200) -> list[Alert]:
    """What fired, the latest first, as far as the caller may see it.

    A caller who sees some teams alone sees what fired about these, and nothing of what fired about everybody.
    """
    with ledger.reading() as connection:
        if current_principal().sees_all:
            return alerts.alerts(connection, is_open=is_open, most=most)
        teams = {str(entry) for entry in teams_seen(connection) or ()}
        found = alerts.alerts(connection, is_open=is_open, most=_LOOKED_THROUGH)
    return [alert for alert in found if alert.scope == "team" and alert.subject in teams][:most]


def told(ledger: Ledger, most: int) -> list[Told]:
    """What fired, the latest first, as far as whoever asks may see it."""
    fired = seen_alerts(ledger, most=most)
    with ledger.reading() as connection:
        sent = alerts.messages(connection, [one.number for one in fired])
    return [Told(one, [message(each) for each in sent if each.alert_number == one.number]) for one in fired]


def message(one: Message) -> dict[str, Any]:
    """A message as outputs give it."""
    is_ended = one.status in ("sent", "given up", "unknown")
    return {
        "number": one.number,
        "to": target_of(one.target).shown,
        "status": one.status,
        "attempts": one.attempts,
        "next": None if is_ended else rfc3339_seconds(one.due_at),
        "sent_at": rfc3339_seconds(one.sent_at),
        "said": one.said,
    }


def rules(ledger: Ledger) -> list[dict[str, Any]]:
    """The rules that count, as outputs give them. Where a message goes is not told whole."""
    with ledger.reading() as connection:
        held = alerts.read_rules(connection)
        about = subjects(connection, {(one.scope, one.subject) for one in held})
    return [
        {
            "name": one.name,
            "kind": one.kind,
            "when": one.sentence,
            "of": _of(one, about[one.scope, one.subject].words),
            "limit": _limit(ledger, one),
            "tells": [target_of(target).shown for target in one.targets],
        }
        for one in held
    ]


def _of(one: AlertRule, words: str) -> str:
    if one.each is not None:
        return f"each {one.each.replace('_', ' ')} of {words}"
    return one.budget or one.source or words


def _limit(ledger: Ledger, one: AlertRule) -> str | None:
    if one.percent is not None:
        return f"{one.percent.normalize():f}%"
    if one.hours is not None:
        return f"{one.hours} hours"
    if one.amount is None:
        return None
    counts_calls = one.kind is not None and KINDS[one.kind].counts_calls
    return f"{one.amount:,} calls" if counts_calls else f"{one.amount:,} {ledger.currency}"


def known_sources(ledger: Ledger) -> list[str]:
    """The sources that calls have come from, by name."""
    query = SpendQuery(ALL_TIME, ledger.zone.name, ("requests",), ("source",))
    return sorted(str(row.key[0]) for row in run(ledger, query).rows)
