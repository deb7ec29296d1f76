"""What commands and pages list of alerts: the rules, what fired, and who was told. Where a message goes is not told whole."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from dashboard.alerts.seen import seen_alerts
from dashboard.sending import target_of
from dashboard.subjects import subjects
from ingest.alerts import WORDS, AlertRule, Kind
from ingest.clock import rfc3339_seconds
from ingest.ledger import alerts
from ingest.ledger.alerts import Alert, Message
from ingest.ledger.engine import Ledger


@dataclass(frozen=True, slots=True)
class Told:
    """What fired, and what became of its messages."""

    alert: Alert
    messages: Sequence[Mapping[str, Any]]


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
            "when": WORDS[cast("Kind", one.kind)],
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
    return f"{one.amount:,} calls" if one.kind == "unpriced" else f"{one.amount:,} {ledger.currency}"
