"""The directory as reports read it: ids, whole lists, and the owners that gateways reported."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.tables.calls import attribution, directory, rollup_day_key
from ingest.ledger.tables.ownership import cost_center


class ListedEntry(NamedTuple):
    """An entry of the exported directory."""

    entry_id: int
    kind: str
    ident: str
    name: str | None


class GatewayOwner(NamedTuple):
    """The team and the customer that a gateway reported for a key, with their newest attribution."""

    key: int | None
    team: int | None
    customer: int | None
    attribution_id: int


def idents(connection: sa.Connection, entries: Sequence[int]) -> dict[int, str]:
    """The ids of entries, as calls carry them."""
    c = directory.c
    rows = connection.execute(sa.select(c.entry_id, c.ident).where(c.entry_id.in_(entries)))
    return {row.entry_id: row.ident for row in rows}


def entries(connection: sa.Connection) -> list[ListedEntry]:
    """Every entry of the directory, by kind and id."""
    c = directory.c
    name = sa.func.coalesce(c.given_name, c.name)
    query = sa.select(c.entry_id, c.kind, c.ident, name).order_by(c.kind, c.ident)
    return [ListedEntry(*row) for row in connection.execute(query)]


def gl_codes(connection: sa.Connection) -> dict[int, str | None]:
    """The general-ledger account of each cost centre that has an account, by entry."""
    query = sa.select(cost_center.c.entry_id, cost_center.c.gl_code)
    return {row.entry_id: row.gl_code for row in connection.execute(query)}


def gateway_owners(connection: sa.Connection) -> list[GatewayOwner]:
    """The teams and customers that gateways reported for each key, ordered by their newest attribution."""
    c = attribution.c
    who = (c.virtual_key_id, c.team_id, c.customer_id)
    newest = sa.func.max(c.attribution_id).label("newest")
    query = sa.select(*who, newest).group_by(*who).order_by(newest)
    return [GatewayOwner(*row) for row in connection.execute(query)]


def teams_by_calls(
    connection: sa.Connection, keys: Sequence[int], since: int
) -> Iterable[tuple[int, int | None]]:
    """The teams of the keys' calls after the day `since`, as pairs of key and team, the latest days last."""
    a, r = attribution.c, rollup_day_key.c
    for chunk in dialects.chunks(keys):
        latest = sa.func.max(r.day), sa.func.max(a.attribution_id)
        query = (
            sa.select(a.virtual_key_id, a.team_id)
            .join_from(rollup_day_key, attribution, r.attribution_id == a.attribution_id)
            .where(r.day > since, a.virtual_key_id.in_(chunk))
            .group_by(a.virtual_key_id, a.team_id)
            .order_by(*latest)
        )
        for row in connection.execute(query):
            yield row.virtual_key_id, row.team_id
