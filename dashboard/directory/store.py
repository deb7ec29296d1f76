"""The directory as reports read it: ids, whole lists, and what gateways said of keys, teams and customers."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import sqlalchemy as sa

from ingest.ledger import dialects
from ingest.ledger.tables.calls import attribution, directory, rollup_day_key
from ingest.ledger.tables.ownership import cost_center


class ListedEntry(NamedTuple):
    """An entry as the list of the directory gives it."""

    entry_id: int
    kind: str
    ident: str
    name: str | None


class GatewaySaid(NamedTuple):
    """What a gateway says of the calls of a key, and the newest attribution that says so."""

    key: int | None
    team: int | None
    customer: int | None
    attribution_id: int


def idents(connection: sa.Connection, entries: Sequence[int]) -> dict[int, str]:
    """The ids, as calls say them, of entries."""
    c = directory.c
    rows = connection.execute(sa.select(c.entry_id, c.ident).where(c.entry_id.in_(entries)))
    return {row.entry_id: row.ident for row in rows}


def entries(connection: sa.Connection) -> list[ListedEntry]:
    """Every entry of the directory, by kind and id."""
    c = directory.c
    name = sa.func.coalesce(c.given_name, c.name)
    wanted = sa.select(c.entry_id, c.kind, c.ident, name).order_by(c.kind, c.ident)
    return [ListedEntry(*row) for row in connection.execute(wanted)]


def gl_codes(connection: sa.Connection) -> dict[int, str | None]:
    """The general ledger's account of each cost centre that has one, by entry."""
    wanted = sa.select(cost_center.c.entry_id, cost_center.c.gl_code)
    return {row.entry_id: row.gl_code for row in connection.execute(wanted)}


def gateway_owners(connection: sa.Connection) -> list[GatewaySaid]:
    """Every key with the teams and customers that gateways named it with, in the order in which they were first named."""
    c = attribution.c
    who = (c.virtual_key_id, c.team_id, c.customer_id)
    newest = sa.func.max(c.attribution_id).label("newest")
    wanted = sa.select(*who, newest).group_by(*who).order_by(newest)
    return [GatewaySaid(*row) for row in connection.execute(wanted)]


def teams_by_calls(
    connection: sa.Connection, keys: Sequence[int], since: int
) -> Iterable[tuple[int, int | None]]:
    """Some keys with the teams of their calls after the day `since`, the latest days last."""
    a, r = attribution.c, rollup_day_key.c
    for some in dialects.chunks(keys):
        latest = sa.func.max(r.day), sa.func.max(a.attribution_id)
        wanted = (
            sa.select(a.virtual_key_id, a.team_id)
            .join_from(rollup_day_key, attribution, r.attribution_id == a.attribution_id)
            .where(r.day > since, a.virtual_key_id.in_(some))
            .group_by(a.virtual_key_id, a.team_id)
            .order_by(*latest)
        )
        for row in connection.execute(wanted):
            yield row.virtual_key_id, row.team_id
