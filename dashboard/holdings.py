"""Holdings: the teams that own each key on a day, and the customer and cost centre that each team has then."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

import sqlalchemy as sa

from dashboard import names
from ingest.ledger import dialects
from ingest.ledger.engine import Ledger
from ingest.ledger.ownership import assignments
from ingest.ledger.tables import attribution, rollup_day_key
from ingest.ownership import Assignment, Owners, Stretch, SubjectKind, Target, TargetKind, Timeline

_LOOKED_BACK: Final = 92
"""Days in which calls are looked for, of a key that its gateway has named with several teams."""


class Home(NamedTuple):
    """Whose a team is, by name."""

    customer: str | None
    cost_center: str | None


@dataclass(frozen=True, slots=True)
class Holdings:
    """Who owns what on a day, by entry of the directory."""

    owners: Mapping[int, tuple[Target, ...]]
    """The teams of each key: as it is assigned, else as its gateway named it last. A key of no team is not here."""
    homes: Mapping[int, Home]
    entries: Mapping[int, tuple[int | None, int | None]]
    """Whose a team is, by entry: customer and cost centre."""

    def keys(self, team: int) -> Mapping[int, tuple[int, int]]:
        """The keys of a team, with its parts of the whole of each."""
        return {
            key: (one.parts, sum(each.parts for each in targets))
            for key, targets in self.owners.items()
            for one in targets
            if one.entry_id == team
        }

    def counts(self) -> Mapping[int, int]:
        """How many keys each team owns, alone or with others."""
        return Counter(one.entry_id for targets in self.owners.values() for one in targets)


class _Named(NamedTuple):
    """What a gateway says of the calls of a key, and the newest attribution that says so."""

    key: int | None
    team: int | None
    customer: int | None
    attribution_id: int


def holdings(ledger: Ledger, day: int) -> Holdings:
    """Who owns what on a day, as it is known now."""
    with ledger.reading() as connection:
        found = assignments(connection)
        said = _said(connection)
        teams = {one.team for one in said} | {each.entry_id for one in found for each in one.targets}
        homes = _homes(found, said, teams - {None}, day)
        shown = names.people(connection, {one for home in homes.values() for one in home})
        owners = _named_last(connection, said, day) | _assigned(found, day)
    return Holdings(
        {key: targets for key, targets in owners.items() if targets},
        {team: Home(*(shown.get(one) for one in home)) for team, home in homes.items()},
        homes,
    )


def stretches(
    ledger: Ledger, subject_kind: SubjectKind, subject: int, target_kind: TargetKind
) -> list[Stretch]:
    """The owners of a key or a team over all days, as they are known now; none where nobody assigned any."""
    with ledger.reading() as connection:
        found = assignments(connection)
    about = (subject_kind, str(subject), target_kind)
    history = [one for one in found if one.about == about]
    return Timeline(history).stretches if history else []


def _assigned(found: Iterable[Assignment], day: int) -> dict[int, tuple[Target, ...]]:
    """The keys that somebody has assigned for a day."""
    by_key: dict[int, list[Assignment]] = {}
    for one in found:
        if (one.subject_kind, one.target_kind) == ("virtual_key", "team"):
            by_key.setdefault(int(one.subject), []).append(one)
    standing = {key: Timeline(history).on(day) for key, history in by_key.items()}
    return {key: targets for key, targets in standing.items() if targets}


def _homes(
    found: Iterable[Assignment], said: Iterable[_Named], teams: Iterable[int | None], day: int
) -> dict[int, tuple[int | None, int | None]]:
    """Customer and cost centre of each team: as it is assigned, else the customer that its gateway named last."""
    owners = Owners(found)
    named = {one.team: one.customer for one in said if one.customer is not None}
    homes = {team: owners.home(team, day) for team in teams if team is not None}
    return {team: (home[0] or named.get(team), home[1]) for team, home in homes.items()}


def _said(connection: sa.Connection) -> list[_Named]:
    """Every key with the teams and customers that gateways named it with, in the order in which they were first named."""
    c = attribution.c
    who = (c.virtual_key_id, c.team_id, c.customer_id)
    newest = sa.func.max(c.attribution_id).label("newest")
    return [
        _Named(*row) for row in connection.execute(sa.select(*who, newest).group_by(*who).order_by(newest))
    ]


def _named_last(connection: sa.Connection, said: Iterable[_Named], day: int) -> dict[int, tuple[Target, ...]]:
    """The team of each key as its gateway named it last: in its newest calls, where it named several."""
    teams: dict[int, set[int | None]] = {}
    last: dict[int, tuple[Target, ...]] = {}
    for one in said:
        if one.key is not None:
            teams.setdefault(one.key, set()).add(one.team)
            last[one.key] = _only(one.team)
    moved = sorted(key for key, some in teams.items() if len(some) > 1)
    return last | {key: _only(team) for key, team in _by_calls(connection, moved, day)}


def _by_calls(connection: sa.Connection, keys: list[int], day: int) -> Iterable[tuple[int, int | None]]:
    """Keys with the teams of their calls, the latest days last."""
    a, r = attribution.c, rollup_day_key.c
    for some in dialects.chunks(keys):
        latest = sa.func.max(r.day), sa.func.max(a.attribution_id)
        wanted = (
            sa.select(a.virtual_key_id, a.team_id)
            .join_from(rollup_day_key, attribution, r.attribution_id == a.attribution_id)
            .where(r.day > day - _LOOKED_BACK, a.virtual_key_id.in_(some))
            .group_by(a.virtual_key_id, a.team_id)
            .order_by(*latest)
        )
        for row in connection.execute(wanted):
            yield row.virtual_key_id, row.team_id


def _only(team: int | None) -> tuple[Target, ...]:
    return () if team is None else (Target(team),)
