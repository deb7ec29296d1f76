"""Telling: what the rules find is kept, and what fired goes to whom its rule names, each once."""

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
    """Check every rule and keep what it finds; what fired now. A server does this once a minute."""
    with ledger.reading() as connection:
        rules = alerts.read_rules(connection)
        before = alerts.open_crossings(connection)
    found = findings(ledger, rules, at)
    with ledger.writing() as connection:
        fired = alerts.record_findings(connection, rules, found, before, at)
        held = [alerts.alert_of(connection, number) for number in fired]
    return [one for one in held if one is not None]


def send_due_messages(ledger: Ledger, settings: Settings, at: int) -> list[int]:
    """Send the messages that are due; the numbers of those that were tried."""
    tried: list[int] = []
    clock = Clock(at)
    while True:
        with ledger.writing() as connection:
            one = alerts.claim(connection, at, clock.now)
            fired = None if one is None else alerts.alert_of(connection, one.alert_number)
        if one is None or fired is None:
            return tried
        tried.append(one.number)
        make = partial(message_of, ledger, fired, one.target)
        if reason := dispatch(ledger, settings, alerts.OUTBOX, one, one.target, make, at):
            _log.warning("alert not sent", rule=fired.rule, reason=reason)


def send_trial(
    ledger: Ledger, settings: Settings, rule: AlertRule, at: int
) -> Iterator[tuple[str, str | None]]:
    """Send a trial to each target of a rule, one by one.

    Of each: the target as it may be shown, and why the trial did not arrive, if it did not.
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


def _failure(ledger: Ledger, settings: Settings, fired: Alert, target: str) -> str | None:
    """Send an alert that is not kept; why it did not arrive, if it did not."""
    try:
        send(read_target(target, settings), message_of(ledger, fired, target), settings)
    except (NotSent, TargetRefused) as error:
        return str(error)
    return None


def message_of(ledger: Ledger, fired: Alert, target: str) -> Message:
    """An alert as it is sent."""
    body = json.dumps(as_json(ledger, fired), ensure_ascii=False, indent=2).encode()
    return Message(
        name=f"alert-{fired.number}.json",
        body=body,
        media_type="application/json",
        subject=fired.title,
        text=f"{fired.text}\n",
        key=hashlib.sha256(f"alert {fired.number} {fired.fired_at}\0{target}".encode()).hexdigest()[:32],
        is_attached=False,
    )


def as_json(ledger: Ledger, fired: Alert) -> dict[str, Any]:
    """An alert as webhooks and answers give it."""
    with ledger.reading() as connection:
        about = subjects(connection, [(fired.scope, fired.subject)])[fired.scope, fired.subject]
    return {
        "id": fired.number,
        "rule": fired.rule,
        "kind": fired.kind,
        "scope": fired.scope,
        "subject": about.shown,
        "title": fired.title,
        "text": fired.text,
        "state": "open" if fired.ended_at is None else "over",
        "fired_at": rfc3339_seconds(fired.fired_at),
        "ended_at": rfc3339_seconds(fired.ended_at),
        "facts": dict(fired.facts),
    }


def check_periodically(ledger: Ledger, settings: Settings, stop: threading.Event) -> None:
    """Check and tell again and again until told to stop."""

    def look() -> None:
        try:
            check(ledger, now())
        finally:  # what fired before is told, though a check fails
            send_due_messages(ledger, settings, now())

    run_periodically("alerts", look, EVERY_SECONDS, stop)
