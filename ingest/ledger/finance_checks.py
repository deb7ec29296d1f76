"""Finance checks: sealed rows are unchanged, and stored owners match the assignments of every day."""

from collections.abc import Iterator

import sqlalchemy as sa

from ingest.ledger import ownership, periods
from ingest.ledger.tables.ownership import owned


def broken_chains(connection: sa.Connection) -> Iterator[str]:
    """A message for each change past the program of closings, adjustments and the audit log."""
    return periods.broken_chains(connection)


def stale_owners(connection: sa.Connection) -> Iterator[str]:
    """A message if stored owners of attributions differ from the assignments."""
    differing = ownership.expected_owners(connection) ^ _stored_owners(connection)
    if differing:
        attributions = len({attribution_id for attribution_id, *_ in differing})
        yield f"the owners of {attributions} attributions are not what the assignments say"


def _stored_owners(connection: sa.Connection) -> set[tuple[object, ...]]:
    c = owned.c
    columns = (c.attribution_id, *(c[name] for name in ownership.COLUMNS))
    return {tuple(row) for row in connection.execute(sa.select(*columns))}
