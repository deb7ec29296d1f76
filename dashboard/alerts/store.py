"""Alert rules, alerts and messages in the ledger. A crossing fires once, even with several processes."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

import sqlalchemy as sa

from dashboard.alerts.model import AlertRule, current_rules
from dashboard.notifications.outbox import Outbox, Status
from ingest.ledger import dialects
from ingest.ledger.tables.alerts import alert, alert_message, alert_rule
from ingest.ledger.tables.calls import term, usage_event

OUTBOX: Final = Outbox(alert_message, "tallybook alert send")
_FACTS: Final = ("scope", "subject", "budget", "source", "each", "amount", "percent", "hours")


Crossing = tuple[str, str]
"""The name of a rule, and the text that identifies what it found (`Finding.crossing`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that a rule finds out of line now."""

    rule: str
    kind: str
    crossing: str
    """A text that identifies the crossing: the same at every check that finds it."""
    title: str
    text: str
    facts: Mapping[str, Any]
    """The value and what it was compared with, as JSON; amounts as decimal text."""
    scope: str = "all"
    subject: str | None = None
    is_once: bool = False
    """Whether it fires only once, even if it ends and is found again, as a threshold of one month's
    budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """An alert that fired. It is open until `ended_at`."""

    number: int
    rule: str
    kind: str
    scope: str
    subject: str | None
    title: str
    text: str
    facts: Mapping[str, Any]
    fired_at: int
    ended_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """The message of an alert to a target."""

    number: int
    alert_number: int
    target: str
    status: Status
    attempts: int
    due_at: int
    sent_at: int | None
    said: str


def add_rule(connection: sa.Connection, rule: AlertRule) -> None:
    """Record a rule."""
    facts = {name: value for name in _FACTS if (value := getattr(rule, name)) is not None}
    row = {
        "name": rule.name,
        "kind": rule.kind,
        "facts": json.dumps(facts, default=str),
        "targets": json.dumps(rule.targets),
        "recorded_at": rule.recorded_at,
        "recorded_by": rule.recorded_by,
    }
    connection.execute(alert_rule.insert(), row)


def read_rules(connection: sa.Connection) -> list[AlertRule]:
    """The rules that have not been replaced or removed, by name."""
    at = sa.type_coerce(alert_rule.c.recorded_at, sa.BigInteger).label("instant")
    rows = connection.execute(sa.select(alert_rule, at).order_by(alert_rule.c.number)).mappings()
    return current_rules(_rule(row) for row in rows)


def _rule(row: sa.RowMapping) -> AlertRule:
    facts = json.loads(row["facts"])
    for name in ("amount", "percent"):
        if name in facts:
            facts[name] = Decimal(facts[name])
    return AlertRule(
        name=row["name"],
        kind=row["kind"],
        targets=tuple(json.loads(row["targets"])),
        recorded_at=row["instant"],
        recorded_by=row["recorded_by"],
        number=row["number"],
        **facts,
    )


def withdraw(connection: sa.Connection, rule: str) -> None:
    """Give up the messages of a rule's alerts that are not sent yet."""
    numbers = sa.select(alert.c.number).where(alert.c.rule == rule)
    OUTBOX.withdraw(connection, alert_message.c.alert_number.in_(numbers), "the rule was taken back")


def open_crossings(connection: sa.Connection) -> dict[int, Crossing]:
    """The crossings of open alerts, by the number of the alert."""
    c = alert.c
    rows = connection.execute(sa.select(c.number, c.rule, c.crossing).where(c.ended_at.is_(None)))
    return {row.number: (row.rule, row.crossing) for row in rows}


def record_findings(
    connection: sa.Connection,
    rules: Iterable[AlertRule],
    findings: Sequence[Finding],
    open_before: Mapping[int, Crossing],
    now: int,
) -> list[int]:
    """Fire new findings, and end open alerts that are not found any more; return the numbers of new alerts.

    `findings` are all findings of the rules, and `open_before` was read before the rules were checked.
    Another process may have checked them in the meantime: an alert that it has fired is not ended here, and a
    crossing that it has ended does not fire here. The messages of an alert are added in the same transaction.
    """
    rules_by_name = {rule.name: rule for rule in rules}
    were_open = set(open_before.values())
    times_fired = _times_fired(connection, findings)
    fired: list[int] = []
    for finding in findings:
        crossing = (finding.rule, finding.crossing)
        times, is_open = times_fired.get(crossing, (0, False))
        if is_open or crossing in were_open:
            continue
        if finding.is_once and times:
            _reopen(connection, finding)
            continue
        number = _fire(connection, finding, times + 1, now)
        if number is not None:
            fired.append(number)
            _add_messages(connection, number, rules_by_name[finding.rule].targets, now)
    _end(connection, findings, open_before, now)
    return fired


def _times_fired(connection: sa.Connection, findings: Sequence[Finding]) -> dict[Crossing, tuple[int, bool]]:
    """How often each crossing has fired, and whether it is still open."""
    c = alert.c
    crossings = sorted({finding.crossing for finding in findings})
    times_fired: dict[Crossing, tuple[int, bool]] = {}
    for chunk in dialects.chunks(crossings):
        select = sa.select(
            c.rule, c.crossing, sa.func.max(c.turn), sa.func.count() - sa.func.count(c.ended_at)
        )
        rows = connection.execute(select.where(c.crossing.in_(chunk)).group_by(c.rule, c.crossing))
        times_fired |= {(rule, crossing): (int(turn), bool(still)) for rule, crossing, turn, still in rows}
    return times_fired


def _fire(connection: sa.Connection, finding: Finding, turn: int, now: int) -> int | None:
    """Insert an alert and return its number; None if another process was faster."""
    row = {
        "rule": finding.rule,
        "kind": finding.kind,
        "crossing": finding.crossing,
        "turn": turn,
        "scope": finding.scope,
        "subject": finding.subject,
        "title": finding.title,
        "text": finding.text,
        "facts": json.dumps(finding.facts, ensure_ascii=False, sort_keys=True),
        "fired_at": now,
    }
    insert = dialects.insert(connection, alert).on_conflict_do_nothing().returning(alert.c.number)
    return connection.execute(insert, row).scalar()


def _add_messages(connection: sa.Connection, number: int, targets: Iterable[str], now: int) -> None:
    new = {"alert_number": number, "status": "waiting", "attempts": 0, "due_at": now, "said": ""}
    rows = [new | {"target": target} for target in dict.fromkeys(targets)]
    if rows:
        connection.execute(alert_message.insert(), rows)


def _reopen(connection: sa.Connection, finding: Finding) -> None:
    """Open an ended alert again that fires only once. No message is sent again."""
    c = alert.c
    is_same = sa.and_(c.rule == finding.rule, c.crossing == finding.crossing)
    connection.execute(alert.update().where(is_same).values(ended_at=None))


def _end(
    connection: sa.Connection, findings: Sequence[Finding], open_before: Mapping[int, Crossing], now: int
) -> None:
    """End the alerts that were open and are not found any more, also those of removed rules."""
    c = alert.c
    crossings = {(finding.rule, finding.crossing) for finding in findings}
    over = [number for number, crossing in open_before.items() if crossing not in crossings]
    for chunk in dialects.chunks(over):
        connection.execute(
            alert.update().where(c.number.in_(chunk), c.ended_at.is_(None)).values(ended_at=now)
        )


def read_alerts(connection: sa.Connection, *, is_open: bool | None = None, most: int = 200) -> list[Alert]:
    """Alerts, the latest first: all, only open alerts (`is_open=True`), or only ended ones (`False`)."""
    c = alert.c
    where = {None: sa.true(), True: c.ended_at.is_(None), False: c.ended_at.is_not(None)}[is_open]
    return _alerts(connection, where, most)


def alert_of(connection: sa.Connection, number: int) -> Alert | None:
    """The alert of a number; None if there is none."""
    return next(iter(_alerts(connection, alert.c.number == number, 1)), None)


def _alerts(connection: sa.Connection, where: sa.ColumnElement[bool], most: int) -> list[Alert]:
    c = alert.c
    fired, ended = (_micros(column) for column in (c.fired_at, c.ended_at))
    columns: Sequence[Any] = (
        c.number,
        c.rule,
        c.kind,
        c.scope,
        c.subject,
        c.title,
        c.text,
        c.facts,
        fired,
        ended,
    )
    rows = connection.execute(
        sa.select(*columns).where(where).order_by(c.number.desc()).limit(most)
    ).mappings()
    return [Alert(**{**row, "facts": json.loads(row["facts"])}) for row in rows]


def read_messages(connection: sa.Connection, numbers: Iterable[int] | None = None) -> list[Message]:
    """The messages of the alerts with these numbers, or of all alerts, the oldest first."""
    c = alert_message.c
    where = sa.true() if numbers is None else c.alert_number.in_(sorted(set(numbers)))
    return _messages(connection, where)


def claim(connection: sa.Connection, now: int, claimed_at: int | None = None) -> Message | None:
    """Claim the next due message (`Outbox.claim`), and return it as it was before; None if none is due."""
    row = OUTBOX.claim(connection, now, claimed_at)
    if row is None:
        return None
    (message,) = _messages(connection, alert_message.c.number == row.number)
    return replace(message, status=row.status, attempts=row.attempts)


def _messages(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Message]:
    c = alert_message.c
    due, sent = (_micros(column) for column in (c.due_at, c.sent_at))
    columns: Sequence[Any] = (c.number, c.alert_number, c.target, c.status, c.attempts, due, sent, c.said)
    rows = connection.execute(sa.select(*columns).where(where).order_by(c.number)).mappings()
    return [Message(**row) for row in rows]


def last_call(connection: sa.Connection, source: str, first: datetime, end: datetime) -> int | None:
    """The instant (microseconds UTC) of the last call of a source in [first, end); None without calls."""
    c = usage_event.c
    source_id = sa.select(term.c.term_id).where(term.c.text == source).scalar_subquery()
    latest = sa.select(sa.func.max(sa.type_coerce(c.occurred_at, sa.BigInteger)))
    within = (c.occurred_at >= first) & (c.occurred_at < end)
    last = connection.execute(latest.where(within, c.source_id == source_id)).scalar()
    return None if last is None else int(last)


def _micros(column: sa.Column[Any]) -> sa.Label[int]:
    """A column of instants, read as microseconds UTC."""
    return sa.type_coerce(column, sa.BigInteger).label(column.name)
