"""Checks of what finance relies on: statements are as they were sealed, and every call's owners are known for every day."""

from collections.abc import Iterator

import sqlalchemy as sa

from ingest.ledger import ownership, periods
from ingest.ledger.ownership_tables import owned


def broken_statements(connection: sa.Connection) -> Iterator[str]:
    """What is wrong with the statements of closed months."""
    for period in periods.broken_seals(connection):
        yield f"the statement of {period} is not what was sealed, or one before it is missing"


def stale_owners(connection: sa.Connection) -> Iterator[str]:
    """Attributions whose owners are not what the assignments say."""
    wrong = ownership.expected(connection) ^ _kept(connection)
    if wrong:
        attributions = len({attribution_id for attribution_id, *_ in wrong})
        yield f"the owners of {attributions} attributions are not what the assignments say"


def _kept(connection: sa.Connection) -> set[tuple[object, ...]]:
    c = owned.c
    columns = (c.attribution_id, *(c[name] for name in ownership.COLUMNS))
    return {tuple(row) for row in connection.execute(sa.select(*columns))}
