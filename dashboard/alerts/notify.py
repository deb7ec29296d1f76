"""Checking rules, recording what fires, and sending its messages to the targets of the rule, each once."""

import hashlib
import json
import threading
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from dashboard.alerts import messages
from dashboard.alerts import store as alerts
from dashboard.alerts.evaluate import findings
from dashboard.alerts.model import AlertRule
from dashboard.alerts.store import Alert
from dashboard.directory.subjects import subjects
from dashboard.notifications.channels import Message, NotSent, TargetRefused, read_target, send, target_of
from dashboard.notifications.dispatch import dispatch
from dashboard.notifications.outbox import Clock
from dashboard.notifications.periodic import run_periodically
from ingest.clock import now, rfc3339_seconds
from ingest.ledger.engine import Ledger
from ingest.logs import logger
from ingest.settings import Settings

EVERY_SECONDS: Final = 60.0
_log = logger("tallybook.alerts")


def check(ledger: Ledger, at: int) -> list[Alert]:
    """Check every rule, record the findings, and return the alerts that fired. Servers do so every minute."""
    with ledger.reading() as connection:
        rules = alerts.read_rules(connection)
        open_before = alerts.open_crossings(connection)
    current = findings(ledger, rules, at)
    with ledger.writing() as connection:
        numbers = alerts.record_findings(connection, rules, current, open_before, at)
        fired = [alerts.alert_of(connection, number) for number in numbers]
    return [alert for alert in fired if alert is not None]


def send_due_messages(ledger: Ledger, settings: Settings, at: int) -> list[int]:
    """Send the messages that are due; the numbers of those that were tried."""
    tried: list[int] = []
    clock = Clock(at)
    while True:
        with ledger.writing() as connection:
            row = alerts.claim(connection, at, clock.now)
            alert = None if row is None else alerts.alert_of(connection, row.alert_number)
        if row is None or alert is None:
            return tried
        tried.append(row.number)
        make_message = partial(message_of, ledger, alert, row.target)
        if reason := dispatch(ledger, settings, alerts.OUTBOX, row, row.target, make_message, at):
            _log.warning("alert not sent", rule=alert.rule, reason=reason)


def send_trial(
    ledger: Ledger, settings: Settings, rule: AlertRule, at: int
) -> Iterator[tuple[str, str | None]]:
    """Send a trial to each target of a rule.

    Yields the target as it may be shown, and the reason if the trial did not arrive, else None.
    """
    title, text = messages.trial(rule.name)
    trial = Alert(
        number=0,
        rule=rule.name,
        kind=rule.kind or "",
        scope="all",
        subject=None,
        title=title,
        text=text,
        facts={},
        fired_at=at,
        ended_at=None,
    )
    for target in rule.targets:
        yield target_of(target).shown, _failure(ledger, settings, trial, target)


def _failure(ledger: Ledger, settings: Settings, alert: Alert, target: str) -> str | None:
    """Send an alert that is not recorded; the reason if it did not arrive, else None."""
    try:
        send(read_target(target, settings), message_of(ledger, alert, target), settings)
    except (NotSent, TargetRefused) as error:
        return str(error)
    return None


def message_of(ledger: Ledger, alert: Alert, target: str) -> Message:
    """The message of an alert to a target."""
    body = json.dumps(as_json(ledger, alert), ensure_ascii=False, indent=2).encode()
    return Message(
        name=f"alert-{alert.number}.json",
        body=body,
        media_type="application/json",
        subject=alert.title,
        text=f"{alert.text}\n",
        key=hashlib.sha256(f"alert {alert.number} {alert.fired_at}\0{target}".encode()).hexdigest()[:32],
        is_attached=False,
    )


def as_json(ledger: Ledger, alert: Alert) -> dict[str, Any]:
    """An alert as JSON, for webhooks and the API."""
    with ledger.reading() as connection:
        about = subjects(connection, [(alert.scope, alert.subject)])[alert.scope, alert.subject]
    return {
        "id": alert.number,
        "rule": alert.rule,
        "kind": alert.kind,
        "scope": alert.scope,
        "subject": about.shown,
        "title": alert.title,
        "text": alert.text,
        "state": "open" if alert.ended_at is None else "over",
        "fired_at": rfc3339_seconds(alert.fired_at),
        "ended_at": rfc3339_seconds(alert.ended_at),
        "facts": dict(alert.facts),
    }


def check_periodically(ledger: Ledger, settings: Settings, stop: threading.Event) -> None:
    """Check the rules and send messages periodically, until `stop` is set."""

    def check_and_send() -> None:
        try:
            check(ledger, now())
        finally:  # earlier alerts are sent even if the check fails
            send_due_messages(ledger, settings, now())

    run_periodically("alerts", check_and_send, EVERY_SECONDS, stop)
