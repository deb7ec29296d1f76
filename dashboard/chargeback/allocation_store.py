"""Allocation rules in the ledger. Rows are only added, never changed."""

import json
from collections.abc import Iterable

import sqlalchemy as sa

from dashboard.chargeback.allocation import Rule
from ingest.ledger.tables.periods import allocation_rule
from ingest.model.ownership import END_DAY, FIRST_DAY, Target


def add_rules(connection: sa.Connection, rules: Iterable[Rule]) -> None:
    """Record rules."""
    rows = [
        {
            "pool": rule.pool,
            "method": rule.method,
            "targets": json.dumps(rule.targets, separators=(",", ":")),
            "fallback": rule.fallback,
            "first_day": None if rule.first_day == FIRST_DAY else rule.first_day,
            "end_day": None if rule.end_day == END_DAY else rule.end_day,
            "reason": rule.reason,
            "recorded_at": rule.recorded_at,
            "recorded_by": rule.recorded_by,
        }
        for rule in rules
    ]
    if rows:
        connection.execute(allocation_rule.insert(), rows)


def read_rules(connection: sa.Connection) -> list[Rule]:
    """All rules, in the order in which they were recorded."""
    at = sa.type_coerce(allocation_rule.c.recorded_at, sa.BigInteger).label("at")
    query = sa.select(allocation_rule, at).order_by(allocation_rule.c.number)
    return [
        Rule(
            pool=row["pool"],
            method=row["method"],
            targets=tuple(Target(*target) for target in json.loads(row["targets"])),
            fallback=row["fallback"],
            first_day=FIRST_DAY if row["first_day"] is None else row["first_day"],
            end_day=END_DAY if row["end_day"] is None else row["end_day"],
            reason=row["reason"],
            recorded_at=row["at"],
            recorded_by=row["recorded_by"],
            number=row["number"],
        )
        for row in connection.execute(query).mappings()
    ]
