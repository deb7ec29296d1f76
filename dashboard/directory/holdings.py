"""Holdings: the teams that own each key on a day, and the customer and cost centre that each team has then."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from sqlalchemy import Connection

from dashboard.directory.store import GatewaySaid, gateway_owners, teams_by_calls
from dashboard.query import labels
from ingest.ledger.engine import Ledger
from ingest.ledger.ownership import assignments
from ingest.model.ownership import Assignment, Owners, Stretch, SubjectKind, Target, TargetKind, Timeline

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


def holdings(ledger: Ledger, day: int) -> Holdings:
    """Who owns what on a day, as it is known now."""
    with ledger.reading() as connection:
        found = assignments(connection)
        said = gateway_owners(connection)
        teams = {one.team for one in said} | {each.entry_id for one in found for each in one.targets}
        homes = _homes(found, said, teams - {None}, day)
        shown = labels.entry_names(connection, {one for home in homes.values() for one in home})
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
    found: Iterable[Assignment], said: Iterable[GatewaySaid], teams: Iterable[int | None], day: int
) -> dict[int, tuple[int | None, int | None]]:
    """Customer and cost centre of each team: as it is assigned, else the customer that its gateway named last."""
    owners = Owners(found)
    named = {one.team: one.customer for one in said if one.customer is not None}
    homes = {team: owners.home(team, day) for team in teams if team is not None}
    return {team: (home[0] or named.get(team), home[1]) for team, home in homes.items()}


def _named_last(
    connection: Connection, said: Iterable[GatewaySaid], day: int
) -> dict[int, tuple[Target, ...]]:
    """The team of each key as its gateway named it last: in its newest calls, where it named several."""
    teams: dict[int, set[int | None]] = {}
    last: dict[int, tuple[Target, ...]] = {}
    for one in said:
        if one.key is not None:
            teams.setdefault(one.key, set()).add(one.team)
            last[one.key] = _only(one.team)
    moved = sorted(key for key, some in teams.items() if len(some) > 1)
    return last | {key: _only(team) for key, team in teams_by_calls(connection, moved, day - _LOOKED_BACK)}


def _only(team: int | None) -> tuple[Target, ...]:
    return () if team is None else (Target(team),)
