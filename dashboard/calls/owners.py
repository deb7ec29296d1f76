"""Owners of single calls: whom the assignments of its day name, as people read it."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Final

from sqlalchemy import Connection

from dashboard.calls import store as calls_store
from dashboard.calls.store import Row
from dashboard.query import labels
from dashboard.query.sql.filters import visible_teams

KINDS: Final = ("team", "customer", "cost_center")

Dated = tuple[int | None, int]
"""An attribution, and the instant of a call that has it."""


def owners_of(connection: Connection, calls: Iterable[Dated]) -> Mapping[Dated, dict[str, str | None]]:
    """Team, customer and cost centre of each call that the assignments say anything of.

    A call that is shared names all of its owners with their shares: `search 60%, ads 40%`; to whoever sees some teams alone, those.
    """
    seen = visible_teams(connection)
    wanted = set(calls)
    rows = calls_store.owners(connection, sorted({one for one, _ in wanted if one is not None}))
    people = labels.entry_names(
        connection, {row[f"{kind}_id"] for held in rows.values() for row in held for kind in KINDS}
    )
    found: dict[Dated, dict[str, str | None]] = {}
    for attribution_id, at in wanted:
        held = rows.get(attribution_id, ())
        if then := [
            row
            for row in held
            if row["first_at"] <= at < row["end_at"] and (seen is None or row["team_id"] in seen)
        ]:
            found[attribution_id, at] = {kind: _named(then, kind, people) for kind in KINDS}
    return found


def _named(rows: Iterable[Row], kind: str, people: Mapping[int | None, str | None]) -> str | None:
    shares: dict[str | None, Fraction] = {}
    for row in rows:
        name = people[row[f"{kind}_id"]]
        shares[name] = shares.get(name, Fraction(0)) + Fraction(row["parts"], row["whole"])
    if len(shares) == 1:
        return next(iter(shares))
    return ", ".join(f"{name or 'nobody'} {_percent(share)}" for name, share in shares.items())


def _percent(share: Fraction) -> str:
    return f"{float(share * 100):.4g}%"
