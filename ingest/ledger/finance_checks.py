"""Finance checks: sealed statements are unchanged, and stored owners match the assignments of every day."""

from collections.abc import Iterator

import sqlalchemy as sa

from ingest.ledger import ownership, periods
from ingest.ledger.tables.ownership import owned


def broken_statements(connection: sa.Connection) -> Iterator[str]:
    """A message for every broken statement of a closed month."""
    for period in periods.broken_seals(connection):
        yield f"the statement of {period} is not what was sealed, or one before it is missing"


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
