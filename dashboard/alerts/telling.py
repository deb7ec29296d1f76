"""Telling: what the rules find is kept, and what fired goes to whom its rule names, each once."""

import hashlib
import json
import sys
import threading
from typing import Any, Final

from sqlalchemy.exc import DBAPIError

from dashboard.alerts.watch import findings
from dashboard.sending import NotSent, Parcel, TargetRefused, read_target, send
from dashboard.subjects import subjects
from ingest.accept import now
from ingest.ledger import alerts
from ingest.ledger.alerts import Alert, Message
from ingest.ledger.engine import Ledger
from ingest.ledger.outbox import Clock
from ingest.ledger.types import instant
from ingest.logs import logger
from ingest.settings import Settings

EVERY_SECONDS: Final = 60.0
_log = logger("tallybook.alerts")


def check(ledger: Ledger, at: int) -> list[Alert]:
    """Check every rule and keep what it finds; what fired now. A server does this once a minute."""
    with ledger.reading() as connection:
        rules = alerts.read_rules(connection)
    found = findings(ledger, rules, at)
    with ledger.writing() as connection:
        fired = alerts.keep(connection, rules, found, at)
        held = [alerts.alert_of(connection, number) for number in fired]
    return [one for one in held if one is not None]


def tell(ledger: Ledger, settings: Settings, at: int) -> list[int]:
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
        _tell(ledger, settings, one, fired, at)


def _tell(ledger: Ledger, settings: Settings, one: Message, fired: Alert, at: int) -> None:
    try:
        target = read_target(one.target, settings)
        if one.status == "sending" and not target.knows_again:
            with ledger.writing() as connection:
                alerts.doubted(connection, one.number)
            return
        send(target, parcel(ledger, fired, one.target), settings)
    except (NotSent, TargetRefused) as error:
        _log.warning("alert not sent", rule=fired.rule, reason=str(error))
        with ledger.writing() as connection:
            alerts.failed(connection, one, at, str(error))
        return
    with ledger.writing() as connection:
        alerts.sent(connection, one.number, at)


def parcel(ledger: Ledger, fired: Alert, target: str) -> Parcel:
    """An alert as it is sent."""
    body = json.dumps(as_json(ledger, fired), ensure_ascii=False, indent=2).encode()
    return Parcel(
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
        "fired_at": moment(fired.fired_at),
        "ended_at": moment(fired.ended_at),
        "facts": dict(fired.facts),
    }


def moment(at: int | None) -> str | None:
    """An instant as answers give it."""
    return None if at is None else instant(at).isoformat(timespec="seconds").replace("+00:00", "Z")


def keep_watching(ledger: Ledger, settings: Settings, stop: threading.Event) -> None:
    """Check and tell now, and again and again until told to stop. A busy database is tried again, and no fault ends it."""
    while not stop.is_set():
        try:
            check(ledger, now())
            tell(ledger, settings, now())
        except DBAPIError as error:
            if stop.is_set():
                return
            sys.stderr.write(f"tallybook: alerts are put off: {error.orig}\n")
        except Exception as error:  # noqa: BLE001 - the rim of a thread: the next check may do better, and the log says why
            _log.exception("alerts failed", error=type(error).__qualname__)
        stop.wait(EVERY_SECONDS)
