"""Owners of single calls: the team, customer and cost centre assigned at the time of the call."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

from dashboard.calls import store as calls_store
from dashboard.calls.store import Row
from dashboard.query import labels
from dashboard.query.sql.filters import visible_teams
from ingest.ledger.engine import Connection

KINDS: Final = ("team", "customer", "cost_center")

Dated = tuple[int | None, int]
"""The attribution and the instant (microseconds UTC) of a call."""


def owners_of(connection: Connection, calls: Iterable[Dated]) -> Mapping[Dated, dict[str, str | None]]:
    """Team, customer and cost centre of each call that has assigned owners.

    A shared call lists its owners with their shares: `search 60%, ads 40%`. A reader with access to some
    teams sees only the shares of these teams.
    """
    team_ids = visible_teams(connection)
    dated = set(calls)
    rows = calls_store.owners(connection, sorted({ident for ident, _ in dated if ident is not None}))
    names = labels.entry_names(
        connection,
        {row[f"{kind}_id"] for assignments in rows.values() for row in assignments for kind in KINDS},
    )
    owners: dict[Dated, dict[str, str | None]] = {}
    for attribution_id, at in dated:
        assignments = rows.get(attribution_id, ())
        if in_effect := [
            row
            for row in assignments
            if row["first_at"] <= at < row["end_at"] and (team_ids is None or row["team_id"] in team_ids)
        ]:
            owners[attribution_id, at] = {kind: _owner_text(in_effect, kind, names) for kind in KINDS}
    return owners


def _owner_text(rows: Iterable[Row], kind: str, names: Mapping[int | None, str | None]) -> str | None:
    shares: dict[str | None, Fraction] = {}
    for row in rows:
        name = names[row[f"{kind}_id"]]
        shares[name] = shares.get(name, Fraction(0)) + Fraction(row["parts"], row["whole"])
    if len(shares) == 1:
        return next(iter(shares))
    return ", ".join(f"{name or 'nobody'} {_percent(share)}" for name, share in shares.items())


def _percent(share: Fraction) -> str:
    return f"{float(share * 100):.4g}%"
