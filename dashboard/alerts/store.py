"""Alerts in the ledger: the rules, what fired, and the messages that are to be sent of it. Each crossing fires once, whoever finds it first."""

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
"""A rule, and what it found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What is out of line now."""

    rule: str
    kind: str
    crossing: str
    """The same for the same crossing, however often it is found."""
    title: str
    text: str
    facts: Mapping[str, Any]
    """What it was and what it was compared with, as JSON has it; amounts as decimal text."""
    scope: str = "all"
    subject: str | None = None
    is_once: bool = False
    """Whether it never fires again when it is over, as a threshold of one month's budget."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """What fired."""

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
    """What is told of an alert to a target."""

    number: int
    alert_number: int
    target: str
    status: Status
    attempts: int
    due_at: int
    sent_at: int | None
    said: str


def add_rule(connection: sa.Connection, one: AlertRule) -> None:
    """Record a rule."""
    facts = {name: value for name in _FACTS if (value := getattr(one, name)) is not None}
    row = {
        "name": one.name,
        "kind": one.kind,
        "facts": json.dumps(facts, default=str),
        "targets": json.dumps(one.targets),
        "recorded_at": one.recorded_at,
        "recorded_by": one.recorded_by,
    }
    connection.execute(alert_rule.insert(), row)


def read_rules(connection: sa.Connection) -> list[AlertRule]:
    """The rules that count, by name."""
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
    """Send nothing more of what a rule found."""
    mine = sa.select(alert.c.number).where(alert.c.rule == rule)
    OUTBOX.withdraw(connection, alert_message.c.alert_number.in_(mine), "the rule was taken back")


def open_crossings(connection: sa.Connection) -> dict[int, Crossing]:
    """What has fired and is not over, by number."""
    c = alert.c
    rows = connection.execute(sa.select(c.number, c.rule, c.crossing).where(c.ended_at.is_(None)))
    return {row.number: (row.rule, row.crossing) for row in rows}


def record_findings(
    connection: sa.Connection,
    rules: Iterable[AlertRule],
    found: Sequence[Finding],
    before: Mapping[int, Crossing],
    now: int,
) -> list[int]:
    """Fire what is found and has not fired, end what is not found any more; the numbers of what fired.

    `found` is all that the rules find, `before` what was open before they looked: another process may have looked later and been faster. What it
    has fired since is not ended here, and what it has ended does not fire here. What fires is owed to the targets of its rule in the same transaction.
    """
    known = {one.name: one for one in rules}
    were_open = set(before.values())
    turns = _turns(connection, found)
    fired: list[int] = []
    for one in found:
        turn, is_open = turns.get((one.rule, one.crossing), (0, False))
        if is_open or (one.rule, one.crossing) in were_open:
            continue
        if one.is_once and turn:
            _reopen(connection, one)
            continue
        number = _fire(connection, one, turn + 1, now)
        if number is not None:
            fired.append(number)
            _owe(connection, number, known[one.rule].targets, now)
    _end(connection, found, before, now)
    return fired


def _turns(connection: sa.Connection, found: Sequence[Finding]) -> dict[Crossing, tuple[int, bool]]:
    """How often each crossing has fired, and whether it is still open."""
    c = alert.c
    crossings = sorted({one.crossing for one in found})
    turns: dict[Crossing, tuple[int, bool]] = {}
    for some in dialects.chunks(crossings):
        wanted = sa.select(
            c.rule, c.crossing, sa.func.max(c.turn), sa.func.count() - sa.func.count(c.ended_at)
        )
        rows = connection.execute(wanted.where(c.crossing.in_(some)).group_by(c.rule, c.crossing))
        turns |= {(rule, crossing): (int(turn), bool(still)) for rule, crossing, turn, still in rows}
    return turns


def _fire(connection: sa.Connection, one: Finding, turn: int, now: int) -> int | None:
    """The number of the alert; None where another process was faster."""
    row = {
        "rule": one.rule,
        "kind": one.kind,
        "crossing": one.crossing,
        "turn": turn,
        "scope": one.scope,
        "subject": one.subject,
        "title": one.title,
        "text": one.text,
        "facts": json.dumps(one.facts, ensure_ascii=False, sort_keys=True),
        "fired_at": now,
    }
    made = dialects.insert(connection, alert).on_conflict_do_nothing().returning(alert.c.number)
    return connection.execute(made, row).scalar()


def _owe(connection: sa.Connection, number: int, targets: Iterable[str], now: int) -> None:
    rows = [
        {"alert_number": number, "target": one, "status": "waiting", "attempts": 0, "due_at": now, "said": ""}
        for one in dict.fromkeys(targets)
    ]
    if rows:
        connection.execute(alert_message.insert(), rows)


def _reopen(connection: sa.Connection, one: Finding) -> None:
    """What fires once and was over is so again: it shows, and nobody is told again."""
    c = alert.c
    same = sa.and_(c.rule == one.rule, c.crossing == one.crossing)
    connection.execute(alert.update().where(same).values(ended_at=None))


def _end(
    connection: sa.Connection, found: Sequence[Finding], before: Mapping[int, Crossing], now: int
) -> None:
    """What was open and is not found any more is over; so is what fired by a rule that is not there any more."""
    c = alert.c
    still = {(one.rule, one.crossing) for one in found}
    over = [number for number, crossing in before.items() if crossing not in still]
    for some in dialects.chunks(over):
        connection.execute(
            alert.update().where(c.number.in_(some), c.ended_at.is_(None)).values(ended_at=now)
        )


def read_alerts(connection: sa.Connection, *, is_open: bool | None = None, most: int = 200) -> list[Alert]:
    """What fired, the latest first; only what is still so, or only what is over, where that is asked for."""
    c = alert.c
    where = {None: sa.true(), True: c.ended_at.is_(None), False: c.ended_at.is_not(None)}[is_open]
    return _alerts(connection, where, most)


def alert_of(connection: sa.Connection, number: int) -> Alert | None:
    """What fired under a number."""
    return next(iter(_alerts(connection, alert.c.number == number, 1)), None)


def _alerts(connection: sa.Connection, where: sa.ColumnElement[bool], most: int) -> list[Alert]:
    c = alert.c
    fired, ended = (sa.type_coerce(one, sa.BigInteger).label(one.name) for one in (c.fired_at, c.ended_at))
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
    """What is or was to be told of some alerts, or of all, the oldest first."""
    c = alert_message.c
    where = sa.true() if numbers is None else c.alert_number.in_(sorted(set(numbers)))
    return _messages(connection, where)


def claim(connection: sa.Connection, now: int, claimed_at: int | None = None) -> Message | None:
    """The next message that was due, as it was before it was claimed; None where nothing was due. See `Outbox.claim`."""
    one = OUTBOX.claim(connection, now, claimed_at)
    if one is None:
        return None
    (found,) = _messages(connection, alert_message.c.number == one.number)
    return replace(found, status=one.status, attempts=one.attempts)


def _messages(connection: sa.Connection, where: sa.ColumnElement[bool]) -> list[Message]:
    c = alert_message.c
    due, arrived = (sa.type_coerce(one, sa.BigInteger).label(one.name) for one in (c.due_at, c.sent_at))
    columns: Sequence[Any] = (c.number, c.alert_number, c.target, c.status, c.attempts, due, arrived, c.said)
    rows = connection.execute(sa.select(*columns).where(where).order_by(c.number)).mappings()
    return [Message(**row) for row in rows]


def last_call(connection: sa.Connection, source: str, first: datetime, end: datetime) -> int | None:
    """When the last call of a source was (microseconds UTC), of those from `first` until before `end`; None for none."""
    c = usage_event.c
    source_id = sa.select(term.c.term_id).where(term.c.text == source).scalar_subquery()
    latest = sa.select(sa.func.max(sa.type_coerce(c.occurred_at, sa.BigInteger)))
    within = (c.occurred_at >= first) & (c.occurred_at < end)
    last = connection.execute(latest.where(within, c.source_id == source_id)).scalar()
    return None if last is None else int(last)
