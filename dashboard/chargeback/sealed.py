"""Kept statements: what was sealed when months were closed. They never change, so that each is read once."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

import msgspec

from dashboard.chargeback.statement import Statement
from ingest.ledger import periods
from ingest.ledger.engine import Ledger
from ingest.ledger.periods import Event


@dataclass(frozen=True)
class Kept:
    """The closed months of a ledger, whose statements are read when they are asked for."""

    ledger: Ledger
    closings: Mapping[str, Event]

    def statement(self, month: str) -> Statement:
        """A closed month's statement as it was."""
        return _sealed(self.ledger, self.closings[month])

    def since(self, month: str) -> Iterator[Statement]:
        """The statements of closed months from one on: what comes to light of a month is booked in no earlier one."""
        return (self.statement(name) for name in self.closings if name >= month)


def kept(ledger: Ledger) -> Kept:
    """The closed months of a ledger."""
    with ledger.reading() as connection:
        return Kept(ledger, periods.closed(connection))


@lru_cache(maxsize=48)
def _sealed(ledger: Ledger, closing: Event) -> Statement:
    """A closed month's statement. It never changes, so that it is read once."""
    with ledger.reading() as connection:
        held = periods.statement_of(connection, closing)
    found: Statement = msgspec.convert(dict(held), Statement, str_keys=True)
    return replace(
        found,
        status="closed",
        hash=closing.hash,
        closed_at=closing.at,
        closed_by=closing.by,
        reason=closing.reason,
    )


def as_kept(statement: Statement) -> Mapping[str, object]:
    """A statement as it is kept: everything in it but how it is kept."""
    left = ("status", "hash", "closed_at", "closed_by", "reason")
    found: dict[str, object] = msgspec.to_builtins(statement, str_keys=True)
    return {name: value for name, value in found.items() if name not in left}
