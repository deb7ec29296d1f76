"""Sealed statements: the statements of closed months. They never change, so each is read once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from dashboard.chargeback.statement import Statement, numbered
from ingest.ledger import periods
from ingest.ledger.engine import Ledger
from ingest.ledger.periods import Event


@dataclass(frozen=True)
class SealedStatements:
    """The closed months of a ledger; each statement is read when it is needed."""

    ledger: Ledger
    closings: Mapping[str, Event]

    def statement(self, month: str) -> Statement:
        """The statement of a closed month, as it was sealed."""
        return _read_sealed(self.ledger, self.closings[month])

    def since(self, month: str) -> Iterator[Statement]:
        """The statements of closed months from `month` on; no earlier statement has corrections of it."""
        return (self.statement(name) for name in self.closings if name >= month)


def sealed_statements(ledger: Ledger) -> SealedStatements:
    """The closed months of a ledger."""
    with ledger.reading() as connection:
        return SealedStatements(ledger, periods.closed(connection))


def issued_statement(ledger: Ledger, period: str, revision: int) -> Statement:
    """The statement of a month that was issued as `PERIOD/REVISION`, also if another one replaces it.

    Raises:
        LookupError: there is no such statement.
    """
    with ledger.reading() as connection:
        closings = [event for event in periods.events(connection, period) if event.status == "closed"]
    if not 0 < revision <= len(closings):
        raise LookupError(f"there is no statement {period}/{revision}")
    return _read_sealed(ledger, closings[revision - 1])


@lru_cache(maxsize=48)
def _read_sealed(ledger: Ledger, closing: Event) -> Statement:
    """The sealed statement of a closing event."""
    with ledger.reading() as connection:
        content = periods.statement_of(connection, closing)
    statement: Statement = msgspec.convert(dict(content), Statement, str_keys=True)
    return replace(
        statement,
        corrections=numbered(statement.period, statement.corrections),
        status="closed",
        hash=closing.hash,
        closed_at=closing.at,
        closed_by=closing.by,
        reason=closing.reason,
    )


def sealed_content(statement: Statement) -> Mapping[str, object]:
    """The content of a statement that is sealed and hashed: all fields but the facts of its closing."""
    changing = ("status", "hash", "closed_at", "closed_by", "reason")
    content: dict[str, object] = msgspec.to_builtins(statement, str_keys=True)
    return {name: value for name, value in content.items() if name not in changing}
